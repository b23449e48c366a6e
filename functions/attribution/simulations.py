"""`/v1/simulations`: what draft terms would have made of past orders. Nothing is written but what they counted."""

from http import HTTPStatus
from typing import Any, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse

from attribution.orders import Creator, Told
from vouch.deadlines import within
from vouch.domain import spreadsheets
from vouch.domain.errors import Conflict, Unprocessable
from vouch.domain.simulation import Amounts, Change, OrderChange
from vouch.http import Routes, brand_access
from vouch.media import CSV, JSON, preferred
from vouch.service import explanations, simulations
from vouch.store.simulations import terms
from vouch.store.tables import Simulation
from vouch.wire import simulations as wire
from vouch.wire.base import LIMIT, Cursor, Limit, Page
from vouch.wire.explanations import Explanation

routes = Routes()
_SECONDS: Final = 15
_CSV_ROWS_MAX: Final = 30_000
"""Four megabytes; Lambda answers with six at most."""
_COLUMNS: Final = ("creator_id", "program_id", "currency", "before", "after", "delta")
_BEGUN: Final[dict[int, OpenAPIResponse]] = {
    201: {"description": "It is done"},
    202: {"description": "It goes on by itself; ask for it again"},
}
_RESULT: Final[dict[int, OpenAPIResponse]] = {
    200: {
        "description": "The simulation",
        "content": {JSON: {"model": wire.SimulationResult}, CSV: {"schema": {"type": "string"}}},
    }
}


@routes.post(
    "/v1/simulations",
    security=brand_access("simulations:write"),
    status_code=HTTPStatus.CREATED,
    responses=_BEGUN,
)
def create_simulation(body: wire.NewSimulation) -> Response[wire.SimulationResult]:
    call, in_time = routes.call, within(_SECONDS)
    item = simulations.created(
        call.deployment,
        call.mint,
        call.brand,
        program_id=body.program_id,
        terms=body.terms.plain(),
        start=body.start,
        end=body.end,
        in_time=in_time,
    )
    status = HTTPStatus.ACCEPTED if item.status == "running" else HTTPStatus.CREATED
    return Response(status, JSON, _result(item, None))


@routes.get("/v1/simulations", security=brand_access("simulations:read"))
def list_simulations(limit: Limit = LIMIT, cursor: Cursor = None) -> Page[wire.Simulation]:
    """Those of the last 30 days, the newest first."""
    page = simulations.listed(routes.call.deployment, routes.call.brand, limit=limit, cursor=cursor)
    return Page(
        items=[wire.Simulation.model_validate(_plain(item)) for item in page.items], next_cursor=page.next_cursor
    )


@routes.get("/v1/simulations/<simulation_id>", security=brand_access("simulations:read"), responses=_RESULT)
def show_simulation(simulation_id: str, cursor: Cursor = None) -> Any:
    """The largest differences come first. As CSV it comes whole, once it is done."""
    item = simulations.found(routes.call.deployment, routes.call.brand, simulation_id)
    if preferred(routes.current_event.headers.get("accept", ""), (JSON, CSV)) == JSON:
        return _result(item, cursor)
    if item.status != "done":
        raise Conflict("simulation_not_done", status=item.status)
    if item.rows > _CSV_ROWS_MAX:
        raise Unprocessable("simulation_too_long", most=_CSV_ROWS_MAX)
    rows = simulations.every_row(routes.call.deployment, item)
    table = ((*stake, change.before, change.after, change.delta) for stake, change in rows)
    return Response(HTTPStatus.OK, f"{CSV}; charset=utf-8", spreadsheets.text(_COLUMNS, table))


@routes.get("/v1/simulations/<simulation_id>/orders", security=brand_access("simulations:read", "orders:read"))
def list_simulated_orders(
    simulation_id: str, limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[wire.OrderDifference]:
    """The orders that come to something else or are left out, the newest first: the first thousand of them."""
    call = routes.call
    item = simulations.found(call.deployment, call.brand, simulation_id)
    page = simulations.order_changes(call.deployment, call.brand, item, limit=limit, cursor=cursor)
    return Page(items=[_order(change) for change in page.items], next_cursor=page.next_cursor)


@routes.get(
    "/v1/simulations/<simulation_id>/orders/<order_id>/explanation",
    security=brand_access("simulations:read", "orders:read"),
)
def explain_simulated_order(
    simulation_id: str, order_id: str, creator_id: Creator = None, language: Told = None
) -> Explanation:
    """Why the order would have earned whom what by the simulation's draft; `terms_version` 0 is the draft.

    With a `creator_id`, exactly what that creator would be shown of it.

    An order that was placed at another time, or has no candidate of the simulation's program, is not found.
    """
    call = routes.call
    item = simulations.found(call.deployment, call.brand, simulation_id)
    tried = simulations.tried(call.deployment, call.brand, item, order_id)
    explained, spoken = explanations.laid_open(tried, viewer=creator_id), language or call.language
    text = explanations.in_words(call.deployment, call.brand, explained, spoken)
    return Explanation.told(order_id, explained, spoken, text)


def _result(item: Simulation, cursor: str | None) -> wire.SimulationResult:
    page = simulations.rows(routes.call.deployment, routes.call.brand, item, cursor)
    return wire.SimulationResult.model_validate(
        _plain(item)
        | {
            "terms": terms(item),
            "creators": [
                {"creator_id": stake.creator_id, "program_id": stake.program_id, **_difference(stake.currency, change)}
                for stake, change in page.items
            ],
            "rows": item.rows,
            "next_cursor": page.next_cursor,
        }
    )


def _plain(item: Simulation) -> dict[str, Any]:
    said: dict[str, list[int]] = item.totals or {}
    totals = {currency: _difference(currency, Change(*amounts)) for currency, amounts in said.items()}
    is_done, bookmark = item.status == "done", item.bookmark or item.placed_to
    names = ("id", "program_id", "created_at", "status", "orders", "different", "left_out")
    return {name: getattr(item, name) for name in names} | {
        "from": item.placed_from,
        "to": item.placed_to,
        "progress": {
            "orders": item.orders,
            "of": item.orders if is_done else None,
            "back_to": item.placed_from if is_done else bookmark.partition("#")[0],
        },
        "total": totals.get(item.currency, _difference(item.currency, Change())) if is_done else None,
        "totals": list(totals.values()),
    }


def _order(change: OrderChange) -> wire.OrderDifference:
    after = None if change.after is None else _nets(change.after)
    return wire.OrderDifference.of(change, before=_nets(change.before), after=after)


def _nets(amounts: Amounts) -> list[wire.Net]:
    return [
        wire.Net(creator_id=stake.creator_id, program_id=stake.program_id, amount=_sum(stake.currency, amount))
        for stake, amount in sorted(amounts.items())
    ]


def _difference(currency: str, change: Change) -> dict[str, wire.Sum]:
    amounts = {"before": change.before, "after": change.after, "delta": change.delta}
    return {name: _sum(currency, amount) for name, amount in amounts.items()}


def _sum(currency: str, amount: int) -> wire.Sum:
    return wire.Sum(amount=amount, currency=currency)
