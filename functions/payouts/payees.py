"""`/v1/creators/{id}/payout_method` and `…/payee`: where a creator's money goes, and what a brand notes of them."""

from vouch.domain import payout_methods, times
from vouch.http import IF_MATCH, Routes, brand_access
from vouch.service import payees, run_files, sending
from vouch.service.payees import Note
from vouch.store.tables import PayeeItem, PayoutMethod
from vouch.wire import payees as wire

routes = Routes()


@routes.get("/v1/creators/<creator_id>/payout_method", security=brand_access("payouts:read"))
def show_payout_method(creator_id: str) -> wire.PayoutMethod:
    return _shown(payees.method(routes.call.deployment, routes.call.brand, creator_id))


@routes.put(
    "/v1/creators/<creator_id>/payout_method", security=brand_access("payouts:write"), openapi_extensions=IF_MATCH
)
def set_payout_method(creator_id: str, body: wire.NewPayoutMethod) -> wire.PayoutMethod:
    """The destination is checked, sealed, and never shown again. The same again changes nothing.

    For 72 hours after it took another one's place nothing is paid to it, nor to the first one of a creator who was paid
    before without any. The creator hears of the change: at their address, at those that were theirs in the ninety days
    before, and at the PayPal account that was paid until then.
    It changes at most five times in 72 hours.
    """
    call = routes.call
    to = payout_methods.destination(body.type, body.model_dump(exclude={"type"}, exclude_none=True))
    return _shown(payees.method_set(call.deployment, call.brand, creator_id, to, if_match=call.if_match))


@routes.get("/v1/creators/<creator_id>/payee", security=brand_access("payouts:read"))
def show_payee(creator_id: str) -> wire.Payee:
    return wire.Payee.of(payees.noted(routes.call.deployment, routes.call.brand, creator_id))


@routes.put("/v1/creators/<creator_id>/payee", security=brand_access("payouts:write"), openapi_extensions=IF_MATCH)
def set_payee(creator_id: str, body: wire.NewPayee) -> wire.Payee:
    """What is noted from now on, in place of all before. As long as `held` is true nothing is paid.

    What PayPal or Stripe was not sent yet fails within minutes, and no file that is not written yet has it.
    """
    call = routes.call
    said = Note(**body.model_dump(exclude={"tax_id"}), tax_id=body.tax_id if "tax_id" in body.model_fields_set else ...)
    return _noted(payees.note(call.deployment, call.brand, creator_id, said, if_match=call.if_match), creator_id)


@routes.patch("/v1/creators/<creator_id>/payee", security=brand_access("payouts:write"), openapi_extensions=IF_MATCH)
def hold_payee(creator_id: str, body: wire.Hold) -> wire.Payee:
    """As long as `held` is true nothing is paid; what else is noted stays as it is.

    What PayPal or Stripe was not sent yet fails within minutes, and no file that is not written yet has it.
    """
    call = routes.call
    reason = body.held_reason if "held_reason" in body.model_fields_set else ...
    item = payees.held(call.deployment, call.brand, creator_id, held=body.held, reason=reason, if_match=call.if_match)
    return _noted(item, creator_id)


def _noted(item: PayeeItem, creator_id: str) -> wire.Payee:
    if item.held:
        run_files.leave_out_held(routes.call.deployment, routes.call.brand, creator_id)
        sending.look_at_waiting(routes.call.deployment, routes.call.brand, creator_id)
    return wire.Payee.of(item)


def _shown(item: PayoutMethod) -> wire.PayoutMethod:
    end = payees.hold_ends(routes.call.deployment, routes.call.brand, item)
    return wire.PayoutMethod.of(item, on_hold_until=times.short(end) if end else None)
