"""Every call of a payout's whole life fails in turn, AWS's and the rail's; then the world goes on, and it is paid once.

Calls are numbered as they happen, so that a new one cannot be forgotten. Whatever breaks, in the end the creator has
the money or has it available again, the rail moved it as often as the books say, and the books are sound.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest

from tests.faults.injection import Died, Faults, forget, injected, kinds
from tests.payday import HOUR, SEPA, STAND_INS, ComesAgain, Payday, StandIn, key
from tests.standins.paypal import Fate, PayPal
from tests.standins.server import Fault, busy, cut, failing, hangs_up, lost
from tests.standins.server import broken as fails_after_all
from tests.standins.stripe_connect import StripeConnect, conflicted, locked
from vouch.domain.money import Money
from vouch.service import payouts, run_cancelling, sending, verify
from vouch.service.deployment import Deployment

AMOUNT = 12_345
_READS = ("crash before",)
_WRITES = ("fails before", "crash after", "answer lost below the retry")
_ROUNDS_MAX = 60


@dataclass(frozen=True)
class Flow:
    """A way by which a payout ends, and in which status; one that is cancelled may have been sent before."""

    rail: str
    ends: str
    currency: str = "USD"
    or_else: str | None = None
    fate: Fate | None = None
    """What PayPal makes of it; None: it pays."""
    then: Callable[["Life"], None] = lambda _: None
    """What happens once it has come that far."""
    until: str | None = None
    """The status in which `then` happens; None: at the end, if at all."""


def _paid_by_hand(life: "Life") -> None:
    payouts.settled_by_hand(life.day.deployment, life.day.brand, key(), life.payout_id, "TRX 1")


def _bounced(life: "Life") -> None:
    brand = life.day.brand
    payouts.failed_by_hand(life.day.deployment, brand, key(), life.payout_id, "the account is closed")


def _cancelled(life: "Life") -> None:
    run = life.day.run(life.creator, rail=life.flow.rail, name=life.name)
    if run.status != "completed":
        run_cancelling.cancelled(life.day.deployment, life.day.brand, run.id, in_time=lambda: True)


def _comes_back(life: "Life") -> None:
    paypal = life.stand_in
    assert isinstance(paypal, PayPal)
    if paypal.item(life.payout_id).status != "RETURNED":
        paypal.becomes(life.payout_id, "RETURNED")
    told = [each for each in paypal.callbacks if life.payout_id.encode() in each.body]
    for callback in [*reversed(told), *told]:  # the news first, and then what was before, and all of it again
        if life.day.call_back("paypal", callback) != 200:
            raise ComesAgain


FLOWS = {
    "csv, paid": Flow("csv", "settled", then=_paid_by_hand, until="submitted"),
    "csv, bounced": Flow("csv", "failed", then=_bounced, until="submitted"),
    "sepa, paid": Flow("sepa", "settled", currency="EUR", then=_paid_by_hand, until="submitted"),
    "stripe, paid": Flow("stripe_connect", "settled"),
    "stripe, cancelled": Flow("stripe_connect", "failed", or_else="settled", then=_cancelled, until="created"),
    "paypal, paid": Flow("paypal", "settled"),
    "paypal, failed": Flow("paypal", "failed", fate=Fate("FAILED", "RECEIVER_COUNTRY_NOT_ALLOWED")),
    "paypal, paid and returned": Flow("paypal", "returned", then=_comes_back, until="settled"),
}
RAIL_FAULTS: dict[str, Fault] = {
    "no answer, nothing done": hangs_up,
    "no answer, done": lost,
    "half an answer": cut,
    "500 with its effect": fails_after_all,
    "500": failing(),
    "429": busy(30),
    "503, for hours": busy(7200, 503),
}


class Life:
    """One payout, from its run to its end, whatever befalls it on the way."""

    def __init__(self, day: Payday, flow: Flow, stand_in: StandIn | None) -> None:
        self.day = day
        self.flow = flow
        self.stand_in = stand_in
        self.creator = day.creator(AMOUNT, flow.rail)
        self.name = self.creator
        if isinstance(stand_in, StripeConnect):
            day.ready_at(stand_in)
        if isinstance(stand_in, PayPal) and flow.fate is not None:
            stand_in.fates[day.destinations[self.creator].fields["email"]] = flow.fate

    def live(self, patience: timedelta = timedelta()) -> None:
        """Everything that Vouch and the brand do comes again until it is done; the first time `patience` later."""
        self._until_done(self._begin, patience)
        reached = self.flow.until is None
        for _ in range(_ROUNDS_MAX):
            if not reached and self.status in (self.flow.until, *self.ends):
                reached = True
                self._until_done(lambda: self.flow.then(self), patience)
            if reached and self.status in self.ends:
                break
            self._until_done(self.day.work, patience)
            self.day.pass_(HOUR)
            self._until_done(self.day.round, patience)
        self._until_done(self.day.work, patience)

    @property
    def ends(self) -> tuple[str | None, str | None]:
        return self.flow.ends, self.flow.or_else

    @property
    def payout_id(self) -> str:
        return str(self.day.the(self.creator).id)

    @property
    def status(self) -> str:
        return "".join(payout.status for payout in self.day.payouts_of(self.creator))

    def _begin(self) -> None:
        run = self.day.run(self.creator, rail=self.flow.rail, name=self.name)
        assert run.rail == self.flow.rail

    def _until_done(self, do: Callable[[], object], patience: timedelta) -> None:
        for _ in range(6):
            with suppress(ComesAgain, Died):
                try:
                    do()
                except AssertionError:
                    raise
                except Exception:  # noqa: BLE001, S110 - whatever it is, it comes again
                    pass
                else:
                    return
            forget(self.day.deployment)
            self.day.restart()
            self.day.pass_(patience or timedelta(minutes=1))
        do()

    def check(self) -> None:
        """It ended as it has to, and what moved at the rail is what the books say."""
        payout = self.day.the(self.creator)
        assert payout.status in self.ends
        has = (0, 0, AMOUNT) if payout.status == "settled" else (AMOUNT, 0, 0)
        assert self.day.sums(self.creator) == has
        if self.stand_in is not None:
            moved = self.stand_in.movements.get(payout.id, [])
            expected = [] if payout.status == "failed" else [Money(AMOUNT, self.day.currency)]
            assert moved == expected
        with self.day.looking():
            self._check_books()

    def _check_books(self) -> None:
        found, _, _ = verify._account(self.day.deployment, self.day.brand, self.creator, lambda: True)
        assert found == []


@contextmanager
def standing_in(day: Payday, rail: str) -> Iterator[StandIn | None]:
    """The rail, and the brand's account there."""
    if rail not in STAND_INS:
        if rail == "sepa":
            day.set_up(rail, SEPA)
        yield None
        return
    with STAND_INS[rail](day.deployment.now) as stand_in:
        day.set_up(rail, stand_in.settings)
        yield stand_in


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)
def test_whatever_call_to_aws_fails_it_is_paid_once(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, flow: Flow
) -> None:
    day = Payday(deployment, monkeypatch, currency=flow.currency)
    with injected(deployment) as faults, standing_in(day, flow.rail) as stand_in:
        day.looking = faults.resting
        clean = _swept(Life(day, flow, stand_in), faults, 0, "")
        for number, operation in enumerate(clean, start=1):
            wanted = _WRITES if operation in _WRITING else _READS
            for kind in [kind for kind in kinds(operation) if kind in wanted]:
                _swept(Life(day, flow, stand_in), faults, number, kind)
    assert "TransactWriteItems" in clean


