"""Sending payouts by rails with an API, once each, whatever becomes of the calls.

Before each call stands an attempt that says under which key it is made. A call without an answer leaves the payout
`unknown`, and the rail is asked. Only where it knows of nothing, and only while it remembers keys, the same call is
made again under the same key; after that only looks are left, and a person. What the rail finally says is posted.

An account that knows nothing of a payout proves nothing where the brand had another one when it was sent: it is
neither paid again nor taken for lost.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from vouch import telemetry
from vouch.deadlines import InTime
from vouch.domain import times
from vouch.domain.errors import Conflict, Unprocessable
from vouch.domain.payouts import Payment
from vouch.rails.base import BRANDS, Api, Conversation, Settings, Told, Unreadable
from vouch.service import payees, payouts, rail_accounts, rail_calls
from vouch.service.deployment import Deployment
from vouch.service.payouts import News
from vouch.service.queues import put_off
from vouch.service.rail_accounts import Account
from vouch.service.revisions import committed
from vouch.store import payout_runs, versions
from vouch.store import payouts as items
from vouch.store.database import Writes
from vouch.store.tables import Brand, OpenPayout, PayoutItem

LEASE = timedelta(minutes=10)
"""No call takes so long: whose attempt is older than that, died."""
_ALARMED_AFTER = {"unknown": timedelta(hours=24), "submitted": timedelta(days=40)}
"""So long after it was sent somebody has to be told that it has not ended; who claims nothing has a month."""
_FIRST_LOOK = 60
_LOOKS_FIRST, _LOOKS_LAST = timedelta(minutes=5), timedelta(hours=12)
"""Between two looks that nobody called for; each pause is twice the one before it."""


def sent(deployment: Deployment, brand: Brand, payout_id: str, *, in_time: InTime) -> PayoutItem:
    """Has the rail pay what was created, or what it does not know of in spite of an earlier call."""
    item = payouts.found(deployment, brand.id, payout_id)
    api = payouts.rail_of(item).api
    if api is None:
        return item
    account = _account(deployment, brand, item)
    if account is None or account.paused or not _is_same(item, account):
        return item
    known = payees.profiles(deployment, brand.id, [item.creator_id])
    profile = known.get(item.creator_id)
    first = item.status == "created"
    stopped = payees.stopped(deployment, brand, profile.payee) if first and profile is not None else None
    if stopped is not None:  # since it was made: the brand may have held them, and certificates expire
        return payouts.failed(deployment, brand, item.id, News(reason=stopped), seen=item.version)
    payment = payouts.payment(deployment, brand, known, item)
    item, begun = _begun(deployment, brand, item, api, account)
    if not begun:
        return item
    told = _asked(deployment, api, account.settings, api.send(payment, item.key, account.settings), in_time)
    _pause_for(deployment, brand, item, told)
    item = _heard(deployment, brand, item, told, final=first)
    if first and item.status in ("unknown", "submitted"):  # whoever tried further comes again by the round
        look_soon(deployment, brand, item.id, seconds=told.seconds or _FIRST_LOOK)
    return item


def looked(deployment: Deployment, brand: Brand, payout_id: str, *, in_time: InTime) -> PayoutItem:
    """Asks the rail what became of a payout, and does what follows from it. Never pays what may have been paid."""
    item = payouts.found(deployment, brand.id, payout_id)
    api = payouts.rail_of(item).api
    if api is None or item.status in ("created", "returned"):
        return item
    if item.status == "failed":
        return _doubted(deployment, brand, item, api, in_time)
    if item.status == "submitting":
        if deployment.now() - times.parse(item.tried_at) < LEASE:
            return item
        item = payouts.unknown(deployment, brand, item.id, News(reason="no_answer"), seen=item.version)
    if item.status == "unknown" and api.found_by_name and not item.names:
        return _again(deployment, brand, item, api, in_time)
    account = _account(deployment, brand, item)
    return _looked_at(deployment, brand, item, api, account, in_time) if account is not None else item


def given_up(deployment: Deployment, brand: Brand, payout_id: str, reason: str, *, in_time: InTime) -> PayoutItem:
    """A person's word that a payout shall not be made, before it is sent, or that it never reached its rail.

    The latter is taken only where a look at this moment says so, too, and only once the rail would not recognise a
    further try: until then the payout ends by itself. Where no look can tell, by a rail that finds payments by its own
    names alone or without the account that was to pay, the word is enough. Raises Conflict.
    """
    item = payouts.found(deployment, brand.id, payout_id)
    if item.status == "failed":
        return item
    if not _may_be_given_up(deployment, brand, item, in_time):
        raise Conflict("payout_told_by_rail", rail=item.rail)
    item = payouts.failed(deployment, brand, item.id, News(reason=reason), seen=item.version)
    if item.status != "failed":  # it was sent, or found, at the same moment
        raise Conflict("payout_told_by_rail", rail=item.rail)
    return item


def _may_be_given_up(deployment: Deployment, brand: Brand, item: PayoutItem, in_time: InTime) -> bool:
    api = payouts.rail_of(item).api
    if item.status == "created":
        return True
    if api is None or item.status != "unknown" or _may_be_sent(item, api, deployment.now()):
        return False
    account = _account(deployment, brand, item)
    if account is None or not _is_same(item, account) or (api.found_by_name and not item.names):
        return True
    return _looked_up(deployment, brand, item, api, account, in_time).word == "absent"


def look_soon(deployment: Deployment, brand: Brand, payout_id: str, *, seconds: int) -> None:
    """Has the payout looked after in so many seconds, 900 at most."""
    message = {"look": [brand.id, payout_id], "group": brand.id}
    put_off(deployment, deployment.settings.pay_queue_url, message, seconds=min(seconds, 900))


def _looked_at(
    deployment: Deployment, brand: Brand, item: PayoutItem, api: Api, account: Account, in_time: InTime
) -> PayoutItem:
    told = _looked_up(deployment, brand, item, api, account, in_time)
    if told.word == "absent" and not _is_same(item, account):
        telemetry.logger().error("the account that was to pay is gone", payout=item.id, rail=item.rail)
        return item
    if told.word == "absent" and item.status == "unknown":
        return _absent(deployment, brand, item, api, in_time)
    _pause_for(deployment, brand, item, told)
    return _heard(deployment, brand, item, told, final=True)


def _doubted(deployment: Deployment, brand: Brand, item: PayoutItem, api: Api, in_time: InTime) -> PayoutItem:
    """Somebody wants news of a payout that failed: where it was sent and the rail has paid after all, that is told.

    Nothing is posted: a person has to see what became of the money, which is available and paid at once.
    """
    account = _account(deployment, brand, item)
    if not item.key or account is None:
        return item
    nameless = api.found_by_name and not item.names
    if nameless or _looked_up(deployment, brand, item, api, account, in_time).word in ("accepted", "settled"):
        _warn("PayoutMismatch", "a payout that failed may have been paid", item)
    return item


def _pause_for(deployment: Deployment, brand: Brand, item: PayoutItem, told: Told) -> None:
    """Nothing more goes over a rail that waits for the brand: whoever came next would only fail likewise.

    As it was when the payout was sent: of one that the brand has mended since this says nothing.
    """
    if told.word == "refused" or (told.word == "failed" and told.reason in BRANDS):
        reason = told.reason or "refused"
        rail_accounts.pause(deployment, brand.id, item.rail, version=item.account_version, reason=reason)


def _warn(metric: str, words: str, item: PayoutItem) -> None:
    telemetry.count(metric)
    telemetry.logger().error(words, payout=item.id, rail=item.rail)


def _looked_up(
    deployment: Deployment, brand: Brand, item: PayoutItem, api: Api, account: Account, in_time: InTime
) -> Told:
    conversation = api.look_up(_payment(deployment, brand, item), item.key, item.names or {}, account.settings)
    return _asked(deployment, api, account.settings, conversation, in_time)


def _account(deployment: Deployment, brand: Brand, item: PayoutItem) -> Account | None:
    """None where the brand has taken it away: what is open over it waits, and keeps nothing else waiting."""
    try:
        return rail_accounts.account(deployment, brand.id, item.rail)
    except Unprocessable:
        return None


def _is_same(item: PayoutItem, account: Account) -> bool:
    """Whether it is the account by which the payout was sent; any is, before it was."""
    return not item.key or item.account == account.identity


def _begun(
    deployment: Deployment, brand: Brand, seen: PayoutItem, api: Api, account: Account
) -> tuple[PayoutItem, bool]:
    """The payout with the attempt that is about to be made, and whether it is ours to make."""
    now = deployment.now()

    def attempt(writes: Writes) -> tuple[PayoutItem, bool]:
        item = payouts.found(deployment, brand.id, seen.id)
        if item.version != seen.version or not _may_be_sent(item, api, now):
            return item, False
        item.status, item.tried_at, item.tries = "submitting", times.text(now), item.tries + 1
        item.changed_at = item.tried_at
        if not item.key:
            item.key = item.id if item.tries == 1 else f"{item.id}-{item.tries}"
            item.keyed_at, item.account = item.tried_at, account.identity
        item.account_version = account.version
        items.put_attempt(writes, item)
        items.watch(writes, brand.id, item.id, now + LEASE)
        versions.put(writes, item)
        return item, True

    return committed(deployment, attempt)


def _may_be_sent(item: PayoutItem, api: Api, now: datetime) -> bool:
    if item.status == "created":
        return True
    return item.status == "unknown" and now - times.parse(item.keyed_at) < api.window


def _asked(deployment: Deployment, api: Api, settings: Settings, conversation: Conversation, in_time: InTime) -> Told:
    try:
        return rail_calls.have(deployment, api, settings, conversation, in_time=in_time)
    except rail_calls.NoAnswer:
        return Told("later", reason="no_answer")
    except rail_calls.NotCalled:
        return Told("refused", reason="rail_address_not_allowed")
    except Unreadable as failure:
        telemetry.count("RailUnreadable")
        telemetry.logger().error("a rail's answer cannot be read", detail=str(failure))
        return Told("later", reason="rail_answer_unreadable")


def _heard(deployment: Deployment, brand: Brand, item: PayoutItem, told: Told, *, final: bool) -> PayoutItem:
    """What follows from what the rail said of the payout as `item` has it.

    Not `final`: it is about a further try, so a failure or refusal leaves open what became of the first one.
    """
    news = News(told.reason, told.reference, told.names, told.fee, came_back=told.came_back)
    if told.reason is not None:
        telemetry.logger().info(
            "a rail said why", payout=item.id, rail=item.rail, reason=told.reason, detail=told.detail
        )
    if told.amount is not None and (told.amount.amount, told.amount.currency) != _net(item):
        _warn("PayoutMismatch", "a rail carries another amount than ours", item)
        doubt = News("amount_mismatch", names=told.names, carried=told.amount, came_back=told.came_back)
        return _left_open(deployment, brand, item, doubt)
    step: Callable[[Deployment, Brand, str, News], PayoutItem] | None = None
    match told.word:
        case "settled":
            step = payouts.settled
        case "accepted":
            step = payouts.submitted
        case "returned" | "failed" if item.status == "settled":
            step = payouts.returned
        case "returned":
            step = payouts.failed
        case "failed" if final:
            step = partial(payouts.failed, seen=item.version)
        case "refused" if final and item.status == "submitting":
            step = partial(payouts.taken_back, seen=item.version)
        case _:
            pass
    if step is not None:
        return step(deployment, brand, item.id, news)
    resent = told.word if told.word in ("failed", "refused") else None
    return _left_open(deployment, brand, item, replace(news, resent=resent))


def _left_open(deployment: Deployment, brand: Brand, item: PayoutItem, news: News) -> PayoutItem:
    if item.status == "submitting":
        return payouts.unknown(deployment, brand, item.id, news, seen=item.version)
    if news.carried is not None:
        return payouts.doubted(deployment, brand, item.id, news, seen=item.version)
    return item


def _absent(deployment: Deployment, brand: Brand, item: PayoutItem, api: Api, in_time: InTime) -> PayoutItem:
    """The rail knows of no such payment, some time after the last call of which we had no answer."""
    news = News(reason=item.reason)
    if item.resent == "failed":  # the last try was refused for good, and the first one left no trace either
        return payouts.failed(deployment, brand, item.id, news, seen=item.version)
    if item.resent == "refused":
        return payouts.taken_back(deployment, brand, item.id, news, seen=item.version)
    return _again(deployment, brand, item, api, in_time)


def _again(deployment: Deployment, brand: Brand, item: PayoutItem, api: Api, in_time: InTime) -> PayoutItem:
    if not _may_be_sent(item, api, deployment.now()):
        return item
    return sent(deployment, brand, item.id, in_time=in_time)


def _net(item: PayoutItem) -> tuple[int, str]:
    return item.amount - item.withheld, item.currency


def _payment(deployment: Deployment, brand: Brand, item: PayoutItem) -> Payment:
    return payouts.payment(deployment, brand, payees.profiles(deployment, brand.id, [item.creator_id]), item)


# --- looking after what is open ---------------------------------------------------------------------------------------


def after(deployment: Deployment, brand: Brand, *, start: str, in_time: InTime) -> tuple[str | None, list[Exception]]:
    """Looks after the brand's open payouts that are due, behind `start`; where it goes on, None at the end."""
    failures: list[Exception] = []
    for number, row in enumerate(items.watched(deployment.database, brand.id, start)):
        if number and not in_time():
            return start, failures
        try:
            if row.next_at <= times.text(deployment.now()):
                watched(deployment, brand, row, in_time=in_time)
        except Exception as failure:  # noqa: BLE001 - told once the others were looked after
            failures.append(failure)
        start = row.sk
    return None, failures


