"""The demo's brand, set up as any brand sets itself up: by the API."""

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from local.demo import people, sales
from local.demo.client import Api, Client
from local.demo.sales import CURRENCY

SHOPIFY_SECRET = "demo-shopify-secret"  # noqa: S105 - the README signs with it, on loopback
INLET_SECRET = "whsec_" + base64.b64encode(b"a demo secret of 32 bytes, to be").decode()

_PLAIN = {
    "hold_days": 14,
    "attribution": {"model": "last", "window_days": 30, "code_policy": "wins"},
    "commission": {"rules": [{"reward": {"type": "percent", "bps": 1000}}]},
    "payout": {"minimum": {"amount": 5000, "currency": CURRENCY}},
}
_RAISED = _PLAIN | {"commission": {"rules": [{"reward": {"type": "percent", "bps": 1200}}]}}
_AMBASSADORS = {
    "hold_days": 30,
    "journey": True,
    "attribution": {
        "model": "first",
        "window_days": 45,
        "code_policy": "joins",
        "customer_tie": {"months": 12},
        "product_ties": True,
    },
    "convert_to": CURRENCY,
    "commission": {
        "rules": [
            {"match": {"skus": [sales.PLATES.sku, sales.VASE.sku]}, "reward": {"type": "percent", "bps": 2000}},
            {
                "match": {"skus": [sales.CUP.sku]},
                "reward": {"type": "flat_item", "amount": 400, "currency": CURRENCY},
            },
            {"match": {"creator_tiers": ["gold"]}, "reward": {"type": "percent", "bps": 1600}},
            {"match": {"customer": "new"}, "reward": {"type": "percent", "bps": 1500}},
            {"reward": {"type": "percent", "bps": 1200}},
        ],
        "cap_per_order": {"amount": 9000, "currency": CURRENCY},
        "recurring": {"payments": 3},
        "recruiter": {"bps": 1000, "months": 12},
    },
    "payout": {"minimum": {"amount": 10_000, "currency": CURRENCY}},
}
_MARKET = {
    "hold_days": 7,
    "time_zone": "Asia/Jerusalem",
    "commission": {
        "rules": [
            {"match": {"skus": [sales.PLATES.sku]}, "reward": {"type": "percent", "bps": 1500}},
            {"reward": {"type": "percent", "bps": 800}},
        ],
        "tiers": {
            "period": "month",
            "measure": "orders",
            "levels": [{"from": 2, "bps": 1000}, {"from": 8, "bps": 1200}],
        },
        "cap_per_period": {"amount": 25_000, "currency": CURRENCY, "period": "month"},
        "bonuses": [
            {
                "id": "five-orders",
                "measure": "orders",
                "threshold": 5,
                "period": "month",
                "reward": {"amount": 5000, "currency": CURRENCY},
            }
        ],
    },
}


@dataclass(frozen=True)
class DemoBrand:
    id: str
    api_key: str
    api: Api
    program_ids: dict[str, str]
    creator_ids: dict[str, str]
    link_urls: dict[str, str]
    codes: dict[str, str]
    shopify: dict[str, Any]
    inlet: dict[str, Any]


def set_up(client: Client, operator_key: str, begins: datetime) -> DemoBrand:
    """In test mode and born in the past, so that it can live through the days since."""
    operator = Api(client, operator_key)
    said = {"name": people.BRAND, "mode": "test", "test_clock": begins.isoformat()}
    brand = operator.post("/v1/brands", said)
    api = Api(client, brand["api_key"])
    api.post("/v1/domains", {"host": people.STOREFRONT})
    programs = {
        "friends": api.post("/v1/programs", {"name": "חברים של אלמוג", "currency": CURRENCY, "terms": _PLAIN}),
        "ambassadors": api.post("/v1/programs", {"name": "Ambassadors", "currency": CURRENCY, "terms": _AMBASSADORS}),
        "market": api.post("/v1/programs", {"name": "שוק הקדרים", "currency": CURRENCY, "terms": _MARKET}),
    }
    program_ids = {key: program["id"] for key, program in programs.items()}
    raised_from = (begins + timedelta(days=30)).isoformat()
    api.post(f"/v1/programs/{program_ids['friends']}/terms", {"effective_from": raised_from, **_RAISED})
    creator_ids: dict[str, str] = {}
    for creator in people.CREATORS:
        creator_ids[creator.key] = _creator(api, creator, program_ids, creator_ids)
    ties = {"program_id": program_ids["ambassadors"], "skus": [sales.PITCHER.sku]}
    api.put(f"/v1/creators/{creator_ids['dana']}/product_ties", ties)
    return DemoBrand(
        id=brand["id"],
        api_key=brand["api_key"],
        api=api,
        program_ids=program_ids,
        creator_ids=creator_ids,
        link_urls={link.slug: _link(api, link, program_ids, creator_ids) for link in people.LINKS},
        codes={
            creator.key: _code(api, creator, creator.code, program_ids, creator_ids)
            for creator in people.CREATORS
            if creator.code
        },
        shopify=api.post("/v1/connections", {"platform": "shopify", "shop": people.SHOP, "secret": SHOPIFY_SECRET}),
        inlet=api.post("/v1/connections", {"platform": "standard_webhooks", "secret": INLET_SECRET}),
    )


def _creator(api: Api, creator: people.Creator, program_ids: dict[str, str], creator_ids: dict[str, str]) -> str:
    """Whoever brought them has to be known before."""
    said: dict[str, Any] = {
        "email": creator.email,
        "name": creator.name,
        "language": creator.language,
        "program_ids": [program_ids[program] for program in creator.programs],
    }
    if creator.instagram:
        said["handles"] = {"instagram": creator.instagram}
    if creator.tier:
        said["tier"] = creator.tier
    if creator.recruited_by:
        said["recruited_by"] = creator_ids[creator.recruited_by]
    made: str = api.post("/v1/creators", said)["id"]
    return made


def _link(api: Api, link: people.Link, program_ids: dict[str, str], creator_ids: dict[str, str]) -> str:
    said = {
        "program_id": program_ids[link.program],
        "creator_id": creator_ids[link.creator],
        "destination": f"https://{people.STOREFRONT}{link.page}",
        "slug": link.slug,
    }
    url: str = api.post("/v1/links", said)["url"]
    return url


def _code(
    api: Api, creator: people.Creator, code: str, program_ids: dict[str, str], creator_ids: dict[str, str]
) -> str:
    program = creator.programs[0]
    said = {"program_id": program_ids[program], "creator_id": creator_ids[creator.key], "code": code}
    shown: str = api.post("/v1/codes", said)["code"]
    return shown
