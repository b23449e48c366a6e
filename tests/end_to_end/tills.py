"""Where a brand sells, on every platform that takes money: three stories, told by each in its own way.

What is sold comes to 40.00 without tax, by Noa; half of it comes back, or it is called off.
"""

import base64
import hashlib
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, override

from tests.platforms import samples
from tests.platforms.test_signing import sign_square, sign_stripe, standard_headers
from tests.standins import bigcommerce, shopify, tiktok_shop, woocommerce
from tests.standins.bigcommerce import BigCommerce, Item
from tests.standins.server import StandIn
from tests.standins.shopify import Shopify
from tests.standins.square import SquareApi, line
from tests.standins.stripe import StripeApi, item, session
from tests.standins.tiktok_shop import TikTokShop, Unit
from tests.standins.woocommerce import WooCommerce
from vouch.platforms.base import Request

CODE = "NOA10"
HANDLE = "noa.makes"
LAG = timedelta(seconds=20)
"""By so much the shops' clocks are behind: where no two things happen in one second they run ahead."""
_CANCELLED = 5


def clock() -> datetime:
    return datetime.now(UTC) - LAG


class Till(ABC):
    """A shop and, where the platform has an API, its stand-in, which has to be entered. Methods answer external ids."""

    platform: ClassVar[str]
    secret: ClassVar[str]
    is_asked: ClassVar[bool] = True
    """Whether it has a list of what has changed."""

    def __init__(self) -> None:
        self.webhook_url = ""
        self._told = 0

    @property
    def api(self) -> StandIn | None:
        """What answers when the platform is asked."""
        return None

    @property
    def settings(self) -> dict[str, str]:
        """Of the connection, beside its secret and the address of the API."""
        return {}

    @abstractmethod
    def sell(self) -> str: ...

    @abstractmethod
    def give_half_back(self, sale: str) -> None: ...

    @abstractmethod
    def sell_in_vain(self) -> str:
        """Somebody orders, and it is called off."""

    @abstractmethod
    def webhooks(self) -> list[Request]:
        """All that it has sent so far."""

    def sent(self) -> list[Request]:
        """What it has sent since it was asked last; to let that fall is to lose it."""
        everything = self.webhooks()
        fresh, self._told = everything[self._told :], len(everything)
        return fresh


class ShopifyTill(Till):
    platform = "shopify"
    secret = samples.SHOPIFY_SECRET

    def __init__(self) -> None:
        super().__init__()
        self.shop = Shopify(clock)

    @property
    @override
    def api(self) -> StandIn:
        return self.shop

    @property
    @override
    def settings(self) -> dict[str, str]:
        return {"shop": shopify.SHOP, "api_token": shopify.TOKEN}

    @override
    def sell(self, **changes: Any) -> str:
        by_code = {"discount_codes": [{"code": CODE, "amount": "0.00", "type": "percentage"}]}
        return str(self.shop.place({"price": "20.00", "quantity": 2}, **(by_code | changes)))

    @override
    def give_half_back(self, sale: str) -> None:
        self.shop.refund(int(sale), (0, 1))

    @override
    def sell_in_vain(self) -> str:
        sale = self.sell()
        self.shop.cancel(int(sale))
        return sale

    @override
    def webhooks(self) -> list[Request]:
        return self.shop.webhooks


class WooCommerceTill(Till):
    platform = "woocommerce"
    secret = samples.WOOCOMMERCE_SECRET

    def __init__(self) -> None:
        super().__init__()
        self._ahead = timedelta()
        self.shop = WooCommerce(lambda: clock() + self._ahead, site="/store")

    @property
    @override
    def api(self) -> StandIn:
        return self.shop

    @property
    @override
    def settings(self) -> dict[str, str]:
        return {"shop": "woo.example", "api_token": woocommerce.TOKEN}

    @override
    def sell(self) -> str:
        by_code = [{"id": 1, "code": CODE.lower(), "discount": "0.00"}]
        return str(self.shop.place({"total": "40.00", "quantity": 2}, coupon_lines=by_code))

    @override
    def give_half_back(self, sale: str) -> None:
        self._next_second()
        self.shop.refund(int(sale), (0, 1, "20.00"), shipping="5.00")

    @override
    def sell_in_vain(self) -> str:
        sale = self.sell()
        self._next_second()
        self.shop.becomes(int(sale), "cancelled")
        return sale

    @override
    def webhooks(self) -> list[Request]:
        self.shop.send()
        return self.shop.webhooks

    def _next_second(self) -> None:
        """What happens in one second is one change to it."""
        self.shop.send()
        self._ahead += timedelta(seconds=1)