def watched(deployment: Deployment, brand: Brand, row: OpenPayout, *, in_time: InTime) -> None:
    """Looks after one of them, and says when it is looked after next.

    One that was sent before and waits again is sent anew: its run may have ended while nobody knew what became of it.
    Where that run was cancelled meanwhile, it is not.
    """
    item = looked(deployment, brand, row.sk, in_time=in_time)
    if item.status == "created" and _is_cancelled(deployment, brand, item):
        payouts.failed(deployment, brand, item.id, News(reason="run_cancelled"), seen=item.version)
        return
    if item.status == "created":
        item = sent(deployment, brand, row.sk, in_time=in_time)
    now = deployment.now()
    patience = _ALARMED_AFTER.get(item.status)
    if patience is not None and now - times.parse(item.keyed_at) >= patience:
        _warn("PayoutUnknown", "nobody knows what became of a payout", item)
    api = payouts.rail_of(item).api
    if item.status == "settled" and api is not None and now - times.parse(item.changed_at) >= api.watched:
        items.unwatched(deployment.database, row)
        return
    items.postpone(deployment.database, row, now + _pause_after(item, row.looks))


def _pause_after(item: PayoutItem, looks: int) -> timedelta:
    if item.status == "created":  # it waits for the brand alone, who may have mended it by the next round
        return _LOOKS_FIRST
    if item.status == "settled":
        return payouts.WATCHED_EVERY
    return min(_LOOKS_FIRST * (1 << min(looks, 10)), _LOOKS_LAST)


def _is_cancelled(deployment: Deployment, brand: Brand, item: PayoutItem) -> bool:
    run = payout_runs.run(deployment.database, brand.id, item.run_id)
    return run is not None and run.status == "cancelled"
