"""What the demo shop sells, and its own books: the figures to which Vouch has to come by itself.

Prices are in agorot and contain 18 % VAT, as prices in Israel do; commission is on what the tax leaves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Self

from local.demo.people import Buyer

CURRENCY = "ILS"
ABROAD = "USD"
"""What customers abroad pay in, to whom the shop sells without VAT."""
VAT_PERCENT = 18
SHIPPING = 2900

type Door = Literal["shopify", "inlet", "rest"]
type DisputeStatus = Literal["open", "lost", "won"]
type Payment = Literal["pending", "paid", "partially_refunded", "refunded"]


@dataclass(frozen=True)
class Product:
    sku: str
    id: int
    title: str
    price: int
    gift_card: bool = False
    taxed: bool = True


MUG = Product("MUG-01", 7700000000001, "ספל בוקר · Morning mug", 6900)
CUP = Product("CUP-02", 7700000000002, "ספלון אספרסו · Espresso cup", 4900)
BOWL = Product("BOWL-03", 7700000000003, "קערה כחולה · Blue bowl", 12900)
PLATES = Product("PLATES-04", 7700000000004, "ארבע צלחות · Four plates", 34900)
VASE = Product("VASE-05", 7700000000005, "אגרטל · Vase", 18900)
GIFT_CARD = Product("GIFT-200", 7700000000006, "שובר מתנה · Gift card", 20000, gift_card=True, taxed=False)
PITCHER = Product("PITCHER-06", 7700000000007, "הקנקן של דנה · Dana's pitcher", 24900)
BOX = Product("BOX-07", 7700000000008, "קופסת הפתעה · Surprise box", 15900)
PLATES_ABROAD = Product(PLATES.sku, PLATES.id, PLATES.title, 11900, taxed=False)
BOWL_ABROAD = Product(BOWL.sku, BOWL.id, BOWL.title, 4500, taxed=False)
GOODS = (MUG, CUP, BOWL, PLATES, VASE)
"""What anybody may buy; the others are for occasions of the story."""


@dataclass
class Visit:
    """One visit of a link. Its click id is known once it has happened."""

    slug: str
    visitor: int
    click_id: str = ""


@dataclass(frozen=True)
class Line:
    """`discount` is the whole line's; `removed` is what an edit of the order took out of it."""

    id: int
    product: Product
    quantity: int
    discount: int = 0
    removed: int = 0

    @property
    def current(self) -> int:
        return self.quantity - self.removed

    @property
    def price(self) -> int:
        return self.quantity * self.product.price - self.discount

    @property
    def tax(self) -> int:
        """The VAT inside the price; a gift card is taxed when it is spent."""
        return _rounded(self.price * VAT_PERCENT, 100 + VAT_PERCENT) if self.product.taxed else 0

    @property
    def base(self) -> int:
        """What commission is on."""
        if self.product.gift_card:
            return 0
        discount, tax = (_rounded(whole * self.current, self.quantity) for whole in (self.discount, self.tax))
        return self.current * self.product.price - discount - tax


@dataclass(frozen=True)
class Return:
    """Some of a line, given back."""

    line: Line
    quantity: int
    price: int
    tax: int


@dataclass(frozen=True)
class Refund:
    """Money given back; one that `failed` after all never left the shop."""

    id: int
    at: datetime
    returns: tuple[Return, ...]
    failed: bool = False


@dataclass(frozen=True)
class Dispute:
    """A buyer's bank asks for the whole order back, shipping and all; open until it `ended`, lost or won."""

    id: int
    began: datetime
    ended: datetime | None = None
    status: DisputeStatus = "open"


@dataclass(frozen=True)
class Subscription:
    """What pays for itself once in a while, by orders."""

    id: str
    began: datetime


@dataclass(frozen=True)
class Order:
    """An order as it stands at `updated_at`."""

    number: int
    door: Door
    placed_at: datetime
    updated_at: datetime
    lines: tuple[Line, ...]
    buyer: Buyer | None
    visit: Visit | None = None
    code: str | None = None
    payment: Payment = "paid"
    cancelled_at: datetime | None = None
    refunds: tuple[Refund, ...] = ()
    source: str = "web"
    test: bool = False
    shipping: int = SHIPPING
    currency: str = CURRENCY
    subscription: Subscription | None = None

    @property
    def id(self) -> int:
        return 6_214_000_000_000 + self.number

    @property
    def external_id(self) -> str:
        return str(self.id) if self.door == "shopify" else f"{self.door}-{self.number}"

    def returned(self, quantities: Mapping[int, int], at: datetime) -> Self:
        """After a refund of so many of each line, by line id."""
        returns = tuple(self._return(line, quantities[line.id]) for line in self.lines if line.id in quantities)
        refund = Refund(929_000_000_000 + self.number * 10 + len(self.refunds), at, returns)
        after = replace(self, updated_at=at, refunds=(*self.refunds, refund))
        whole = all(line.quantity == after.count_returned(line) for line in self.lines)
        return replace(after, payment="refunded" if whole else "partially_refunded")

    def cancelled(self, at: datetime) -> Self:
        """Cancelling gives everything back."""
        return replace(self.returned({line.id: line.quantity for line in self.lines}, at), cancelled_at=at)

    def count_returned(self, line: Line) -> int:
        return sum(part.quantity for part in self._returns_of(line))

    def _return(self, line: Line, quantity: int) -> Return:
        """By difference, so that the parts of a line add up to it."""
        so_far = self._returns_of(line)
        then = self.count_returned(line) + quantity
        price = line.price * then // line.quantity - sum(part.price for part in so_far)
        tax = line.tax * then // line.quantity - sum(part.tax for part in so_far)
        return Return(line, quantity, price, tax)

    def _returns_of(self, line: Line) -> list[Return]:
        return [part for refund in self.refunds for part in refund.returns if part.line.id == line.id]


@dataclass(frozen=True)
class Books:
    """How an order has to read in Vouch."""

    status: str
    base: int
    refunded_base: int


def books(order: Order, refunds: Iterable[Refund], disputes: Iterable[Dispute] = ()) -> Books:
    """The order after these refunds and disputes, of which it need not know itself; of each its newest word."""
    base = sum(line.base for line in order.lines)
    known = {refund.id: refund for refund in (*order.refunds, *refunds)}
    back = sum(part.price - part.tax for refund in known.values() if not refund.failed for part in refund.returns)
    lost = any(dispute.status == "lost" for dispute in disputes)
    gone = lost or order.cancelled_at is not None or order.payment == "refunded"
    refunded = base if gone else min(base, back)
    if order.cancelled_at is not None:
        return Books("cancelled", base, refunded)
    if order.payment == "refunded" or (base and refunded == base):
        return Books("refunded", base, refunded)
    return Books("open" if order.payment == "pending" else "paid", base, refunded)


def discounted(lines: Iterable[Line], percent: int) -> tuple[Line, ...]:
    """A code takes its part off every line but gift cards."""
    return tuple(
        line if line.product.gift_card else replace(line, discount=_rounded(line.price * percent, 100))
        for line in lines
    )


def _rounded(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
