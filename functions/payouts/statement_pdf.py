"""`/v1/creators/{id}/statement.pdf`: the statement on paper."""

from typing import Annotated, Any, Final

from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse

from vouch.http import Api, Routes, brand_access, document
from vouch.media import PDF
from vouch.service import statement_papers, statements
from vouch.wire import accounts as wire
from vouch.wire.base import Currency, Language, Moment

routes = Routes()
_LINES_MAX: Final = 3_000
"""A hundred pages, half a megabyte, and a few seconds."""
_PAPER: Final[dict[int, OpenAPIResponse]] = {
    200: {"description": "The paper, A4", "content": {PDF: {"schema": {"type": "string", "format": "binary"}}}}
}


@routes.get("/v1/creators/<creator_id>/statement.pdf", security=brand_access("balances:read"), responses=_PAPER)
def print_creator_statement(
    creator_id: str,
    currency: Annotated[Currency, Query()],
    month: wire.StatementMonth = None,
    start: Annotated[Moment | None, Query(alias="from")] = None,
    end: Annotated[Moment | None, Query(alias="to")] = None,
    language: Annotated[Language | None, Query(description="The creator's own, unless it is said")] = None,
) -> Any:
    """The statement as PDF, for a month or for what `from` and `to` say: not a tax invoice.

    It is in the creator's language whoever asks: `Accept-Language` is about refusals alone. Its number is the same
    whenever the same range is asked for. A range with more than 3 000 entries is refused with `statement_too_long`.
    """
    # The layer of papers is that of StatementFunction alone, and the description of this route is given by another one.
    from documents import statements as papers  # noqa: PLC0415

    call = routes.call
    start, end = statements.bounds(call.deployment, call.brand, start, end, month)
    paper = statement_papers.paper(
        *(call.deployment, call.brand, creator_id, currency),
        start=start,
        end=end,
        language=language,
        limit=_LINES_MAX,
    )
    headers: dict[str, str | list[str]] = {
        "Content-Disposition": f'inline; filename="{paper.number}.pdf"',
        "Content-Language": paper.language,
    }
    return document(PDF, papers.drawn(paper), headers)


api = Api(routes)
