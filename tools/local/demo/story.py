"""What happened in the demo shop in 60 days: who visited which link when, who bought, and what became of it.

The same story every time, told relative to the day on which it is asked for.
"""

import uuid
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from itertools import cycle
from random import Random
from typing import Final, Literal

from local.demo import people, sales
from local.demo.people import CREATORS, LINKS, Buyer
from local.demo.sales import Dispute, DisputeStatus, Door, Line, Order, Product, Refund, Subscription, Visit

DAYS: Final = 60
ISRAEL: Final = timezone(timedelta(hours=2))

_SEED = 20260501
_BUYS = 0.4
_COMES_BACK = 0.25
_TYPES_A_CODE = 0.15
_SENT_TWICE = 0.08
_DOLLARS = ("3.6170", "3.6245", "3.5980", "3.5915", "3.6020", "3.6385", "3.6450", "3.6105", "3.5870", "3.6010")
_FIXED_EVERY = 5
"""Days; a rate counts for seven."""

type Kind = Literal["order", "refund", "cancellation", "dispute", "unreadable"]
type Fate = Literal[
    "kept", "part back", "late part back", "all back", "cancelled", "edited", "unpaid", "shuffled", "early"
]
type Example = Literal["came_back", "subscription", "dollars", "disputed"]

# What becomes of one order after another. `shuffled`: news of it overtakes it; `early`: its refund does.
_FATES: tuple[Fate, ...] = (
    *("kept", "kept", "part back", "kept", "kept", "edited", "kept", "all back", "kept", "kept", "shuffled"),
    *("kept", "kept", "cancelled", "kept", "kept", "late part back", "kept", "unpaid", "kept", "early", "kept"),
)
_DOORS: tuple[Door, ...] = (
    "shopify",
    "shopify",
    "rest",
    "shopify",
    "shopify",
    "shopify",
    "shopify",
    "inlet",
    "shopify",
)


@dataclass(frozen=True)
class Delivery:
    """An order, or news of it, on its way to Vouch; `id` is the sender's own, the same for every copy."""

    id: str
    kind: Kind
    topic: str
    order: Order
    at: datetime
    refund: Refund | None = None
    dispute: Dispute | None = None
    copies: int = 1


@dataclass(frozen=True)
class Decision:
    """What somebody at the brand decided about an order, and why."""

    order: Order
    kind: Literal["reassign", "adjust"]
    creator: str
    reason: str
    amount: int | None = None


@dataclass
class Moment:
    """A point of the brand's time at which things happen. `dollar`: what one was in shekels, if anybody says it."""

    at: datetime
    dollar: str | None = None
    visits: list[Visit] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)


@dataclass(frozen=True)
class Story:
    """`examples` are orders worth reading about, by what there is to see in them."""

    begins: datetime
    moments: tuple[Moment, ...]
    decisions: tuple[Decision, ...]
    examples: Mapping[Example, Order]

    @property
    def visits(self) -> int:
        return sum(len(moment.visits) for moment in self.moments)

    @property
    def deliveries(self) -> int:
        return sum(delivery.copies for moment in self.moments for delivery in moment.deliveries)

    @property
    def orders(self) -> set[str]:
        return {delivery.order.external_id for moment in self.moments for delivery in moment.deliveries}


def story(now: datetime) -> Story:
    """Of the 60 whole days before `now`."""
    return _Teller(now).tell()


