"""Every reason that an adapter gives is a code of these lists, so that whoever reads of one can look it up."""

import ast
import inspect
import re
from collections.abc import Iterator
from types import ModuleType

import pytest

from vouch.platforms import orders, parsing
from vouch.platforms.registry import PLATFORMS

REFUSALS = {
    "amount_out_of_range",
    "bad_amount",
    "bad_time",
    "currency_mismatch",
    "discount_above_price",
    "duplicate_line",
    "not_json",
    "order_unreadable",
    "other_shop",
    "other_store",
    "platform_refused",
    "refund_of_nothing",
    "shape_mismatch",
    "shop_unclear",
    "shop_unknown",
    "status_missing",
    "store_unknown",
    "tax_above_amount",
    "token_unusable",
    "too_little_said",
    "too_many_items",
    "too_many_lines",
    "too_many_pages",
    "too_many_refunds",
    "unknown_currency",
    "unknown_line",
    "unknown_status",
}
"""Why a delivery is parked (`Unreadable`)."""
DELAYS = {
    "answer_unreadable",
    "not_found",
    "older_than_told",
    "order_behind_event",
    "order_behind_payment",
    "order_unknown",
    "platform_busy",
    "refund_behind_event",
    "refund_not_listed",
    "refund_unknown",
    "status_unknown",
}
"""Why a platform is asked again (`NotYet`)."""
IGNORED = {
    *("unknown_object", "unknown_topic", "unknown_type", "thin_event"),
    *("draft_order", "order_edit", "order_open", "nothing_sold", "cart_converted"),
    *("exchange_order", "replacement_order", "return_order", "sample_order"),
    *("dispute_inquiry", "dispute_without_order", "dispute_without_payment"),
    *("refund_pending", "refund_without_payment"),
    "customers_merged",
    # TikTok Shop
    *("authorisation_expiring", "combined_listing", "conversation", "invoice", "message", "package"),
    *("product_status", "recipient_address", "seller_deauthorised"),
    # Meta
    *("account_linking", "app_roles", "delivery", "message_echo", "message_edit", "no_message", "optin"),
    *("pass_thread_control", "policy_enforcement", "postback", "reaction", "read", "referral"),
    *("request_thread_control", "take_thread_control", "unknown_event"),
}
"""Why a delivery says nothing (`Ignored`)."""
CODE = re.compile(r"[a-z]+(_[a-z]+)*")


def modules() -> list[ModuleType]:
    found = (inspect.getmodule(platform.facts) for platform in PLATFORMS.values())
    return [parsing, orders, *(module for module in found if module is not None)]


def given(name: str) -> Iterator[ast.expr]:
    """What is given as a reason to that exception, or by that method."""
    for module in modules():
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute) and node.args:
                called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                if called == name:
                    yield node.args[0]


COMPUTED = {"f'too_many_{kind}'": {"too_many_items", "too_many_lines"}}


def spelled(reason: ast.expr) -> set[str]:
    """The codes that an expression comes to; none of what hands on a reason that it was given."""
    match reason:
        case ast.Constant(value=str(code)):
            return {code}
        case ast.Name():
            return set()
        case _:
            return COMPUTED[ast.unparse(reason)]


@pytest.mark.parametrize("reasons, names", [(REFUSALS, ("Unreadable", "refusal")), (DELAYS, ("NotYet",))])
def test_every_reason_that_is_given_is_known_and_every_known_one_is_given(
    reasons: set[str], names: tuple[str, ...]
) -> None:
    assert {code for name in names for reason in given(name) for code in spelled(reason)} == reasons


def test_reasons_are_codes() -> None:
    assert all(CODE.fullmatch(reason) for reason in REFUSALS | DELAYS | IGNORED)
