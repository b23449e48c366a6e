"""Keeping in step with a platform that loses webhooks: its list of what has changed is compared with what we know.

Whatever it says that we have not heard is stored as a delivery and settled like any other; the rest is left alone, so
looking again costs nothing but looking. A look goes page by page, each step by a message of the fetch queue, and one
that was cut off goes on where it stopped.
"""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from vouch import telemetry
from vouch.deadlines import InTime
from vouch.domain import ids, times
from vouch.domain.errors import NotFound, Unprocessable
from vouch.domain.facts import Cancellation, Event, Fact, OrderFacts, PlacedAtChanged, Snapshot
from vouch.platforms.base import Api, Aside, Change, Ignored, NotYet, Reading, Span, Unreadable
from vouch.platforms.registry import PLATFORMS
from vouch.service import connections, conversations, deliveries, mint, pages, platform_accounts, turns
from vouch.service.deployment import Deployment
from vouch.service.mint import Mint
from vouch.service.orders import Defect, ours
from vouch.service.pages import Page
from vouch.service.queues import heeded, left_of, put_off, put_off_for
from vouch.service.turns import Done, Round, Time, Turn
from vouch.store import aliases, inbox, orders, reconciliations
from vouch.store import connections as stored_connections
from vouch.store.database import Refused
from vouch.store.inbox import Door
from vouch.store.tables import Brand, ConnectionItem, Delivery, Pulled, Reconciliation

OVERLAP = timedelta(hours=1)
"""So far before the last look the next one begins: platforms' clocks and lists lag."""
FURTHEST = timedelta(days=90)
HOURS = 6
"""Between two looks that nobody asks for."""
ON_THEIR_WAY = timedelta(minutes=15)
"""What changed so lately such a look leaves to the next one: the webhook may still come."""
PATIENCE = timedelta(hours=6)
"""With a platform that stays away. The next look begins where this one did."""
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
    if item.status != "active":
        raise Unprocessable("connection_disabled")
    now = deployment.now()
    if since is not None and not now - FURTHEST <= since <= now:
        raise Unprocessable("since_out_of_range", param="since", days=FURTHEST.days)
    return _begun(deployment, item, minted.id(reconciliations.PREFIX), since, now)


def _begun(
    deployment: Deployment, item: ConnectionItem, new_id: str, since: datetime | None, until: datetime
) -> Reconciliation:
    database, now = deployment.database, deployment.now()
    while True:
        known = reconciliations.mark(database, item.brand_id, item.id)
        at_work = known.running and reconciliations.found(database, item.brand_id, item.id, known.running)
        if at_work and at_work.status == "running" and now - times.parse(at_work.moved_at) < _STALLED:
            if at_work.version == 1:  # whoever began it may have died before they told the worker
                _go_on(deployment, item.brand_id, at_work, seconds=0)
            return at_work
        begin = min(since or _end_of_last(item, known), until)
        look = reconciliations.new(item.brand_id, item.id, new_id, since=begin, until=until, now=now)
        try:
            if at_work and at_work.status == "running":
                _end(deployment, item, at_work, "failed", "stalled")
            database.commit(reconciliations.begun(look, known))
        except Refused:
            earlier = reconciliations.found(database, item.brand_id, item.id, new_id)
            if earlier is not None:  # our own answer got lost
                look = earlier
            else:
                continue
        _go_on(deployment, item.brand_id, look, seconds=0)
        return look


def _end_of_last(item: ConnectionItem, known: Pulled) -> datetime:
    """Where the next look begins. What changed before the connection was made is none of its business."""
    made = times.parse(item.created_at)
    return max(times.parse(known.until) - OVERLAP, made) if known.until else made


def _go_on(deployment: Deployment, brand_id: str, look: Reconciliation, *, seconds: float) -> None:
    message = {"reconcile": [brand_id, look.connection_id, look.id], "group": look.connection_id}
    queue = deployment.settings.fetch_queue_url
    if seconds:
        put_off_for(deployment, queue, message, seconds=seconds)
    else:
        put_off(deployment, queue, message, seconds=0)


def _api(item: ConnectionItem) -> Api | None:
    platform = PLATFORMS.get(item.platform)
    api = platform.api if platform else None
    return api if api is not None and api.changes is not None else None


def every_brand(deployment: Deployment, *, in_time: InTime) -> Done:
    """Begins a look for every connection that can be looked at, several times a day."""

    def turn(brand: Brand, _round: Round, _time: Time) -> Turn:
        failures: list[Exception] = []
        for connection_id in stored_connections.ids_of(
            deployment.database, brand.id, limit=stored_connections.CONNECTIONS_MAX
        ):
            try:
                _begin_by_itself(deployment, brand, connection_id)
            except Exception as failure:  # noqa: BLE001 - told once the others had their turns
                failures.append(failure)
        return Turn(None, failures)

    return turns.daily(deployment, "pulls", turn, in_time=in_time, hours=HOURS)


