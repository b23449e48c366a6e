"""Keeping in step with a platform that loses webhooks: its list of what has changed is compared with what we know.

Whatever it says that we have not heard is stored as a delivery and settled like any other; the rest is left alone, so
looking again costs nothing but looking. A look goes page by page, each step by a message of the fetch queue, and one
that was cut off goes on where it stopped.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from vouch import telemetry
from vouch.domain import ids, times
from vouch.domain.errors import NotFound, Unprocessable
from vouch.domain.facts import OrderFacts, PlacedAtChanged
from vouch.platforms.base import Api, Aside, Change, Ignored, NotYet, Reading, Span, Unreadable
from vouch.platforms.registry import PLATFORMS
from vouch.service import connections, conversations, deliveries, mint, pages, platform_accounts, turns
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.service.orders import Defect, ours
from vouch.service.pages import Page
from vouch.service.queues import put_off, put_off_for, seconds_after
from vouch.service.turns import Done, Round, Time, Turn
from vouch.store import aliases, inbox, orders, reconciliations
from vouch.store import connections as stored_connections
from vouch.store.database import Refused
from vouch.store.inbox import Door
from vouch.store.tables import Brand, ConnectionItem, Reconciliation

OVERLAP = timedelta(hours=1)
"""So far before the last look the next one begins: platforms' clocks and lists lag."""
FURTHEST = timedelta(days=90)
HOURS = 6
"""Between two looks that nobody asks for."""
_TRIES_MAX = 24
"""In a row; so many take some five hours. The next look begins where this one did."""
_STALLED = timedelta(hours=7)
_LOOK_SECONDS = 0.5


# --- beginning --------------------------------------------------------------------------------------------------------


def started(
    deployment: Deployment, minted: Mint, brand: Brand, connection_id: str, since: datetime | None
) -> Reconciliation:
    """Begins a look at all that changed since then; not said: since the last one, or since the connection was made.

    Where one is at work already, that is the one. Raises NotFound, and Unprocessable where the platform has no such
    list, or the connection no token.
    """
    item = connections.found(deployment, brand, connection_id)
    if _api(item) is None:
        raise Unprocessable("not_reconcilable", platform=item.platform)
    if not item.details.get("api_token"):
        raise Unprocessable("api_token_missing", param="api_token")
    now = deployment.now()
    if since is not None and not now - FURTHEST <= since <= now:
        raise Unprocessable("since_out_of_range", param="since", days=FURTHEST.days)
    return _begun(deployment, item, minted.id(reconciliations.PREFIX), since, now)


def _begun(
    deployment: Deployment, item: ConnectionItem, new_id: str, since: datetime | None, now: datetime
) -> Reconciliation:
    database = deployment.database
    while True:
        known = reconciliations.mark(database, item.brand_id, item.id)
        at_work = known.running and reconciliations.found(database, item.brand_id, item.id, known.running)
        if at_work and at_work.status == "running" and now - times.parse(at_work.moved_at) < _STALLED:
            return at_work
        last = times.parse(known.until) - OVERLAP if known.until else times.parse(item.created_at)
        begin = min(since or last, now)
        look = reconciliations.new(item.brand_id, item.id, new_id, since=begin, until=now, now=now)
        try:
            database.commit(reconciliations.begun(look, known))
        except Refused:
            earlier = reconciliations.found(database, item.brand_id, item.id, new_id)
            if earlier is not None:  # our own answer got lost
                look = earlier
            else:
                continue
        _go_on(deployment, item.brand_id, look, seconds=0)
        return look


def _go_on(deployment: Deployment, brand_id: str, look: Reconciliation, *, seconds: int) -> None:
    message = {"reconcile": [brand_id, look.connection_id, look.id]}
    queue = deployment.settings.fetch_queue_url
    if seconds:
        put_off_for(deployment, queue, message, seconds=seconds)
    else:
        put_off(deployment, queue, message, seconds=0)


