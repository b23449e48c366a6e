"""A mail under every fault of every call: it is sent, and sent again only where nobody could know that it was.

One call of the whole way is broken in one way: of the stream's reader, or of the sender. Then the world can be trusted
again, the stream and the queue bring what was not done with, and the mails that SES took are counted.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.faults.injection import Died, Faults, injected, kinds
from tests.mailing import Correspondence, Message, Record, mailing
from vouch.domain.payouts import Destination
from vouch.service.deployment import Deployment

PAYPAL = Destination("paypal", "", {"email": "noa@money.example"})
BANK = Destination("iban", "Noa Levi", {"iban": "IL620108000000099999999", "bic": ""})
TO_ONE = ("PutItem", "send_email", "PutItem")
CALLS = {
    "payout": ["send_message", "BatchGetItem", *TO_ONE],
    "address": ["encrypt", "send_message", "BatchGetItem", "decrypt", *TO_ONE],
    "method": [
        *("encrypt", "send_message", "send_message"),
        *("BatchGetItem", "decrypt", *TO_ONE),  # to the creator
        *("BatchGetItem", "decrypt", *TO_ONE),  # to the PayPal account that was paid until then
    ],
}
"""What is asked of the world for each kind of news, in this order."""
NOT_NOTED = {"fails before", "crash before", "throttled", "conflict"}
TAKEN = {"fails after", "crash after"}


@pytest.fixture(autouse=True)
def _deployed(deployment: Deployment) -> Iterator[None]:
    with mailing(deployment):
        yield


def change(noa: Correspondence, news: str) -> Record:
    """Something that the creator is to hear of."""
    if news == "payout":
        return noa.becomes(noa.payout(), "settled")
    if news == "address":
        return noa.moves(f"moved.{noa.creator.email}")
    noa.method(replace(PAYPAL, fields={"email": f"{noa.creator.name}@money.example"}))
    return noa.method(BANK)


def copies(news: str, number: int, kind: str) -> int:
    """How often it is sent: twice where SES has taken it and nobody heard, or nobody could note it."""
    before, operation = CALLS[news][number - 2], CALLS[news][number - 1]
    taken = operation == "send_email" and kind in TAKEN
    not_noted = operation == "PutItem" and before == "send_email" and kind in NOT_NOTED
    return 2 if taken or not_noted else 1


def work(noa: Correspondence, record: Record, queue: list[Message]) -> None:
    """The stream's batch, and each message of the queue, which keeps those that are not done with."""
    noa.bring(record)
    queue += noa.messages()
    for message in list(queue):
        if noa.deliver(message):
            queue.remove(message)


def survives(noa: Correspondence, faults: Faults, record: Record, number: int, kind: str) -> None:
    """The fault, and then all that the stream and the queue bring once more."""
    queue: list[Message] = []
    with faults.breaking(number, kind), suppress(Exception, Died):
        work(noa, record, queue)
    noa.bring(record)
    queue += noa.messages()
    while queue:
        noa.wait()
        assert noa.deliver(queue.pop(0))
        queue += noa.messages()


@pytest.mark.parametrize("news", CALLS)
def test_a_mail_is_sent_whatever_breaks_and_twice_only_where_nobody_could_know(
    deployment: Deployment, news: str
) -> None:
    with injected(deployment) as faults:
        plain = Correspondence(deployment)
        record = change(plain, news)
        with faults.breaking(0, ""):
            work(plain, record, [])
        assert faults.calls == CALLS[news], "the sweep breaks every call that there is"
        for number, operation in enumerate(CALLS[news], 1):
            for kind in kinds(operation):
                noa = Correspondence(deployment, f"noa{number}{kind.replace(' ', '-')}")
                noa.mails.clear()
                survives(noa, faults, change(noa, news), number, kind)
                sent = sorted(Counter(noa.addressees).values())
                assert sent == ([1] if news == "method" else []) + [copies(news, number, kind)], (number, kind)
                assert {row["ended"]["S"] for row in noa.rows()} == {"sent"}, (number, kind)
