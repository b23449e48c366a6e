"""`payouts.mail`: a mail is sent once however often it is asked for, and one that cannot be sent holds up no other."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, ReadTimeoutError
from botocore.stub import Stubber

from local.template import load
from payouts import mail
from tests.faults.world import Context
from tests.mailing import Correspondence, event_of, mailing
from tests.tables import REGION
from vouch.domain.payouts import CHANGE_HOLD, Destination
from vouch.rails.base import Reason
from vouch.service import mails as service
from vouch.service.deployment import Deployment
from vouch.service.queues import FIRST_SECONDS
from vouch.service.queues import TRIES_MAX as PATIENCE
from vouch.store import mails, payout_settings
from vouch.store.vault import Owner

PAYPAL = Destination("paypal", "", {"email": "noa@money.example"})
BANK = Destination("iban", "Noa Levi", {"iban": "IL620108000000099999999", "bic": ""})
CANARY = "6201080000000LUILOUI"
"""An account number whose end nothing has by chance: an id has none of these four letters, a time none at all."""
SES = "https://email.eu-central-1.amazonaws.com"


@pytest.fixture
def noa(deployment: Deployment) -> Iterator[Correspondence]:
    with mailing(deployment):
        yield Correspondence(deployment)


def refusal(code: str, status: int = 400, address: str = "noa@example.com") -> ClientError:
    """SES quotes the address in some of its refusals."""
    told: Any = {
        "Error": {"Code": code, "Message": f"Email address is not verified: {address}"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(told, "SendEmail")


def refuse(noa: Correspondence, failure: Exception | None, to: str = "noa@example.com") -> None:
    noa.deployment.ses.refusal = lambda address: failure if address == to else None


def endings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [vars(line)["ending"] for line in caplog.records if "ending" in vars(line)]


def logged(caplog: pytest.LogCaptureFixture) -> str:
    """Every word of every line, what was raised included."""
    return " ".join(f"{vars(line)} {line.exc_text} {line.exc_info and line.exc_info[1]!r}" for line in caplog.records)


def test_what_ses_is_asked_for(noa: Correspondence) -> None:
    noa.run(noa.becomes(noa.payout(), "settled"))
    [asked] = noa.mails
    assert asked["FromEmailAddress"] == "Clay <payouts@vouch.test>"
    assert asked["Destination"] == {"ToAddresses": ["noa@example.com"]}
    content = asked["Content"]["Simple"]
    assert content["Subject"]["Data"] == "Clay has sent you 123.45\u00a0ILS"
    assert {part["Charset"] for part in (content["Subject"], *content["Body"].values())} == {"UTF-8"}
    headers = {each["Name"]: each["Value"] for each in content["Headers"]}
    assert headers == {"Content-Language": "en", "Auto-Submitted": "auto-generated"}


def test_the_sdk_knows_every_part_of_the_request(noa: Correspondence, monkeypatch: pytest.MonkeyPatch) -> None:
    """It checks each request against the service's own description."""
    monkeypatch.setenv("AWS_REGION", REGION)
    noa.deployment.ses = Deployment(noa.deployment.settings).client("sesv2")
    with Stubber(noa.deployment.ses) as stub:
        stub.add_response("send_email", {"MessageId": "1"})
        noa.run(noa.becomes(noa.payout(), "settled"))
        stub.assert_no_pending_responses()


def test_a_hebrew_creator_is_written_in_hebrew(deployment: Deployment) -> None:
    with mailing(deployment):
        dana = Correspondence(deployment, "dana", language="he", brand="סטודיו")
        dana.run(dana.becomes(dana.payout(), "settled"), dana.method(PAYPAL))
    for asked in dana.mails:
        assert asked["FromEmailAddress"] == "=?utf-8?b?16HXmNeV15PXmdeV?= <payouts@vouch.test>"
        content = asked["Content"]["Simple"]
        assert 'dir="rtl"' in content["Body"]["Html"]["Data"]
        assert {"Name": "Content-Language", "Value": "he"} in content["Headers"]
        assert "שלום" in content["Body"]["Text"]["Data"]


def test_records_and_messages_that_come_again_send_no_second_mail(
    noa: Correspondence, caplog: pytest.LogCaptureFixture
) -> None:
    records = [noa.becomes(noa.payout(), "settled"), noa.method(BANK), noa.method(PAYPAL), noa.method(BANK)]
    for _ in range(3):
        noa.run(*records)
    # The method of all methods first; then two changes, the latter also to the PayPal account.
    assert noa.addressees == ["noa@example.com"] * 4 + ["noa@money.example"]
    assert endings(caplog) == ["sent"] * 5 + ["known"] * 10


