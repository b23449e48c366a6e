"""A shop's life in Shopify's own shape: orders are made, paid, edited, given back and called off. A seed decides."""

import base64
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.faults.world import LIVES, Webhook, World
from tests.platforms.samples import content
from vouch.domain import times
from vouch.domain.money import divide_half_up

_ORDER = content("shopify/orders_paid")
_REFUND = content("shopify/refunds_create")
_TAX = 8
Body = dict[str, Any]


def copy(body: Body) -> Body:
    copied: Body = json.loads(json.dumps(body))
    return copied


def price(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02}"


def bag(minor: int) -> Body:
    """An amount as Shopify tells it: in the shop's money and in the buyer's."""
    money = {"amount": price(minor), "currency_code": "USD"}
    return {"shop_money": money, "presentment_money": money}


def incompressible(size: int) -> str:
    """A text that stays three quarters of its size, whatever packs it."""
    return base64.b64encode(random.Random(size).randbytes(size * 3 // 4)).decode()


def stamp(moment: datetime) -> str:
    return times.short(moment.replace(microsecond=0))


@dataclass
class Sale:
    """One order of the shop; each thing that happens to it gives the webhooks that Shopify would send."""

    number: int
    placed_at: datetime
    lines: Sequence[tuple[str, int, int, int]] = (("LIN-M-SAND", 2, 6_000, 1_200),)
    """SKU, quantity, unit price, discount of the whole line."""
    codes: Sequence[str] = ()
    click_ids: Sequence[str] = ()
    body: Body = field(init=False)
    told: int = 0

    def __post_init__(self) -> None:
        at = stamp(self.placed_at)
        self.body = copy(_ORDER) | {
            "id": self.number,
            "created_at": at,
            "updated_at": at,
            "processed_at": at,
            "financial_status": "pending",
            "discount_codes": [{"code": code, "amount": "0.00", "type": "percentage"} for code in self.codes],
            "discount_applications": [],
            "note_attributes": [{"name": "ref", "value": click} for click in self.click_ids],
            "landing_site": "/",
            "email": f"buyer{self.number}@example.com",
            "contact_email": None,
            "line_items": [self._line(place, *line) for place, line in enumerate(self.lines)],
        }
        self.body["customer"] |= {"id": self.number + 5_000_000, "email": self.body["email"]}

    @property
    def external_id(self) -> str:
        return str(self.number)

    def created(self) -> Webhook:
        return self._told("orders/create", self.placed_at + timedelta(seconds=1))

    def paid(self, after: timedelta = timedelta(seconds=4)) -> Webhook:
        self.body["financial_status"] = "paid"
        return self._updated("orders/paid", self.placed_at + after)

    def refunded(self, at: datetime, parts: Sequence[tuple[int, int]]) -> list[Webhook]:
        """Pieces of lines come back, by place and quantity; told by itself and again inside the order."""
        refund = self._refund(at, [self._refund_line(place, quantity) for place, quantity in parts])
        for place, quantity in parts:
            self.body["line_items"][place]["current_quantity"] -= quantity
        return self._given_back(refund, at)

    def reimbursed(self, at: datetime, amount: int) -> list[Webhook]:
        """Money goes back that names no line."""
        refund = self._refund(at, [])
        amount_set = copy(bag(amount))
        amount_set["shop_money"]["amount"] = f"-{price(amount)}"
        adjustment = {"amount": f"-{price(amount)}", "amount_set": amount_set}
        refund["order_adjustments"] = [{"id": refund["id"] + 1, "kind": "refund_discrepancy"} | adjustment]
        return self._given_back(refund, at)

    def edited(self, at: datetime, place: int, quantity: int) -> Webhook:
        """The shop takes pieces off a line before they are sent; no money comes back for them."""
        self.body["line_items"][place]["current_quantity"] -= quantity
        return self._updated("orders/updated", at)

    def recoded(self, at: datetime, codes: Sequence[str]) -> Webhook:
        """The shop changes the order's discount codes."""
        self.body["discount_codes"] = [{"code": code, "amount": "0.00", "type": "percentage"} for code in codes]
        return self._updated("orders/updated", at)

    def cancelled(self, at: datetime) -> Webhook:
        self.body |= {"cancelled_at": stamp(at), "cancel_reason": "customer", "financial_status": "voided"}
        return self._updated("orders/cancelled", at)

    def current(self, place: int) -> int:
        quantity: int = self.body["line_items"][place]["current_quantity"]
        return quantity

    def _line(self, place: int, sku: str, quantity: int, unit_price: int, discount: int) -> Body:
        tax = divide_half_up((quantity * unit_price - discount) * _TAX, 100)
        sample = copy(_ORDER["line_items"][0])
        allocated = [{"amount": price(discount), "amount_set": bag(discount), "discount_application_index": 0}]
        taxed = {"channel_liable": False, "price": price(tax), "price_set": bag(tax), "rate": 0.08, "title": "Tax"}
        return sample | {
            "id": self.number * 1_000 + place,
            "sku": sku,
            "quantity": quantity,
            "current_quantity": quantity,
            "price": price(unit_price),
            "price_set": bag(unit_price),
            "discount_allocations": allocated if discount else [],
            "tax_lines": [taxed],
            "properties": [],
        }

    def _refund(self, at: datetime, lines: list[Body]) -> Body:
        number = self.number * 1_000 + 900 + 3 * len(self.body["refunds"])
        refund = copy(_REFUND) | {
            "id": number,
            "order_id": self.number,
            "created_at": stamp(at),
            "processed_at": stamp(at),
            "refund_line_items": lines,
        }
        refund["transactions"][0] |= {"order_id": self.number, "created_at": stamp(at), "processed_at": stamp(at)}
        return refund

    def _refund_line(self, place: int, quantity: int) -> Body:
        line = self.body["line_items"][place]
        _, sold, unit_price, discount = self.lines[place]
        subtotal = divide_half_up((sold * unit_price - discount) * quantity, sold)
        tax = divide_half_up(subtotal * _TAX, 100)
        return copy(_REFUND["refund_line_items"][0]) | {
            "line_item_id": line["id"],
            "quantity": quantity,
            "subtotal_set": bag(subtotal),
            "total_tax_set": bag(tax),
            "line_item": copy(line),
        }

    def _given_back(self, refund: Body, at: datetime) -> list[Webhook]:
        self.body["refunds"].append(refund)
        left = any(line["current_quantity"] for line in self.body["line_items"])
        self.body["financial_status"] = "partially_refunded" if left else "refunded"
        alone = self._webhook("refunds/create", refund, at)
        return [alone, self._updated("orders/updated", at + timedelta(seconds=1))]

    def _updated(self, topic: str, at: datetime) -> Webhook:
        self.body["updated_at"] = stamp(at)
        return self._told(topic, at)

    def _told(self, topic: str, at: datetime) -> Webhook:
        return self._webhook(topic, self.body, at)

    def _webhook(self, topic: str, body: Body, at: datetime) -> Webhook:
        self.told += 1
        text = json.dumps(body, separators=(",", ":")).encode()
        return Webhook(topic, text, f"{self.number}-{self.told}", at + timedelta(milliseconds=400))


@dataclass(frozen=True)
class History:
    """What the shop told, in the order in which it happened."""

    webhooks: list[Webhook]
    external_ids: list[str]


def history(world: World, seed: int, *, orders: int = 200, webhooks: int = 500) -> History:
    """The same seed gives every brand the same history, with click ids of its own."""
    chance = random.Random(seed)
    now = world.deployment.now()
    told: list[tuple[datetime, Webhook]] = []
    numbers = [6_214_000_000 + place for place in range(orders)]
    lives = [list(_life(world, number, now, chance)) for number in numbers]
    first = [life[0] for life in lives]
    later = sorted((said for life in lives for said in life[1:]), key=lambda said: said[0])
    told = sorted(first + later[: webhooks - orders], key=lambda said: said[0])
    assert len(told) == webhooks, f"only {len(told)} things happened"
    return History([webhook for _, webhook in told], [str(number) for number in numbers])


def _life(world: World, number: int, now: datetime, chance: random.Random) -> Iterator[tuple[datetime, Webhook]]:
    placed_at = (now - timedelta(seconds=chance.randrange(3_600, 30 * 86_400))).replace(microsecond=0)
    sale = Sale(number, placed_at, _lines(chance), _codes(chance), _clicks(world, placed_at, chance))
    if chance.random() < 0.75:
        yield placed_at, sale.created()
    at = placed_at + timedelta(seconds=4)
    yield at, sale.paid()
    for _ in range(chance.choice((0, 0, 1, 1, 2))):
        at += timedelta(seconds=chance.randrange(60, 86_400))
        for webhook in _change(sale, at, chance):
            yield at, webhook
    if chance.random() < 0.12:
        at += timedelta(seconds=chance.randrange(60, 86_400))
        yield at, sale.cancelled(at)


def _change(sale: Sale, at: datetime, chance: random.Random) -> list[Webhook]:
    places = [place for place in range(len(sale.lines)) if sale.current(place)]
    drawn = chance.random()
    if drawn < 0.15 or not places:
        return [sale.recoded(at, _codes(chance))]
    if drawn < 0.25:
        return sale.reimbursed(at, chance.randrange(1, 2_000))
    if drawn < 0.35:
        place = chance.choice(places)
        return [sale.edited(at, place, chance.randint(1, sale.current(place)))]
    chosen = sorted(chance.sample(places, chance.randint(1, len(places))))
    return sale.refunded(at, [(place, chance.randint(1, sale.current(place))) for place in chosen])


def _lines(chance: random.Random) -> list[tuple[str, int, int, int]]:
    lines = []
    for _ in range(chance.randint(1, 3)):
        sku, quantity = chance.choice(("LIN-M-SAND", "TOTE-01")), chance.randint(1, 4)
        unit_price = chance.randrange(99, 20_000)
        lines.append((sku, quantity, unit_price, chance.choice((0, divide_half_up(quantity * unit_price, 10)))))
    return lines


def _codes(chance: random.Random) -> list[str]:
    return chance.sample([*(f"{life.upper()}10" for life in LIVES), "Spring", "nobody's"], chance.choice((0, 1, 1, 2)))


def _clicks(world: World, placed_at: datetime, chance: random.Random) -> list[str]:
    """Up to two visits before the order, some of which lost their record, and some with a journey behind them."""
    found = []
    for _ in range(chance.choice((0, 1, 1, 2, 2))):
        at = placed_at - timedelta(seconds=chance.randrange(20 * 60, 40 * 86_400))
        earlier = world.click(chance.choice(LIVES), at - timedelta(days=1), recorded=False)
        trail = [earlier] if chance.random() < 0.3 else []
        found.append(world.click(chance.choice(LIVES), at, trail=trail, recorded=chance.random() < 0.8))
    return found
