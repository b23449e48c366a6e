"""What of an order's surroundings was looked up when it first mattered, and is pinned with the order for ever.

Clicks expire, codes change hands, rates move and connections are set up anew; an old order still settles to the same
unit. Only where the order stands among its customer's others may come to be known better: that comes as a fact.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain

from vouch.domain import times
from vouch.domain.attribution import Touch
from vouch.domain.facts import TOUCH_KEYS_MAX, Decision, OrderFacts, Snapshot, Standing
from vouch.domain.rates import Rate

CODE, CLICK, HANDLE, CONTACT, PRODUCT, SKU, CUSTOMER, NAMED = (
    "code:",
    "click:",
    "handle:",
    "contact:",
    "product:",
    "sku:",
    "customer:",
    "creator:",
)
"""What the keys of touches begin with. A customer's origin and a creator whom a decision names are ids, `:` between."""
BUYERS, SUBSCRIPTIONS = "customer:", "subscription:"
"""What the keys of registers begin with."""
_MOST = {"code": TOUCH_KEYS_MAX, "click": TOUCH_KEYS_MAX, "platform": TOUCH_KEYS_MAX}


@dataclass(frozen=True, slots=True)
class Membership:
    """What a creator was in a program when the order was placed, beside active.

    `volume` is what the last sealed period came to, by the measure of the program's tiers, None where it has none. The
    recruiter is who had brought the creator to the brand; `recruiter_barred` says what stood in their way on that day.
    """

    tier: str | None = None
    volume: int | None = None
    recruiter_id: str | None = None
    recruited_at: datetime | None = None
    recruiter_persons: tuple[str, ...] = ()
    recruiter_barred: str | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """What the brand's catalogue says of a product; nothing, and not `known`, where it does not have it."""

    tags: tuple[str, ...] = ()
    collections: tuple[str, ...] = ()
    known: bool = True


