"""Having an adapter's conversation with its rail. Every answer is the adapter's to read; that there is none is ours."""

from collections.abc import Generator
from urllib.parse import urlencode

from vouch import outgoing
from vouch.deadlines import InTime
from vouch.outgoing import NotAllowed, Outgoing, Unreachable
from vouch.rails.base import Answer, Api, Call, Settings
from vouch.service.deployment import Deployment

CALLS_MAX = 20


class NoAnswer(Exception):
    """Nobody answered, or not to the end: what became of the request is open."""


class NotCalled(Exception):
    """The rail was never reached, since its address is none that may be called."""


def have[T](
    deployment: Deployment,
    api: Api,
    settings: Settings,
    conversation: Generator[Call, Answer, T],
    *,
    in_time: InTime,
) -> T:
    """What the conversation came for. Raises NoAnswer, NotCalled, and what the adapter raises (Unreadable)."""
    base = api.address(settings).rstrip("/")
    try:
        call = next(conversation)
        for number in range(CALLS_MAX):
            if not in_time():
                raise NoAnswer("it takes longer than there was time for")
            call = conversation.send(_answer(deployment, base, call, first=not number))
    except StopIteration as end:
        result: T = end.value
        return result
    raise NoAnswer(f"more than {CALLS_MAX} requests")


def _answer(deployment: Deployment, base: str, call: Call, *, first: bool) -> Answer:
    query = f"?{urlencode(call.query)}" if call.query else ""
    request = Outgoing(f"{base}{call.path}{query}", call.method, call.headers, call.body)
    try:
        said = outgoing.send(request, loopback=deployment.settings.is_local)
    except Unreachable as failure:
        raise NoAnswer(str(failure)) from None
    except NotAllowed as refusal:
        kind = NotCalled if first else NoAnswer
        raise kind(str(refusal)) from None
    return Answer(said.status, said.headers, said.body)
