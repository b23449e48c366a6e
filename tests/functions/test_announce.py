"""`payouts.announce`: which changes of payouts and methods are worth a mail, and what the queue is told of them."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.template import REPOSITORY, load
from payouts import announce
from tests import books
from tests.faults.world import Context
from tests.mailing import Correspondence, Record, mailing
from tests.order_stream import record
from vouch.domain.payouts import CHANGE_HOLD, FOLLOWING, STATUSES, Destination
from vouch.service import creators
from vouch.service.creators import CreatorChange
from vouch.service.deployment import Deployment
from vouch.store.tables import Creator, PayoutItem, PayoutMethod
from vouch.store.vault import Owner

EVENT = REPOSITORY / "events" / "payouts" / "announce.json"
PAYPAL = Destination("paypal", "", {"email": "noa@money.example"})
BANK = Destination("iban", "Noa Levi", {"iban": "IL620108000000099999999", "bic": ""})


@pytest.fixture
def noa(deployment: Deployment) -> Iterator[Correspondence]:
    with mailing(deployment):
        yield Correspondence(deployment)


def news(noa: Correspondence, *records: Record) -> list[str]:
    noa.bring(*records)
    return [message["status"] for message in noa.messages()]


def changes(record: Record, **attributes: Any) -> Record:
    """The next record of the same item."""
    image = record["dynamodb"]["NewImage"]
    body = {"OldImage": image, "NewImage": image | attributes}
    return record | {"eventName": "MODIFY", "dynamodb": record["dynamodb"] | body}


def test_the_recorded_event_puts_one_message_for_each_time_that_it_comes(
    noa: Correspondence, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        announce.handler(json.loads(EVENT.read_text()), Context())
    first, second = noa.messages()
    assert first == second
    assert (first["mail"], first["status"], first["tries"]) == ("payout", "settled", 0)
    assert [(vars(line)["records"], vars(line)["mails"]) for line in caplog.records] == [(1, 1), (1, 1)]


def test_a_creator_hears_of_money_that_was_sent_failed_or_came_back_and_of_no_other_step(noa: Correspondence) -> None:
    told = {}
    for before in STATUSES:
        for after in FOLLOWING[before]:
            told[before, after] = news(noa, noa.becomes(noa.payout(status=before), after))
    wanted = {(before, after) for before, after in told if after in {"settled", "failed", "returned"}}
    assert {step for step, said in told.items() if said} == wanted - {("created", "failed")}
    assert all(said in ([], [after]) for (_, after), said in told.items())


def test_what_else_changes_of_a_settled_payout_is_no_news(noa: Correspondence) -> None:
    record = noa.becomes(noa.payout(), "settled")
    assert news(noa, changes(record, ref={"S": "bank reference"}, v={"N": "9"})) == []


def test_a_payout_that_was_called_off_before_it_was_sent_is_no_news(noa: Correspondence) -> None:
    for reason in ("run_cancelled", "payouts_held", "A person's own words"):
        assert news(noa, noa.becomes(noa.payout(status="created"), "failed", reason)) == []
    assert news(noa, noa.becomes(noa.payout(), "failed", "run_cancelled")) == ["failed"], "it was under way"


def test_other_items_are_passed_over(noa: Correspondence) -> None:
    [gone] = [noa.becomes(noa.payout(), "settled")]
    removed = {"eventName": "REMOVE", "dynamodb": {"Keys": {}, "OldImage": gone["dynamodb"]["NewImage"]}}
    creator = {"eventName": "INSERT", "dynamodb": {"Keys": {}, "NewImage": noa.creator.serialize()}}
    assert news(noa, removed, creator, gone) == ["settled"]


def test_the_first_method_is_told_to_the_creator(noa: Correspondence) -> None:
    noa.bring(noa.method(BANK))
    [message] = noa.messages()
    assert (message["to"], message["new"], message["old"]) == ("0", "iban", None)
    assert noa.deliver(message)
    assert noa.addressees == ["noa@example.com"]


def test_a_change_is_told_wherever_the_creator_was_heard_of_and_to_the_former_paypal_account(
    noa: Correspondence,
) -> None:
    """Whoever took over the creator's record has given it another address before."""
    noa.bring(noa.method(PAYPAL))
    noa.messages()
    creators.changed(noa.deployment, noa.brand, noa.creator.id, CreatorChange(email="thief@example.com"), if_match=None)
    noa.run(noa.method(BANK))
    assert noa.addressees == ["thief@example.com", "noa@example.com", "noa@money.example"]
    assert set(noa.subjects) == {"Where Clay pays you has changed"}


def test_whoever_read_at_an_address_that_was_left_hears_of_it_and_of_nothing_else_that_changes(
    noa: Correspondence,
) -> None:
    """Without a method it may be all that says whom to pay, so whoever moves it moves the money."""
    first, second = noa.moves("thief@example.com"), noa.moves("another@example.com")
    other = creators.changed(
        noa.deployment, noa.brand, noa.creator.id, CreatorChange(name="Noa Levi"), if_match=None
    ).serialize()
    for _ in range(2):
        noa.run(first, second, record(other, second["dynamodb"]["NewImage"]))
    assert noa.addressees == ["noa@example.com", "thief@example.com"]
    assert set(noa.subjects) == {"Your e-mail address at Clay has changed"}
    assert "for 72 hours" in noa.mails[0]["Content"]["Simple"]["Body"]["Text"]["Data"]


def test_another_spelling_of_a_mailbox_is_no_other_one(noa: Correspondence) -> None:
    noa.bring(noa.moves("Noa@Example.com"))
    assert noa.messages() == []