def test_a_mail_that_another_is_sending_waits_until_it_is_known_how_that_ended(
    noa: Correspondence, caplog: pytest.LogCaptureFixture
) -> None:
    noa.bring(*[noa.becomes(noa.payout(), "settled")] * 2)
    message, again = noa.messages()
    both, inside = Barrier(2), noa.deployment.ses.send_email

    def slow(**asked: Any) -> Any:
        both.wait(60)
        both.wait(60)
        return inside(**asked)

    noa.deployment.ses.send_email = slow
    with ThreadPoolExecutor(1) as other:
        first = other.submit(noa.deliver, message)
        both.wait(60)
        assert noa.deliver(again)
        both.wait(60)
        assert first.result(60)
    [waiting] = noa.deployment.sqs.sent[noa.deployment.settings.mail_queue_url]
    assert waiting["DelaySeconds"] == mails.LEASE.total_seconds()
    assert noa.deliver(json.loads(waiting["MessageBody"]))
    assert len(noa.mails) == 1
    assert sorted(endings(caplog)) == ["known", "sent", "under_way"]


def test_what_a_payout_has_become_since_is_told_instead(noa: Correspondence, caplog: pytest.LogCaptureFixture) -> None:
    """A queue keeps no order: "sent" behind "came back" would be read as new money."""
    payout = noa.payout()
    noa.bring(noa.becomes(payout, "settled"), noa.becomes(payout, "returned", "unclaimed"))
    settled, returned = noa.messages()
    for message in (returned, settled, settled):
        assert noa.deliver(message)
    assert noa.subjects == ["123.45\u00a0ILS from Clay came back"]
    assert endings(caplog) == ["sent", "overtaken", "overtaken"]


def test_failed_then_settled_is_never_told_as_both(noa: Correspondence) -> None:
    """No rail may say so, and if a hand did: what stands is told."""
    payout = noa.payout()
    failed, settled = noa.becomes(payout, "failed"), noa.becomes(payout, "settled")
    noa.run(settled, failed, settled)
    assert noa.subjects == ["Clay has sent you 123.45\u00a0ILS"]


ADVICE: dict[str | None, tuple[str, str]] = {
    **dict.fromkeys(
        (
            *("payee_unknown", "payee_not_ready", "payee_restricted", "payee_refused", "payee_limit_reached"),
            *("payee_country_unsupported", "payee_currency_unsupported", "unclaimed"),
        ),
        ("Please check with Clay", "כדאי לבדוק עם"),
    ),
    **dict.fromkeys(
        (
            *("insufficient_funds", "credentials_refused", "permission_missing", "rail_account_restricted"),
            *("rail_limit_reached", "currency_unavailable"),
        ),
        ("It was not your doing", "זה לא קרה בגללך"),
    ),
    **dict.fromkeys(
        (
            *("cancelled", "reversed", "partly_reversed", "compliance", "amount_refused", "rail_refused"),
            *("no_answer", "payouts_held", "run_cancelled", "left_for_next_run", "the bank's own words", None),
        ),
        ("Clay can tell you why", "אפשר לשאול את"),
    ),
}


@pytest.mark.parametrize("reason", [*get_args(Reason), *(each for each in ADVICE if each not in get_args(Reason))])
@pytest.mark.parametrize("status", ["failed", "returned"])
@pytest.mark.parametrize("language", ["en", "he"])
def test_what_did_not_arrive_says_what_there_is_to_do_and_nothing_that_may_be_untrue(
    deployment: Deployment, reason: str | None, status: str, language: str
) -> None:
    with mailing(deployment):
        noa = Correspondence(deployment, language=language)
        noa.run(noa.becomes(noa.payout(), status, reason))
    text = noa.mails[0]["Content"]["Simple"]["Body"]["Text"]["Data"]
    place = ("en", "he").index(language)
    assert [advice for advice in sorted(set(ADVICE.values())) if advice[place] in text] == [ADVICE[reason]]
    assert str(reason) not in text