_WRITING = {"TransactWriteItems", "PutItem", "DeleteItem", "UpdateItem", "send_message", "put_object"}


def _swept(life: Life, faults: Faults, number: int, kind: str) -> list[str]:
    with faults.breaking(number, kind):
        life.live()
        calls = [*faults.calls]
    try:
        life.check()
    except AssertionError as failure:
        failure.add_note(f"{kind}: call {number} of {calls}")
        raise
    return calls


@pytest.mark.parametrize("patience", [timedelta(), timedelta(hours=25), timedelta(days=31)], ids=str)
@pytest.mark.parametrize("name", ["stripe, paid", "paypal, paid", "paypal, failed"])
def test_whatever_the_rail_does_it_is_paid_once(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, name: str, patience: timedelta
) -> None:
    """Of what the rail has forgotten in the meantime nobody knows what became, and nobody pays it again."""
    day, flow = Payday(deployment, monkeypatch), FLOWS[name]
    forgotten: set[str] = set()
    with standing_in(day, flow.rail) as stand_in:
        assert stand_in is not None
        more = {"409": conflicted, "lock": locked} if isinstance(stand_in, StripeConnect) else {}
        for what, fault in (RAIL_FAULTS | more).items():
            for many in (1, 2):
                life = Life(day, flow, stand_in)
                stand_in.faults.clear()
                stand_in.faults.extend([fault] * many)
                if patience:
                    _waits(life, patience)
                life.live()
                try:
                    if life.status == "unknown":
                        forgotten.add(what)
                        _is_left_to_a_person(life)
                    else:
                        life.check()
                except AssertionError as failure:
                    failure.add_note(f"{what}, {many} times")
                    raise
    assert forgotten == _FORGOTTEN.get((flow.rail, patience), set())


_NOTHING_DONE = {"no answer, nothing done", "500", "429", "503, for hours"}
_FORGOTTEN = {
    ("stripe_connect", timedelta(hours=25)): {*_NOTHING_DONE, "409", "lock"},
    ("stripe_connect", timedelta(days=31)): {*_NOTHING_DONE, "409", "lock"},
    # PayPal names a payment only in its answer, so of one whose answer was lost only the same call again knows.
    ("paypal", timedelta(days=31)): {*RAIL_FAULTS},
}


def _waits(life: Life, patience: timedelta) -> None:
    """The first try is made; then nothing happens for so long."""
    life._begin()
    life.day.until_called(life.creator)
    life.day.pass_(patience)


def _is_left_to_a_person(life: Life) -> None:
    assert life.stand_in is not None
    assert life.day.sums(life.creator) == (0, AMOUNT, 0)
    moved = life.stand_in.movements.get(life.payout_id, [])
    assert len(moved) <= 1
    if isinstance(life.stand_in, StripeConnect):
        assert moved == []
        brand = life.day.brand
        sending.given_up(life.day.deployment, brand, key(), life.payout_id, "never arrived", in_time=lambda: True)
        assert (life.status, life.day.sums(life.creator)) == ("failed", (AMOUNT, 0, 0))
    life._check_books()
