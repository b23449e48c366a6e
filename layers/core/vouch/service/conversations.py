"""Having an adapter's conversation with its platform: what passes by itself is told from what a person has to mend."""

import math
from collections.abc import Generator
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode

from vouch import outgoing
from vouch.deadlines import InTime
from vouch.outgoing import Incoming, NotAllowed, Outgoing, Silent, Unreachable
from vouch.platforms.base import Account, Answer, Api, Call, NotYet, Unreadable
from vouch.service.absences import NoAnswer, minded
from vouch.service.deployment import Deployment
from vouch.store.tables import ConnectionItem

CALLS_MAX = 250
BYTES_MAX = 32 * 1024 * 1024
"""Of all answers of one conversation, which are in memory together."""
_NOT_FOUND = 404
_SUCCESS = range(200, 300)
_REFUSED = (401, 403)
_PASSING = (408, 425, 429)
_ERRORS = range(500, 600)
_WAIT_MAX = 6 * 3600
"""Whoever wants to be left alone for longer is asked then all the same: it may have been a slip."""


def have[T](
    deployment: Deployment,
    connection: ConnectionItem,
    api: Api,
    account: Account,
    conversation: Generator[Call, Answer, T],
    *,
    in_time: InTime,
) -> T:
    """What the conversation came for.

    Raises NotYet where the platform stays away or has no time for us, with its own advice when to come again, and
    Unreadable where it says no. One that did not answer a moment ago is not called.
    """
    base = account.api_base_url or api.address(account)
    if base is None:
        raise Unreadable("address_missing", "the connection does not say where the platform's API is")
    try:
        with minded(deployment, connection):
            return _had(deployment, base.rstrip("/"), conversation, in_time)
    except Unreadable as refusal:
        if refusal.reason == "not_json":  # half an answer, or a page that says that they are at work
            raise NotYet("the answer cannot be read") from None
        raise


def _had[T](deployment: Deployment, base: str, conversation: Generator[Call, Answer, T], in_time: InTime) -> T:
    try:
        call, size = next(conversation), 0
        for _ in range(CALLS_MAX):
            if not in_time():
                raise NotYet("it takes longer than there was time for")
            answer = _answered(deployment, base, call)
            size += len(answer.body)
            if size > BYTES_MAX:
                raise Unreadable("platform_endless", f"more than {BYTES_MAX} bytes for one answer")
            call = conversation.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result
    raise Unreadable("platform_endless", f"more than {CALLS_MAX} requests for one answer")


def _answered(deployment: Deployment, base: str, call: Call) -> Answer:
    query = f"?{urlencode(call.query)}" if call.query else ""
    request = Outgoing(f"{base}{call.path}{query}", call.method, call.headers, call.body)
    try:
        said = outgoing.send(request, loopback=deployment.settings.is_local)
    except Silent as failure:
        raise NoAnswer(f"no answer: {failure}") from None
    except Unreachable as failure:
        raise NotYet(f"no answer: {failure}") from None
    except NotAllowed as refusal:
        raise Unreadable("address_not_allowed", str(refusal)) from None
    if said.status in _SUCCESS or said.status == _NOT_FOUND or (call.optional and said.status in _REFUSED):
        return Answer(said.status, said.headers, said.body)
    if said.status in _PASSING or said.status in _ERRORS:
        raise NotYet(f"answered {said.status}", _advised(said, deployment.now()))
    if said.status in _REFUSED:
        raise Unreadable("platform_refused", f"answered {said.status}: the token is not good for this, or not any more")
    raise Unreadable("platform_refused", f"answered {said.status}")


def _advised(said: Incoming, now: datetime) -> int | None:
    """After how many seconds the platform wants to be asked again, by seconds or a date; None where it says nothing."""
    advice = said.headers.get("retry-after", "")
    try:
        seconds = float(advice)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(advice) - now).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(1, math.ceil(seconds)), _WAIT_MAX) if math.isfinite(seconds) else None