@pytest.mark.parametrize("code", ["MessageRejected", "BadRequestException"])
def test_what_ses_refuses_is_given_up_told_of_and_holds_up_no_other(
    noa: Correspondence, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], code: str
) -> None:
    dan = Correspondence(noa.deployment, "dan")
    refuse(noa, refusal(code))
    records = [noa.becomes(noa.payout(), "settled"), dan.becomes(dan.payout(), "settled")]
    noa.bring(*records)
    assert mail.handler(event_of(*noa.messages()), Context()) == {"batchItemFailures": []}
    assert noa.addressees == ["dan@example.com"]
    [line] = [line for line in caplog.records if line.message == "a mail is given up"]
    assert (vars(line)["reason"], vars(line)["creator"]) == (code, noa.creator.id)
    assert '"MailGivenUp":[1.0]' in capsys.readouterr().out
    assert "noa@example.com" not in logged(caplog)
    refuse(noa, None)
    noa.run(*records)
    assert noa.addressees == ["dan@example.com"]


@pytest.mark.parametrize("code", ["TooManyRequestsException", "LimitExceededException", "ThrottlingException"])
def test_what_ses_is_too_busy_for_is_put_off_and_sent(noa: Correspondence, code: str) -> None:
    refuse(noa, refusal(code, 429))
    noa.bring(noa.becomes(noa.payout(), "settled"))
    [message] = noa.messages()
    for pause in (60, 120, 240):
        assert noa.deliver(message)
        [waiting] = noa.deployment.sqs.sent.pop(noa.deployment.settings.mail_queue_url)
        message = json.loads(waiting["MessageBody"])
        assert waiting["DelaySeconds"] == pause
        assert noa.rows() == [], "it was no try"
        noa.wait(timedelta(seconds=pause))
    refuse(noa, None)
    assert noa.deliver(message)
    assert len(noa.mails) == 1


def test_patience_has_an_end_in_the_dead_letters(noa: Correspondence, caplog: pytest.LogCaptureFixture) -> None:
    refuse(noa, refusal("TooManyRequestsException", 429))
    noa.bring(noa.becomes(noa.payout(), "settled"))
    [message] = noa.messages()
    assert not noa.deliver(message | {"tries": PATIENCE})
    assert noa.messages() == []
    assert "noa@example.com" not in logged(caplog)


@pytest.mark.parametrize(
    "failure",
    [
        refusal("MessageRejected", address="payouts@vouch.test"),
        refusal("AccountSuspendedException"),
        refusal("SendingPausedException"),
        refusal("MailFromDomainNotVerifiedException"),
        refusal("AccessDeniedException", 403),
        refusal("InternalFailure", 500),
        ConnectTimeoutError(endpoint_url=SES),
    ],
    ids=lambda failure: failure.response["Error"]["Code"] if isinstance(failure, ClientError) else "unreachable",
)
def test_what_an_operator_or_time_has_to_mend_comes_again_as_often_as_the_queue_brings_it(
    noa: Correspondence, caplog: pytest.LogCaptureFixture, failure: Exception
) -> None:
    refuse(noa, failure)
    noa.bring(noa.becomes(noa.payout(), "settled"))
    [message] = noa.messages()
    for _ in range(2 * service.TRIES_MAX):
        assert not noa.deliver(message)
        noa.wait()
    assert "noa@example.com" not in logged(caplog)
    refuse(noa, None)
    assert noa.deliver(message)
    assert len(noa.mails) == 1


def test_a_mail_whose_end_nobody_knows_is_sent_three_times_at_most(
    noa: Correspondence, caplog: pytest.LogCaptureFixture
) -> None:
    """SES takes each of them, and its answer is lost."""
    noa.bring(noa.becomes(noa.payout(), "settled"))
    [message] = noa.messages()
    take = noa.deployment.ses.send_email

    def lose(**asked: Any) -> None:
        take(**asked)
        raise ReadTimeoutError(endpoint_url=SES)

    noa.deployment.ses.send_email = lose
    for number in (1, 2, 3):
        assert not noa.deliver(message)
        assert len(noa.mails) == number
        noa.wait()
    assert noa.deliver(message)
    assert noa.deliver(message)
    assert len(noa.mails) == service.TRIES_MAX == 3
    assert [vars(line).get("reason") for line in caplog.records if "given up" in line.message] == ["uncertain"]


