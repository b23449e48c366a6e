"""Orders, refunds and disputes as Shopify's webhooks carry them: every field of a real body, signed as Shopify signs.

What never varies in a body stands in shopify.json.
"""

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from local.demo.people import SHOP, STOREFRONT, Buyer
from local.demo.sales import CURRENCY, VAT_PERCENT, Dispute, Line, Order, Refund, Return
from local.demo.story import Delivery

type Body = dict[str, Any]

# No status that Shopify documents, so none that an adapter may guess at.
_OF_KIND: dict[str, Body] = {"unreadable": {"financial_status": "in_dispute"}}
_CONSTANT: dict[str, Body] = json.loads(Path(__file__).with_suffix(".json").read_text())


def order(order: Order) -> Body:
    token = hashlib.sha256(order.external_id.encode()).hexdigest()[:32]
    body: Body = _CONSTANT["order"] | {
        "id": order.id,
        "admin_graphql_api_id": _gid("Order", order.id),
        "name": f"#{order.number}",
        "number": order.number - 1000,
        "order_number": order.number,
        "confirmation_number": token[:9].upper(),
        "token": token,
        "cart_token": token[8:],
        "checkout_token": token[::-1],
        "order_status_url": f"https://{SHOP}/61738811466/orders/{token}/authenticate?key={token[:16]}",
        "created_at": _moment(order.placed_at),
        "processed_at": _moment(order.placed_at),
        "updated_at": _moment(order.updated_at),
        "cancelled_at": _moment(order.cancelled_at) if order.cancelled_at else None,
        "cancel_reason": "customer" if order.cancelled_at else None,
        "financial_status": order.payment,
        "currency": CURRENCY,
        "presentment_currency": CURRENCY,
        "test": order.test,
        "source_name": order.source,
        "line_items": [_line(line, line.current - order.count_returned(line)) for line in order.lines],
        "refunds": [refund_of(order, refund) for refund in order.refunds],
        "total_weight": sum(line.quantity for line in order.lines) * _CONSTANT["line"]["grams"],
    }
    return body | _amounts(order) | _shipping(order) | _evidence(order) | _buyer(order)


def refund_of(order: Order, refund: Refund) -> Body:
    at = _moment(refund.at)
    given_back = sum(part.price for part in refund.returns)
    transaction = _CONSTANT["transaction"] | {
        "id": refund.id + 60,
        "admin_graphql_api_id": _gid("OrderTransaction", refund.id + 60),
        "amount": _decimal(given_back),
        "currency": CURRENCY,
        "created_at": at,
        "processed_at": at,
        "order_id": order.id,
        "parent_id": refund.id + 50,
        "payment_id": f"#{order.number}.1",
        "total_unsettled_set": {
            side: {"amount": "0.0", "currency": CURRENCY} for side in ("shop_money", "presentment_money")
        },
    }
    return _CONSTANT["refund"] | {
        "id": refund.id,
        "admin_graphql_api_id": _gid("Refund", refund.id),
        "order_id": order.id,
        "created_at": at,
        "processed_at": at,
        "total_duties_set": _bag(0),
        "order_adjustments": [],
        "transactions": [transaction],
        "refund_line_items": [_refund_line(refund.id + 10 + place, part) for place, part in enumerate(refund.returns)],
    }


def dispute_of(order: Order, dispute: Dispute) -> Body:
    """A chargeback; Shopify's word for one that is open is that somebody looks at it."""
    return {
        "id": dispute.id,
        "order_id": order.id,
        "type": "chargeback",
        "amount": _decimal(sum(line.price for line in order.lines) + order.shipping),
        "currency": CURRENCY,
        "reason": "fraudulent",
        "network_reason_code": "4837",
        "status": "under_review" if dispute.status == "open" else dispute.status,
        "evidence_due_by": _moment(dispute.began + timedelta(days=20)),
        "evidence_sent_on": None,
        "finalized_on": _moment(dispute.ended) if dispute.ended else None,
        "initiated_at": _moment(dispute.began),
    }


def request(delivery: Delivery, secret: str) -> tuple[bytes, dict[str, str]]:
    """The body and the headers of a delivery; sent again it is the same."""
    body = encoded(_body(delivery))
    return body, {
        "Content-Type": "application/json",
        "X-Shopify-Topic": delivery.topic,
        "X-Shopify-Hmac-Sha256": base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode(),
        "X-Shopify-Shop-Domain": SHOP,
        "X-Shopify-API-Version": "2026-04",
        "X-Shopify-Webhook-Id": delivery.id,
        "X-Shopify-Triggered-At": delivery.at.isoformat(timespec="milliseconds"),
        "X-Shopify-Event-Id": hashlib.sha256(delivery.id.encode()).hexdigest()[:32],
    }


def _body(delivery: Delivery) -> Body:
    if delivery.refund is not None:
        return refund_of(delivery.order, delivery.refund)
    if delivery.dispute is not None:
        return dispute_of(delivery.order, delivery.dispute)
    return order(delivery.order) | _OF_KIND.get(delivery.kind, {})


