"""`/v1/fx_rates`: what one currency was in another, day by day."""

from http import HTTPStatus
from typing import Annotated, Final

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse

from vouch.domain.rates import decimal
from vouch.http import Routes, brand_access
from vouch.service import rates
from vouch.store.tables import RateItem
from vouch.wire import rates as wire
from vouch.wire.base import LIMIT, Currency, Cursor, Limit, Page

routes = Routes()
_FIXED: Final[dict[int, OpenAPIResponse]] = {
    200: {"description": "The rate, which was known already"},
    201: {"description": "The rate, which is new"},
}


@routes.post("/v1/fx_rates", security=brand_access("fx_rates:write"), status_code=HTTPStatus.CREATED, responses=_FIXED)
def fix_exchange_rate(body: wire.NewRate) -> Response[wire.Rate]:
    """For a program that converts, an order takes the last rate before it was placed, of whatever source."""
    call = routes.call
    item, new = rates.fixed(
        call.deployment,
        call.brand,
        from_currency=body.from_currency,
        to_currency=body.to_currency,
        rate=body.rate,
        at=body.at,
        source=body.source,
    )
    return Response(HTTPStatus.CREATED if new else HTTPStatus.OK, "application/json", _shown(item))


@routes.get("/v1/fx_rates", security=brand_access("fx_rates:read"))
def list_exchange_rates(
    from_currency: Annotated[Currency, Query(alias="from")],
    to_currency: Annotated[Currency, Query(alias="to")],
    limit: Limit = LIMIT,
    cursor: Cursor = None,
) -> Page[wire.Rate]:
    """The newest first."""
    call = routes.call
    page = rates.listed(call.deployment, call.brand, from_currency, to_currency, limit=limit, cursor=cursor)
    return Page(items=[_shown(item) for item in page.items], next_cursor=page.next_cursor)


def _shown(item: RateItem) -> wire.Rate:
    return wire.Rate.model_validate(
        {
            "from": item.from_currency,
            "to": item.to_currency,
            "rate": decimal(item.numerator, item.denominator),
            "at": item.at,
            "source": item.source,
            "created_at": item.created_at,
        }
    )
