"""Who is who in the demo. Everybody is made up; their addresses end where no mail arrives."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

BRAND = "סטודיו אלמוג"
SHOP = "almog-studio-demo.myshopify.com"
STOREFRONT = "almog-studio.example"


@dataclass(frozen=True)
class Creator:
    key: str
    name: str
    language: str
    programs: tuple[str, ...]
    code: str | None = None
    instagram: str | None = None
    tier: str | None = None
    recruited_by: str | None = None

    @property
    def email(self) -> str:
        return f"{self.key}@creators.example"


@dataclass(frozen=True)
class Link:
    slug: str
    creator: str
    program: str
    page: str
    popularity: int


@dataclass(frozen=True)
class Buyer:
    number: int
    first_name: str
    last_name: str
    email: str


CREATORS = (
    Creator("noa", "נועה ברק", "he", ("friends",), "NOA10", "noa.bakes"),
    Creator("itai", "איתי לוי", "he", ("friends",), "ITAI10"),
    Creator("maya", "מאיה כהן־גל", "he", ("friends", "ambassadors"), "מאיה10", "maya.at.home"),
    Creator("dana", "Dana Feld", "en", ("ambassadors",), "DANA", "danafeld"),
    Creator("omar", "Omar Haddad", "en", ("ambassadors",), "OMAR", "omar.h.design", tier="gold"),
    Creator("lena", "Lena Fischer", "en", ("ambassadors",), recruited_by="dana"),
    Creator("yoav", "יואב שחר", "he", ("market",), "YOAV", "yoav.cooks"),
    Creator("rim", "רים נסאר", "he", ("market",), "RIM"),
)
"""Eight of them. Lena, whom Dana brought, has no code and only ever shares her link."""

LINKS = (
    Link("noa", "noa", "friends", "/products/mug", 9),
    Link("noa-bowls", "noa", "friends", "/collections/bowls", 3),
    Link("itai", "itai", "friends", "/", 4),
    Link("maya", "maya", "friends", "/products/vase", 5),
    Link("maya-atelier", "maya", "ambassadors", "/pages/atelier", 2),
    Link("dana", "dana", "ambassadors", "/products/plates?utm_source=instagram", 6),
    Link("omar", "omar", "ambassadors", "/collections/new", 4),
    Link("lena", "lena", "ambassadors", "/products/bowl", 2),
    Link("yoav", "yoav", "market", "/collections/kitchen", 6),
    Link("rim", "rim", "market", "/products/cup", 2),
)

_FIRST_NAMES = ("Avigail", "יעל", "Yusuf", "תמר", "Ruth", "עומר", "Maria", "אורי", "Amal", "שירה", "Jonas", "גיא")
_LAST_NAMES = ("Example", "לדוגמה", "Sample", "ישראלי", "Placeholder", "אלמוני", "Specimen")


def buyers() -> Iterator[Buyer]:
    """New customers, one after the other, for ever."""
    for number in count(1):
        first, last = _FIRST_NAMES[number % len(_FIRST_NAMES)], _LAST_NAMES[number % len(_LAST_NAMES)]
        yield Buyer(number, first, last, f"customer{number}@example.com")


def as_buyer(creator: Creator) -> Buyer:
    """A creator who shops by their own link."""
    first, _, last = creator.name.partition(" ")
    return Buyer(100_000 + CREATORS.index(creator), first, last, creator.email)
