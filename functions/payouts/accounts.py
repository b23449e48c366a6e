"""`/v1/creators/{id}/balances`, `…/statement`, `/v1/ledger/verify`: what the books say, and that they are right."""

import json
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse

from vouch.deadlines import within
from vouch.domain import times
from vouch.domain.account import Figures
from vouch.domain.buckets import KeptFigures
from vouch.domain.errors import Unprocessable
from vouch.http import Routes, brand_access
from vouch.media import CSV, JSON, PDF, preferred
from vouch.service import accounts, pages, statements
from vouch.service import verify as verification
from vouch.service.statements import Bookmark, Statement
from vouch.service.turns import Time
from vouch.wire import accounts as wire
from vouch.wire.base import Currency, Cursor, Moment

routes = Routes()
_SECONDS: Final = 20
_CSV_ENTRIES_MAX: Final = 20_000
"""Three megabytes and a few seconds; Lambda answers with six at most."""
_STATEMENT: Final[dict[int, OpenAPIResponse]] = {
    200: {
        "description": "The statement",
        "content": {JSON: {"model": wire.Statement}, CSV: {"schema": {"type": "string"}}},
    },
    303: {"description": "Where it is as PDF", "headers": {"Location": {"schema": {"type": "string"}}}},
}


@routes.get("/v1/creators/<creator_id>/balances", security=brand_access("balances:read"))
def show_creator_balances(creator_id: str) -> list[wire.Balance | wire.KeptBalance]:
    """Exact, at this moment. Only those of a huge account may be seconds behind: they say `as_of` when they are."""
    call = routes.call
    found = accounts.balances(call.deployment, call.brand, creator_id)
    return [_balance(currency, figures) for currency, figures in found.items()]


@routes.get("/v1/creators/<creator_id>/statement", security=brand_access("balances:read"), responses=_STATEMENT)
def show_creator_statement(
    creator_id: str,
    currency: Annotated[Currency, Query()],
    month: wire.StatementMonth = None,
    start: Annotated[Moment | None, Query(alias="from")] = None,
    end: Annotated[Moment | None, Query(alias="to")] = None,
    limit: wire.StatementLimit = wire.STATEMENT_LIMIT,
    cursor: Cursor = None,
) -> Any:
    """From the beginning until now, unless `month`, or `from` and `to`, say otherwise.

    `Accept` decides between JSON, CSV and PDF: what it gives the greatest weight, of equals what it names first, and
    JSON where it is content with anything. As CSV it comes whole, in one piece; where it is longer than that,
    `statement_too_long` asks for a shorter range. As PDF it is at `…/statement.pdf`, where the answer leads.
    """
    call = routes.call
    wanted = preferred(routes.current_event.headers.get("accept", ""), (JSON, CSV, PDF))
    if wanted == PDF:
        return _led_to_paper(creator_id)
    start, end = statements.bounds(call.deployment, call.brand, start, end, month)
    if wanted == CSV:
        whole = statements.statement(
            call.deployment, call.brand, creator_id, currency, start=start, end=end, limit=_CSV_ENTRIES_MAX
        )
        if whole.next is not None:
            raise Unprocessable("statement_too_long", param="from", most=_CSV_ENTRIES_MAX)
        return Response(HTTPStatus.OK, f"{CSV}; charset=utf-8", statements.csv_text(whole))
    scope = f"{call.brand.id}/{creator_id}/{currency}/{start}/{end}/statement"
    after = None
    if cursor is not None:
        # The end is pinned by the first page, or entries that mature meanwhile would change the sums under way.
        *turn, balance, until = pages.opened(call.deployment, scope, cursor)
        after, end = Bookmark(tuple(turn), int(balance)), times.parse(until)
    page = statements.statement(
        call.deployment, call.brand, creator_id, currency, start=start, end=end, limit=limit, after=after
    )
    return _shown(creator_id, page, _following(scope, page))


@routes.get("/v1/ledger/verify", security=brand_access("ledger:read"))
def verify_ledger(cursor: wire.VerifyCursor = None) -> wire.Verification:
    """Goes through all books of the brand, or as far as 20 seconds reach; `cursor` goes on from there.

    An account that takes longer than a whole call (from about 100 000 entries on) is named in `unchecked`, and the
    nightly check of all books has to do: it has the time for a million.
    """
    call, in_time = routes.call, within(_SECONDS)
    scope = f"{call.brand.id}/verify"
    position = json.loads(pages.opened(call.deployment, scope, cursor)[0]) if cursor is not None else None
    allowed = Time(in_time, in_time)
    report = verification.verify(call.deployment, call.brand, position, time=allowed)
    following = json.dumps(report.next_cursor) if report.next_cursor else None
    return wire.Verification(
        ok=report.ok,
        checked=report.checked,
        violations=[wire.Violation.of(violation) for violation in report.violations],
        unchecked=[wire.Unchecked(creator_id=creator_id, code="account_too_large") for creator_id in report.unchecked],
        next_cursor=pages.sealed(call.deployment, scope, [following]) if following else None,
        as_of=times.short(report.as_of),
    )


def _balance(currency: str, figures: Figures) -> wire.Balance | wire.KeptBalance:
    model = wire.KeptBalance if isinstance(figures, KeptFigures) else wire.Balance
    return model(currency=currency, **asdict(figures))


def _led_to_paper(creator_id: str) -> Response[str]:
    asked = urlencode(parse_qsl(routes.current_event.raw_event.get("rawQueryString", "")))
    location = f"/v1/creators/{quote(creator_id, safe='')}/statement.pdf?{asked}"
    return Response(HTTPStatus.SEE_OTHER, body="", headers={"Location": location})


def _following(scope: str, page: Statement) -> str | None:
    if page.next is None:
        return None
    last = page.next
    position = [*last.turn, str(last.balance), times.text(page.end)]
    return pages.sealed(routes.call.deployment, scope, position)


def _shown(creator_id: str, page: Statement, following: str | None) -> wire.Statement:
    return wire.Statement.model_validate(
        {
            "creator_id": creator_id,
            "currency": page.currency,
            "from": page.start,
            "to": page.end,
            "opening": page.opening,
            "closing": page.closing,
            "entries": [wire.Entry.of(line) for line in page.entries],
            "totals": wire.Totals.of(page.totals),
            "next_cursor": following,
        }
    )
