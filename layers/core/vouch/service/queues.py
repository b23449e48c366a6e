"""What is put off: messages to ourselves, and how patiently what time or a person puts right is tried again."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from vouch.domain import times
from vouch.service.deployment import Deployment

TRIES_MAX = 291
"""So many take three days."""
_BELIEVED = 5
FIRST_SECONDS = 60
"""The first pause: whoever is told that something waits is told to ask again after it."""
DELAY_MAX = 900
"""SQS keeps no message back for longer."""


def put_off(deployment: Deployment, queue_url: str, message: Mapping[str, Any], *, seconds: int) -> None:
    """Has the queue bring the message so many seconds later, 900 at most.

    Of the messages' groups (`group`) none waits for another: SQS brings first what is of those that take little time.
    """
    group = {"MessageGroupId": message["group"]} if message.get("group") else {}
    deployment.sqs.send_message(QueueUrl=queue_url, MessageBody=json.dumps(message), DelaySeconds=seconds, **group)


def put_off_for(deployment: Deployment, queue_url: str, message: Mapping[str, Any], *, seconds: float) -> None:
    """Likewise, for as long as it takes: the message says when it is `due`, and is put off once more until then."""
    due = times.text(deployment.now() + timedelta(seconds=seconds))
    first = min(max(1, round(seconds)), DELAY_MAX)
    put_off(deployment, queue_url, {**message, "due": due}, seconds=first)


def left(deployment: Deployment, message: Mapping[str, Any]) -> float:
    """After how many seconds a message that was put off is due; not above 0 where it is."""
    return (times.parse(message["due"]) - deployment.now()).total_seconds() if "due" in message else 0.0


def left_of(deployment: Deployment, since: str, patience: timedelta) -> float:
    """How many seconds are left of the patience with what has been tried since then."""
    return (times.parse(since) + patience - deployment.now()).total_seconds()


def heeded(tries: int, advised: float | None) -> float:
    """The pause after so many tries where the other side may say when to come again.

    Who wants us sooner than we would come is believed five times: each time costs a try, and many wait for theirs.
    """
    if advised is None:
        return seconds_after(tries)
    return advised if tries < _BELIEVED else max(advised, seconds_after(tries))


def seconds_after(tries: int) -> int:
    """The pause after so many tries before the first one that counts: a minute, doubled each time, to 15 minutes."""
    seconds: int = min(FIRST_SECONDS * 2**tries, DELAY_MAX)
    return seconds
