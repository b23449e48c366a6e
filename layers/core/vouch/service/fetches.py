"""Asking platforms back, for deliveries that say too little: what is answered is stored as a delivery of its own.

Nobody waits for it: the webhook was answered long ago, and the stream goes on. The answer wakes settling like any other
delivery. Asked twice for one delivery, a platform is not: the first answer is the answer.
"""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from vouch import telemetry
from vouch.deadlines import InTime
from vouch.domain import times
from vouch.platforms.base import Account, Api, Aside, Ask, NotYet, Reading, Thin, Unreadable
from vouch.platforms.registry import PLATFORMS
from vouch.service import conversations, deliveries, mint, platform_accounts
from vouch.service.deliveries import AWAITING_PLATFORM
from vouch.service.deployment import Deployment
from vouch.service.orders import Defect, ours
from vouch.service.queues import heeded, left_of, put_off_for
from vouch.store import connections, inbox
from vouch.store.inbox import BodyGone
from vouch.store.tables import ConnectionItem, Delivery, Parked

PATIENCE = timedelta(days=3)
_CHAIN = "try_"


def fetched(deployment: Deployment, asked: dict[str, Any], *, in_time: InTime) -> str:
    """Asks what the delivery that a message names needs; how it ended.

    What is not there yet, and a platform that stays away, are tried again for three days; a note says so meanwhile,
    and names the one row of tries that goes on: a delivery may be settled, and asked about, many times.
    """
    delivery = inbox.get(deployment.database, *asked["delivery"])
    if delivery is None:
        return "expired"
    note = inbox.parked(deployment.database, delivery.brand_id, delivery.sk, asked=True)
    if note is not None and note.chain != asked.get("chain"):
        return "awaited"
    try:
        with ours():
            _ask_all(deployment, delivery, in_time)
    except NotYet as refusal:
        return _later(deployment, delivery, note, asked, refusal)
    except Unreadable as refusal:
        return _park(deployment, delivery, asked, refusal.reason, refusal.detail)
    except Defect as defect:
        return _park(deployment, delivery, asked, "defect", defect.where)
    if note is not None:
        inbox.unpark(deployment.database, delivery, asked=True)
    return "asked"


def _ask_all(deployment: Deployment, delivery: Delivery, in_time: InTime) -> None:
    try:
        said = deliveries.read(deployment, delivery)
    except BodyGone:
        return  # what was erased asks for nothing
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
    if not connection.details.get("api_token"):
        if isinstance(said, Thin):
            raise Unreadable("token_missing", "this platform says too little: give the connection an api_token")
        return
    if connection.status != "active":
        raise Unreadable("connection_disabled", "nobody calls the platform of a connection that is disabled")
    account = platform_accounts.caller(deployment, connection)
    for ask in open_asks:
        _ask(deployment, delivery, connection, api, account, ask, in_time)


def _ask(
    deployment: Deployment,
    delivery: Delivery,
    connection: ConnectionItem,
    api: Api,
    account: Account,
    ask: Ask,
    in_time: InTime,
) -> None:
    if api.ask is None:
        raise ValueError("a platform that is never asked")
    now = deployment.now()
    body = conversations.have(deployment, connection, api, account, api.ask(ask, account, now), in_time=in_time)
    inbox.put(deployment.database, lambda: deployment.s3, inbox.answer(delivery, _name(ask), body, deployment.now()))


def is_awaited(deployment: Deployment, delivery: Delivery, asks: Sequence[Ask]) -> bool:
    """Whether the platform has yet to tell more of what a delivery says: without a token nobody asks it."""
    if all(is_answered(deployment, delivery, ask) for ask in asks):
        return False
    connection = connections.connection(deployment.database, delivery.brand_id, delivery.connection_id or "")
    return connection is not None and bool(connection.details.get("api_token"))


def is_answered(deployment: Deployment, delivery: Delivery, ask: Ask) -> bool:
    """Whether what the platform said to it is stored."""
    known = inbox.answer_id(delivery, _name(ask))
    return inbox.get(deployment.database, delivery.pk, known) is not None


def _name(ask: Ask) -> str:
    return json.dumps([ask.what, sorted(ask.about.items())])


def _later(
    deployment: Deployment, delivery: Delivery, note: Parked | None, asked: dict[str, Any], refusal: NotYet
) -> str:
    """Puts it off, as the platform advises or patiently, for three days at most; then its note is all that is left.

    The message goes out first, since a note without tries would wait for a person. Of two who begin at once, the tries
    go on of whoever writes last.
    """
    tries, since = asked["tries"], asked.get("since") or times.text(deployment.now())
    seconds = heeded(tries, refusal.seconds)
    if seconds > left_of(deployment, since, PATIENCE):
        _note(deployment, delivery, AWAITING_PLATFORM, refusal.reason)
        telemetry.count("DeliveryParked")
        return "parked"
    chain = asked.get("chain") or mint.fresh(deployment).id(_CHAIN)
    again = asked | {"chain": chain, "since": since, "tries": tries + 1}
    put_off_for(deployment, deployment.settings.fetch_queue_url, again, seconds=seconds)
    if note is None or (note.chain, note.detail) != (chain, refusal.reason):
        _note(deployment, delivery, AWAITING_PLATFORM, refusal.reason, chain=chain)
    return "deferred"


def _park(deployment: Deployment, delivery: Delivery, asked: dict[str, Any], reason: str, detail: str) -> str:
    if _note(deployment, delivery, reason, detail) or "chain" in asked:  # till now it waited by itself
        telemetry.count("DeliveryParked")
    return "parked"


def _note(deployment: Deployment, delivery: Delivery, reason: str, detail: str, *, chain: str | None = None) -> bool:
    now = deployment.now()
    return inbox.park(deployment.database, delivery, reason=reason, detail=detail, now=now, asked=True, chain=chain)
