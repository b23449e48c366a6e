"""A brand that pays: creators with something to be paid, rails that stand in, and all that is done about a payout."""

import csv
import hashlib
import io
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import timedelta
from itertools import batched, count
from typing import Any

import pytest

from payouts import callback, pay, rounds
from tests import books
from tests.books import _AT
from tests.faults.world import Context, cold_start
from tests.fixtures import NOON
from tests.standins.callbacks import Callback
from tests.standins.paypal import PayPal
from tests.standins.server import Fault
from tests.standins.stripe_connect import StripeConnect
from vouch.domain import ids
from vouch.domain.invariants import Violation
from vouch.domain.payouts import Destination
from vouch.service import (
    mint,
    payees,
    payout_runs,
    payout_settings,
    payouts,
    rail_accounts,
    run_chunks,
    run_files,
    run_work,
    verify,
)
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.service.payout_runs import Wish
from vouch.service.payout_settings import Settings
from vouch.store import balances, ledger
from vouch.store.tables import ApiKey, Brand, Creator, EntryItem, Item, PayoutItem, PayoutRun, PeriodSums

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SEPA = {"name": "Mugs", "iban": "DE89370400440532013000"}
"""The brand's account for the files to its bank."""
StandIn = PayPal | StripeConnect
STAND_INS: dict[str, type[StandIn]] = {"paypal": PayPal, "stripe_connect": StripeConnect}
_numbers = count(1)
_BATCH_PUT_MAX = 25
_DESTINATIONS = {
    "sepa": lambda name: Destination("iban", name, {"iban": "NL91ABNA0417164300", "bic": ""}),
    "paypal": lambda name: Destination("paypal", name, {"email": f"{name}@payee.test"}),
    "stripe_connect": lambda name: Destination("stripe", name, {"account": f"acct_{name}"}),
}