def test_the_first_method_of_a_creator_who_was_paid_before_is_told_to_wait(noa: Correspondence) -> None:
    books.was_paid(noa.deployment, noa.brand.id, noa.creator.id)
    noa.run(noa.method(BANK))
    assert held_until(noa) == noa.deployment.now() + CHANGE_HOLD


def test_whoever_changes_it_for_the_last_time_is_told_how_long_that_one_waits(noa: Correspondence) -> None:
    """It can be changed again three days after the first change, and for three more days that can be undone."""
    noa.run(noa.method(BANK))
    first = noa.deployment.now()
    for to in (PAYPAL, BANK) * 2:
        noa.run(noa.method(to))
        assert held_until(noa) == noa.deployment.now() + CHANGE_HOLD
        noa.wait(timedelta(hours=1))
    noa.run(noa.method(PAYPAL))
    assert held_until(noa) == first + 2 * CHANGE_HOLD


def held_until(noa: Correspondence) -> datetime:
    """What the latest mail says."""
    text = noa.mails[-1]["Content"]["Simple"]["Body"]["Text"]["Data"]
    said = re.search(r"nothing is paid there before (.+) \(UTC\)", text)
    assert said is not None
    return datetime.strptime(said[1], "%d %B %Y, %H:%M").replace(tzinfo=UTC)


def test_a_brands_mails_are_a_group_of_their_own_so_that_none_waits_for_anothers_flood(
    deployment: Deployment, noa: Correspondence
) -> None:
    dana = Correspondence(deployment, "dana", brand="Cups")
    noa.bring(noa.method(PAYPAL), dana.method(BANK), noa.becomes(noa.payout(), "settled"))
    sent = deployment.sqs.sent[deployment.settings.mail_queue_url]
    assert [each["MessageGroupId"] for each in sent] == [noa.brand.id, dana.brand.id, noa.brand.id]
    first = noa.messages()[0]
    busy = ClientError({"Error": {"Code": "TooManyRequestsException"}}, "SendEmail")
    deployment.ses.refusal = lambda _: busy
    assert noa.deliver(first)
    [again] = deployment.sqs.sent[deployment.settings.mail_queue_url]
    assert again["MessageGroupId"] == noa.brand.id, "also when it is put off"


def test_the_same_method_again_is_no_news(noa: Correspondence) -> None:
    record = noa.method(BANK)
    noa.bring(changes(record, v={"N": "2"}))
    assert noa.messages() == []


def test_what_cannot_be_read_is_told_of_and_holds_up_no_other(
    noa: Correspondence, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    good = noa.becomes(noa.payout(), "settled")
    spoilt = [
        changes(good, st={"N": "1"}),
        changes(good, k={"S": "payout"}, pk={"N": "1"}),
        changes(good, k={"S": "unheard of"}),
    ]
    assert news(noa, *spoilt, good) == ["settled"]
    assert [line.message for line in caplog.records] == ["a change cannot be read"] * 3 + ["announced"]
    assert capsys.readouterr().out.count('"MailGivenUp":[1.0]') == 3


def test_what_the_world_did_is_raised_and_the_batch_comes_again(
    noa: Correspondence, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [noa.becomes(noa.payout(), "settled") for _ in range(2)]

    def refuse(**_: Any) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(noa.deployment.sqs, "send_message", refuse)
        with pytest.raises(ConnectionError):
            noa.bring(*records)
    assert news(noa, *records) == ["settled", "settled"]


def test_no_address_and_no_name_is_in_a_message(noa: Correspondence, monkeypatch: pytest.MonkeyPatch) -> None:
    seal = noa.deployment.vault.seal
    monkeypatch.setattr(noa.deployment.vault, "seal", lambda owner, text: seal(owner, text.encode().hex()))
    monkeypatch.setattr(noa.deployment.vault, "open", _opened)
    noa.bring(noa.method(PAYPAL), noa.method(BANK), noa.becomes(noa.payout(), "failed", "payee_unknown"))
    noa.bring(noa.moves("thief@example.com"))
    text = json.dumps(noa.messages())
    assert not re.findall(r"@|Noa|IL62|9{7}|\b12345\b|Clay", text)


def _opened(_: Owner, sealed: str) -> str:
    return bytes.fromhex(sealed.rpartition(":")[2]).decode()


def test_without_a_sender_nothing_is_put_into_the_queue_and_the_log_says_so_once(
    noa: Correspondence, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    object.__setattr__(noa.deployment.settings, "mail_from", "")
    for _ in range(2):
        assert news(noa, noa.becomes(noa.payout(), "settled")) == []
    assert caplog.messages == ["no mails are sent: this deployment has no MailFrom"]


def test_the_stream_brings_just_what_may_be_worth_a_mail() -> None:
    reader = load()["Resources"]["AnnounceFromMain"]["Properties"]
    payout, method, creator = (json.loads(each["Pattern"]) for each in reader["FilterCriteria"]["Filters"])
    kinds = [item.kind.get_discriminator(item) for item in (PayoutItem, PayoutMethod, Creator)]
    assert payout == {
        "eventName": ["MODIFY"],
        "dynamodb": {"NewImage": {"k": {"S": [kinds[0]]}, "st": {"S": ["settled", "failed", "returned"]}}},
    }
    assert method == {"eventName": ["INSERT", "MODIFY"], "dynamodb": {"NewImage": {"k": {"S": [kinds[1]]}}}}
    assert creator == {"eventName": ["MODIFY"], "dynamodb": {"NewImage": {"k": {"S": [kinds[2]]}}}}


def test_warming_says_a_line_and_does_nothing(noa: Correspondence, caplog: pytest.LogCaptureFixture) -> None:
    announce.handler({"warm": True}, None)
    assert caplog.messages == ["warm"]
