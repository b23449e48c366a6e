"""Requests and transactions: what is tried again, what is not, and what a refusal names."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pynamodb.exceptions import TransactWriteError

from tests.wire import Wire, answer_lost, refused
from vouch.domain.errors import Unavailable
from vouch.service.deployment import Deployment
from vouch.store import database as requests
from vouch.store.database import Refused, Unfit, Writes
from vouch.store.tables import Click, Delivery, Item, Mailbox

PAUSE_MAX = requests._PAUSE_MAX
LATER = "2030-01-01T00:00:00.000000Z"


def box(name: str, creator: str | None = "cre_1") -> Mailbox:
    return Mailbox("brd_1", name, creator_id=creator)


def creator_of(deployment: Deployment, name: str) -> str | None:
    found = deployment.database.get(Mailbox, "brd_1", name)
    return None if found is None else found.creator_id


def interrupted(deployment: Deployment, *failures: ClientError) -> Callable[[str, dict[str, Any]], Any]:
    """The client, whose transactions first fail so."""
    real = deployment.database.connection.client._make_api_call
    waiting = list(failures)

    def call(operation: str, asked: dict[str, Any]) -> Any:
        if operation == "TransactWriteItems" and waiting:
            raise waiting.pop(0)
        return real(operation, asked)

    return call


def cancelled(*codes: str) -> ClientError:
    reasons = [{"Code": code, "Message": "…"} for code in codes]
    told: Any = {"Error": {"Code": "TransactionCanceledException", "Message": "…"}, "CancellationReasons": reasons}
    return ClientError(told, "TransactWriteItems")


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "…"}}, "TransactWriteItems")


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_PAUSE_MAX", 0.001)


PASSING = {
    "conflict": cancelled("None", "TransactionConflict"),
    "throttled inside": cancelled("ThrottlingError", "None"),
    "over a limit inside": cancelled("ProvisionedThroughputExceeded"),
    "throttled": error("ThrottlingException"),
    "over a limit": error("ProvisionedThroughputExceededException"),
    "in progress": error("TransactionInProgressException"),
    "conflict outside": error("TransactionConflictException"),
    "limit of requests": error("RequestLimitExceeded"),
}


@pytest.mark.parametrize("failure", PASSING.values(), ids=PASSING)
def test_what_passes_is_tried_again(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, failure: ClientError
) -> None:
    client = deployment.database.connection.client
    monkeypatch.setattr(client, "_make_api_call", interrupted(deployment, *[failure] * 5))
    writes = Writes()
    writes.put_new(box("MAIL#1"))
    deployment.database.commit(writes)
    assert creator_of(deployment, "MAIL#1") == "cre_1"


@pytest.mark.parametrize("failure", PASSING.values(), ids=PASSING)
def test_storm_that_outlasts_the_tries_is_the_worlds_fault(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, failure: ClientError
) -> None:
    client = deployment.database.connection.client
    monkeypatch.setattr(client, "_make_api_call", interrupted(deployment, *[failure] * 6))
    writes = Writes()
    writes.put_new(box("MAIL#1"))
    with pytest.raises(Unavailable):
        deployment.database.commit(writes)
    assert creator_of(deployment, "MAIL#1") is None


@pytest.mark.parametrize("failure", [error("ValidationException"), cancelled("None", "ValidationError")])
def test_what_can_never_be_is_not_tried_again(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, failure: ClientError
) -> None:
    client = deployment.database.connection.client
    monkeypatch.setattr(client, "_make_api_call", interrupted(deployment, failure))
    writes = Writes()
    writes.put_new(box("MAIL#1"))
    with pytest.raises(Unfit):
        deployment.database.commit(writes)


def test_item_that_is_too_large_can_never_be(deployment: Deployment) -> None:
    writes = Writes()
    writes.put(box("MAIL#1", "x" * 410_000))
    with pytest.raises(Unfit):
        deployment.database.commit(writes)


def test_right_that_is_missing_is_raised_as_it_is(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    client = deployment.database.connection.client
    monkeypatch.setattr(client, "_make_api_call", interrupted(deployment, error("AccessDeniedException")))
    writes = Writes()
    writes.put_new(box("MAIL#1"))
    with pytest.raises(TransactWriteError) as raised:
        deployment.database.commit(writes)
    assert raised.value.cause_response_code == "AccessDeniedException"


def test_pauses_grow_and_end_growing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_PAUSE_MAX", PAUSE_MAX)
    spans: list[float] = []

    def uniform(_: float, most: float) -> float:
        spans.append(most)
        return 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vouch.store.database.random.uniform", uniform)
        for attempt in range(12):
            requests.pause(attempt)
    assert spans == [0.025, 0.05, 0.1, 0.2, 0.4, *[0.8] * 7]


def test_refusal_names_the_items_whose_conditions_failed_however_the_writes_were_added(deployment: Deployment) -> None:
    for name in ("a", "b", "c"):
        box(name).save()
    taken: Item = box("a", "cre_2")
    writes = Writes()
    writes.update(updated := box("b"), [Mailbox.creator_id.set("cre_2")], Mailbox.creator_id == "somebody else")
    writes.put_new(taken)
    writes.put_new(box("e"))
    writes.update(box("c"), [Mailbox.creator_id.set("cre_2")], Mailbox.creator_id == "cre_1")
    with pytest.raises(Refused) as refusal:
        deployment.database.commit(writes)
    assert len(writes) == 4
    assert refusal.value.items == [taken, updated]
    assert [creator_of(deployment, name) for name in "abce"] == ["cre_1"] * 3 + [None]


def test_answer_lost_below_the_sdks_retry_is_a_refusal_or_a_success_and_one_effect(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = Wire(monkeypatch)
    lost: list[bool] = []

    def lose_one(request: Any, send: Any) -> Any:
        if lost:
            return send(request)
        lost.append(True)
        return answer_lost(request, send)

    wire.faults["TransactWriteItems"] = lose_one
    writes = Writes()
    writes.put_new(box("MAIL#1"))
    with suppress(Refused):  # where the engine does not know the client's token again
        deployment.database.commit(writes)
    assert wire.operations()["TransactWriteItems"] == 2
    assert creator_of(deployment, "MAIL#1") == "cre_1"


def test_put_new_tells_whether_the_key_was_free(deployment: Deployment) -> None:
    assert deployment.database.put_new(box("MAIL#1"))
    assert not deployment.database.put_new(box("MAIL#1", "cre_2"))
    assert creator_of(deployment, "MAIL#1") == "cre_1"


def test_failure_of_a_single_put_is_raised(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(monkeypatch)
    wire.faults["PutItem"] = refused("AccessDeniedException")
    with pytest.raises(requests.FAILURES):
        deployment.database.put_new(box("MAIL#1"))


def test_many_items_of_several_tables_are_read_a_hundred_at_a_time(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(150):
        box(f"MAIL#{number:03}").save()
    Click("brd_1#K#clk_1", at=LATER, expires_at=1).save()
    wire = Wire(monkeypatch)
    keys: list[requests.Key] = [(Mailbox, "brd_1", f"MAIL#{number:03}") for number in range(200)]
    found = deployment.database.get_many([*keys, *keys, (Click, "brd_1#K#clk_1", None)])
    assert len(found) == 151
    assert isinstance(found["brd_1#K#clk_1", None], Click)
    assert wire.operations() == {"BatchGetItem": 3}


def test_batch_that_was_answered_in_part_is_read_on(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(10):
        box(f"MAIL#{number}").save()
    client = deployment.database.connection.client
    real = client._make_api_call

    def first_two(operation: str, asked: dict[str, Any]) -> Any:
        [(table, request)] = asked["RequestItems"].items()
        some = {table: request | {"Keys": request["Keys"][:2]}}
        rest = {table: request | {"Keys": request["Keys"][2:]}} if request["Keys"][2:] else {}
        return real(operation, {"RequestItems": some}) | {"UnprocessedKeys": rest}

    monkeypatch.setattr(client, "_make_api_call", first_two)
    found = deployment.database.get_many((Mailbox, "brd_1", f"MAIL#{number}") for number in range(10))
    assert len(found) == 10
    with pytest.raises(Unavailable):
        deployment.database.get_many((Mailbox, "brd_1", f"MAIL#{number}") for number in range(20))


def test_nothing_is_read_for_no_keys(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(monkeypatch)
    assert deployment.database.get_many([]) == {}
    assert not wire.operations()


def test_pages_of_the_index_come_in_order_and_end(deployment: Deployment) -> None:
    for number in range(5):
        Delivery(
            "brd_1#D#con_1#1", f"dlv_{number}", g1pk="2026-05-04T12#0", g1sk=f"dlv_{number}", brand_id="brd_1",
            mode="live", platform="shopify", headers={}, received_at=LATER, expires_at=1,
        ).save()  # fmt: skip
    first, after = deployment.database.index_keys(Delivery, "2026-05-04T12#0", limit=3)
    second, end = deployment.database.index_keys(Delivery, "2026-05-04T12#0", limit=3, after=after)
    assert [sk for _, sk in first + second] == [f"dlv_{number}" for number in range(5)]
    assert end is None
