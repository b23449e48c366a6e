"""What becomes of a payout: each change of its status, and what that posts, is one transaction.

A payout's own version guards its steps, the balance's version the sums, and each step's entry can be there once.
Whatever is told twice, late or out of order therefore changes nothing the second time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Literal

from vouch import telemetry
from vouch.domain import account, times
from vouch.domain.account import Balance
from vouch.domain.errors import Conflict, Forbidden, NotFound, Stale
from vouch.domain.ledger import (
    Entry,
    payout_fee_entry,
    payout_released_entry,
    payout_returned_entry,
    payout_settled_entry,
)
from vouch.domain.money import Money
from vouch.domain.payouts import Payment, Status, may_become
from vouch.rails.base import Rail
from vouch.rails.registry import RAILS
from vouch.service import keys, pages, payees, payout_settings, run_parts
from vouch.service.deployment import Deployment
from vouch.service.folds import fold_and_post
from vouch.service.pages import Page
from vouch.service.payout_settings import Rules
from vouch.service.reserving import outcomes_of
from vouch.service.revisions import committed
from vouch.store import balances, clearing, ledger, payout_runs, payouts, versions
from vouch.store.database import Database, Refused, Writes
from vouch.store.tables import ApiKey, Brand, PayoutItem, PayoutRun

TO_GIVE = "adjustments:write"
"""The scope of who may say that a creator has money again which had been paid."""
WATCHED_EVERY = timedelta(days=1)
"""How often a rail is asked whether what it has paid came back."""
_WORD_STANDS = timedelta(days=7)
"""So long the first one of two words waits for the second."""
Check = Callable[[PayoutItem, Writes], bool]
"""Whether a step is to be taken, by the payout as it is at that moment; writes what goes with it, step or not."""
_GIVES_BACK = {"failed": payout_released_entry, "returned": payout_returned_entry}
"""What is posted, by what becomes of the payout."""


@dataclass(frozen=True, slots=True)
class News:
    """What is to be kept of what a rail, or a person, said. `names` are added to those that are known.

    `resent`: what the rail said of a further try under the same key, while the first one has no answer. `carried` is
    what it says that it carries, where that is another amount than ours, `came_back` what it gave back, where that is a
    part: both are for a person to look at. `unreadable`: it said what cannot be read, which may be that it has paid.
    `by` is the key whose word it is, where that is a person's instead of the rail's.
    """

    reason: str | None = None
    reference: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    fee: Money | None = None
    resent: str | None = None
    carried: Money | None = None
    came_back: Money | None = None
    unreadable: bool = False
    by: str | None = None


def found(deployment: Deployment, brand_id: str, payout_id: str, *, if_match: int | None = None) -> PayoutItem:
    """Raises NotFound where the brand has no such payout, and Stale where that is given and is not its version."""
    item = payouts.payout(deployment.database, brand_id, payout_id)
    if item is None:
        raise NotFound
    check_version(item, if_match)
    return item


def check_version(item: PayoutItem, if_match: int | None) -> None:
    """Raises Stale where that is given, and is not the payout's version."""
    if if_match not in {None, item.version}:
        raise Stale


def listed(
    deployment: Deployment,
    brand: Brand,
    *,
    status: Status | None,
    creator_id: str | None,
    limit: int,
    cursor: str | None,
) -> Page[PayoutItem]:
    """The brand's payouts, or one creator's, the newest first. With a status a page may be short though more follow."""
    index = payouts.index(brand.id) if creator_id is None else payouts.creators_index(brand.id, creator_id)
    where = {"status": status}
    return pages.read(deployment, PayoutItem, index, limit=limit, cursor=cursor, newest_first=True, where=where)


def of_run(
    deployment: Deployment,
    brand: Brand,
    run_id: str,
    *,
    status: Status | None,
    creator_id: str | None,
    limit: int,
    cursor: str | None,
) -> Page[PayoutItem]:
    """A run's payouts, in the order in which they were made; likewise. Raises NotFound."""
    if payout_runs.run(deployment.database, brand.id, run_id) is None:
        raise NotFound
    scope = f"{brand.id}/{run_id}/{status}/{creator_id}/payouts"
    chunk, position = (int(part) for part in pages.opened(deployment, scope, cursor)) if cursor else (0, 0)
    made = list(islice(_made(deployment, brand, run_id, (chunk, position)), limit + 1))
    items = payouts.payouts(deployment.database, brand.id, [payout_id for _, payout_id in made[:limit]])
    fitting = [item for item in items if status in (None, item.status) and creator_id in (None, item.creator_id)]
    following = [place for place, _ in made[limit:]]
    return Page(fitting, pages.sealed(deployment, scope, [str(part) for part in following[0]]) if following else None)


