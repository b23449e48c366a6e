"""The catalogue as it is kept: a product's oldest words go where there are too many, and nothing else does."""

import json
from datetime import timedelta

from tests.fixtures import NOON
from vouch.domain import times
from vouch.store import products
from vouch.store.products import VERSIONS_BYTES_MAX
from vouch.store.tables import ProductItem


def product() -> ProductItem:
    return ProductItem(id="1", versions=[], version=0)


def test_a_product_that_nobody_spoke_of_has_no_words() -> None:
    assert products.as_of(None, NOON) is None
    assert products.as_of(product(), NOON) is None


def test_of_too_many_words_the_newest_are_kept() -> None:
    item, days = product(), 60
    for day in range(days):
        assert products.say(item, [f"{day:02}" + "x" * 5_000], [], times.text(NOON + timedelta(days=day)))
    kept = [said["tags"][0][:2] for _, said in item.versions]
    assert kept == [f"{day:02}" for day in range(days - len(kept), days)]
    assert len(json.dumps(item.versions)) <= VERSIONS_BYTES_MAX < len(json.dumps(item.versions)) + 5_100
    begins = [begin for begin, _ in item.versions]
    assert begins == [None, *(times.text(NOON + timedelta(days=int(day))) for day in kept[1:])]
    first = products.as_of(item, NOON - timedelta(days=1_000))
    assert first is not None
    assert first[0][0].startswith(kept[0])


def test_one_word_however_long_is_kept() -> None:
    item = product()
    products.say(item, ["a"], [], times.text(NOON))
    products.say(item, ["𝕏" * 25_000], [], times.text(NOON + timedelta(days=1)))
    assert [begin for begin, _ in item.versions] == [None]
    assert products.as_of(item, NOON) == (("𝕏" * 25_000,), ())


def test_the_order_in_which_words_are_said_says_nothing() -> None:
    item = product()
    assert products.say(item, ["b", "a"], ["d", "c", "d"], times.text(NOON))
    assert not products.say(item, ["a", "b", "a"], ["c", "d"], times.text(NOON + timedelta(days=1)))
    assert products.as_of(item, NOON) == (("a", "b"), ("c", "d"))