def _api(item: ConnectionItem) -> Api | None:
    platform = PLATFORMS.get(item.platform)
    api = platform.api if platform else None
    return api if api is not None and api.changes is not None else None


def every_brand(deployment: Deployment, *, in_time: Callable[[], bool]) -> Done:
    """Begins a look for every connection that can be looked at, several times a day."""

    def turn(brand: Brand, _round: Round, _time: Time) -> Turn:
        for connection_id in stored_connections.ids_of(
            deployment.database, brand.id, limit=stored_connections.CONNECTIONS_MAX
        ):
            item = stored_connections.connection(deployment.database, brand.id, connection_id)
            if item is not None and item.status == "active" and _api(item) and item.details.get("api_token"):
                new_id = mint.fresh(deployment).id(reconciliations.PREFIX)
                _begun(deployment, item, new_id, None, deployment.now())
        return Turn(None)

    return turns.daily(deployment, "pulls", turn, in_time=in_time, hours=HOURS)


# --- what is known of it ----------------------------------------------------------------------------------------------


def listed(
    deployment: Deployment, brand: Brand, connection_id: str, *, limit: int, cursor: str | None
) -> Page[Reconciliation]:
    """The connection's looks of the last 90 days, the newest first. Raises NotFound."""
    item = connections.found(deployment, brand, connection_id)
    scope = f"{brand.id}#{item.id}#reconciliations"
    before = pages.opened(deployment, scope, cursor)[0] if cursor is not None else None
    looks = reconciliations.newest(deployment.database, brand.id, item.id, limit=limit + 1, before=before)
    more = pages.sealed(deployment, scope, [looks[limit - 1].id]) if len(looks) > limit else None
    return Page(looks[:limit], more)


def found(deployment: Deployment, brand: Brand, connection_id: str, reconciliation_id: str) -> Reconciliation:
    """Raises NotFound."""
    item = None
    if ids.is_id(connection_id, "con_") and ids.is_id(reconciliation_id, reconciliations.PREFIX):
        item = reconciliations.found(deployment.database, brand.id, connection_id, reconciliation_id)
    if item is None:
        raise NotFound
    return item


def awaited(deployment: Deployment, brand: Brand, look: Reconciliation, *, seconds: float) -> Reconciliation:
    """The look as it is when it has ended, or when that time is over."""
    ends = time.monotonic() + seconds
    while look.status == "running" and time.monotonic() < ends:
        time.sleep(_LOOK_SECONDS)
        look = found(deployment, brand, look.connection_id, look.id)
    return look


# --- looking ----------------------------------------------------------------------------------------------------------


def resumed(deployment: Deployment, asked: dict[str, Any], *, in_time: Callable[[], bool]) -> str:
    """Takes the look that a message names further, as long as there is time; how it stands then."""
    brand_id, connection_id, look_id = asked["reconcile"]
    look = reconciliations.found(deployment.database, brand_id, connection_id, look_id)
    item = stored_connections.connection(deployment.database, brand_id, connection_id)
    if look is None or item is None or look.status != "running":
        return "over"
    try:
        with ours():
            while look.status == "running":
                if not in_time():
                    _go_on(deployment, brand_id, look, seconds=0)
                    break
                _step(deployment, item, look, in_time)
    except Refused:
        return "overtaken"  # by another message of the same look, which goes on with it
    except NotYet as refusal:
        return _later(deployment, brand_id, look, refusal)
    except Unreadable as refusal:
        _end(deployment, brand_id, look, "failed", f"{refusal.reason}: {refusal.detail}")
    except Defect as defect:
        telemetry.logger().error("a reconciliation failed", where=defect.where)
        _end(deployment, brand_id, look, "failed", "defect")
    return str(look.status)


