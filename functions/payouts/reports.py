"""`/v1/reports/yearly`, `/v1/reports/thresholds`: what a year brought each creator, and whom to look at."""

from collections.abc import Iterator
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse

from vouch.deadlines import within
from vouch.domain import spreadsheets
from vouch.domain.spreadsheets import Row
from vouch.http import IF_MATCH, Routes, brand_access
from vouch.media import CSV, JSON, preferred
from vouch.service import yearly
from vouch.service.yearly import Total, Totals
from vouch.store import thresholds
from vouch.store.tables import ThresholdList
from vouch.store.thresholds import Threshold
from vouch.wire import reports as wire
from vouch.wire.accounts import Unchecked
from vouch.wire.base import Currency, Cursor

routes = Routes()
_SECONDS: Final = 15
_TOO_LARGE: Final = "account_too_large"
_COLUMNS: Final = (
    *("creator_id", "name", "country", "entity", "tax_form", "tax_id_noted", "currency", "rail", "withheld_for"),
    *("earned", "paid", "withheld", "over_threshold", "left_out"),
)
_TOTALS: Final[dict[int, OpenAPIResponse]] = {
    200: {
        "description": "A page of them",
        "headers": {"Link": {"description": "Of CSV, where the next page is", "schema": {"type": "string"}}},
        "content": {JSON: {"model": wire.YearlyTotals}, CSV: {"schema": {"type": "string"}}},
    }
}


@routes.get("/v1/reports/yearly", security=brand_access("reports:read"), responses=_TOTALS)
def show_yearly_totals(
    number: wire.YearNumber,
    currency: Annotated[Currency | None, Query()] = None,
    limit: wire.CreatorLimit = wire.CREATOR_LIMIT,
    cursor: Cursor = None,
) -> Any:
    """By creator and currency, in the order in which the creators were added. A page may be short though more follow.

    As CSV (`Accept: text/csv`) what was earned stands in a line without a rail, and what each rail paid, with tax for
    each country, in one of its own, so that every column can be added up. The next page is where the header `Link`
    says, or at `cursor` in it.
    """
    call, in_time = routes.call, within(_SECONDS)
    page = yearly.totals(
        call.deployment,
        call.brand,
        number,
        currency=currency,
        limit=limit,
        cursor=cursor,
        in_time=in_time,
    )
    if preferred(routes.current_event.headers.get("accept", ""), (JSON, CSV)) == JSON:
        return _shown(page)
    headers = dict[str, str | list[str]]()
    if page.next_cursor is not None:
        asked = {"year": number, "currency": currency, "limit": limit, "cursor": page.next_cursor}
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        headers["Link"] = f'</v1/reports/yearly?{query}>; rel="next"'
    return Response(HTTPStatus.OK, f"{CSV}; charset=utf-8", spreadsheets.text(_COLUMNS, _rows(page)), headers=headers)


@routes.get("/v1/reports/thresholds", security=brand_access("reports:read"))
def show_yearly_thresholds() -> wire.Thresholds:
    return _list(thresholds.thresholds(routes.call.deployment.database, routes.call.brand.id))


@routes.put("/v1/reports/thresholds", security=brand_access("reports:write"), openapi_extensions=IF_MATCH)
def replace_yearly_thresholds(body: wire.NewThresholds) -> wire.Thresholds:
    call = routes.call
    wanted = [Threshold(**each.model_dump()) for each in body.thresholds]
    return _list(yearly.changed_thresholds(call.deployment, call.brand, wanted, if_match=call.if_match))


def _list(item: ThresholdList) -> wire.Thresholds:
    listed = [wire.Threshold.model_validate(each, from_attributes=True) for each in thresholds.listed(item)]
    return wire.Thresholds(thresholds=listed, version=item.version)


def _shown(page: Totals) -> wire.YearlyTotals:
    year = page.year
    return wire.YearlyTotals.model_validate(
        {
            "year": year.number,
            "time_zone": year.time_zone,
            "from": year.begins,
            "to": year.ends,
            "as_of": year.as_of,
            "items": [_total(total) for total in page.totals],
            "left_out": [Unchecked(creator_id=creator.id, code=_TOO_LARGE) for creator in page.left_out],
            "next_cursor": page.next_cursor,
        }
    )


def _whose(total: Total) -> dict[str, Any]:
    payee = total.payee
    return {
        "creator_id": total.creator.id,
        "name": total.creator.name,
        "country": payee.country if payee else None,
        "entity": payee.entity if payee else None,
        "tax_form": payee.tax_form if payee else None,
        "tax_id_noted": payee is not None and payee.tax_id is not None,
    }


def _total(total: Total) -> wire.YearlyTotal:
    return wire.YearlyTotal.of(
        total,
        **_whose(total),
        rails=[wire.PaidByRail.of(each) for each in total.rails],
        over_threshold=list(total.reached),
    )


def _rows(page: Totals) -> Iterator[Row]:
    for cells in _cells(page):
        yield [cells.get(column) for column in _COLUMNS]


def _cells(page: Totals) -> Iterator[dict[str, Any]]:
    """By column, those that are not empty."""
    for total in page.totals:
        whose = _whose(total) | {"currency": total.currency}
        whose["tax_id_noted"] = "yes" if whose["tax_id_noted"] else "no"
        earned = {"earned": total.earned, "paid": 0, "withheld": 0, "over_threshold": "; ".join(total.reached)}
        yield whose | earned
        yield from (whose | {"earned": 0} | asdict(each) for each in total.rails)
    for creator in page.left_out:
        yield {"creator_id": creator.id, "name": creator.name, "left_out": _TOO_LARGE}
