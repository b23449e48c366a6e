"""`/v1/payout_runs`: paying many creators at once."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse

from vouch.deadlines import within
from vouch.http import ONLY_ONCE, Routes, brand_access, document
from vouch.service import payout_runs, run_cancelling, run_files, run_parts, run_work
from vouch.service.payout_runs import Wish
from vouch.service.reserving import ALL_WITHHELD, Outcome, Total, totals_of
from vouch.service.run_parts import RunFile
from vouch.store.tables import PayoutRun
from vouch.wire import payouts as wire
from vouch.wire.base import LIMIT, Currency, Cursor, Limit, Page, RailName

routes = Routes()
_SECONDS: Final = 12
"""Small runs are answered ready; larger ones go on by themselves."""
_BYTES_MAX: Final = 4 * 1024 * 1024
"""Lambda answers 6 MB at most, and bytes travel in base64, a third longer."""
_FILE: Final[dict[int, OpenAPIResponse]] = {
    200: {"description": "The file", "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
    303: {
        "description": "Where a larger one is, for a minute; the key does not go there",
        "headers": {"Location": {"schema": {"type": "string"}}},
    },
}


@routes.post("/v1/payout_runs", security=brand_access("payouts:write"), status_code=201, openapi_extensions=ONLY_ONCE)
def create_payout_run(body: wire.NewRun) -> wire.Run:
    """Pays what is available, or lists what would be paid. Needs an `Idempotency-Key`.

    A run of many creators is `preparing` when it is answered, and goes on by itself.
    """
    call, in_time = routes.call, within(_SECONDS)
    wish = Wish(body.rail, body.currency, body.creator_ids, body.dry_run)
    run = payout_runs.started(call.deployment, call.mint, call.brand, wish)
    run = run_work.gone_on(call.deployment, call.brand, run, in_time=in_time)
    return _shown(run)


@routes.get("/v1/payout_runs", security=brand_access("payouts:read"))
def list_payout_runs(limit: Limit = LIMIT, cursor: Cursor = None) -> Page[wire.Run]:
    """The newest first."""
    page = payout_runs.listed(routes.call.deployment, routes.call.brand, limit=limit, cursor=cursor)
    return Page(items=[_shown(run) for run in page.items], next_cursor=page.next_cursor)


@routes.get("/v1/payout_runs/<run_id>", security=brand_access("payouts:read"))
def show_payout_run(run_id: str) -> wire.Run:
    return _shown(payout_runs.found(routes.call.deployment, routes.call.brand, run_id))


@routes.get("/v1/payout_runs/<run_id>/outcomes", security=brand_access("payouts:read"))
def list_payout_run_outcomes(run_id: str, cursor: Cursor = None) -> Page[wire.Outcome]:
    """What the run makes of each creator who has anything, 50 creators a page at most. Of a dry run, the whole list."""
    call = routes.call
    run = payout_runs.found(call.deployment, call.brand, run_id)
    page = payout_runs.outcomes(call.deployment, run, call.brand, cursor=cursor)
    return Page(items=[_outcome(run, each) for each in page.items], next_cursor=page.next_cursor)


@routes.get("/v1/payout_runs/<run_id>/file", security=brand_access("payout_files:read"), responses=_FILE)
def show_payout_run_file(
    run_id: str,
    rail: Annotated[RailName | None, Query(description="Where the run has several files")] = None,
    currency: Annotated[Currency | None, Query(description="Likewise")] = None,
    part: Annotated[int | None, Query(ge=1, description="Where the file has several")] = None,
) -> Any:
    """The file for the bank, the same bytes every time. Above 4 MB it says where they are.

    Names and account numbers stand in it in full, so it has a scope of its own.
    """
    call = routes.call
    kept = run_files.file(call.deployment, call.brand, run_id, rail, currency, part)
    if len(kept.file.content) > _BYTES_MAX:
        location = run_files.address(call.deployment, kept)
        return Response(HTTPStatus.SEE_OTHER, body="", headers={"Location": location})
    headers: dict[str, str | list[str]] = {"Content-Disposition": run_files.disposition(kept.file)}
    return document(kept.file.media_type, kept.file.content, headers)


@routes.post("/v1/payout_runs/<run_id>/cancel", security=brand_access("payouts:write"))
def cancel_payout_run(run_id: str) -> wire.Run:
    """Takes back what was not sent; what is on its way goes on, and says itself what becomes of it."""
    call, in_time = routes.call, within(_SECONDS)
    run = run_cancelling.cancelled(call.deployment, call.brand, run_id, in_time=in_time)
    return _shown(run)


def _shown(run: PayoutRun) -> wire.Run:
    totals = totals_of(run)
    by_currency = [_total(currency, totals) for currency in sorted({total.currency for total in totals})]
    several = len(by_currency) > 1
    return wire.Run.of(
        run,
        total=None if several else sum(each.amount for each in by_currency),
        totals=by_currency,
        progress=wire.RunProgress(
            creators=run.looked_at, chunks=run.chunks, chunks_reserved=run.reserved, chunks_sent=run.sent
        ),
        files=[wire.RunFile.of(each) for each in sorted(run_parts.files_of(run), key=_place)],
        created_at=run.at,
    )


def _place(file: RunFile) -> tuple[str, str, int]:
    return file.rail, file.currency, file.part


def _total(currency: str, totals: Sequence[Total]) -> wire.Total:
    some = [total for total in totals if total.currency == currency]
    amount, withheld = sum(total.amount for total in some), sum(total.withheld for total in some)
    return wire.Total(currency=currency, amount=amount, withheld=withheld, net=amount - withheld)


def _outcome(run: PayoutRun, outcome: Outcome) -> wire.Outcome:
    is_reckoned = outcome.skipped in (None, ALL_WITHHELD)
    return wire.Outcome.of(
        outcome,
        withheld=outcome.withheld if is_reckoned else None,
        net=outcome.amount - outcome.withheld if is_reckoned else None,
        payout_id=None if run.dry_run else outcome.payout_id,
    )