class StripeTill(Till):
    platform = "stripe"
    secret = samples.STRIPE_SECRET

    def __init__(self) -> None:
        super().__init__()
        self.account = StripeApi()
        self.account.now = int(clock().timestamp())
        self.account.promotion_codes["promo_1"] = CODE
        self._bodies: list[bytes] = []

    @property
    @override
    def api(self) -> StandIn:
        return self.account

    @property
    @override
    def settings(self) -> dict[str, str]:
        return {"api_token": self.account.token}

    @override
    def sell(self, *, paid: bool = True) -> str:
        number = len(self.account.sessions) + 1
        said = session(
            number,
            amount_total=4320,
            created=self.account.now,
            discounts=[{"coupon": None, "promotion_code": "promo_1"}],
            payment_status="paid" if paid else "unpaid",
            total_details={"amount_discount": 0, "amount_shipping": 0, "amount_tax": 320},
        )
        goods = item(amount_discount=0, amount_tax=320, amount_total=4320)
        self._bodies.append(self.account.check_out(said, goods))
        return str(said["id"])

    @override
    def give_half_back(self, sale: str) -> None:
        payment = self.account.sessions[sale]["payment_intent"]
        self._bodies += self.account.give_back(f"ch_{payment}", payment, 2160, paid=4320)

    @override
    def sell_in_vain(self) -> str:
        """The bank does not pay."""
        sale = self.sell(paid=False)
        self._bodies.append(self.account.clear(sale, "async_payment_failed"))
        return sale

    @override
    def webhooks(self) -> list[Request]:
        now = datetime.now(UTC)
        return [Request(sign_stripe(self.secret, body, now), body) for body in self._bodies]


class SquareTill(Till):
    platform = "square"
    secret = samples.SQUARE_KEY

    def __init__(self) -> None:
        super().__init__()
        self.seller = SquareApi(begins=clock())
        self._bodies: list[bytes] = []
        self._payments: dict[str, str] = {}

    @property
    @override
    def api(self) -> StandIn:
        return self.seller

    @property
    @override
    def settings(self) -> dict[str, str]:
        return {"api_token": self.seller.token}

    @override
    def sell(self) -> str:
        order_id = self._placed()
        self._payments[order_id] = self.seller.pay(order_id)
        self._bodies.append(self.seller.payment_event(self._payments[order_id]))
        return order_id

    @override
    def give_half_back(self, sale: str) -> None:
        refund_id = self.seller.give_back(self._payments[sale], 2160, {"a": line("a", 2160, tax=160)})
        self.seller.end_refund(refund_id)
        self._bodies.append(self.seller.refund_event(refund_id))

    @override
    def sell_in_vain(self) -> str:
        """What was paid at a till is given back; only what nobody has paid is called off."""
        order_id = self._placed()
        self.seller.cancel(order_id)
        self._bodies.append(self.seller.order_event(order_id))
        return order_id

    @override
    def webhooks(self) -> list[Request]:
        now = datetime.now(UTC)
        return [Request(sign_square(self.secret, body, now, self.webhook_url), body) for body in self._bodies]

    def _placed(self) -> str:
        return self.seller.place(line("a", 4320, quantity="2", tax=320), discounts=[{"uid": "d", "name": f" {CODE}"}])