def _begin_by_itself(deployment: Deployment, brand: Brand, connection_id: str) -> None:
    item = stored_connections.connection(deployment.database, brand.id, connection_id)
    if item is not None and item.status == "active" and _api(item) and item.details.get("api_token"):
        new_id = mint.fresh(deployment).id(reconciliations.PREFIX)
        _begun(deployment, item, new_id, None, deployment.now() - ON_THEIR_WAY)


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


def resumed(deployment: Deployment, asked: dict[str, Any], *, in_time: InTime) -> str:
    """Takes the look that a message names further, as long as there is time; how it stands then."""
    brand_id, connection_id, look_id = asked["reconcile"]
    look = reconciliations.found(deployment.database, brand_id, connection_id, look_id)
    item = stored_connections.connection(deployment.database, brand_id, connection_id)
    if look is None or item is None or look.status != "running":
        return "over"
    try:
        return _gone_on(deployment, item, look, in_time)
    except Refused:
        return "overtaken"  # by another message of the same look, which goes on with it


def _gone_on(deployment: Deployment, item: ConnectionItem, look: Reconciliation, in_time: InTime) -> str:
    try:
        with ours():
            while look.status == "running":
                if not in_time():
                    _go_on(deployment, item.brand_id, look, seconds=0)
                    break
                _step(deployment, item, look, in_time)
    except NotYet as refusal:
        return _later(deployment, item, look, refusal)
    except Unreadable as refusal:
        return _end(deployment, item, look, "failed", f"{refusal.reason}: {refusal.detail}")
    except Defect as defect:
        telemetry.count("Unforeseen")
        telemetry.logger().error("a reconciliation failed", where=defect.where)
        return _end(deployment, item, look, "failed", "defect")
    return str(look.status)


def _step(deployment: Deployment, item: ConnectionItem, look: Reconciliation, in_time: InTime) -> None:
    """One page of the platform's list."""
    api, account = _api(item), platform_accounts.caller(deployment, item)
    if api is None or api.changes is None:
        raise Unreadable("not_reconcilable", "this platform has no list of what has changed")
    if item.status != "active" or account.api_token is None:
        raise Unreadable("connection_closed", "it was disabled, or its token taken away, meanwhile")
    span = Span(times.parse(look.since), times.parse(look.until))
    asked_at = deployment.now()
    conversation = api.changes(span, look.bookmark, account, asked_at)
    page = conversations.have(deployment, item, api, account, conversation, in_time=in_time)
    _compare(deployment, item, api, look, page.found, asked_at)
    look.bookmark, look.tries, look.away_since, look.reason = page.bookmark, 0, None, None
    if page.bookmark is None:
        _end(deployment, item, look, "done", None)
    else:
        _put(deployment, look)


def _compare(
    deployment: Deployment,
    item: ConnectionItem,
    api: Api,
    look: Reconciliation,
    found: Sequence[Change],
    asked_at: datetime,
) -> None:
    """Stores what is news. What cannot be read is stored, too: it parks, where a person sees it.

    What is healed is counted before it is stored, and its names are kept with the count: for whoever goes through the
    page once more, since its worker died, and for the next page, which may begin with what ends this one. They would
    find it settled, or store it anew: some platforms' answers say when they were asked.
    """
    door, now = Door(item.brand_id, item.mode, item.platform, item.id, item.program_id), deployment.now()
    pulled = [inbox.pulled(door, look.id, change.subject, change.body, now) for change in found]
    stored = {each.sk for each in inbox.stored(deployment.database, pulled)}
    names = deliveries.pseudonym(deployment, item.brand_id, item.platform, item.id)
    listed = [_name(change, asked_at) for change in found]
    news: list[Delivery] = []
    healed: dict[str, Reading | Aside] = {}
    unreadable = 0
    for name, change, delivery in zip(listed, found, pulled, strict=True):
        said: Reading | Aside | Ignored | None = None
        try:
            said = api.read(change.body, names)
        except Unreadable:
            unreadable += 1
        if isinstance(said, Ignored) or delivery.sk in stored:
            continue
        if said is not None and not _is_news(deployment, item, said):
            continue
        news.append(delivery)
        if said is not None and name not in look.counted:
            healed[name] = said
    if healed:
        _count(deployment, item, look, healed)
    for delivery in news:
        inbox.put(deployment.database, lambda: deployment.s3, delivery)
    look.looked_at += len(found)
    look.unreadable += unreadable
    look.counted = [name for name in dict.fromkeys(listed) if name in look.counted]