def test_the_sdk_does_not_send_again_by_itself(noa: Correspondence, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", REGION)
    retries = Deployment(noa.deployment.settings).ses.meta.config.retries
    assert retries["total_max_attempts"] == 1


def test_a_lease_outlives_its_sender_and_ends_before_the_message_comes_again() -> None:
    declared = load()["Resources"]
    runs = declared["MailFunction"]["Properties"]["Timeout"]
    hidden = declared["MailQueue"]["Properties"]["VisibilityTimeout"]
    assert runs < mails.LEASE.total_seconds() < min(hidden, FIRST_SECONDS)


def test_a_brand_in_test_mode_writes_to_nobody_but_on_this_machine(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    with mailing(deployment):
        noa = Correspondence(deployment, mode="test")
        record = noa.becomes(noa.payout(), "settled")
        noa.run(record)
        assert noa.mails == []
        assert endings(caplog) == ["test_brand"]
        deployment.settings = replace(deployment.settings, public_url="http://127.0.0.1:4566")
        noa.run(record)
        assert noa.subjects == ["[Test] Clay has sent you 123.45\u00a0ILS"]


def test_nobody_and_no_sender_are_passed_over(noa: Correspondence, caplog: pytest.LogCaptureFixture) -> None:
    noa.bring(noa.becomes(noa.payout(), "settled"))
    [message] = noa.messages()
    assert noa.deliver(message | {"creator": "cre_00000000000000000000000000"})
    noa.deployment.settings = replace(noa.deployment.settings, mail_from="")
    assert noa.deliver(message)
    assert endings(caplog) == ["nobody", "no_sender"]
    assert noa.mails == []


def test_a_former_paypal_account_that_is_the_creators_own_address_gets_one_mail(noa: Correspondence) -> None:
    noa.run(noa.method(replace(PAYPAL, fields={"email": "NOA@example.com"})))
    noa.mails.clear()
    noa.run(noa.method(BANK))
    assert noa.addressees == ["noa@example.com"]


def test_until_when_a_change_waits_is_told_by_the_clocks_of_the_brand(noa: Correspondence) -> None:
    settings = payout_settings.unset(noa.brand.id)
    settings.time_zone = "Pacific/Auckland"
    settings.save()
    noa.run(noa.method(PAYPAL), noa.method(BANK))
    text = noa.mails[-1]["Content"]["Simple"]["Body"]["Text"]["Data"]
    there = (noa.deployment.now() + CHANGE_HOLD).astimezone(ZoneInfo("Pacific/Auckland"))
    assert f"{there.day} {there:%B %Y, %H:%M} (Pacific/Auckland)" in text


def test_a_message_that_nobody_understands_comes_again_and_holds_up_no_other(noa: Correspondence) -> None:
    noa.bring(noa.becomes(noa.payout(), "settled"))
    [good] = noa.messages()
    bad: list[Any] = [{}, {"mail": "payout"}, []]
    answer = mail.handler(event_of(*bad, good), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": str(number)} for number in range(len(bad))]}
    assert len(noa.mails) == 1


def test_no_account_number_is_in_a_mail_a_log_a_message_or_a_row(
    noa: Correspondence, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    _with_a_real_seal(noa, monkeypatch)
    numbers = {
        "iban": Destination("iban", "Noa Levi", {"iban": f"IL{CANARY}", "bic": ""}),
        "stripe": Destination("stripe", "", {"account": f"acct_{CANARY}"}),
        "il_bank": Destination(
            "il_bank", "Noa", {"bank": "12", "branch": "571", "account": CANARY, "holder_id": CANARY}
        ),
    }
    records = [noa.method(each) for each in (*numbers.values(), PAYPAL, numbers["iban"])]
    for status, reason in (("settled", None), ("failed", CANARY), ("returned", CANARY)):
        payout = noa.payout(status="settled" if status == "returned" else "submitted")
        payout.to, payout.shown, payout.reference = "sealed", f"IBAN …{CANARY[-4:]}", CANARY
        payout.names = {"item": CANARY}
        records.append(noa.becomes(payout, status, reason))
    noa.bring(*records)
    messages = noa.messages()
    for message in messages:
        assert noa.deliver(message)
        refuse(noa, refusal("MessageRejected"))
        assert noa.deliver(message | {"version": 77})
        refuse(noa, None)
    assert len(noa.mails) >= len(records)
    said = [str(noa.mails), logged(caplog), str(messages), str(noa.rows()), capsys.readouterr().out]
    assert noa.rows()
    assert not [text for text in said if CANARY in text or CANARY[-4:] in text]


def _with_a_real_seal(noa: Correspondence, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of other tests shows what it holds."""
    kept: list[str] = []

    def seal(_: Owner, text: str) -> str:
        kept.append(text)
        return str(len(kept) - 1)

    monkeypatch.setattr(noa.deployment.vault, "seal", seal)
    monkeypatch.setattr(noa.deployment.vault, "open", lambda _, sealed: kept[int(sealed)])


def test_warming_says_a_line_and_does_nothing(noa: Correspondence, caplog: pytest.LogCaptureFixture) -> None:
    assert mail.handler({"warm": True}, None) == {}
    assert caplog.messages == ["warm"]
