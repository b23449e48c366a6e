"""A brand with something of each kind, made over HTTP."""

from dataclasses import dataclass
from typing import Any

from tests.functions.client import Client

TERMS = {"commission": {"rules": [{"match": {}, "reward": {"type": "percent", "bps": 1000}}]}}
DESTINATION = "https://shop.example/mugs"


@dataclass(frozen=True)
class Shop:
    """The ids of what was made."""

    brand: Client
    program: str
    creator: str
    enrolment: str
    link: str
    code: str
    connection: str
    key: str


def new_program(brand: Client, **more: Any) -> Any:
    return brand.made("/v1/programs", {"name": "Friends", "currency": "ILS", "terms": TERMS} | more)


def new_creator(brand: Client, name: str = "noa", **more: Any) -> Any:
    return brand.made("/v1/creators", {"email": f"{name}@example.com", "name": name.title()} | more)


def open_shop(brand: Client, name: str = "noa") -> Shop:
    brand.made("/v1/domains", {"host": "shop.example"})
    program = new_program(brand)["id"]
    creator = new_creator(brand, name, program_ids=[program])["id"]
    tied = {"program_id": program, "creator_id": creator}
    return Shop(
        brand=brand,
        program=program,
        creator=creator,
        enrolment=brand.get("/v1/enrolments", creator_id=creator).body["items"][0]["id"],
        link=brand.made("/v1/links", tied | {"destination": DESTINATION})["id"],
        code=brand.made("/v1/codes", tied | {"code": f"{name}10"})["id"],
        connection=brand.made("/v1/connections", {"platform": "shopify", "secret": "s3cret"})["id"],
        key=brand.made("/v1/keys", {"name": "Shop", "scopes": ["links:read"]})["id"],
    )