def _name(change: Change, asked_at: datetime) -> str:
    """What a change is called, whenever the platform was asked for it."""
    said = change.body.replace(times.text(asked_at).encode(), b"")
    return ids.derived("", change.subject, hashlib.sha256(said).hexdigest())


def _count(
    deployment: Deployment, item: ConnectionItem, look: Reconciliation, healed: Mapping[str, Reading | Aside]
) -> None:
    look.healed += len(healed)
    look.counted = [*look.counted, *healed]
    external_ids = dict.fromkeys(said.external_id for said in healed.values() if isinstance(said, Reading))
    shown = [[orders.order_id(item.brand_id, item.id, each), each] for each in external_ids]
    added = [each for each in shown if each not in look.orders]
    look.orders = [*look.orders, *added][: reconciliations.ORDERS_SHOWN]
    _put(deployment, look)
    telemetry.count("ReconciliationHealed", len(healed))


def _is_news(deployment: Deployment, item: ConnectionItem, said: Reading | Aside) -> bool:
    """Whether it says anything that its order has not heard: a fact, or one more of its names."""
    place = deployment.database, item.brand_id, item.id
    if isinstance(said, Aside):
        [name] = aliases.load(*place, [said.alias])
        known = OrderFacts(None, name.waiting)
        if name.external_id is not None:
            known = _facts(deployment, item, aliases.order_behind(*place, name.external_id))
        return _adds(known, said.facts)
    external_id = aliases.order_behind(*place, said.external_id)
    for name in aliases.load(*place, said.aliases):
        if name.external_id is None:
            return True
        if external_id == said.external_id:
            external_id = aliases.order_behind(*place, name.external_id)
    known = _facts(deployment, item, external_id)
    try:
        return _adds(known, said.facts)
    except PlacedAtChanged:
        return external_id == said.external_id or _adds(known, deliveries.evidence_of(said))


def _adds(known: OrderFacts, facts: Sequence[Fact]) -> bool:
    """Whether these facts say more than what is known; that a platform was asked later is nothing that it said."""
    after, changed = known.with_facts(facts)
    if any(_is_said_anew(known, fact) for fact in changed if not isinstance(fact, Snapshot)):
        return True
    return _undated(after.told) != _undated(known.told)


def _is_said_anew(known: OrderFacts, event: Event) -> bool:
    """A cancellation only where it begins or ends: it may be dated by when the platform was asked."""
    if not isinstance(event, Cancellation):
        return True
    before = known.events.get((event.kind, event.id))
    return event.undone is (isinstance(before, Cancellation) and not before.undone)


def _undated(told: Snapshot | None) -> Snapshot | None:
    return None if told is None else replace(told, triggered_at=None)


def _facts(deployment: Deployment, item: ConnectionItem, external_id: str) -> OrderFacts:
    order_id = orders.order_id(item.brand_id, item.id, external_id)
    order = orders.load(deployment.database, item.brand_id, order_id)
    return order.facts if order else OrderFacts()


def _later(deployment: Deployment, item: ConnectionItem, look: Reconciliation, refusal: NotYet) -> str:
    """Puts it off, as the platform advises or patiently; `reason` says what for, and of an end what its advice was."""
    left = left_of(deployment, look.away_since, PATIENCE) if look.away_since else PATIENCE.total_seconds()
    seconds = heeded(look.tries, refusal.seconds)
    if seconds > left:
        advice = f", for another {timedelta(seconds=refusal.seconds)}" if refusal.seconds else ""
        return _end(deployment, item, look, "failed", f"the platform stays away: {refusal.reason}{advice}")
    look.away_since = look.away_since or times.text(deployment.now())
    look.tries, look.reason = look.tries + 1, refusal.reason
    _put(deployment, look)
    _go_on(deployment, item.brand_id, look, seconds=seconds)
    return "put_off"


def _put(deployment: Deployment, look: Reconciliation) -> None:
    look.moved_at = times.text(deployment.now())
    deployment.database.commit(reconciliations.moved(look, None))


def _end(deployment: Deployment, item: ConnectionItem, look: Reconciliation, status: str, reason: str | None) -> str:
    """The mark stays where it was if the look failed, or began behind it: nobody has seen what lies between."""
    known = reconciliations.mark(deployment.database, item.brand_id, look.connection_id)
    whole = status == "done" and look.since <= (known.until or item.created_at)
    look.status, look.reason = status, reason
    look.moved_at = look.done_at = times.text(deployment.now())
    deployment.database.commit(reconciliations.moved(look, known if whole else None))
    telemetry.logger().info(
        "reconciled", connection=look.connection_id, status=status, healed=look.healed, looked_at=look.looked_at
    )
    return status