def _made(
    deployment: Deployment, brand: Brand, run_id: str, start: tuple[int, int]
) -> Iterator[tuple[tuple[int, int], str]]:
    """The run's payouts from that place on, each with its own: the number of its chunk, and its position there."""
    for chunk in payout_runs.chunks(deployment.database, brand.id, run_id, start=start[0]):
        payout_ids = [outcome.payout_id for outcome in outcomes_of(chunk) if outcome.payout_id]
        for position, payout_id in enumerate(payout_ids):
            place = payout_runs.number_of(chunk), position
            if place >= start:
                yield place, payout_id


def always(_item: PayoutItem, _writes: Writes) -> bool:
    """The check of a step that asks for no more than that it may follow."""
    return True


# --- its steps --------------------------------------------------------------------------------------------------------


def submitted(deployment: Deployment, brand: Brand, payout_id: str, news: News) -> PayoutItem:
    """The rail has it; what it says of a payout that has gone further is no news."""
    return _moved(deployment, brand, payout_id, "submitted", news)


def submitted_together(
    deployment: Deployment, brand: Brand, items: Sequence[PayoutItem], news: Callable[[PayoutItem], News]
) -> None:
    """Likewise, of so many as one transaction takes, which were just read as `created`."""
    writes = Writes()
    for item in items:
        _keep(deployment, item, "submitted", news(item))
        versions.put(writes, item)
    try:
        deployment.database.commit(writes)
    except Refused:  # an earlier try of ours did it, or part of it
        for item in items:
            submitted(deployment, brand, item.id, news(item))


def unknown(deployment: Deployment, brand: Brand, payout_id: str, news: News, *, seen: int) -> PayoutItem:
    """Its call had no answer: only a look at the rail tells what became of it. `seen` as in `failed`."""
    return _moved(deployment, brand, payout_id, "unknown", news, seen=seen)


def taken_back(deployment: Deployment, brand: Brand, payout_id: str, news: News, *, seen: int) -> PayoutItem:
    """The rail refused it without any effect, so it waits as before; its next call goes under another key. Likewise."""

    def forget_key(item: PayoutItem) -> None:
        item.key = item.keyed_at = None

    return _moved(deployment, brand, payout_id, "created", news, forget_key, seen=seen)


def settled(
    deployment: Deployment, brand: Brand, payout_id: str, news: News, *, if_match: int | None = None
) -> PayoutItem:
    """The money is the creator's. Raises Conflict where the payout is one that failed, and Stale as `found` does."""
    now = deployment.brand_now(brand)

    def attempt(writes: Writes) -> PayoutItem:
        item = found(deployment, brand.id, payout_id, if_match=if_match)
        if item.status in ("settled", "returned"):
            if item.status == "settled" and news.came_back is not None:
                _note(item, news, writes)
            return item
        _check(item, "settled")
        stored = balances.load(deployment.database, brand.id, item.creator_id)
        before = stored.balance
        part, version = payouts.part(item), before.version + 1
        entries = [payout_settled_entry(part, at=now, version=version)]
        if news.fee is not None and news.fee.amount:
            entries.append(payout_fee_entry(part, news.fee, at=now, version=version))
        after = account.with_entries(replace(before, version=version), entries)
        balances.replace(writes, brand.id, item.creator_id, stored, after)
        _post(writes, brand, entries)
        _keep(deployment, item, "settled", news)
        item.settled_at = times.text(now)
        if news.fee is not None:
            item.fee = _pair(news.fee)
        versions.put(writes, item)
        clearing.put_moved(writes, brand.id, item, entries)
        _watch(deployment, brand, item, writes)
        return item

    return committed(deployment, attempt)


def doubted(deployment: Deployment, brand: Brand, payout_id: str, news: News, *, seen: int) -> PayoutItem:
    """What the rail says of it cannot be: that is kept with it, and nothing follows from it. `seen` as in `failed`."""

    def attempt(writes: Writes) -> PayoutItem:
        item = found(deployment, brand.id, payout_id)
        if item.version == seen:
            _note(item, news, writes)
        return item

    return committed(deployment, attempt)


def failed(
    deployment: Deployment,
    brand: Brand,
    payout_id: str,
    news: News,
    *,
    seen: int | None = None,
    if_match: int | None = None,
    check: Check = always,
) -> PayoutItem:
    """It failed for good: what was reserved is available again. Raises Conflict where the money has gone.

    `seen` is the version that this was found out about, where it is true of no later one: another call may be on its
    way since. Raises Stale as `found` does.
    """
    return _given_back(deployment, brand, payout_id, "failed", news, seen=seen, if_match=if_match, check=check)


