"""The ledger's stream: days are noted once however often it comes, and a changed entry raises the alarm."""

import json
from datetime import timedelta
from typing import Any

import pytest

from figures import project
from tests import books
from tests.books import DANA, NOA, entry, post
from tests.fixtures import NOON
from tests.wire import Wire
from vouch.service import folds
from vouch.service.deployment import Deployment
from vouch.store import buckets
from vouch.store.tables import Brand, Due

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _deployed(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project, "deployment", lambda: deployment)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "figures")


def noted(deployment: Deployment, brand: Brand) -> list[str]:
    return [row.sk for row in deployment.database.query(Due, f"{brand.id}#DUE")]


def test_the_day_of_each_entry_is_noted_once(
    deployment: Deployment, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Today's too: without it an account whose entries mature at once would never be folded."""
    brand = books.open_books(deployment)
    post(brand, *(entry(1, now=NOON, ahead=days * DAY) for days in (0, 1, 1, 1, 30)))
    post(brand, entry(1, now=NOON, held=True), entry(1, now=NOON, ahead=DAY, creator_id=DANA))
    folds.fold_creator(deployment, brand.id, NOA, NOON)
    wire = Wire(monkeypatch)
    for _ in range(2):
        wire.sent.clear()
        project.handler(books.stream(deployment, brand), None)
        assert wire.operations()["PutItem"] == 3
    project.handler(books.stream(deployment, brand, DANA), None)
    days = [f"2026-05-04#{NOA}", f"2026-05-05#{NOA}", f"2026-06-03#{NOA}", f"2026-05-05#{DANA}"]
    assert noted(deployment, brand) == sorted(days)
    said = [vars(line) for line in caplog.records]
    assert [(line["records"], line["days"]) for line in said] == [(7, 3), (7, 3), (1, 1)]


@pytest.mark.parametrize("event", ["MODIFY", "REMOVE"])
def test_an_entry_that_changed_raises_the_alarm(
    deployment: Deployment, event: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    brand = books.open_books(deployment)
    post(brand, entry(1, now=NOON))
    records = books.stream(deployment, brand, event=event)
    project.handler(records, None)
    said, last = (vars(line) for line in caplog.records)
    # Among lines of the log, if this is the first to ask for a logger.
    [metric] = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert (said["levelname"], said["kind"]) == ("ERROR", event)
    assert said["sk"] == records["Records"][0]["dynamodb"]["Keys"]["sk"]["S"]
    assert metric["LedgerTampered"] == [1.0]
    assert metric["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]], "as the alarm names it"
    assert metric["service"] == "figures"
    assert last["days"] == 0
    assert noted(deployment, brand) == []


@pytest.mark.parametrize(
    "pk, sk", [("b#A#c", "E#no time#ent"), ("b#A#c", "E#"), ("b#A#", "E#2026-05-04T12:00:00.000000Z#e"), ("b", "x")]
)
def test_a_record_that_is_no_entry_blocks_nothing(deployment: Deployment, pk: str, sk: str) -> None:
    brand = books.open_books(deployment)
    post(brand, entry(1, now=NOON))
    records = books.stream(deployment, brand)
    keys = {"pk": {"S": pk}, "sk": {"S": sk}}
    images: list[dict[str, Any]] = [{}, keys, records["Records"][0]["dynamodb"]["NewImage"] | keys]
    odd = [{"SequenceNumber": f"{number}", "Keys": keys, "NewImage": image} for number, image in enumerate(images)]
    told = [{"eventName": "INSERT", "dynamodb": each} for each in odd]
    project.handler({"Records": [*told, *records["Records"]]}, None)
    assert noted(deployment, brand) == [f"2026-05-04#{NOA}"]
    assert buckets.read(deployment.database, brand.id, NOA, NOON).totals["ILS"].amount == 1


def test_what_the_world_did_is_raised_and_the_batch_comes_again(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand = books.open_books(deployment)
    post(brand, entry(1, now=NOON))
    records = books.stream(deployment, brand)
    with monkeypatch.context() as patch:
        patch.setattr(Due, "save", _refuse)
        with pytest.raises(ConnectionError):
            project.handler(records, None)
    project.handler(records, None)
    assert noted(deployment, brand) == [f"2026-05-04#{NOA}"]


def _refuse(*_: object) -> None:
    raise ConnectionError


def test_warming_says_a_line_and_does_nothing(caplog: pytest.LogCaptureFixture) -> None:
    project.handler({"warm": True}, None)
    assert caplog.messages == ["warm"]
