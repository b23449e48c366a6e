"""Conversations with rails: over loopback, as a worker has them, or with what was written down."""

import copy
import json
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

from hypothesis import strategies as st

from vouch import outgoing
from vouch.outgoing import Outgoing, Unreachable
from vouch.rails.base import Answer, Call, Unreadable

CALLS_MAX = 10
BAD_BODIES = (
    b"",
    b"null",
    b"[]",
    b"{}",
    b'"x"',
    b"\xff",
    b"<html>At work</html>",
    b"[" * 60_000,
    b'{"a":NaN}',
    b'{"a":' + b"9" * 5_000 + b"}",
    b'{"batch_header":1}',
    b'{"error":{}}',
    b'{"object":"list"}',
)
_HOSTILE: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 1.5, 10**15, 10**30, "", " ", "0", "-1.00", "1e5", "1,00", "9" * 30, "0.001", "٣"),
    *("x" * 300, "\x00", "\ud800", "a\n", "../..", "USD", "usd", "XXX", "KWD", "SUCCESS", "RETURNED", "FAILED", "list"),
    *([], {}, [{}], [None], [1], {"id": 1}, {"value": "1.00", "currency": "USD"}, float("1e308"), ...),
)
"""What stands in a place instead; `...` is nothing at all."""


class NoAnswer(Exception):
    """The request is gone, and whether anything was done is open."""


def talk[T](conversation: Generator[Call, Answer, T], address: str) -> T:
    """Has it with whatever answers at that address. Raises NoAnswer."""

    def asked(call: Call) -> Answer:
        query = f"?{urlencode(call.query)}" if call.query else ""
        request = Outgoing(f"{address}{call.path}{query}", call.method, call.headers, call.body)
        try:
            said = outgoing.send(request, loopback=True)
        except Unreachable as failure:
            raise NoAnswer from failure
        return Answer(said.status, said.headers, said.body)

    return had(conversation, asked)


def had[T](conversation: Generator[Call, Answer, T], asked: Callable[[Call], Answer]) -> T:
    """Has it with whoever answers so."""
    try:
        call = next(conversation)
        for _ in range(CALLS_MAX):
            call = conversation.send(asked(call))
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("it does not come to an end")


def heard[T](conversation: Generator[Call, Answer, T], *answers: Answer) -> tuple[T, list[Call]]:
    """What it comes to with these answers, each of which it takes, and what it asked."""
    left, calls = list(answers), list[Call]()

    def asked(call: Call) -> Answer:
        calls.append(call)
        return left.pop(0)

    result = had(conversation, asked)
    assert not left, "answers that nobody asked for"
    return result, calls


def answer(content: Any, status: int = 200, **headers: str) -> Answer:
    """As JSON; header names with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, named, content if isinstance(content, bytes) else json.dumps(content).encode())


def outcome[T](conversation: Generator[Call, Answer, T], asked: Callable[[Call], Answer]) -> T | Unreadable:
    try:
        return had(conversation, asked)
    except Unreadable as refusal:
        return refusal


def bent(content: Any) -> st.SearchStrategy[bytes]:
    """The JSON with something else in one or two of its places, without them, or cut off."""
    places = list(_places(content, ()))

    @st.composite
    def drawn(draw: st.DrawFn) -> bytes:
        changed = json.loads(json.dumps(content))
        for _ in range(draw(st.integers(1, 2))):
            changed = _with(changed, draw(st.sampled_from(places)), copy.deepcopy(draw(st.sampled_from(_HOSTILE))))
        body = json.dumps(changed).encode()
        return body[: draw(st.integers(0, len(body)))] if draw(st.integers(0, 19)) == 0 else body

    return drawn()


def _places(content: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    yield path
    named = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for name, part in named:
        yield from _places(part, (*path, name))


def _with(content: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """Where the way does not lead there any more nothing is changed."""
    if not path:
        return None if value is ... else value
    inside = content
    with suppress(KeyError, IndexError, TypeError):
        for step in path[:-1]:
            inside = inside[step]
        if value is ...:
            del inside[path[-1]]
        else:
            inside[path[-1]] = value
    return content