class Payday:
    """One live brand; `currency` is what all of its creators have."""

    def __init__(self, deployment: Deployment, monkeypatch: pytest.MonkeyPatch, *, currency: str = "USD") -> None:
        self.deployment = deployment
        self.currency = currency
        deployment.settings = replace(deployment.settings, public_url="http://127.0.0.1:4566")
        for function in (pay, rounds, callback):
            monkeypatch.setattr(function, "deployment", lambda: deployment)
        self.brand: Brand = books.open_books(deployment, f"payday {next(_numbers)}")
        self.destinations: dict[str, Destination] = {}
        self.looking: Callable[[], AbstractContextManager[None]] = nullcontext
        """Around whatever only looks."""

    # --- set-up -------------------------------------------------------------------------------------------------------

    def set_up(self, rail: str, settings: dict[str, str]) -> None:
        """Gives the brand an account at the rail."""
        rail_accounts.changed(self.deployment, self.brand, rail, settings, if_match=None)

    def creator(self, amount: int, rail: str = "csv") -> str:
        """A new creator who has that much available, and a destination that the rail pays to."""
        [creator_id] = self.creators([amount], rail)
        return creator_id

    def creators(self, amounts: Sequence[int], rail: str = "csv") -> list[str]:
        """Such creators, one for each amount."""
        made: dict[str, str] = {}
        items: list[Item] = []
        for amount in amounts:
            name = f"creator{next(_numbers)}"
            creator_id = ids.derived("cre_", name)
            made[creator_id] = name
            items += self._creator(creator_id, name), self._earned(creator_id, amount)
        _put_all(self.deployment, items)
        for creator_id, name in made.items() if rail in _DESTINATIONS else ():
            destination = self.destinations[creator_id] = _DESTINATIONS[rail](name)
            payees.method_set(self.deployment, self.brand, creator_id, destination, if_match=None)
        return list(made)

    def payee(self, rail: StandIn, amount: int = 5_000) -> str:
        """A new creator who has that much available and whom this rail is to pay; the brand has its account there."""
        [creator_id] = self.payees(rail, [amount])
        return creator_id

    def payees(self, rail: StandIn, amounts: Sequence[int]) -> list[str]:
        """Such creators, one for each amount."""
        self.set_up(_name(rail), rail.settings)
        made = self.creators(amounts, _name(rail))
        if isinstance(rail, StripeConnect):
            self.ready_at(rail)
        return made

    def ready_at(self, stripe: StripeConnect) -> None:
        """It can pay every creator who has an account with Stripe by now."""
        found = [to.fields["account"] for to in self.destinations.values() if to.kind == "stripe"]
        stripe.accounts |= dict.fromkeys(found, "ready")

    def _creator(self, creator_id: str, name: str) -> Creator:
        return Creator(
            f"{self.brand.id}#C#{creator_id}", "C", g1pk=f"{self.brand.id}#CRE", g1sk=creator_id, id=creator_id,
            email=f"{name}@example.test", name=name, language="en", handles={}, persons=[creator_id], active_from=_AT,
            created_at=_AT, version=1,
        )  # fmt: skip

    def _earned(self, creator_id: str, amount: int) -> EntryItem:
        entry = books.entry(amount, creator_id=creator_id, currency=self.currency, now=self.deployment.now())
        return ledger.item(self.brand.id, entry)

    def earn(self, creator_id: str, amount: int) -> None:
        """So much more (or less) of it may be paid from now on."""
        self._earned(creator_id, amount).save()

    def limit_to(self, amount: int) -> None:
        """Above that it takes two keys that a creator has money again."""
        rules = {"minimum": None, "rail": None, "schedule": None, "adjustment_limit": amount}
        said = Settings("UTC", tax_form_required=False, currencies={self.currency: rules})
        payout_settings.changed(self.deployment, self.brand, said, if_match=None)

    def hold(self, creator_id: str, *, held: bool = True) -> None:
        """The brand holds the creator's payouts, or releases them."""
        payees.held(self.deployment, self.brand, creator_id, held=held, reason=None, if_match=None)

    # --- what happens -------------------------------------------------------------------------------------------------

    def run(self, *creators: str, rail: str | None = None, name: str | None = None) -> PayoutRun:
        """A run of these creators, or of all, as far as a request takes it; the same again under the same `name`."""
        minted = mint.fresh(self.deployment)
        if name is not None:
            minted = Mint(NOON, lambda size: hashlib.sha256(name.encode()).digest()[:size])
        run = payout_runs.started(self.deployment, minted, self.brand, Wish(rail, self.currency, creators or None))
        return run_work.gone_on(self.deployment, self.brand, run, in_time=lambda: True)

    def reserved(self, *creators: str, rail: str | None = None) -> PayoutRun:
        """A run of these creators, whose files are still to be written by the queue."""
        wish = Wish(rail, creator_ids=creators)
        run = payout_runs.started(self.deployment, mint.fresh(self.deployment), self.brand, wish)
        run_chunks.list_creators(self.deployment, self.brand, run, lambda: True, at_once=True)
        return self.run_now(run.id)

    def call(self, rail: StandIn, creator_id: str, *faults: Fault) -> None:
        """A run of the creator, as far as the rail has been called, with these faults; what follows still waits."""
        rail.faults.extend(faults)
        self.run(creator_id, rail=_name(rail))
        self.until_called(creator_id)

    def until_called(self, creator_id: str) -> None:
        """The queue brings what waits until the creator's payout has been sent."""
        while self.the(creator_id).status == "created":
            self.take()

    def take(self) -> bool:
        """The queue brings what has waited longest, if anything has. Raises where it has to come again; it does."""
        waiting = self.waiting
        if not waiting:
            return False
        message = waiting.popleft()
        self.pass_(timedelta(seconds=message["DelaySeconds"]))
        record = {"messageId": "1", "body": message["MessageBody"]}
        try:
            failed = pay.handler({"Records": [record]}, Context(lambda: 300_000))["batchItemFailures"]
        except BaseException:
            waiting.append(message)
            raise
        if failed:
            waiting.append(message)
            raise ComesAgain
        return True

    def work(self) -> None:
        """The queue brings all that waits."""
        while self.take():
            pass

    def round(self) -> None:
        """The hour's round."""
        rounds.handler({}, Context(lambda: 300_000))

    def call_back(self, rail: str, told: Callback) -> int:
        """The rail tells something by itself; how that is answered."""
        event = {
            "headers": dict(told.headers),
            "body": told.body.decode(),
            "pathParameters": {"rail": rail, "brand_id": self.brand.id},
            "requestContext": {"http": {"method": "POST"}},
        }
        return int(callback.handler(event, Context(lambda: 20_000))["statusCode"])

    def pass_(self, span: timedelta) -> None:
        """Time goes on."""
        clock: Any = self.deployment.now
        clock.pass_(span)

    def restart(self) -> None:
        """The next call meets a new process."""
        cold_start(self.deployment)

    @property
    def waiting(self) -> deque[dict[str, Any]]:
        """The messages in the queue."""
        sent: dict[str, deque[dict[str, Any]]] = self.deployment.sqs.sent
        return sent.get(self.deployment.settings.pay_queue_url, deque())

    # --- what came of it ----------------------------------------------------------------------------------------------

    def the(self, creator_id: str) -> PayoutItem:
        """The creator's only payout."""
        [payout] = self.payouts_of(creator_id)
        return payout

    def payouts_of(self, creator_id: str) -> Sequence[PayoutItem]:
        """The newest first."""
        with self.looking():
            page = payouts.listed(
                self.deployment, self.brand, status=None, creator_id=creator_id, limit=100, cursor=None
            )
        return page.items

    def sums(self, creator_id: str) -> tuple[int, int, int]:
        """Available, in transit and paid, as of the last fold."""
        with self.looking():
            sums = balances.read(self.deployment.database, self.brand.id, creator_id).of(self.currency)
        return sums.available, sums.in_transit, sums.paid

    def run_now(self, run_id: str) -> PayoutRun:
        """The run as it is by now."""
        with self.looking():
            return payout_runs.found(self.deployment, self.brand, run_id)

    def rows(self, run_id: str, part: int | None = None) -> list[dict[str, str]]:
        """Those of the run's list, or of that part of it, by their columns' names."""
        found = run_files.file(self.deployment, self.brand, run_id, "csv", self.currency, part)
        return list(csv.DictReader(io.StringIO(found.file.content.decode("utf-8-sig"))))

    def violations(self) -> Sequence[Violation]:
        """What the proof of the brand's books finds."""
        with self.looking():
            return verify.verify(self.deployment, self.brand).violations