def encoded(body: Body) -> bytes:
    """As Shopify writes it: compact, with slashes, ampersands and angle brackets escaped."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e").encode()


def _line(line: Line, current: int) -> Body:
    product, discount = line.product, line.discount
    taxes = [] if product.gift_card else [_tax(line.tax)]
    allocations = [{"amount": _decimal(discount), "amount_set": _bag(discount), "discount_application_index": 0}]
    body = _CONSTANT["line"] | {
        "id": line.id,
        "admin_graphql_api_id": _gid("LineItem", line.id),
        "product_id": product.id,
        "variant_id": product.id + 10**13,
        "sku": product.sku,
        "name": product.title,
        "title": product.title,
        "quantity": line.quantity,
        "current_quantity": current,
        "fulfillable_quantity": current,
        "gift_card": product.gift_card,
        "requires_shipping": not product.gift_card,
        "taxable": not product.gift_card,
        "tax_lines": taxes,
        "discount_allocations": allocations if discount else [],
    }
    return body | _money("price", product.price) | _money("total_discount", 0)


def _refund_line(refund_line_id: int, part: Return) -> Body:
    return _CONSTANT["refund_line"] | {
        "id": refund_line_id,
        "line_item_id": part.line.id,
        "quantity": part.quantity,
        "subtotal": part.price / 100,
        "subtotal_set": _bag(part.price),
        "total_tax": part.tax / 100,
        "total_tax_set": _bag(part.tax),
        "line_item": _line(part.line, part.line.quantity - part.quantity),
    }


def _amounts(order: Order) -> Body:
    gross = sum(line.quantity * line.product.price for line in order.lines)
    goods = sum(line.price for line in order.lines)
    tax = sum(line.tax for line in order.lines)
    returned = [part for refund in order.refunds for part in refund.returns]
    left, left_tax = goods - sum(part.price for part in returned), tax - sum(part.tax for part in returned)
    amounts = {
        "subtotal_price": goods,
        "total_line_items_price": gross,
        "total_discounts": gross - goods,
        "total_price": goods + order.shipping,
        "total_tax": tax,
        "current_subtotal_price": left,
        "current_total_discounts": gross - goods,
        "current_total_price": left + order.shipping,
        "current_total_tax": left_tax,
    }
    sets = {
        "current_shipping_price_set": order.shipping,
        "total_shipping_price_set": order.shipping,
        "total_cash_rounding_payment_adjustment_set": 0,
        "total_cash_rounding_refund_adjustment_set": 0,
    }
    body = {name: value for key, amount in amounts.items() for name, value in _money(key, amount).items()}
    owed = goods + order.shipping if order.payment == "pending" else 0
    return {
        **body,
        **{key: _bag(amount) for key, amount in sets.items()},
        "tax_lines": [_tax(tax)],
        "total_outstanding": _decimal(owed),
        "total_tip_received": "0.00",
    }


def _shipping(order: Order) -> Body:
    if not order.shipping:
        return {"shipping_lines": []}
    line = _CONSTANT["shipping_line"] | {"id": order.id + 500, "current_discounted_price_set": _bag(order.shipping)}
    return {"shipping_lines": [line | _money("price", order.shipping) | _money("discounted_price", order.shipping)]}


def _evidence(order: Order) -> Body:
    """The code as typed, and the click id where the storefront's snippet and the landing page leave it."""
    discount = sum(line.discount for line in order.lines)
    codes, applications, notes, landing = [], [], [], "/"
    if order.code:
        codes.append({"code": order.code, "amount": _decimal(discount), "type": "percentage"})
        applications.append(
            {
                "target_type": "line_item",
                "type": "discount_code",
                "value": "10.0",
                "value_type": "percentage",
                "allocation_method": "across",
                "target_selection": "all",
                "code": order.code,
            }
        )
    if order.visit:
        notes.append({"name": "ref", "value": order.visit.click_id})
        landing = f"/?utm_source=creator&ref={order.visit.click_id}"
    return {
        "discount_codes": codes,
        "discount_applications": applications,
        "note_attributes": notes,
        "landing_site": landing if order.source == "web" else None,
        "referring_site": f"https://{STOREFRONT}/" if order.source == "web" else None,
    }


def _buyer(order: Order) -> Body:
    """At the till nobody asks for a name."""
    buyer = order.buyer
    if buyer is None:
        nobody = ("email", "contact_email", "customer", "billing_address", "shipping_address")
        return {"browser_ip": None, "client_details": None} | dict.fromkeys(nobody)
    address = _CONSTANT["address"] | _names(buyer)
    since = _moment(order.placed_at)
    customer_id = 6_100_000_000_000 + buyer.number
    customer = _CONSTANT["customer"] | {
        "id": customer_id,
        "admin_graphql_api_id": _gid("Customer", customer_id),
        "email": buyer.email,
        "created_at": since,
        "updated_at": since,
        "first_name": buyer.first_name,
        "last_name": buyer.last_name,
        "currency": CURRENCY,
        "default_address": address
        | {"id": customer_id + 1, "customer_id": customer_id, "country_name": address["country"], "default": True},
    }
    return {
        "browser_ip": "203.0.113.24",
        "client_details": _CONSTANT["client"] | {"browser_ip": "203.0.113.24"},
        "email": buyer.email,
        "contact_email": buyer.email,
        "customer": customer,
        "billing_address": address,
        "shipping_address": address,
    }


def _names(buyer: Buyer) -> Body:
    return {
        "first_name": buyer.first_name,
        "last_name": buyer.last_name,
        "name": f"{buyer.first_name} {buyer.last_name}",
    }


def _tax(amount: int) -> Body:
    return {"channel_liable": False, "rate": VAT_PERCENT / 100, "title": "VAT", **_money("price", amount)}


def _money(key: str, amount: int) -> Body:
    return {key: _decimal(amount), f"{key}_set": _bag(amount)}


def _bag(amount: int) -> Body:
    money = {"amount": _decimal(amount), "currency_code": CURRENCY}
    return {"shop_money": money, "presentment_money": money}


def _decimal(agorot: int) -> str:
    return f"{agorot // 100}.{agorot % 100:02}"


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _gid(kind: str, number: int) -> str:
    return f"gid://shopify/{kind}/{number}"
