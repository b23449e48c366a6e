"""`/r/{slug}`: sends visitors where a creator's link leads, and draws the link as a QR code.

`/embed.js`, what the shop then loads, is answered here too: no other public path imports so little. And so is
`/deletions/{id}`, where somebody who asked a platform to have us forget them reads what became of it.
"""

import base64
import io
import json
from functools import cache, lru_cache
from typing import Any

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit

from referrals import embed, pages
from vouch import messages, problems
from vouch.domain import ids, times, visits
from vouch.domain.errors import MethodNotAllowed
from vouch.service.deployment import deployment
from vouch.service.redirects import Redirects
from vouch.store import privacy

Answer = dict[str, Any]
Told = dict[str, str]

_HEADERS = {
    "content-type": "text/plain",
    "cache-control": "no-store",
    # The shop may learn which site its visitor comes from, not which page.
    "referrer-policy": "strict-origin-when-cross-origin",
    "x-robots-tag": "noindex",
}
_METHODS = "GET, HEAD"
_DELETIONS = "/deletions/"
_QR_TYPES = {"qr.svg": "image/svg+xml", "qr.png": "image/png"}
_QR_HEADERS = {
    "cache-control": "public, max-age=86400",
    "content-security-policy": "default-src 'none'",
    "x-content-type-options": "nosniff",
}


def handler(event: dict[str, Any], context: Any) -> Answer:
    """Never raises: of an exception the visitor would see a bare 502."""
    try:
        answer, told = _warmed() if event.get("warm") else _answered(event, context)
    except Exception:  # noqa: BLE001 - the docstring's reason
        _logger().exception("a visitor could not be answered")
        answer, told = _page(503, "failed", event), {"outcome": "failed"}
        answer["headers"]["retry-after"] = "5"
    _tell(told, context)
    return answer


def _answered(event: dict[str, Any], context: Any) -> tuple[Answer, Told]:
    method = event["requestContext"]["http"]["method"]
    if method not in {"GET", "HEAD"}:
        return _refused(event, context), {"outcome": "method"}
    slug, _, rest = event["rawPath"].removeprefix("/r/").lower().partition("/")
    answered: tuple[Answer, Told] | None
    if event["rawPath"] == embed.PATH:
        answered = _embedded(event)
    elif event["rawPath"].startswith(_DELETIONS):
        answered = _erasure(event["rawPath"].removeprefix(_DELETIONS), event)
    elif not visits.SLUG.fullmatch(slug):
        answered = None
    elif rest in _QR_TYPES:
        answered = _drawn(slug, rest)
    else:
        answered = None if rest else _sent(slug, method, event)
    answer, told = answered or (_page(404, "missing", event), {"outcome": "missing"})
    return (answer | {"body": "", "isBase64Encoded": False} if method == "HEAD" else answer), told


def _sent(slug: str, method: str, event: dict[str, Any]) -> tuple[Answer, Told] | None:
    headers = event["headers"]
    # AWS splits cookies off; the emulator leaves them among the headers.
    journey = visits.cookie_in("; ".join(event.get("cookies") or [headers.get("cookie", "")]))
    redirect = _redirects().follow(slug, uncounted=visits.uncounted(method, headers), journey=journey)
    if redirect is None:
        return None
    answer: Answer = {"statusCode": 302, "headers": _HEADERS | {"location": redirect.location}, "body": ""}
    if redirect.journey:
        answer["cookies"] = [visits.set_cookie(redirect.journey, headers.get("host", ""))]
    told = {"outcome": redirect.outcome, "brand_id": redirect.brand_id, "slug": slug}
    return answer, told | ({"trouble": redirect.trouble} if redirect.trouble else {})


def _drawn(slug: str, name: str) -> tuple[Answer, Told] | None:
    address = _redirects().address(slug)
    if address is None:
        return None
    picture = _qr(address, name.removeprefix("qr."))
    headers = _QR_HEADERS | {"content-type": _QR_TYPES[name]}
    body = base64.b64encode(picture).decode()
    answer: Answer = {"statusCode": 200, "headers": headers, "body": body, "isBase64Encoded": True}
    return answer, {"outcome": "qr", "slug": slug}


def _embedded(event: dict[str, Any]) -> tuple[Answer, Told]:
    status, headers, body = embed.script(event["headers"].get("if-none-match", ""))
    return {"statusCode": status, "headers": headers, "body": body}, {"outcome": "embed"}


def _erasure(request_id: str, event: dict[str, Any]) -> tuple[Answer, Told]:
    """What became of a request, which nobody finds who was not told its id."""
    language = _language(event)
    record = privacy.record(deployment().database, request_id) if ids.is_id(request_id, "dlv_") else None
    if record is None or record.request != "erase_customer":
        return _html(404, pages.erasure("unknown", language), language), {"outcome": "missing"}
    received = times.parse(record.received_at).date()
    done = times.parse(record.done_at).date() if record.done_at and not record.left else None
    page = pages.erasure("done" if done else "received", language, received=received, done=done)
    return _html(200, page, language), {"outcome": "erasure"}


def _page(status: int, kind: str, event: dict[str, Any]) -> Answer:
    language = _language(event)
    return _html(status, pages.page(kind, language), language)


def _html(status: int, page: str, language: str) -> Answer:
    return {"statusCode": status, "headers": pages.HEADERS | {"content-language": language}, "body": page}


def _language(event: dict[str, Any]) -> str:
    return pages.language((event.get("headers") or {}).get("accept-language", ""))


def _refused(event: dict[str, Any], context: Any) -> Answer:
    """Whoever sends another method is a program, and is told as the API tells."""
    language = messages.language(event["headers"].get("accept-language", ""))
    problem = problems.problem(MethodNotAllowed(allow=_METHODS), language, context.aws_request_id)
    headers = _HEADERS | {"content-type": problems.PROBLEM_TYPE, "content-language": language, "allow": _METHODS}
    return {"statusCode": problem["status"], "headers": headers, "body": json.dumps(problem, ensure_ascii=False)}


def _warmed() -> tuple[Answer, Told]:
    _redirects()
    return {}, {"outcome": "warm"}


def _tell(told: Told, context: Any) -> None:
    """The invocation's one line: a metric and a log entry at once, with nothing in it about the visitor."""
    metrics = _metrics()
    metrics.add_metric("Redirects", MetricUnit.Count, 1)
    metrics.add_dimension("outcome", told["outcome"])
    for name, value in told.items() - {("outcome", told["outcome"])}:
        metrics.add_metadata(name, value)
    metrics.add_metadata("request_id", getattr(context, "aws_request_id", ""))
    metrics.flush_metrics()


@lru_cache(maxsize=256)
def _qr(address: str, kind: str) -> bytes:
    # Here, since a visitor who is sent on does not need it.
    import segno  # noqa: PLC0415

    file = io.BytesIO()
    segno.make_qr(address, error="m").save(file, kind=kind, scale=16, light="white")
    return file.getvalue()


@cache
def _redirects() -> Redirects:
    return Redirects(deployment())


@cache
def _metrics() -> Metrics:
    return Metrics(namespace="Vouch")


@cache
def _logger() -> Logger:
    return Logger()