def _step(deployment: Deployment, item: ConnectionItem, look: Reconciliation, in_time: Callable[[], bool]) -> None:
    """One page of the platform's list."""
    api, account = _api(item), platform_accounts.caller(deployment, item)
    if api is None or api.changes is None:
        raise Unreadable("not_reconcilable", "this platform has no list of what has changed")
    span = Span(times.parse(look.since), times.parse(look.until))
    conversation = api.changes(span, look.bookmark, account, deployment.now())
    page = conversations.have(deployment, api, account, conversation, in_time=in_time)
    for change in page.found:
        _compare(deployment, item, api, look, change)
    look.bookmark, look.tries = page.bookmark, 0
    if page.bookmark is None:
        _end(deployment, item.brand_id, look, "done", None)
    else:
        _put(deployment, look)


def _compare(deployment: Deployment, item: ConnectionItem, api: Api, look: Reconciliation, change: Change) -> None:
    """Stores what is news. What cannot be read is stored, too: it parks, where a person sees it."""
    look.looked_at += 1
    names = deliveries.pseudonym(deployment, item.brand_id, item.platform, item.id)
    said: Reading | Aside | Ignored | None = None
    try:
        said = api.read(change.body, names)
    except Unreadable:
        look.unreadable += 1
    if said is not None and not _is_news(deployment, item, said):
        return
    door = Door(item.brand_id, item.mode, item.platform, item.id, item.program_id)
    delivery = inbox.pulled(door, change.subject, change.body, deployment.now())
    if not inbox.put(deployment.database, lambda: deployment.s3, delivery) or said is None:
        return
    look.healed += 1
    telemetry.count("ReconciliationHealed")
    if isinstance(said, Reading) and len(look.orders) < reconciliations.ORDERS_SHOWN:
        order_id = orders.order_id(item.brand_id, item.id, said.external_id)
        look.orders = [*look.orders, [order_id, said.external_id]]


def _is_news(deployment: Deployment, item: ConnectionItem, said: Reading | Aside | Ignored) -> bool:
    """Whether it says anything that its order has not heard."""
    if isinstance(said, Ignored):
        return False
    if isinstance(said, Reading):
        known = _facts(deployment, item, said.external_id)
    else:
        [name] = aliases.load(deployment.database, item.brand_id, item.id, [said.alias])
        known = OrderFacts(None, name.waiting)
        if name.external_id is not None:
            known = _facts(deployment, item, name.external_id)
    try:
        return bool(known.with_facts(said.facts)[1])
    except PlacedAtChanged:
        return True


def _facts(deployment: Deployment, item: ConnectionItem, external_id: str) -> OrderFacts:
    order_id = orders.order_id(item.brand_id, item.id, external_id)
    order = orders.load(deployment.database, item.brand_id, order_id)
    return order.facts if order else OrderFacts()


def _later(deployment: Deployment, brand_id: str, look: Reconciliation, refusal: NotYet) -> str:
    look.tries += 1
    if look.tries > _TRIES_MAX:
        return _end(deployment, brand_id, look, "failed", f"the platform stays away: {refusal.reason}")
    _put(deployment, look)
    seconds = seconds_after(look.tries - 1) if refusal.seconds is None else refusal.seconds
    _go_on(deployment, brand_id, look, seconds=seconds)
    return "put_off"


def _put(deployment: Deployment, look: Reconciliation) -> None:
    look.moved_at = times.text(deployment.now())
    deployment.database.commit(reconciliations.moved(look, None))


def _end(deployment: Deployment, brand_id: str, look: Reconciliation, status: str, reason: str | None) -> str:
    """One that failed leaves the mark where it was: the next one looks at the same again."""
    known = reconciliations.mark(deployment.database, brand_id, look.connection_id)
    look.status, look.reason = status, reason
    look.moved_at = look.done_at = times.text(deployment.now())
    deployment.database.commit(reconciliations.moved(look, known if status == "done" else None))
    telemetry.logger().info(
        "reconciled", connection=look.connection_id, status=status, healed=look.healed, looked_at=look.looked_at
    )
    return status
