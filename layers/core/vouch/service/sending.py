"""Sending payouts by rails with an API, once each, whatever becomes of the calls.

Before each call stands an attempt that says under which key it is made. A call without an answer leaves the payout
`unknown`, and the rail is asked. Only where it knows of nothing, and only while it remembers keys, the same call is
made again under the same key; after that only looks are left, and a person. What the rail finally says is posted.

An account that knows nothing of a payout proves nothing where the brand had another one when it was sent: it is
neither paid again nor taken for lost.

A person's word counts where the rail's is not to be had. Where a payment was seen and may still be there that takes
forty days, and that it was not paid is above the brand's limit said by two.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from vouch import telemetry
from vouch.deadlines import InTime
from vouch.domain import times
from vouch.domain.errors import Conflict, Stale, Unprocessable
from vouch.domain.money import Money
from vouch.domain.payouts import NOT_READABLE, GivenBack, Skipped
from vouch.rails.base import BRANDS, Api, Conversation, Foreign, Settings, Told, Unreadable
from vouch.service import payees, payouts, rail_accounts, rail_calls
from vouch.service.deployment import Deployment
from vouch.service.payees import Profile
from vouch.service.payouts import Check, News
from vouch.service.queues import put_off
from vouch.service.rail_accounts import Account
from vouch.service.revisions import committed
from vouch.store import payout_runs, versions
from vouch.store import payouts as items
from vouch.store.database import Writes
from vouch.store.tables import ApiKey, Brand, OpenPayout, PayoutItem

Profiles = Mapping[str, Profile]
LEASE = timedelta(minutes=10)
"""No call takes so long: whose attempt is older than that, died."""
_ALARMED_AFTER = {"unknown": timedelta(hours=24), "submitted": timedelta(days=40)}
"""So long after it was sent somebody has to be told that it has not ended; who claims nothing has a month."""
_LEFT_TO_PEOPLE_AFTER = _ALARMED_AFTER["submitted"]
"""So long after it was sent a person may say what became of it, where the rail does not."""
_UNREADABLE = "rail_answer_unreadable"
_FIRST_LOOK = 60
_LOOKS_FIRST, _LOOKS_LAST = timedelta(minutes=5), timedelta(hours=12)
"""Between two looks that nobody called for; each pause is twice the one before it."""


def sent(deployment: Deployment, brand: Brand, payout_id: str, *, in_time: InTime) -> PayoutItem:
    """Has the rail pay what was created. What was sent before is looked at instead, by `looked`."""
    item = payouts.found(deployment, brand.id, payout_id)
    api = payouts.rail_of(item).api
    if api is None or item.status != "created":
        return item
    known = payees.profiles(deployment, brand.id, [item.creator_id])
    stopped = _stopped(deployment, brand, known, item)
    if stopped is not None:  # since it was made: the brand may have held them, and certificates expire
        return payouts.failed(deployment, brand, item.id, News(reason=stopped), seen=item.version)
    return _called(deployment, brand, known, item, api, in_time)


def _called(
    deployment: Deployment, brand: Brand, known: Profiles, item: PayoutItem, api: Api, in_time: InTime
) -> PayoutItem:
    account = _account(deployment, brand, item)
    if account is None or account.paused or not _is_same(item, account):
        return item
    first = item.status == "created"
    payment = payouts.payment(deployment, brand, known, item)
    if payment is None:
        return payouts.failed(deployment, brand, item.id, News(NOT_READABLE), seen=item.version) if first else item
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
    """Asks the rail what became of a payout, and does what follows from it. Never pays what may have been paid.

    Of one that was not sent yet nobody is asked: it fails where it shall not be sent any more.
    """
    item = payouts.found(deployment, brand.id, payout_id)
    api = payouts.rail_of(item).api
    if api is None or item.status == "returned":
        return item
    if item.status == "created":
        return _still_wanted(deployment, brand, item)
    if item.status == "failed":
        return _doubted(deployment, brand, item, api, in_time)
    if item.status == "submitting":
        if _is_under_way(item, deployment.now()):
            return item
        item = payouts.unknown(deployment, brand, item.id, News(reason="no_answer"), seen=item.version)
    if item.status == "unknown" and api.found_by_name and not item.names:
        return _again(deployment, brand, item, api, in_time)
    account = _account(deployment, brand, item)
    return _looked_at(deployment, brand, item, api, account, in_time) if account is not None else item


def look_soon(deployment: Deployment, brand: Brand, payout_id: str, *, seconds: int) -> None:
    """Has the payout looked after in so many seconds, 900 at most."""
    message = {"look": [brand.id, payout_id], "group": brand.id}
    put_off(deployment, deployment.settings.pay_queue_url, message, seconds=min(seconds, 900))


def look_at_waiting(deployment: Deployment, brand: Brand, creator_id: str) -> None:
    """Has what waits to be sent to the creator looked after at once, since they are held."""
    for item in payouts.waiting(deployment, brand, creator_id):
        if payouts.rail_of(item).api is not None:
            look_soon(deployment, brand, item.id, seconds=0)


def _looked_at(
    deployment: Deployment, brand: Brand, item: PayoutItem, api: Api, account: Account, in_time: InTime
) -> PayoutItem:
    told = _looked_up(deployment, item, api, account, in_time)
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
    if nameless or _looked_up(deployment, item, api, account, in_time).word in ("accepted", "settled"):
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


def _looked_up(deployment: Deployment, item: PayoutItem, api: Api, account: Account, in_time: InTime) -> Told:
    conversation = api.look_up(item.id, item.key, item.names or {}, account.settings)
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
        return Told("later", reason="no_answer", passing=True)
    except rail_calls.NotCalled:
        return Told("refused", reason="rail_address_not_allowed")
    except Unreadable as failure:
        telemetry.count("RailUnreadable")
        telemetry.logger().error("a rail's answer cannot be read", detail=str(failure))
        return Told("later", reason=_UNREADABLE, passing=isinstance(failure, Foreign))


def _heard(deployment: Deployment, brand: Brand, item: PayoutItem, told: Told, *, final: bool) -> PayoutItem:
    """What follows from what the rail said of the payout as `item` has it.

    Not `final`: it is about a further try, so a failure or refusal leaves open what became of the first one. Another
    amount than ours is not booked; of what failed, or came back whole, nothing is left, whatever it was.
    """
    carried = _otherwise(item, told)
    news = News(
        told.reason,
        told.reference,
        told.names,
        told.fee,
        carried=carried,
        came_back=told.came_back,
        unreadable=told.reason == _UNREADABLE,
    )
    if told.reason is not None:
        telemetry.logger().info(
            "a rail said why", payout=item.id, rail=item.rail, reason=told.reason, detail=told.detail
        )
    if carried is not None and told.word in ("accepted", "settled") and not _is_accepted(item, carried):
        _warn("PayoutMismatch", "a rail carries another amount than ours", item)
        return _left_open(deployment, brand, item, replace(news, reason="amount_mismatch", reference=None, fee=None))
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
    is_first_trace = news.unreadable and item.status == "unknown" and not _has_traces(item)
    if news.carried is not None or is_first_trace:
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


def _is_under_way(item: PayoutItem, now: datetime) -> bool:
    """Whether the last call of it may still reach the rail."""
    return now - times.parse(item.tried_at) < LEASE


def _again(deployment: Deployment, brand: Brand, item: PayoutItem, api: Api, in_time: InTime) -> PayoutItem:
    """Makes the same call anew, for whoever may still be paid by it.

    Where nothing shall be sent any more (a hold, a cancelled run) it is not made. By then the payout has failed where
    this is proven: the account by which it was sent was just looked at by our own id, has no such payment and never
    showed one, and our last call is so long ago that it cannot be under way any more. A rail that finds payments by
    its own names alone has proven nothing, since only the call itself would have shown them: that payout stays as it
    is until the call may be made again, or until it may be given up.
    """
    known, now = _profiles(deployment, brand, item), deployment.now()
    stopped = _called_off(deployment, brand, known, item)
    if stopped is None:
        return _called(deployment, brand, known, item, api, in_time) if _may_be_sent(item, api, now) else item
    if api.found_by_name or _has_traces(item) or _is_under_way(item, now):
        return item
    return payouts.failed(deployment, brand, item.id, News(reason=stopped), seen=item.version)


def _still_wanted(deployment: Deployment, brand: Brand, item: PayoutItem) -> PayoutItem:
    stopped = _called_off(deployment, brand, _profiles(deployment, brand, item), item)
    if stopped is None:
        return item
    return payouts.failed(deployment, brand, item.id, News(reason=stopped), seen=item.version)


def _called_off(deployment: Deployment, brand: Brand, known: Profiles, item: PayoutItem) -> GivenBack | Skipped | None:
    """Why nothing shall be sent of it any more; None: it may be."""
    run = payout_runs.run(deployment.database, brand.id, item.run_id)
    if run is not None and run.status == "cancelled":
        return "run_cancelled"
    return _stopped(deployment, brand, known, item)


def _stopped(deployment: Deployment, brand: Brand, known: Profiles, item: PayoutItem) -> Skipped | None:
    profile = known.get(item.creator_id)
    return payees.stopped(deployment, brand, profile.payee) if profile is not None else None


def _has_traces(item: PayoutItem) -> bool:
    """Whether the rail ever showed a payment, or said what cannot be read and may have been one."""
    return bool(item.names or item.unreadable)


def _otherwise(item: PayoutItem, told: Told) -> Money | None:
    """What the rail says that it carries, where that is another amount than ours."""
    if told.amount is None or (told.amount.amount, told.amount.currency) == _net(item):
        return None
    return told.amount


def _is_accepted(item: PayoutItem, carried: Money) -> bool:
    """Whether it is settled as ours, and known that the rail has that amount: it is no news then."""
    return item.status == "settled" and item.carried == [carried.amount, carried.currency]


def _net(item: PayoutItem) -> tuple[int, str]:
    return item.amount - item.withheld, item.currency


def _profiles(deployment: Deployment, brand: Brand, item: PayoutItem) -> Profiles:
    return payees.profiles(deployment, brand.id, [item.creator_id])


# --- a person's word --------------------------------------------------------------------------------------------------


def said_paid(
    deployment: Deployment,
    brand: Brand,
    key: ApiKey,
    payout_id: str,
    reference: str,
    *,
    if_match: int | None,
    in_time: InTime,
) -> PayoutItem:
    """Somebody says that it was paid: that counts of what goes by a file, else where the rail's word is not to be had.

    Raises Conflict, Forbidden, and Stale where `if_match` is given and is not the payout's version, unless it is this
    very word that changed it, said twice at once.
    """
    try:
        if payouts.rail_of(payouts.found(deployment, brand.id, payout_id)).api is None:
            return payouts.settled_by_hand(deployment, brand, key, payout_id, reference, if_match=if_match)
        return taken_for_paid(deployment, brand, key, payout_id, reference, if_match=if_match, in_time=in_time)
    except Stale:
        item = payouts.found(deployment, brand.id, payout_id)
        if not payouts.has_settled(item, key, reference):
            raise
        return item


def said_failed(
    deployment: Deployment,
    brand: Brand,
    key: ApiKey,
    payout_id: str,
    reason: str,
    *,
    if_match: int | None,
    in_time: InTime,
) -> PayoutItem:
    """Likewise that it was not paid, shall not be, or came back."""
    try:
        if payouts.rail_of(payouts.found(deployment, brand.id, payout_id)).api is None:
            return payouts.failed_by_hand(deployment, brand, key, payout_id, reason, if_match=if_match)
        return given_up(deployment, brand, key, payout_id, reason, if_match=if_match, in_time=in_time)
    except Stale:
        item = payouts.found(deployment, brand.id, payout_id)
        if not payouts.has_failed(deployment, brand, item, key, reason):
            raise
        return item


def given_up(
    deployment: Deployment,
    brand: Brand,
    key: ApiKey,
    payout_id: str,
    reason: str,
    *,
    if_match: int | None = None,
    in_time: InTime,
) -> PayoutItem:
    """A person's word that a payout shall not be made, before it is sent, or that it never reached its rail.

    The latter is taken only once no call of ours can be under way any more nor the rail would recognise a further one,
    and only where a look at this moment says so, too. Where no look can tell, the word is enough as long as no payment
    was ever seen. Of everything else the rail has to tell, for forty days: what it has not told by then is told by who
    may give money, and above the brand's limit by two of them, as that a payment came back; until the second one says
    so, it stays as it is. Raises Conflict, Forbidden, and Stale.
    """
    item = payouts.found(deployment, brand.id, payout_id)
    if payouts.has_failed(deployment, brand, item, key, reason):
        return item
    payouts.check_version(item, if_match)
    if item.status == "failed":
        payouts.check_reason(item, reason)
        return item
    check: Check = payouts.always
    if item.status != "created":
        api, told = _asked_for(deployment, brand, item, in_time)
        absent = not _has_traces(item) if told is None else told.word == "absent"
        now = deployment.now()
        ended = item.status == "unknown" and not (_is_under_way(item, now) or _may_be_sent(item, api, now))
        if not (ended and absent):
            _check_left_to_people(deployment, key, item, told)
            check = payouts.by_two(deployment, brand, key, reason)
    news, seen = News(reason=reason, by=key.id), item.version
    item = payouts.failed(deployment, brand, item.id, news, seen=seen, if_match=if_match, check=check)
    if payouts.waits_for_another(deployment, item, key, reason):
        return item
    if item.status != "failed":  # it was sent, or found, at the same moment
        raise _is_told_by_rail(item)
    payouts.check_reason(item, reason)
    return item


def taken_for_paid(
    deployment: Deployment,
    brand: Brand,
    key: ApiKey,
    payout_id: str,
    reference: str,
    *,
    if_match: int | None = None,
    in_time: InTime,
) -> PayoutItem:
    """A person's word that the rail has paid, to be found there under that reference. It takes who may give money.

    Taken where the rail itself says at this moment that it has paid another amount than ours, and of what it has not
    told in forty days. What was reserved is settled, no more and no less: where the rail paid another amount, clearing
    shows the difference, and somebody adjusts. The same word again is no news. Raises Conflict, Forbidden, and Stale.
    """
    item = payouts.found(deployment, brand.id, payout_id)
    if payouts.has_settled(item, key, reference):
        return item
    payouts.check_version(item, if_match)
    if item.status in ("settled", "returned") and item.reference == reference:
        return item
    _, told = _asked_for(deployment, brand, item, in_time)
    carried = _otherwise(item, told) if told is not None and told.word == "settled" else None
    if told is not None and carried is not None:
        payouts.check_may_give(key)
        news = News(told.reason, reference, told.names, told.fee, carried=carried, came_back=told.came_back, by=key.id)
    else:
        _check_left_to_people(deployment, key, item, told)
        news = News(None, reference, carried=Money(*item.carried) if item.carried else None, by=key.id)
    item = payouts.settled(deployment, brand, item.id, news, if_match=if_match)
    if item.reference != reference:
        raise Conflict("payout_settled_otherwise", reference=item.reference or "")
    return item


def _asked_for(deployment: Deployment, brand: Brand, item: PayoutItem, in_time: InTime) -> tuple[Api, Told | None]:
    """What the rail says now; None where no look can tell: the account by which it was sent is gone, or the rail finds
    payments by its own names alone, and has told none. Raises Conflict where the payout is not open at the rail.
    """
    api = payouts.rail_of(item).api
    if api is None or item.status not in ("unknown", "submitted"):
        raise _is_told_by_rail(item)
    account = _account(deployment, brand, item)
    if account is None or not _is_same(item, account) or (api.found_by_name and not item.names):
        return api, None
    return api, _looked_up(deployment, item, api, account, in_time)


def _check_left_to_people(deployment: Deployment, key: ApiKey, item: PayoutItem, told: Told | None) -> None:
    waited = deployment.now() - times.parse(item.keyed_at)
    if waited < _LEFT_TO_PEOPLE_AFTER or not (told is None or _leaves_it_open(told)):
        raise _is_told_by_rail(item)
    payouts.check_may_give(key)


def _leaves_it_open(told: Told) -> bool:
    """Whether the rail itself answers, and does not say what became of the payment.

    One that cannot answer now may yet, and so may one that the brand has to mend something for.
    """
    return told.word == "absent" or (told.word == "later" and not told.passing and told.reason not in BRANDS)


def _is_told_by_rail(item: PayoutItem) -> Conflict:
    return Conflict("payout_told_by_rail", rail=item.rail)


# --- looking after what is open ---------------------------------------------------------------------------------------


def after(
    deployment: Deployment, brand: Brand, *, start: str, in_time: InTime, come_to: Callable[[str], None]
) -> tuple[str | None, list[Exception]]:
    """Looks after the brand's open payouts that are due, behind `start`; where it goes on, None at the end.

    `come_to` is told of each before it is looked at: one at which the process dies keeps nobody behind it waiting.
    """
    failures: list[Exception] = []
    for number, row in enumerate(items.watched(deployment.database, brand.id, start)):
        if number and not in_time():
            return start, failures
        start = row.sk
        if row.next_at > times.text(deployment.now()):
            continue
        come_to(start)
        try:
            watched(deployment, brand, row, in_time=in_time)
        except Exception as failure:  # noqa: BLE001 - told once the others were looked after
            failures.append(failure)
    return None, failures


def watched(deployment: Deployment, brand: Brand, row: OpenPayout, *, in_time: InTime) -> None:
    """Looks after one of them, and says when it is looked after next.

    One that was sent before and waits again is sent anew: its run may have ended while nobody knew what became of it.
    """
    item = looked(deployment, brand, row.sk, in_time=in_time)
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