class _Teller:
    def __init__(self, now: datetime) -> None:
        today = now.astimezone(ISRAEL).replace(hour=0, minute=0, second=0, microsecond=0)
        self._random = Random(_SEED)  # noqa: S311 - a story that is the same each time
        self._begins = today - timedelta(days=DAYS)
        self._moments = [self._moment(self._begins + timedelta(days=day)) for day in range(DAYS)]
        self._buyers: dict[int, Buyer] = {}
        self._new_buyers = people.buyers()
        self._purchases: list[tuple[int, Visit, Order]] = []
        self._decisions: list[Decision] = []
        self._examples: dict[Example, Order] = {}
        self._orders = 0

    def tell(self) -> Story:
        self._visits_and_purchases()
        self._codes_only()
        self._oddities()
        self._regulars()
        self._first_order_told_last()
        self._subscription()
        self._abroad()
        self._product_of_a_creator()
        self._disputes()
        self._refund_that_failed()
        self._decided_by_people()
        return Story(self._begins, tuple(self._moments), tuple(self._decisions), self._examples)

    def _moment(self, midnight: datetime) -> Moment:
        return Moment(midnight + timedelta(hours=9, minutes=self._random.randrange(12 * 60)))

    # --- who comes, and who buys --------------------------------------------------------------------------------------

    def _visits_and_purchases(self) -> None:
        undecided: list[int] = []
        for place, moment in enumerate(self._moments):
            still_undecided: list[int] = []
            for _ in range(self._random.randint(2, 7)):
                if undecided and self._random.random() < _COMES_BACK:
                    visitor = undecided.pop(self._random.randrange(len(undecided)))
                else:
                    visitor = self._somebody().number
                link = self._random.choices(LINKS, [link.popularity for link in LINKS])[0]
                visit = Visit(link.slug, visitor)
                moment.visits.append(visit)
                if self._random.random() < _BUYS:
                    self._purchase(place + self._random.choice((0, 0, 0, 1, 3, 7)), visit)
                else:
                    still_undecided.append(visitor)
            undecided = [*undecided, *still_undecided][-30:]

    def _somebody(self) -> Buyer:
        buyer = next(self._new_buyers)
        self._buyers[buyer.number] = buyer
        return buyer

    def _purchase(self, place: int, visit: Visit) -> None:
        """In the hours after a moment, and told of at the next."""
        if place + 1 >= len(self._moments):
            return
        creator = next(link.creator for link in LINKS if link.slug == visit.slug)
        own = next(creator_.code for creator_ in CREATORS if creator_.key == creator)
        code = own if self._random.random() < _TYPES_A_CODE else None
        order = self._new_order(place, self._buyers[visit.visitor], visit=visit, code=code)
        self._live(place + 1, order)
        self._purchases.append((place, visit, order))

    def _codes_only(self) -> None:
        """Heard of in a story, typed at the check-out: no click."""
        codes = [creator.code for creator in CREATORS if creator.code]
        for place in range(2, len(self._moments) - 1, 4):
            self._live(place + 1, self._new_order(place, self._somebody(), code=codes[place // 4 % len(codes)]))

    def _oddities(self) -> None:
        """One of each that every shop knows."""
        noa, visit = CREATORS[0], Visit("noa", 0)
        self._moments[14].visits.append(visit)
        own = self._new_order(14, people.as_buyer(noa), visit=visit, code=noa.code, door="shopify")
        unknown = self._new_order(20, self._somebody(), code="SUMMER25", door="shopify")
        found_alone = self._new_order(22, self._somebody(), door="shopify")
        till = self._new_order(26, None, code="ITAI10", door="shopify", source="pos")
        tried = replace(self._new_order(31, self._somebody(), code="OMAR", door="shopify"), test=True)
        voucher = self._new_order(37, self._somebody(), code="DANA", goods=(sales.GIFT_CARD, sales.CUP))
        for place, order in ((14, own), (20, unknown), (22, found_alone), (26, till), (31, tried), (37, voucher)):
            self._tell(place + 1, "order", order)
        self._tell(45, "unreadable", self._new_order(44, self._somebody(), door="shopify"))

    # --- what takes more than one order to tell -----------------------------------------------------------------------

    def _regulars(self) -> None:
        """Customers of ambassadors who buy again: nothing in their order says who once brought them."""
        ambassadors = {link.slug for link in LINKS if link.program == "ambassadors"}
        brought = [(place, visit, first) for place, visit, first in self._purchases if visit.slug in ambassadors]
        for place, visit, first in brought[::3]:
            again = place + self._random.randint(8, 20)
            if again + 1 < len(self._moments):
                order = self._new_order(again, self._buyers[visit.visitor])
                self._live(again + 1, order)
                if _fate(first) == _fate(order) == "kept":
                    self._examples["came_back"] = order

    def _first_order_told_last(self) -> None:
        """A customer is new until the till, long without a line, tells of an order before."""
        buyer = self._somebody()
        before = self._new_order(10, buyer, door="inlet", source="pos", goods=(sales.MUG,))
        after = self._new_order(16, buyer, code="DANA", door="shopify", goods=(sales.BOWL,))
        self._tell(17, "order", after)
        self._tell(28, "order", before)

    def _subscription(self) -> None:
        """A box every second week: the first by a creator's code, the others by themselves."""
        buyer, subscription = self._somebody(), None
        for place in range(3, len(self._moments) - 1, 14):
            code = None if subscription else "DANA"
            order = self._new_order(place, buyer, code=code, door="inlet", goods=(sales.BOX,))
            subscription = subscription or Subscription("box-1", order.placed_at)
            self._tell(place + 1, "order", replace(order, subscription=subscription))
            if code is None:
                self._examples.setdefault("subscription", order)

    def _abroad(self) -> None:
        for place, dollar in zip(range(0, len(self._moments), _FIXED_EVERY), cycle(_DOLLARS), strict=False):
            self._moments[place].dollar = dollar
        goods = (sales.PLATES_ABROAD, sales.BOWL_ABROAD)
        for place, code in ((24, "OMAR"), (48, "DANA")):
            order = self._new_order(place, self._somebody(), code=code, door="inlet", goods=goods)
            self._tell(place + 1, "order", replace(order, currency=sales.ABROAD))
            self._examples["dollars"] = order

    def _product_of_a_creator(self) -> None:
        """Omar leads there, and Dana's own pitcher earns for Dana."""
        buyer = self._somebody()
        visit = Visit("omar", buyer.number)
        self._moments[29].visits.append(visit)
        order = self._new_order(29, buyer, visit=visit, door="shopify", goods=(sales.MUG, sales.PITCHER))
        self._tell(30, "order", order)

    def _disputes(self) -> None:
        """Lost, won, and one of which nobody knows yet how it ends."""
        ends: dict[int, tuple[int, DisputeStatus]] = {18: (39, "lost"), 21: (43, "won")}
        for place, code in ((18, "ITAI10"), (21, "NOA10"), (47, "DANA")):
            order = self._new_order(place, self._somebody(), code=code, door="shopify", goods=(sales.BOWL, sales.CUP))
            self._tell(place + 1, "order", order)
            dispute = Dispute(285_332_000_000_000 + order.number, self._just_before(place + 6))
            self._tell(place + 6, "dispute", replace(order, updated_at=dispute.began), dispute=dispute)
            if place in ends:
                end, status = ends[place]
                at = self._just_before(end)
                ended = replace(dispute, ended=at, status=status)
                self._tell(end, "dispute", replace(order, updated_at=at), topic="disputes/update", dispute=ended)
            else:
                self._examples["disputed"] = order

    def _refund_that_failed(self) -> None:
        """The buyer's card was closed: the bank sent the money back."""
        order = self._new_order(34, self._somebody(), code="ITAI10", door="inlet", goods=(sales.PLATES, sales.MUG))
        self._tell(35, "order", order)
        self._give_back(38, order)
        [refund] = self._moments[38].deliveries[-1].order.refunds
        failed = replace(refund, at=self._just_before(44), failed=True)
        self._tell(44, "refund", replace(order, updated_at=failed.at), refund=failed)

    def _decided_by_people(self) -> None:
        at_the_till = self._new_order(33, None, door="shopify", source="pos", goods=(sales.BOWL, sales.MUG))
        buyer = self._somebody()
        visit = Visit("lena", buyer.number)
        self._moments[40].visits.append(visit)
        filmed = self._new_order(40, buyer, visit=visit, door="shopify", goods=(sales.BOWL,))
        self._tell(34, "order", at_the_till)
        self._tell(41, "order", filmed)
        sent = "הלקוחה סיפרה בקופה שאיתי שלח אותה, ולא היה לה הקוד"
        agreed = "Lena filmed this customer's kitchen for us: 60 ₪ for it, as agreed by mail"
        self._decisions += [
            Decision(at_the_till, "reassign", "itai", sent),
            Decision(filmed, "adjust", "lena", agreed, amount=6000),
        ]

    # --- an order's life ----------------------------------------------------------------------------------------------

    def _new_order(
        self,
        place: int,
        buyer: Buyer | None,
        *,
        visit: Visit | None = None,
        code: str | None = None,
        door: Door | None = None,
        source: str = "web",
        goods: Sequence[Product] = (),
    ) -> Order:
        self._orders += 1
        number = 1000 + self._orders
        placed_at = self._moments[place].at + timedelta(seconds=self._random.randint(5 * 60, 10 * 60 * 60))
        goods = goods or self._random.sample(sales.GOODS, self._random.choice((1, 1, 2, 3)))
        lines = tuple(
            Line(6_214_500_000_000 + number * 10 + index, product, 1 if product.gift_card else self._quantity())
            for index, product in enumerate(goods)
        )
        return Order(
            number,
            door or _DOORS[number % len(_DOORS)],
            placed_at,
            placed_at + timedelta(seconds=4),
            sales.discounted(lines, 10) if code else lines,
            buyer,
            visit=visit,
            code=code,
            source=source,
            shipping=0 if source == "pos" else sales.SHIPPING,
        )

    def _quantity(self) -> int:
        return self._random.choice((1, 1, 2, 2, 3))

    def _live(self, place: int, order: Order) -> None:
        fate = _fate(order)
        if fate == "unpaid":
            self._tell(place, "order", replace(order, payment="pending"))
        elif fate == "shuffled":
            tagged = replace(order, updated_at=order.updated_at + timedelta(seconds=30))
            self._tell(place, "order", tagged, topic="orders/updated")
            self._tell(place, "order", order)
        elif fate == "early" and order.door == "shopify":
            self._give_back(place, order, announced=False)
        else:
            self._tell(place, "order", order)
            self._go_on(place, order, fate)

    def _go_on(self, place: int, order: Order, fate: Fate) -> None:
        match fate:
            case "part back":
                self._give_back(self._later(order, 3, 12), order)
            case "late part back":
                self._give_back(self._later(order, 16, 34), order)
            case "all back":
                self._give_back(self._later(order, 4, 10), order, whole=True)
            case "cancelled":
                self._cancel(self._later(order, 0, 2), order)
            case "edited":
                self._edit(min(place + 1, len(self._moments)), order)

    def _give_back(self, place: int, order: Order, *, whole: bool = False, announced: bool = True) -> None:
        if place >= len(self._moments):
            return
        at = self._just_before(place)
        quantities = {line.id: line.quantity for line in order.lines}
        after = order.returned(quantities if whole else {order.lines[0].id: 1}, at)
        self._tell(place, "refund", after, refund=after.refunds[-1])
        if not announced:
            self._tell(place, "order", order)
        if order.door == "shopify":
            # Shopify tells of a refund twice: by itself, and inside its order.
            self._tell(place, "order", after, topic="orders/updated")

    def _cancel(self, place: int, order: Order) -> None:
        if place < len(self._moments):
            self._tell(place, "cancellation", order.cancelled(self._just_before(place)))

    def _edit(self, place: int, order: Order) -> None:
        if place >= len(self._moments):
            return
        if order.door == "shopify" and order.lines[0].quantity > 1:
            lines = (replace(order.lines[0], removed=1), *order.lines[1:])
        else:
            lines = (*order.lines, Line(order.lines[-1].id + 1, sales.CUP, 1))
        edited = replace(order, lines=lines, updated_at=self._just_before(place))
        self._tell(place, "order", edited, topic="orders/updated")

    def _tell(
        self,
        place: int,
        kind: Kind,
        order: Order,
        *,
        topic: str | None = None,
        refund: Refund | None = None,
        dispute: Dispute | None = None,
    ) -> None:
        topics = {"refund": "refunds/create", "cancellation": "orders/cancelled", "dispute": "disputes/create"}
        name = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        copies = 2 if self._random.random() < _SENT_TWICE else 1
        told = topic or ("orders/create" if order.payment == "pending" else topics.get(kind, "orders/paid"))
        delivery = Delivery(name, kind, told, order, order.updated_at, refund, dispute, copies)
        self._moments[place].deliveries.append(delivery)

    def _later(self, order: Order, days_min: int, days_max: int) -> int:
        """The place of the first moment so many days after the order."""
        day = order.placed_at + timedelta(days=self._random.randint(days_min, days_max), hours=1)
        return bisect_left([moment.at for moment in self._moments], day)

    def _just_before(self, place: int) -> datetime:
        return self._moments[place].at - timedelta(
            minutes=self._random.randint(1, 2), seconds=self._random.randrange(60)
        )


def _fate(order: Order) -> Fate:
    return _FATES[order.number % len(_FATES)]
