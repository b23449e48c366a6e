"""Orders in Vouch's own shape: for `POST /v1/orders`, and for a shop that sends Standard Webhooks."""

import base64
import hmac
import json
from datetime import datetime
from typing import Any

from local.demo.sales import Order, Refund, Subscription
from local.demo.story import Delivery

type Body = dict[str, Any]

_TYPES = {
    "orders/create": "order.created",
    "orders/paid": "order.paid",
    "orders/updated": "order.updated",
    "orders/cancelled": "order.cancelled",
    "refunds/create": "refund.created",
}
_STATUSES = {"pending": "open", "partially_refunded": "paid"}


def order(order: Order) -> Body:
    status = "cancelled" if order.cancelled_at else _STATUSES.get(order.payment, order.payment)
    return {
        "external_id": order.external_id,
        "occurred_at": _moment(order.placed_at),
        "updated_at": _moment(order.updated_at),
        "currency": order.currency,
        "status": status,
        "tax_included": True,
        "lines": [
            {
                "id": str(line.id),
                "sku": line.product.sku,
                "product_id": str(line.product.id),
                "quantity": line.quantity,
                "unit_price": line.product.price,
                "discount": line.discount,
                "tax": line.tax,
                "gift_card": line.product.gift_card,
            }
            for line in order.lines
        ],
        "codes": [order.code] if order.code else [],
        "click_ids": [order.visit.click_id] if order.visit else [],
        **({"customer": {"email": order.buyer.email}} if order.buyer else {}),
        **({"subscription": _subscription(order.subscription)} if order.subscription else {}),
    }


def _subscription(subscription: Subscription) -> Body:
    return {"id": subscription.id, "started_at": _moment(subscription.began)}


def refund(refund: Refund) -> Body:
    """As the API takes it, of an order that its path names."""
    return {
        "external_id": str(refund.id),
        "updated_at": _moment(refund.at),
        "failed": refund.failed,
        "lines": [
            {"id": str(part.line.id), "quantity": part.quantity, "amount": part.price, "tax": part.tax}
            for part in refund.returns
        ],
    }


def request(delivery: Delivery, secret: str, sent_at: datetime) -> tuple[bytes, dict[str, str]]:
    """The body and the headers of a delivery by Standard Webhooks 1.0.0, which signs the time of sending, too."""
    event = {
        "type": "refund.failed" if delivery.refund and delivery.refund.failed else _TYPES[delivery.topic],
        "timestamp": _moment(delivery.at),
        "data": _data(delivery),
    }
    body = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
    stamp = str(int(sent_at.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = hmac.digest(key, f"{delivery.id}.{stamp}.".encode() + body, "sha256")
    return body, {
        "Content-Type": "application/json",
        "webhook-id": delivery.id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
    }


def _data(delivery: Delivery) -> Body:
    if delivery.refund is None:
        return order(delivery.order)
    return {"order_id": delivery.order.external_id, "currency": delivery.order.currency, **refund(delivery.refund)}


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