def left_out(
    deployment: Deployment, brand: Brand, payout_id: str, news: News, *, if_match: int | None = None
) -> PayoutItem:
    """It fails while its run has not written its file, which then does without it.

    The run counts them in the same transaction, and notes no file that was written by another count: so nothing is in a
    file and available again. Raises Conflict where the file has it, and Stale as `found` does.
    """

    def counted(item: PayoutItem, writes: Writes) -> bool:
        _count_left_out(deployment, brand, item, writes)
        return True

    return _given_back(deployment, brand, payout_id, "failed", news, if_match=if_match, check=counted)


def set_aside(deployment: Deployment, brand: Brand, payout_id: str, news: News) -> PayoutItem:
    """Likewise where nobody can post to its creator's books: no file has it, and it stays `created`.

    Once the books are mended, a person's word ends it. Raises Conflict as `left_out` does.
    """

    def attempt(writes: Writes) -> PayoutItem:
        item = found(deployment, brand.id, payout_id)
        if not item.aside:
            _count_left_out(deployment, brand, item, writes)
            item.aside, item.reason = True, news.reason
            versions.put(writes, item)
        return item

    return committed(deployment, attempt)


def _count_left_out(deployment: Deployment, brand: Brand, item: PayoutItem, writes: Writes) -> None:
    run = payout_runs.run(deployment.database, brand.id, item.run_id)
    if item.status != "created" or (run is not None and _is_in_file(deployment, brand, run, item)):
        raise Conflict("payout_not_in_time", status=item.status)
    if run is not None and not item.aside:
        run_parts.count_left_out(run, item)
        run.moved_at = times.text(deployment.now())
        versions.put(writes, run)


def _is_in_file(deployment: Deployment, brand: Brand, run: PayoutRun, item: PayoutItem) -> bool:
    """Of what a second one of two tries has reserved and the run does not know, no file has anything."""
    return run_parts.is_in_file(run, item) and any(
        payout_id == item.id for _, payout_id in _made(deployment, brand, run.id, (0, 0))
    )


def returned(
    deployment: Deployment,
    brand: Brand,
    payout_id: str,
    news: News,
    *,
    if_match: int | None = None,
    check: Check = always,
) -> PayoutItem:
    """It came back after it was the creator's, and is available again.

    Raises Conflict where it never was, and Stale as `found` does.
    """
    return _given_back(deployment, brand, payout_id, "returned", news, if_match=if_match, check=check)


def _given_back(
    deployment: Deployment,
    brand: Brand,
    payout_id: str,
    status: Literal["failed", "returned"],
    news: News,
    *,
    seen: int | None = None,
    if_match: int | None = None,
    check: Check = always,
) -> PayoutItem:
    item = found(deployment, brand.id, payout_id)

    def draft(balance: Balance, writes: Writes) -> Sequence[Entry]:
        nonlocal item
        item = found(deployment, brand.id, payout_id, if_match=if_match)
        if item.status == status or seen not in (None, item.version):
            return ()
        _check(item, status)
        if not check(item, writes):
            return ()
        _keep(deployment, item, status, news)
        if status == "returned":
            item.returned_at = times.text(deployment.brand_now(brand))
        versions.put(writes, item)
        payouts.unwatch(writes, brand.id, item.id)
        posted = (_GIVES_BACK[status](payouts.part(item), at=balance.watermark, version=balance.version),)
        clearing.put_moved(writes, brand.id, item, posted)
        return posted

    fold_and_post(deployment, brand.id, item.creator_id, deployment.brand_now(brand), draft)
    return item


def waiting(deployment: Deployment, brand: Brand, creator_id: str) -> list[PayoutItem]:
    """What is made for the creator and not sent: by the index, and by the balance, which names what is open just now.

    Where nobody can read one of the two the operator hears of it, and the other one has to do.
    """
    found: dict[str, PayoutItem] = {}
    for reading in (payouts.latest_of_creator, _named_by_balance):
        try:
            found |= {item.id: item for item in reading(deployment.database, brand.id, creator_id)}
        except Exception as failure:
            if balances.is_the_worlds(failure):
                raise
            telemetry.count("PayeeUnreadable")
            telemetry.logger().exception("a creator's payouts cannot be read", brand=brand.id, creator=creator_id)
    return [item for item in found.values() if item.status == "created"]


def _named_by_balance(database: Database, brand_id: str, creator_id: str) -> list[PayoutItem]:
    sums = balances.read(database, brand_id, creator_id).sums.values()
    return payouts.payouts(database, brand_id, [each.payout_id for each in sums if each.payout_id is not None])


