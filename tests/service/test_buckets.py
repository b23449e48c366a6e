"""Kept sums: what the ledger's stream adds up is what a recount finds, whatever comes again and breaks meanwhile."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from itertools import batched, count
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import books
from tests.books import NOA, entry, post
from tests.faults.injection import kinds, tried
from tests.fixtures import NOON, Clock
from tests.wire import Wire
from vouch.domain import ids, times
from vouch.domain.account import Figures
from vouch.domain.buckets import KeptFigures
from vouch.domain.ledger import HELD, Entry, creator_account
from vouch.service import accounts, folds, projections
from vouch.service.deployment import Deployment
from vouch.service.projections import Change
from vouch.store import ledger
from vouch.store.tables import Brand, Bucket

HOUR = timedelta(hours=1)
SIZE = 12
_creators = count(1)


def creator() -> str:
    return ids.derived("cre_", "kept", str(next(_creators)))


def told(brand: Brand, entries: Sequence[Entry]) -> list[Change]:
    """Their records in the stream, in this order; numbers as AWS gives them grow, and grow longer."""
    items = [ledger.item(brand.id, each) for each in entries]
    return [
        Change("INSERT", item.pk, item.sk, 98 * 10**20 + number * 10**20, item.to_dynamodb_dict())
        for number, item in enumerate(items)
    ]


def postings(random: Random, creators: Sequence[str], size: int) -> list[Entry]:
    """One each minute: some matured, some ahead, some held."""
    return [
        entry(
            random.choice([-70, -1, 3, 100]),
            now=NOON + number * timedelta(minutes=1),
            ahead=random.choice([timedelta(0), HOUR, 2 * HOUR]),
            currency=random.choice(["ILS", "JPY"]),
            creator_id=random.choice(creators),
            held=random.random() < 0.2,
        )
        for number in range(size)
    ]


def recounted(entries: Sequence[Entry], creator_id: str) -> dict[str, tuple[int, int]]:
    """Each sum of the creator's by its sort key, and what is held of it; nothing for what is nothing."""
    found: defaultdict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for each in entries:
        if each.creator_id == creator_id:
            amount = -sum(leg.amount for leg in each.legs if leg.account.startswith("creator:"))
            held = each.credited(creator_account(creator_id, HELD))
            keys = [f"T#{each.currency}"]
            if each.position is not None and each.position > each.posted_at:
                keys.append(f"H#{times.text(each.position)}#{each.currency}")
            for key in keys:
                found[key] = found[key][0] + amount - held, found[key][1] + held
    return {key: sums for key, sums in found.items() if any(sums)}


def stored(deployment: Deployment, brand: Brand, creator_id: str) -> dict[str, tuple[int, int]]:
    items = deployment.database.query(Bucket, f"{brand.id}#C#{creator_id}")
    return {item.sk: (item.amount, item.held or 0) for item in items if item.amount or item.held}


def test_batches_that_come_again_and_are_cut_otherwise_are_counted_once(deployment: Deployment) -> None:
    """The stream goes back to wherever it likes, but skips nothing; some batches break off half-way."""
    brand = books.open_books(deployment)

    @settings(deadline=None, max_examples=20)
    @given(st.integers(0, 2**32))
    def counted_once(seed: int) -> None:
        random, creators = Random(seed), [creator(), creator()]
        entries = postings(random, creators, SIZE)
        changes, read = told(brand, entries), 0
        while read < SIZE:
            start = random.randint(0, read)
            batch = changes[start : start + random.randint(1, SIZE)]
            project = partial(projections.project, deployment, batch)
            if random.random() < 0.3:
                tried(deployment, random.randint(1, SIZE), random.choice(["fails before", "fails after"]), project)
            else:
                project()
                read = max(read, start + len(batch))
        for creator_id in creators:
            assert stored(deployment, brand, creator_id) == recounted(entries, creator_id)

    counted_once()


def test_whatever_call_breaks_in_whatever_way_all_is_counted_once_when_the_batch_comes_again(
    deployment: Deployment,
) -> None:
    brand = books.open_books(deployment)

    def counted_once(number: int, kind: str) -> list[str]:
        creator_id = creator()
        entries = postings(Random(number), [creator_id], 8)
        changes = told(brand, entries)
        calls = tried(deployment, number, kind, lambda: projections.project(deployment, changes[:6]))
        for start, end in ((0, 3), (1, 6), (3, 8)):
            projections.project(deployment, changes[start:end])
        assert stored(deployment, brand, creator_id) == recounted(entries, creator_id), (number, kind)
        return calls

    fewest = min(len(counted_once(number, "answer lost below the retry")) for number in range(1, 8))
    assert fewest >= 4, "a day, a total and two buckets at least"
    for number in range(1, fewest + 1):
        for kind in {*kinds("PutItem"), *kinds("UpdateItem"), *kinds("GetItem")}:
            counted_once(number, kind)