@pytest.fixture
def day(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Payday:
    """Creators have dollars."""
    return Payday(deployment, monkeypatch)


def key(*scopes: str) -> ApiKey:
    """One of the brand's, which may do no more than that."""
    return ApiKey("", "", id="key_clerk", scopes=[*scopes])


def _name(rail: StandIn) -> str:
    [name] = [name for name, kind in STAND_INS.items() if isinstance(rail, kind)]
    return name


def _put_all(deployment: Deployment, items: Sequence[Item]) -> None:
    client = deployment.database.connection.client
    for some in batched(items, _BATCH_PUT_MAX, strict=False):
        puts: dict[str, list[Any]] = {}
        for item in some:
            puts.setdefault(str(item.Meta.table_name), []).append({"PutRequest": {"Item": item.serialize()}})
        assert not client._make_api_call("BatchWriteItem", {"RequestItems": puts})["UnprocessedItems"]


class ComesAgain(Exception):
    """The function said that the message has to come again."""


def tear(day: Payday, creator: str) -> PeriodSums:
    """Makes the account unreadable: something lies beside its balance that no fold has put there."""
    item = PeriodSums(f"{day.brand.id}#C#{creator}", "CAP#prg_x#2026-05", tallies={}, extras={}, version=7)
    item.save()
    return item