def _moved(
    deployment: Deployment,
    brand: Brand,
    payout_id: str,
    status: Status,
    news: News,
    change: Callable[[PayoutItem], None] = lambda _: None,
    *,
    seen: int | None = None,
) -> PayoutItem:
    """The payout after a step that posts nothing; one that cannot be taken from where it is changes nothing."""

    def attempt(writes: Writes) -> PayoutItem:
        item = found(deployment, brand.id, payout_id)
        if not may_become(item.status, status) or seen not in (None, item.version):
            return item
        _keep(deployment, item, status, news)
        change(item)
        versions.put(writes, item)
        return item

    return committed(deployment, attempt)


def _check(item: PayoutItem, status: Status) -> None:
    if not may_become(item.status, status):
        raise Conflict("payout_not_in_time", status=item.status)


def _keep(deployment: Deployment, item: PayoutItem, status: Status, news: News) -> None:
    item.status, item.changed_at = status, times.text(deployment.now())
    item.resent, item.reference = news.resent, news.reference or item.reference
    item.told_by = news.by or item.told_by
    if status not in _GIVES_BACK:
        item.fail_asked = None
    _say(item, news)


def _note(item: PayoutItem, news: News, writes: Writes) -> None:
    """Keeps what is told of a payout that stays where it is, unless that is known already."""
    known = (item.reason, item.carried, item.came_back)
    if (news.reason, _pair(news.carried), _pair(news.came_back)) != known:
        _say(item, news)
        versions.put(writes, item)


def _say(item: PayoutItem, news: News) -> None:
    if news.unreadable:
        item.unreadable = True
    item.reason, item.names = news.reason, {**(item.names or {}), **news.names} or None
    item.carried, item.came_back = _pair(news.carried), _pair(news.came_back)


def _pair(money: Money | None) -> list[int | str] | None:
    return [money.amount, money.currency] if money is not None else None


def _watch(deployment: Deployment, brand: Brand, item: PayoutItem, writes: Writes) -> None:
    rail = rail_of(item)
    if rail.api is not None and rail.api.watched:
        payouts.watch(writes, brand.id, item.id, deployment.now() + WATCHED_EVERY)
    elif rail.api is not None:
        payouts.unwatch(writes, brand.id, item.id)


def payment(
    deployment: Deployment, brand: Brand, profiles: Mapping[str, payees.Profile], item: PayoutItem
) -> Payment | None:
    """What its rail is to carry, to where the creator was paid when it was made; None where nobody can read that."""
    profile = profiles.get(item.creator_id)
    try:
        to = payees.destination(deployment, brand.id, item.creator_id, item.to) if item.to else None
    except Exception as failure:
        if balances.is_the_worlds(failure):
            raise
        telemetry.count("PayeeUnreadable")
        telemetry.logger().exception("a payout cannot be paid", brand=brand.id, payout=item.id)
        return None
    return Payment(
        id=item.id,
        amount=item.amount - item.withheld,
        currency=item.currency,
        name=profile.creator.name if profile else "",
        email=payees.address(profile.creator, item.creator_version) if profile else "",
        made_at=times.parse(item.created_at),
        destination=to,
        note=brand.name,
    )


def rail_of(item: PayoutItem) -> Rail:
    """The rail that the payout goes by."""
    return RAILS[item.rail]


def _post(writes: Writes, brand: Brand, entries: Sequence[Entry]) -> None:
    for entry in entries:
        writes.put_new(ledger.item(brand.id, entry))


# --- by hand, on rails of files ---------------------------------------------------------------------------------------


def settled_by_hand(
    deployment: Deployment, brand: Brand, key: ApiKey, payout_id: str, reference: str, *, if_match: int | None = None
) -> PayoutItem:
    """The brand has paid by its bank, under that reference. Another word is a Conflict, and the same again no news.

    But where somebody has said that it came back, and another one has not said so yet, that is taken back by it.
    Raises Stale as `found` does.
    """
    item = _by_hand(deployment, brand, payout_id)
    if has_settled(item, key, reference):
        return item
    check_version(item, if_match)
    if item.status not in ("submitted", "settled", "returned"):
        raise Conflict("payout_not_in_time", status=item.status)
    item = settled(deployment, brand, payout_id, News(reference=reference, by=key.id), if_match=if_match)
    if item.reference != reference:  # it was before, or by another one at the same moment
        raise Conflict("payout_settled_otherwise", reference=item.reference or "")
    if item.status == "settled" and item.fail_asked:
        return _word_taken_back(deployment, brand, key, item.id, if_match)
    return item


