"""What our own API wrote down: orders and all that is said of them, stored and settled like any platform's deliveries.

The body of such a delivery, as `envelope` writes it, is

    {"kind": "order" | "refund" | "dispute" | "decision", "received_at": <RFC 3339>, "body": {…}}

where `body` is the request's own, as `vouch.platforms.orders` describes it; a decision's is

    {kind: hold | approve | reject | reassign | adjust, reason, creator_id?, program_id?, amount?, currency?}

A request about one order names it in its path, so the API adds to `body`: `order_id`, the order's `external_id`; to a
decision `id`, `actor`, `refunds`, those that an approval lets pass, and the program of the creator whom it names.
`facts` is all the validation that such a request needs, but for whom a decision names.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NoReturn, get_args

from vouch.domain import times
from vouch.domain.facts import Decision, Fact, Verdict
from vouch.platforms import orders
from vouch.platforms.base import Account, BadSignature, Platform, Pseudonym, Reading, Request, Unreadable
from vouch.platforms.parsing import Fields, body_hash, read

REASON_MAX = 1_000

Kind = Literal["order", "refund", "dispute", "decision"]

_NAMED_BY = {"order": "external_id", "refund": "order_id", "dispute": "order_id", "decision": "order_id"}
_VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


def envelope(kind: Kind, received_at: datetime, body: Mapping[str, Any]) -> bytes:
    """The bytes to store."""
    return json.dumps({"kind": kind, "received_at": times.text(received_at), "body": body}).encode()


def usable(secret: str) -> bool:  # noqa: ARG001
    return False


def verify(request: Request, account: Account, now: datetime) -> NoReturn:  # noqa: ARG001
    """Nobody posts these from outside: the API knows its caller by key."""
    raise BadSignature


def subject(request: Request) -> str:
    try:
        said = read(request.body)
        return said.child("body").identifier(_NAMED_BY[_kind(said)])
    except Unreadable:
        return body_hash(request.body)


def facts(request: Request, pseudonym: Pseudonym) -> Reading:
    said = read(request.body)
    kind, received_at, body = _kind(said), said.moment("received_at"), said.child("body")
    fact: Fact
    match kind:
        case "order":
            fact = orders.order(body, "rest", received_at, pseudonym)
        case "refund":
            fact = orders.refund(body, received_at)
        case "dispute":
            fact = orders.dispute(body, received_at)
        case _:
            fact = _decision(body, received_at)
    return Reading(body.identifier(_NAMED_BY[kind]), (fact,))


def _kind(said: Fields) -> str:
    kind = said.text("kind")
    if kind not in _NAMED_BY:
        raise said.refusal("shape_mismatch", "kind", f"not one of {', '.join(_NAMED_BY)}")
    return kind


def _decision(body: Fields, received_at: datetime) -> Decision:
    said = body.text("kind")
    verdict = next((verdict for verdict in _VERDICTS if verdict == said), None)
    if verdict is None:
        raise body.refusal("shape_mismatch", "kind", f"not one of {', '.join(_VERDICTS)}")
    names_somebody = verdict in ("reassign", "adjust")
    return Decision(
        id=body.identifier("id"),
        updated_at=received_at,
        verdict=verdict,
        actor=body.text("actor"),
        reason=body.text("reason", REASON_MAX),
        refunds=tuple(body.hints("refunds")),
        creator_id=body.identifier("creator_id") if names_somebody else None,
        program_id=body.identifier("program_id") if names_somebody else None,
        amount=body.minor("amount") if verdict == "adjust" else None,
        currency=body.currency("currency") if verdict == "adjust" else None,
    )


PLATFORM = Platform(usable=usable, verify=verify, subject=subject, facts=facts)
