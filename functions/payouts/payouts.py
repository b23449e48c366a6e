"""`/v1/payouts`: what became of each creator's amount of a run."""

from typing import Final

from vouch.deadlines import within
from vouch.http import IF_MATCH, Routes, brand_access
from vouch.service import payouts, sending
from vouch.store import payouts as items
from vouch.store.tables import PayoutItem
from vouch.wire import payouts as wire
from vouch.wire.base import LIMIT, Cursor, Filter, Limit, Page

routes = Routes()
_SECONDS: Final = 20


@routes.get("/v1/payouts", security=brand_access("payouts:read"))
def list_payouts(
    status: wire.PayoutStatus = None,
    creator_id: Filter = None,
    run_id: Filter = None,
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Page[wire.Payout]:
    """The newest first. With a status a page may hold fewer than `limit` while `next_cursor` is set."""
    call = routes.call
    if run_id is not None:
        page = payouts.of_run(
            call.deployment, call.brand, run_id, status=status, creator_id=creator_id, limit=limit, cursor=cursor
        )
    else:
        page = payouts.listed(
            call.deployment, call.brand, status=status, creator_id=creator_id, limit=limit, cursor=cursor
        )
    return Page(items=[_shown(item) for item in page.items], next_cursor=page.next_cursor)


@routes.get("/v1/payouts/<payout_id>", security=brand_access("payouts:read"))
def show_payout(payout_id: str) -> wire.PayoutInFull:
    call = routes.call
    item = payouts.found(call.deployment, call.brand.id, payout_id)
    attempts = [
        wire.Attempt(at=attempt.at, key=attempt.key)
        for attempt in items.attempts(call.deployment.database, call.brand.id, payout_id)
    ]
    return wire.PayoutInFull.of(item, **_computed(item), attempts=attempts)


@routes.post("/v1/payouts/<payout_id>/settle", security=brand_access("payouts:write"), openapi_extensions=IF_MATCH)
def settle_payout(payout_id: str, body: wire.Settled) -> wire.Payout:
    """The brand's bank has paid it; for rails of files, once the run's file is written.

    The same reference again changes nothing, but for a word of one key that it came back: that is taken back.

    Of a payout by a rail's API only the rail says that. Where it has paid another amount than ours, or where after
    forty days the account that sent it is gone, or knows nothing of it, or does not say, a person's word is taken: it
    asks for the scope `adjustments:write`, too.
    """
    call, in_time = routes.call, within(_SECONDS)
    item = sending.said_paid(
        call.deployment, call.brand, call.key, payout_id, body.reference, if_match=call.if_match, in_time=in_time
    )
    return _shown(item)


@routes.post("/v1/payouts/<payout_id>/fail", security=brand_access("payouts:write"), openapi_extensions=IF_MATCH)
def fail_payout(payout_id: str, body: wire.Failed) -> wire.Payout:
    """The bank could not pay it, or paid it and it came back: the creator has it available again.

    One that is not in a file yet is left out of it. So what this means follows from the `status`, which may change
    under your hand: with the `version` that you have seen as `If-Match` it is done as you meant it, or refused.

    That a payout came back adds to what a creator has, like an adjustment: it also asks for the scope
    `adjustments:write`, and above the brand's `adjustment_limit` for another key that gives the same reason within
    seven days. Until then the payout is `settled`, and `fail_asked` the first word.

    Of a payout by a rail's API only the rail says that. One that was not sent yet may be called off here, and one of
    which nobody knows what became may be given up once the rail would not recognise another try, and knows of none.
    Where after forty days the account that sent it is gone, or knows nothing of it, or does not say, it is taken from
    who may adjust, and above the limit from two of them, likewise.
    """
    call, in_time = routes.call, within(_SECONDS)
    item = sending.said_failed(
        call.deployment, call.brand, call.key, payout_id, body.reason, if_match=call.if_match, in_time=in_time
    )
    return _shown(item)


def _shown(item: PayoutItem) -> wire.Payout:
    return wire.Payout.of(item, **_computed(item))


def _computed(item: PayoutItem) -> dict[str, object]:
    return {
        "net": item.amount - item.withheld,
        "destination": item.shown,
        "carried": wire.RailAmount.read(item.carried),
        "came_back": wire.RailAmount.read(item.came_back),
        "fail_asked": wire.FailAsked.read(item.fail_asked),
    }