def _word_taken_back(
    deployment: Deployment, brand: Brand, key: ApiKey, payout_id: str, if_match: int | None
) -> PayoutItem:
    def attempt(writes: Writes) -> PayoutItem:
        item = found(deployment, brand.id, payout_id, if_match=if_match)
        if item.status == "settled":
            item.fail_asked, item.told_by = None, key.id
            versions.put(writes, item)
        return item

    return committed(deployment, attempt)


def failed_by_hand(
    deployment: Deployment, brand: Brand, key: ApiKey, payout_id: str, reason: str, *, if_match: int | None = None
) -> PayoutItem:
    """The brand's bank could not pay it, or the file that is not written yet shall do without it; likewise.

    What was settled and then came back is `returned`. That gives the creator money, so it takes a key that may do so
    (else raises Forbidden), and above the brand's limit two of them: until the second one says so, it stays `settled`.
    """
    item = _by_hand(deployment, brand, payout_id)
    if has_failed(deployment, brand, item, key, reason):
        return item
    check_version(item, if_match)
    news = News(reason=reason, by=key.id)
    match item.status:
        case "created":
            item = left_out(deployment, brand, payout_id, news, if_match=if_match)
        case "submitted":
            item = failed(deployment, brand, payout_id, news, if_match=if_match)
        case "settled":
            check_may_give(key)
            item = returned(
                deployment, brand, payout_id, news, if_match=if_match, check=by_two(deployment, brand, key, reason)
            )
            if waits_for_another(deployment, item, key, reason):
                return item
    check_reason(item, reason)
    return item


def check_may_give(key: ApiKey) -> None:
    """Raises Forbidden."""
    if not keys.covers(key.scopes, TO_GIVE):
        raise Forbidden("scope_missing", scope=TO_GIVE)


def by_two(deployment: Deployment, brand: Brand, key: ApiKey, reason: str) -> Check:
    """Whether the creator may have this money again: above what one key may give alone, another one has to say so, too.

    Keeps the first one's word, in whose place its key may put another. The second one has to give the same reason;
    else raises Conflict.
    """
    rules, now = payout_settings.of(deployment, brand), deployment.now()

    def check(item: PayoutItem, writes: Writes) -> bool:
        if not _takes_two(item, rules):
            return True
        by, asked_for = _first_word(item, now) or (key.id, None)
        if by != key.id:
            if asked_for != reason:
                raise Conflict("payout_failed_otherwise", reason=asked_for or "")
            return True
        if asked_for != reason:
            item.fail_asked = [key.id, reason, times.text(now)]
            versions.put(writes, item)
        return False

    return check


def waits_for_another(deployment: Deployment, item: PayoutItem, key: ApiKey, reason: str) -> bool:
    """Whether the key has said so, and that word stands and waits for another one's."""
    return item.status not in _GIVES_BACK and _first_word(item, deployment.now()) == (key.id, reason)


def _first_word(item: PayoutItem, now: datetime) -> tuple[str, str] | None:
    """Whose word waits for a second one, and the reason that it gives; none of one that has lapsed."""
    if not item.fail_asked:
        return None
    by, reason, at = item.fail_asked
    return (by, reason) if now - times.parse(at) < _WORD_STANDS else None


def _takes_two(item: PayoutItem, rules: Rules) -> bool:
    limit = rules.currency(item.currency).adjustment_limit
    return limit is not None and item.amount > limit


def check_reason(item: PayoutItem, reason: str) -> None:
    """Raises Conflict where the payout has failed, or came back, for another reason than the one that is given now."""
    if item.reason != reason:
        raise Conflict("payout_failed_otherwise", reason=item.reason or "")


def has_settled(item: PayoutItem, key: ApiKey, reference: str) -> bool:
    """Whether the key has said just this, and nobody anything since: to say it again is no news, whatever version."""
    said = (item.status, item.told_by, item.reference) == ("settled", key.id, reference)
    return said and not item.fail_asked


def has_failed(deployment: Deployment, brand: Brand, item: PayoutItem, key: ApiKey, reason: str) -> bool:
    """Likewise that it failed or came back, or so the first one of two words, as long as that stands and takes two."""
    if waits_for_another(deployment, item, key, reason):
        return _takes_two(item, payout_settings.of(deployment, brand))
    return item.status in _GIVES_BACK and (item.told_by, item.reason) == (key.id, reason)


def _by_hand(deployment: Deployment, brand: Brand, payout_id: str) -> PayoutItem:
    """The payout, if a person may say what became of it. Raises Conflict."""
    item = found(deployment, brand.id, payout_id)
    if rail_of(item).api is not None:
        raise Conflict("payout_told_by_rail", rail=item.rail)
    return item