class TikTokTill(Till):
    platform = "tiktok_shop"
    secret = samples.TIKTOK_SECRET

    def __init__(self) -> None:
        super().__init__()
        self.shop = TikTokShop(clock)
        self._webhooks: list[Request] = []

    @property
    @override
    def api(self) -> StandIn:
        return self.shop

    @property
    @override
    def settings(self) -> dict[str, str]:
        return {"app_key": tiktok_shop.APP_KEY, "api_token": tiktok_shop.TOKEN}

    @override
    def sell(self, *, at: datetime | None = None) -> str:
        number = str(577_094_156_662_640_700 + len(self.shop.orders))
        self.shop.place(number, Unit(), Unit())
        if at is not None:
            self.shop.orders[number]["create_time"] = int(at.timestamp())
        self.shop.sold_by(number, HANDLE, "3.00")
        self.shop.becomes(number, "AWAITING_SHIPMENT")
        self._webhooks.append(self.shop.status_webhook(number))
        return number

    @override
    def give_half_back(self, sale: str) -> None:
        self.shop.give_back(sale, f"9{sale}", {1: "20.00"})
        self._webhooks.append(self.shop.return_webhook(f"9{sale}"))

    @override
    def sell_in_vain(self) -> str:
        sale = self.sell()
        self.shop.call_off(sale, f"8{sale}", [0, 1])
        self._webhooks += [self.shop.cancellation_webhook(f"8{sale}"), self.shop.status_webhook(sale)]
        return sale

    @override
    def webhooks(self) -> list[Request]:
        return self._webhooks


class BigCommerceTill(Till):
    platform = "bigcommerce"
    secret = samples.BIGCOMMERCE_SECRET

    def __init__(self) -> None:
        super().__init__()
        self.shop = BigCommerce(clock)

    @property
    @override
    def api(self) -> StandIn:
        return self.shop

    @property
    @override
    def settings(self) -> dict[str, str]:
        return {"shop": bigcommerce.SHOP, "api_token": bigcommerce.TOKEN}

    @override
    def sell(self) -> str:
        return str(self.shop.place(Item("20.00", 2), code=CODE))

    @override
    def give_half_back(self, sale: str) -> None:
        self.shop.refund(int(sale), (0, 1))

    @override
    def sell_in_vain(self) -> str:
        sale = self.sell()
        self.shop.becomes(int(sale), _CANCELLED)
        return sale

    @override
    def webhooks(self) -> list[Request]:
        return self.shop.webhooks


class OwnTill(Till):
    """A system of the brand's own, which nobody can ask anything."""

    platform = "standard_webhooks"
    secret = samples.STANDARD_SECRET
    is_asked = False

    def __init__(self) -> None:
        super().__init__()
        self._bodies: list[bytes] = []

    @override
    def sell(self) -> str:
        name = f"G-{len(self._bodies)}"
        sold = {"id": "1", "quantity": 2, "unit_price": "20.00"}
        self._say("order.paid", {"external_id": name, "currency": "USD", "lines": [sold], "codes": [CODE]})
        return name

    @override
    def give_half_back(self, sale: str) -> None:
        self._say("refund.created", {"order_id": sale, "external_id": "R-1", "lines": [{"id": "1", "quantity": 1}]})

    @override
    def sell_in_vain(self) -> str:
        sale = self.sell()
        self._say("order.cancelled", {"external_id": sale})
        return sale

    @override
    def webhooks(self) -> list[Request]:
        now = datetime.now(UTC)
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        names = [hashlib.sha256(body).hexdigest() for body in self._bodies]
        return [
            Request(standard_headers(key, body, now, name), body)
            for name, body in zip(names, self._bodies, strict=True)
        ]

    def _say(self, kind: str, data: dict[str, Any]) -> None:
        self._bodies.append(json.dumps({"type": kind, "timestamp": clock().isoformat(), "data": data}).encode())


TILLS: tuple[type[Till], ...] = (
    ShopifyTill, WooCommerceTill, StripeTill, SquareTill, TikTokTill, BigCommerceTill, OwnTill
)  # fmt: skip


def eventually[T](look: Callable[[], T], *, seconds: float = 240) -> T:
    """What is found as soon as anything is; else what was found last."""
    deadline = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found