@dataclass(frozen=True, slots=True)
class Context:
    """The touches behind each key that any snapshot carried, and what else was looked up.

    `members` by creator and program, where there is anything to say; `standings` by register; `products` by id; `rates`
    by the two currencies. `tied`: whether the brand had product ties when the order was placed, None as long as nobody
    asked. `only_program` is what the order's connection is limited to. In a test brand, test orders earn. `guessed_at`:
    the birth for which all this was looked up, where that was a guess; for another one it is looked up anew, and
    `sighted` are the clicks and visits that were found before: their records expire, so a second look may miss them.
    """

    touches: Mapping[str, tuple[Touch, ...]] = field(default_factory=dict)
    members: Mapping[tuple[str, str], Membership] = field(default_factory=dict)
    standings: Mapping[str, Standing] = field(default_factory=dict)
    products: Mapping[str, Product] = field(default_factory=dict)
    rates: Mapping[tuple[str, str], Rate] = field(default_factory=dict)
    tied: bool | None = None
    only_program: str | None = None
    test_brand: bool = False
    guessed_at: datetime | None = None
    sighted: Mapping[str, tuple[Touch, ...]] = field(default_factory=dict)

    def at_birth(self, snapshot: Snapshot) -> "Context":
        """What of it is good for the order's birth: of what was looked up for another one, only what was sighted."""
        guess = snapshot.placed_at if snapshot.placed_at_guessed else None
        if self.guessed_at in (None, snapshot.placed_at):
            return self if self.guessed_at == guess else replace(self, guessed_at=guess)
        return Context(
            only_program=self.only_program, test_brand=self.test_brand, guessed_at=guess, sighted=self._sightings()
        )

    def _sightings(self) -> dict[str, tuple[Touch, ...]]:
        """Every click and visit that was ever found, by key, with nothing of what was judged as of some day."""
        found: dict[str, dict[str, Touch]] = {}
        for key, touches in chain(self.touches.items(), self.sighted.items()):
            for touch in touches if key.startswith((CLICK, CONTACT)) else ():
                if touch.problem is None:
                    plain = Touch(touch.kind, touch.evidence, touch.at, touch.creator_id, touch.program_id)
                    found.setdefault(key, {}).setdefault(touch.evidence, plain)
        return {key: tuple(touches.values()) for key, touches in found.items()}

    def touches_of(self, facts: OrderFacts) -> tuple[Touch, ...]:
        """Those that count for the newest snapshot: each once, at most ten codes, ten clicks and ten of its handles."""
        behind = [self.touches.get(key, ()) for key in self.touch_keys(facts)]
        found: dict[tuple[str, str], Touch] = {}
        # What the order itself carries, before the journeys that lie behind its clicks.
        for touch in (*chain(*(touches[:1] for touches in behind)), *chain(*(touches[1:] for touches in behind))):
            found.setdefault((touch.kind, touch.evidence), touch)
        left = dict(_MOST)
        counted = []
        for touch in found.values():
            if left.get(touch.kind, 1):
                counted.append(touch)
                if touch.kind in left:
                    left[touch.kind] -= 1
        return tuple(counted)

    def touch_keys(self, facts: OrderFacts) -> list[str]:
        """The keys of the evidence that the newest snapshot carries, and of whom else a register or a decision names.

        Products are evidence only in a brand that has ties.
        """
        snapshot = facts.snapshot
        if snapshot is None:
            return []
        keys = [f"{CODE}{code}" for code in snapshot.codes]
        keys += [f"{HANDLE}{handle}" for handle in snapshot.handles]
        keys += [f"{CLICK}{click}" for click in snapshot.click_ids]
        keys += [f"{CONTACT}{contact}" for contact in snapshot.contacts]
        if self.tied:
            keys += product_keys(snapshot)
        origin = self.origin(facts)
        if origin is not None:
            keys.append(f"{CUSTOMER}{origin.origin}:{origin.creator_id}:{origin.program_id}")
        keys += [named_key(decision) for decision in named(facts)]
        return list(dict.fromkeys(keys))

    def standing(self, facts: OrderFacts, register: str) -> Standing | None:
        """The register's latest word on the order: what was looked up first, or what came since."""
        words = [word for word in (self.standings.get(register), facts.standing(register)) if word is not None]
        return max(words, key=Standing.newness, default=None)

    def customer_new(self, facts: OrderFacts) -> bool | None:
        """Whether this is its customer's first order, by the platform or else the registers; None if nobody knows."""
        snapshot = facts.snapshot
        if snapshot is None or snapshot.customer_new is not None:
            return snapshot.customer_new if snapshot else None
        words = list(self._buyers(facts))
        return all(word.first for word in words) if words else None

    def payments_before(self, facts: OrderFacts) -> int:
        """How many payments of the order's subscription came before it."""
        snapshot = facts.snapshot
        if snapshot is None or snapshot.subscription is None:
            return 0
        word = self.standing(facts, f"{SUBSCRIPTIONS}{snapshot.subscription}")
        return word.payments_before if word else 0

    def origin(self, facts: OrderFacts) -> Standing | None:
        """The word that names the earliest of the customer's orders with a click or code, if one does."""
        words = [word for word in self._buyers(facts) if word.origin is not None]
        return min(words, key=lambda word: (word.origin_at or times.EPOCH, word.origin or ""), default=None)

    def _buyers(self, facts: OrderFacts) -> Iterator[Standing]:
        for register in register_keys(facts.snapshot) if facts.snapshot else ():
            word = self.standing(facts, register) if register.startswith(BUYERS) else None
            if word is not None:
                yield word


def register_keys(snapshot: Snapshot) -> list[str]:
    """The registers in which an order stands: one for each name of its customer, one for its subscription.

    An order whose buyer a shop has redacted stays where it stood: else the next one would be its customer's first.
    """
    keys = [f"{BUYERS}{customer}" for customer in snapshot.customers or snapshot.former_customers]
    return keys if snapshot.subscription is None else [*keys, f"{SUBSCRIPTIONS}{snapshot.subscription}"]


def product_keys(snapshot: Snapshot) -> list[str]:
    """The keys of what the lines sell."""
    return list(dict.fromkeys(name for line in snapshot.lines for name in line.names))


def named(facts: OrderFacts) -> list[Decision]:
    """The decisions in force that name a creator: to whom the order was given, and whose part was set."""
    given = facts.decision("reassign")
    return [*([given] if given else []), *facts.adjustments.values()]


def named_key(decision: Decision) -> str:
    """The key of the touch that such a decision is."""
    return f"{NAMED}{decision.creator_id}:{decision.program_id}"
