"""`/v1/rail_statements`, `/v1/reports/clearing`: what rails say of the money, held against the books."""

from vouch.domain import times
from vouch.domain.clearing import Line
from vouch.http import Routes, brand_access
from vouch.service import clearing
from vouch.wire import clearing as wire
from vouch.wire.base import Cursor

routes = Routes()


@routes.post("/v1/rail_statements/<rail>", security=brand_access("reports:write"))
def submit_rail_statement(rail: str, body: wire.RailStatement) -> wire.Taken:
    """Takes lines of the rail's own statement, each once: the same again is no news, but is looked for again.

    A line that says something else than before is refused, and nothing behind it is taken.
    """
    lines = [
        Line(each.id, each.at, each.amount, each.currency, each.reference, each.payout_id, each.step)
        for each in body.lines
    ]
    return wire.Taken.of(clearing.taken(routes.call.deployment, routes.call.brand, rail, lines))


@routes.get("/v1/reports/clearing", security=brand_access("reports:read"))
def show_clearing_report(
    rail: wire.OfRail,
    currency: wire.OfCurrency,
    start: wire.Start = None,
    end: wire.End = None,
    cursor: Cursor = None,
) -> wire.Clearing:
    """What went through a rail by the books and by its own statement, and what either of them has alone."""
    call = routes.call
    found = clearing.report(
        call.deployment, call.brand, rail, currency, start or times.EPOCH, end or times.END, cursor=cursor
    )
    return wire.Clearing.model_validate(
        {
            "rail": rail,
            "currency": currency,
            "from": start,
            "to": end,
            "ledger_total": found.ledger_total,
            "statement_total": found.statement_total,
            "difference": found.difference,
            "matched": found.matched,
            "unmatched": [wire.Unmatched.of(each) for each in found.unmatched],
            "next_cursor": found.next_cursor,
        }
    )
