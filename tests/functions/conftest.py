"""Brands that ask the API, each with a key that may do everything."""

from collections.abc import Callable

import pytest

from attribution.api import api as attribution
from payouts.api import api as payouts
from payouts.statement_pdf import api as papers
from referrals.api import api as referrals
from tests.functions.client import Client
from tests.functions.setting_up import Shop, open_shop
from vouch.http import Api
from vouch.service import keys
from vouch.service.deployment import Deployment

OPERATOR_KEY = "operators-own-key"
APIS = {"referrals": referrals, "attribution": attribution, "payouts": payouts, "papers": papers}
NewBrand = Callable[..., Client]


@pytest.fixture
def apis(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> dict[str, Api]:
    for api in APIS.values():
        monkeypatch.setattr(api, "connect", lambda: deployment)
    monkeypatch.setattr(keys, "_operator_key", lambda _: OPERATOR_KEY)
    return APIS


@pytest.fixture
def operator(apis: dict[str, Api]) -> Client:
    return Client(apis["referrals"], OPERATOR_KEY)


@pytest.fixture
def new_brand(operator: Client) -> NewBrand:
    def made(name: str = "Mugs", mode: str = "live", **more: str) -> Client:
        brand = operator.made("/v1/brands", {"name": name, "mode": mode} | more)
        return Client(operator.api, brand["api_key"], brand["id"])

    return made


@pytest.fixture
def brand(new_brand: NewBrand) -> Client:
    return new_brand()


@pytest.fixture
def shop(new_brand: NewBrand) -> Shop:
    """A test brand with something of each kind, whose clock can be moved."""
    return open_shop(new_brand(mode="test"))


@pytest.fixture
def books(shop: Shop) -> Client:
    return books_of(shop)


def books_of(shop: Shop) -> Client:
    """Asks of the shop's money."""
    return Client(APIS["payouts"], shop.brand.key, shop.brand.brand_id)
