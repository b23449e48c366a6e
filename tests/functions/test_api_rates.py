"""Exchange rates over HTTP: what is fixed stays, and orders take the last one before them."""

from datetime import timedelta
from typing import Any

import pytest

from tests.fixtures import NOON
from tests.functions.client import Client
from tests.functions.conftest import NewBrand
from tests.functions.test_api_lists import walked
from vouch.domain.rates import Rate
from vouch.service.deployment import Deployment
from vouch.store import rates

FIXING = {"from": "USD", "to": "ILS", "rate": "3.7215", "at": "2026-05-04T15:30:00+03:00", "source": "Bank of Israel"}


def latest(deployment: Deployment, brand: Client, *, after: timedelta) -> Rate | None:
    item = rates.latest_before(deployment.database, brand.brand_id, "USD", "ILS", NOON + after)
    return rates.rate(item) if item else None


def test_a_rate_is_fixed_and_listed(brand: Client) -> None:
    made = brand.made("/v1/fx_rates", FIXING)
    assert made == FIXING | {"at": "2026-05-04T12:30:00Z", "created_at": "2026-05-04T12:00:00Z"}
    assert brand.get("/v1/fx_rates", **{"from": "USD", "to": "ILS"}).body == {"items": [made], "next_cursor": None}
    assert brand.get("/v1/fx_rates", **{"from": "ILS", "to": "USD"}).body == {"items": [], "next_cursor": None}


def test_the_same_rate_again_is_known_and_another_is_refused(brand: Client) -> None:
    made = brand.made("/v1/fx_rates", FIXING)
    for rate in ("3.7215", "3.72150", "03.7215"):
        again = brand.post("/v1/fx_rates", FIXING | {"rate": rate})
        assert (again.status, again.body) == (200, made)
    other = brand.post("/v1/fx_rates", FIXING | {"rate": "3.7216"})
    assert (other.status, other.code, other.body["param"]) == (409, "rate_fixed", "rate")
    for more in ({"at": "2026-05-05T12:30:00Z"}, {"source": "ECB"}, {"from": "EUR"}, {"to": "JPY"}):
        brand.made("/v1/fx_rates", FIXING | {"rate": "3.7216"} | more)


def test_an_order_takes_the_last_rate_strictly_before_it(brand: Client, deployment: Deployment) -> None:
    moment = timedelta(microseconds=1)
    for days, rate in ((0, "3.70"), (2, "3.72"), (1, "3.71")):
        brand.made("/v1/fx_rates", FIXING | {"rate": rate, "at": f"2026-05-0{4 + days}T12:00:00Z"})
    day = timedelta(days=1)
    found = [latest(deployment, brand, after=after) for after in (day - day, moment, day, day + moment, 400 * day)]
    assert [rate and rate.numerator for rate in found] == [None, 37, 37, 371, 372]
    assert latest(deployment, brand, after=moment) == Rate(37, 10, "Bank of Israel", NOON)


def test_of_two_sources_at_one_moment_always_the_same_counts(brand: Client, deployment: Deployment) -> None:
    for source, rate in (("ECB", "3.5"), ("Bank of Israel", "3.6")):
        brand.made("/v1/fx_rates", FIXING | {"source": source, "rate": rate})
    found = latest(deployment, brand, after=timedelta(days=1))
    assert found is not None
    assert found.source == "ECB"


def test_rates_are_listed_newest_first_page_by_page(brand: Client) -> None:
    moments = [f"2026-05-{day:02}T12:00:00Z" for day in range(1, 8)]
    for at in moments:
        brand.made("/v1/fx_rates", FIXING | {"at": at})
    brand.made("/v1/fx_rates", FIXING | {"from": "EUR"})
    listed = walked(brand, "/v1/fx_rates", 3, **{"from": "USD", "to": "ILS"})
    assert [rate["at"] for rate in listed] == moments[::-1]
    first = brand.get("/v1/fx_rates", limit=1, **{"from": "USD", "to": "ILS"}).body["next_cursor"]
    wrong = brand.get("/v1/fx_rates", cursor=first, **{"from": "EUR", "to": "ILS"})
    assert (wrong.status, wrong.code) == (400, "invalid_cursor")


@pytest.mark.parametrize(
    "wrong, code",
    [
        ({"rate": 3.7215}, "wrong_type"),
        ({"rate": "0"}, "not_a_rate"),
        ({"rate": "-3.7"}, "not_a_rate"),
        ({"rate": "3,7"}, "not_a_rate"),
        ({"rate": "1.0000000000000"}, "not_a_rate"),
        ({"from": "XAU"}, "unknown_currency"),
        ({"to": "ils"}, "unknown_currency"),
        ({"at": "2026-05-04T12:00:00"}, "not_a_time"),
        ({"source": " "}, "too_short"),
        ({"source": "x" * 65}, "too_long"),
        ({"from_currency": "USD"}, "unknown_field"),
    ],
)
def test_what_is_no_fixing_is_refused(brand: Client, wrong: dict[str, Any], code: str) -> None:
    got = brand.post("/v1/fx_rates", FIXING | wrong)
    assert (got.status, got.body["errors"][0]["code"]) == (400, code)


def test_a_rate_is_between_two_currencies(brand: Client) -> None:
    got = brand.post("/v1/fx_rates", FIXING | {"from": "ILS"})
    assert (got.status, got.code, got.body["param"]) == (422, "same_currency", "to")


def test_a_list_of_rates_names_its_pair(brand: Client) -> None:
    for query in ({"from": "USD"}, {"to": "ILS"}, {"from": "USD", "to": "XAU"}):
        assert brand.get("/v1/fx_rates", **query).status == 400


def test_rates_are_their_brands(brand: Client, new_brand: NewBrand, deployment: Deployment) -> None:
    new_brand("Theirs").made("/v1/fx_rates", FIXING)
    assert brand.get("/v1/fx_rates", **{"from": "USD", "to": "ILS"}).body["items"] == []
    assert latest(deployment, brand, after=timedelta(days=1)) is None
    brand.made("/v1/fx_rates", FIXING | {"rate": "3.5"})
