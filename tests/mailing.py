"""A creator who hears of their money: the stream's records of payouts and methods, the queue, and what was sent."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from local.template import REPOSITORY
from payouts import announce, mail
from tests.faults.world import Context, later
from tests.order_stream import record
from vouch.domain import ids
from vouch.domain.ledger import PayoutPart
from vouch.domain.payouts import Destination
from vouch.service import creators as people
from vouch.service import payees as service
from vouch.service.creators import CreatorChange
from vouch.service.deployment import Deployment
from vouch.store import brands, creators, payees, payouts
from vouch.store.tables import Creator, Figure, PayoutItem

AT = "2026-03-01T00:00:00.000000Z"
VISIBLE_AGAIN = timedelta(seconds=180)
"""When the queue brings a message once more that was not done with."""
Record = dict[str, Any]
Message = dict[str, Any]
_numbers = count(1)


class Correspondence:
    """One creator of one brand."""

    def __init__(
        self,
        deployment: Deployment,
        name: str = "noa",
        *,
        language: str = "en",
        mode: str = "live",
        brand: str = "Clay",
    ) -> None:
        self.deployment = deployment
        self.brand = brands.new_brand(ids.derived("brd_", brand), name=brand, mode=mode, created_at=AT, clock=None)
        self.brand.save()
        self.creator: Creator = creators.new_creator(
            self.brand.id,
            ids.derived("cre_", name),
            email=f"{name}@example.com",
            person=name,
            name=name.title(),
            language=language,
            active_from=AT,
            created_at=AT,
        )
        self.creator.save()

    # --- what happens -------------------------------------------------------------------------------------------------

    def payout(
        self,
        amount: int = 12_345,
        *,
        withheld: int = 0,
        currency: str = "ILS",
        rail: str = "masav",
        status: str = "submitted",
    ) -> PayoutItem:
        """One that is on its way, stored."""
        run_id = ids.derived("run_", str(next(_numbers)))
        payout_id = payouts.payout_id(run_id, self.creator.id, currency)
        part = PayoutPart(
            payout_id=payout_id,
            creator_id=self.creator.id,
            currency=currency,
            amount=amount,
            withheld=withheld,
            rail=rail,
            authority="IL" if withheld else "",
        )
        item = payouts.new(self.brand.id, part, run_id, self.deployment.now(), creator_version=self.creator.version)
        item.status = status
        item.save()
        return item

    def becomes(self, item: PayoutItem, status: str, reason: str | None = None) -> Record:
        """The payout's next status, stored; what the stream says of it."""
        before = item.serialize()
        item.status, item.reason, item.version = status, reason, item.version + 1
        item.save()
        return record(item.serialize(), before)

    def method(self, to: Destination) -> Record:
        """The creator's money goes there from now on; what the stream says of it."""
        key = payees.method_key(self.brand.id, self.creator.id)
        known = self.deployment.database.get(*key)
        before = known.serialize() if known else None
        item = service.method_set(self.deployment, self.brand, self.creator.id, to, if_match=None)
        return record(item.serialize(), before)

    def moves(self, email: str) -> Record:
        """The creator has that address from now on; what the stream says of it."""
        key = creators.key(self.brand.id, self.creator.id)
        before = self.deployment.database.get(*key)
        assert before is not None
        change = CreatorChange(email=email)
        after = people.changed(self.deployment, self.brand, self.creator.id, change, if_match=None)
        return record(after.serialize(), before.serialize())

    # --- Lambda and its triggers --------------------------------------------------------------------------------------

    def bring(self, *records: Record) -> None:
        """The stream's batch."""
        announce.handler({"Records": list(records)}, Context())

    def messages(self) -> list[Message]:
        """What waits in the queue, which is empty afterwards."""
        waiting = self.deployment.sqs.sent.pop(self.deployment.settings.mail_queue_url, ())
        return [json.loads(each["MessageBody"]) for each in waiting]

    def deliver(self, message: Message) -> bool:
        """Whether the queue is done with the message."""
        return mail.handler(event_of(message), Context()) == {"batchItemFailures": []}

    def run(self, *records: Record) -> None:
        """Brings them, and works the queue off, in a world that can be trusted."""
        self.bring(*records)
        for message in self.messages():
            assert self.deliver(message)

    def wait(self, span: timedelta = VISIBLE_AGAIN) -> None:
        later(self.deployment, span)

    @property
    def mails(self) -> list[dict[str, Any]]:
        """What SES took."""
        sent: list[dict[str, Any]] = self.deployment.ses.sent
        return sent

    @property
    def subjects(self) -> list[str]:
        return [each["Content"]["Simple"]["Subject"]["Data"] for each in self.mails]

    @property
    def addressees(self) -> list[str]:
        return [each["Destination"]["ToAddresses"][0] for each in self.mails]

    def rows(self) -> list[dict[str, Any]]:
        """What is kept of the creator's mails."""
        found = self.deployment.database.query(Figure, f"{self.brand.id}#MAIL#{self.creator.id}")
        return [item.serialize() for item in found]


def event_of(*messages: Message) -> dict[str, Any]:
    """Messages as Lambda hands them to the function."""
    [shape] = json.loads((REPOSITORY / "events/payouts/mail.json").read_text())["Records"]
    records = [shape | {"messageId": str(n), "body": json.dumps(each)} for n, each in enumerate(messages)]
    return {"Records": records}


@contextmanager
def mailing(deployment: Deployment) -> Iterator[None]:
    """The two functions, with this deployment in place of their own."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (announce, mail):
            patch.setattr(module, "deployment", lambda: deployment)
        patch.setenv("POWERTOOLS_SERVICE_NAME", "payouts")
        announce._say_that_none_are_sent.cache_clear()
        yield
