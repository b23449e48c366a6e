"""Asking platforms back, for deliveries that say too little: what is answered is stored as a delivery of its own.

Nobody waits for it: the webhook was answered long ago, and the stream goes on. The answer wakes settling like any other
delivery. Asked twice for one delivery, a platform is not: the first answer is the answer.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from vouch import telemetry
from vouch.platforms.base import Account, Api, Aside, Ask, NotYet, Reading, Thin, Unreadable
from vouch.platforms.registry import PLATFORMS
from vouch.service import conversations, deliveries, platform_accounts
from vouch.service.deliveries import AWAITING_PLATFORM
from vouch.service.deployment import Deployment
from vouch.service.orders import Defect, ours
from vouch.service.queues import TRIES_MAX, put_off_for, seconds_after
from vouch.store import connections, inbox
from vouch.store.tables import Delivery


def fetched(deployment: Deployment, asked: dict[str, Any], *, in_time: Callable[[], bool]) -> str:
    """Asks what the delivery that a message names needs; how it ended.

    What is not there yet, and a platform that stays away, are tried again for three days; a note says so meanwhile.
    """
    delivery = inbox.get(deployment.database, *asked["delivery"])
    if delivery is None:
        return "expired"
    try:
        with ours():
            _ask_all(deployment, delivery, in_time)
    except NotYet as refusal:
        return _later(deployment, delivery, asked, refusal)
    except Unreadable as refusal:
        _note(deployment, delivery, refusal.reason, refusal.detail)
        return "parked"
    except Defect as defect:
        _note(deployment, delivery, "defect", defect.where)
        return "parked"
    if inbox.parked(deployment.database, delivery.brand_id, delivery.sk) is not None:
        inbox.unpark(deployment.database, delivery)
    return "asked"


def _ask_all(deployment: Deployment, delivery: Delivery, in_time: Callable[[], bool]) -> None:
    said = deliveries.read(deployment, delivery)
    match said:
        case Thin(ask):
            asks: Sequence[Ask] = (ask,)
        case Reading() | Aside():
            asks = said.asks
        case _:
            return
    open_asks = [ask for ask in asks if not is_answered(deployment, delivery, ask)]
    api = PLATFORMS[delivery.platform].api
    connection = connections.connection(deployment.database, delivery.brand_id, delivery.connection_id or "")
    if not open_asks or api is None or api.ask is None or connection is None:
        return
    account = platform_accounts.caller(deployment, connection)
    if account.api_token is None:
        if isinstance(said, Thin):
            raise Unreadable("token_missing", "this platform says too little: give the connection an api_token")
        return
    for ask in open_asks:
        _ask(deployment, delivery, api, account, ask, in_time)


def _ask(
    deployment: Deployment, delivery: Delivery, api: Api, account: Account, ask: Ask, in_time: Callable[[], bool]
) -> None:
    if api.ask is None:
        raise ValueError("a platform that is never asked")
    now = deployment.now()
    try:
        body = conversations.have(deployment, api, account, api.ask(ask, account, now), in_time=in_time)
    except Unreadable as refusal:
        if refusal.reason == "not_json":  # half an answer, or a page that says that they are at work
            raise NotYet("the answer cannot be read") from None
        raise
    inbox.put(deployment.database, lambda: deployment.s3, inbox.answer(delivery, _name(ask), body, deployment.now()))


def is_answered(deployment: Deployment, delivery: Delivery, ask: Ask) -> bool:
    """Whether what the platform said to it is stored."""
    known = inbox.answer_id(delivery, _name(ask))
    return inbox.get(deployment.database, delivery.pk, known) is not None


def _name(ask: Ask) -> str:
    return json.dumps([ask.what, sorted(ask.about.items())])


def _later(deployment: Deployment, delivery: Delivery, asked: dict[str, Any], refusal: NotYet) -> str:
    """Puts it off, as the platform advises or patiently, for three days at most; then its note is all that is left.

    Whoever writes the note begins the tries, and whoever finds it does nothing: a delivery may be settled many times.
    The message goes out first, since a note without tries would wait for a person.
    """
    tries: int = asked["tries"]
    note = inbox.parked(deployment.database, delivery.brand_id, delivery.sk)
    if tries == 0 and note is not None and note.reason == AWAITING_PLATFORM:
        return "awaited"
    if tries >= TRIES_MAX:
        telemetry.count("DeliveryParked")
        return "parked"
    seconds = seconds_after(tries) if refusal.seconds is None else refusal.seconds
    queue = deployment.settings.fetch_queue_url
    put_off_for(deployment, queue, asked | {"tries": tries + 1}, seconds=seconds)
    now = deployment.now()
    inbox.park(deployment.database, delivery, reason=AWAITING_PLATFORM, detail=refusal.reason, now=now)
    return "deferred"


def _note(deployment: Deployment, delivery: Delivery, reason: str, detail: str) -> None:
    if inbox.park(deployment.database, delivery, reason=reason, detail=detail, now=deployment.now()):
        telemetry.count("DeliveryParked")