def test_an_old_request_that_arrives_late_adds_nothing(deployment: Deployment) -> None:
    brand, creator_id = books.open_books(deployment), creator()
    changes = told(brand, [entry(amount, now=NOON, creator_id=creator_id) for amount in (1, 10, 100)])
    for batch in (changes[:2], changes, changes[:2], changes[:1], changes[1:]):
        projections.project(deployment, batch)
    assert stored(deployment, brand, creator_id) == {"T#ILS": (111, 0)}


def test_a_batch_adds_to_each_sum_once(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    brand, creator_id = books.open_books(deployment), creator()
    changes = told(brand, [entry(1, now=NOON, ahead=HOUR, creator_id=creator_id) for _ in range(100)])
    wire = Wire(monkeypatch)
    projections.project(deployment, changes)
    assert wire.operations() == {"UpdateItem": 2, "PutItem": 1}


def test_they_tell_what_reading_all_tells_however_it_was_folded(
    deployment: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand, random = books.open_books(deployment), Random(5)
    for hour in range(15):
        clock.now = NOON + hour * HOUR
        post(brand, *(entry(7 * hour - 50, now=clock.now, ahead=random.randrange(9) * HOUR) for _ in range(5)))
        post(brand, entry(9, now=clock.now, currency="JPY", ahead=HOUR), entry(hour - 99, now=clock.now, held=True))
        books.note_due(deployment, brand)
        expected = accounts.balances(deployment, brand, NOA)
        with monkeypatch.context() as patch:
            patch.setattr(accounts, "_ENTRIES_MAX", 1)
            shown = accounts.balances(deployment, brand, NOA)
        assert {currency: _plain(figures) for currency, figures in shown.items()} == expected
        assert {figures.as_of for figures in shown.values() if isinstance(figures, KeptFigures)} == {clock.now}
        if hour % 4 == 0:
            folds.fold_creator(deployment, brand.id, NOA, clock.now)


def _plain(figures: Figures) -> Figures:
    return Figures(**{name: amount for name, amount in asdict(figures).items() if name != "as_of"})


def test_what_the_stream_has_not_brought_yet_is_not_in_them_and_they_say_so(
    deployment: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand = books.open_books(deployment)
    monkeypatch.setattr(accounts, "_ENTRIES_MAX", 1)
    post(brand, entry(100, now=NOON), entry(10, now=NOON, ahead=HOUR))
    books.note_due(deployment, brand)
    clock.pass_(HOUR)
    post(brand, entry(-30, now=clock.now), entry(5, now=clock.now, held=True))
    shown = accounts.balances(deployment, brand, NOA)
    assert shown == {"ILS": KeptFigures(available=110, as_of=NOON)}
    books.note_due(deployment, brand)
    assert accounts.balances(deployment, brand, NOA) == {"ILS": KeptFigures(available=80, held=5, as_of=clock.now)}


def test_thirty_thousand_entries_are_told_in_three_requests(
    deployment: Deployment, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand, random = books.open_books(deployment), Random(30_000)
    hours = [random.randrange(-300, 300) for _ in range(30_000)]
    entries = [
        entry(number % 97 - 99, now=NOON + min(hour, 0) * HOUR, ahead=max(hour, 0) * HOUR, held=number % 50 == 0)
        for number, hour in enumerate(hours)
    ]
    changes = told(brand, entries)
    _stored(deployment, (change.image for change in changes))
    projections.project(deployment, changes)
    wire = Wire(monkeypatch)
    shown = accounts.balances(deployment, brand, NOA)
    assert [operation for operation, _ in wire.sent] == ["Query", "Query", "Query"]
    assert wire.sent[1][1]["Limit"] == 1001
    amounts = [-each.legs[1].amount for each in entries]
    lying = list(zip(amounts, (each.position for each in entries), strict=True))
    assert {currency: _plain(figures) for currency, figures in shown.items()} == {
        "ILS": Figures(
            pending=sum(amount for amount, position in lying if position and position > NOON),
            held=sum(amount for amount, position in lying if not position),
            available=sum(amount for amount, position in lying if position and position <= NOON),
        )
    }


def _stored(deployment: Deployment, images: Iterable[Mapping[str, Any]]) -> None:
    """25 at a time."""
    call, table = deployment.database.connection.client._make_api_call, deployment.settings.ledger_table

    def put(some: Sequence[Mapping[str, Any]]) -> None:
        puts = [{"PutRequest": {"Item": image}} for image in some]
        assert call("BatchWriteItem", {"RequestItems": {table: puts}})["UnprocessedItems"] == {}

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(put, batched(images, 25, strict=False)))
