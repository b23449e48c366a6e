"""The one small interface behind which every platform stands, and the refusals that they share.

`verify` proves over the raw bytes that a request is genuine; `subject` names, without any look-up, what it is about, so
that the deliveries of one order stay in order; `facts` says it in our own terms, from the stored bytes alone.

Where a request says too little, `facts` names what the platform has to be asked (`Thin`, `Reading.asks`). A worker does
that later by the platform's `Api`, whose conversations say what to call and never call themselves, and stores the
answer as a delivery of its own: facts come from stored bytes only.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from vouch.domain.facts import Event, Fact


@dataclass(frozen=True, slots=True)
class Pseudonym:
    """What buyers are called here: `keyed` is a hash by a brand's own key, so that the text gives nobody away.

    A mailbox is the same person on every platform; the number of a customer or a subscription means something only
    behind the `door` (platform and connection) that gave it.
    """

    keyed: Callable[[str], str]
    door: str

    def by_mail(self, mailbox: str) -> str:
        return self.keyed(f"email:{mailbox}")

    def by_id(self, platform_id: str) -> str:
        return self.keyed(f"id:{self.door}:{platform_id}")

    def of_subscription(self, platform_id: str) -> str:
        return self.keyed(f"subscription:{self.door}:{platform_id}")

    def of_contact(self, network: str, platform_id: str) -> str:
        """Who writes to a brand's page: `network` is messenger or instagram, whose ids one page alone knows them by."""
        return self.keyed(f"contact:{network}:{platform_id}")


@dataclass(frozen=True, slots=True)
class Request:
    """A platform's request as it came; header names are in lower case."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Account:
    """A brand's account on a platform, as its connection knows it.

    `secrets` are those that are valid now, the newest first. `notification_url` is where the platform sends to, to the
    letter as its console has it. `api_base_url` is where the API is called, if not at the platform's own address.
    `api_token` is opened only for whoever calls the platform.
    """

    secrets: Sequence[str]
    shop: str | None = None
    app_key: str | None = None
    notification_url: str | None = None
    verify_token: str | None = None
    api_base_url: str | None = None
    api_token: str | None = None


# --- what a delivery says ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """Something that the platform is to be asked: `what` in the adapter's own words, and by which ids."""

    what: str
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mirrored:
    """An order of another platform that is the same sale: there it earns nothing."""

    platform: str
    external_id: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a delivery says: facts about the order that its platform calls `external_id`.

    `aliases` are other names by which the platform's messages speak of this order, and of no other one, ALIASES_MAX at
    most. `asks` is what the platform can tell beyond: nobody waits for it, and without a token nobody asks.
    """

    external_id: str
    facts: tuple[Fact, ...]
    aliases: tuple[str, ...] = ()
    asks: tuple[Ask, ...] = ()
    mirrored: tuple[Mirrored, ...] = ()


@dataclass(frozen=True, slots=True)
class Aside:
    """Facts about the order that answers to the `alias`; they wait for whichever order says so.

    `asks` is as in Reading.
    """

    alias: str
    facts: tuple[Event, ...]
    asks: tuple[Ask, ...] = ()


@dataclass(frozen=True, slots=True)
class Thin:
    """A delivery that says nothing before the platform has been asked."""

    ask: Ask


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody came to the brand's page by what a creator shared: `ref` is a link's slug, a code or a click id.

    `contact` is a pseudonym; `id` is the platform's own of this message.
    """

    id: str
    contact: str
    ref: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Visits:
    """What a batch of messages says; no order is in it."""

    visits: tuple[Visit, ...]


PrivacyKind = Literal["erase_customer", "export_customer", "erase_shop"]


@dataclass(frozen=True, slots=True)
class PrivacyRequest:
    """What a platform asks about a buyer, or about all of a shop: the raw deliveries that hold personal data go.

    `customers` and `contacts` are pseudonyms, `orders` the platform's own ids; `id` is its own if it has one. `shop`
    is the one that asks, where the body says so: another one than the connection's has nothing here.
    """

    kind: PrivacyKind
    id: str
    customers: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    shop: str | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """A genuine delivery that says nothing about an order's money; `reason` is a stable code."""

    reason: str


Said = Reading | Aside | Thin | Visits | PrivacyRequest | Ignored
ALIASES_MAX = 8


class BadSignature(Exception):
    """Missing, garbled, stale or wrong: one error, one 401, and nobody is told which."""


class Unreadable(Exception):
    """A genuine delivery that cannot become facts; it is parked with this stable `reason` and raises an alarm.

    `path` leads to the field that is wrong, where it is one.
    """

    def __init__(self, reason: str, detail: str, path: tuple[str | int, ...] = ()) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.path = path


# --- asking the platform ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """A request to the platform's API: `path` follows the address of the API, `query` is sent in this order.

    `optional`: the token may lack the right to it, and the conversation does without; it is sent a 401 or 403, too.
    """

    path: str
    query: Sequence[tuple[str, str]] = ()
    method: Literal["GET", "POST"] = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the platform said: any 2xx, or 404. Header names are in lower case.

    All else never comes to an adapter: what passes by itself is tried again, the rest parks the delivery.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotYet(Exception):
    """The platform does not know it yet, or has no time for us: asked again after `seconds`, or as patience has it."""

    def __init__(self, reason: str, seconds: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class Change:
    """Something that changed on the platform: the `subject` of its deliveries, and a body as `Api.read` takes it."""

    subject: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Changes:
    """A page of what changed; `bookmark` is where the next page begins, None after the last one."""

    found: tuple[Change, ...]
    bookmark: str | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """`[since, until)`, by the platform's own time of change."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Api:
    """How a platform is asked. Conversations yield a Call, are sent its Answer, and return what they came for.

    They raise NotYet for what may be otherwise in a while, and Unreadable for what parks the delivery.
    """

    address: Callable[[Account], str | None]
    """Where the API is, without a slash at its end: of a hosted shop its own. None where the account does not say.

    Raises Unreadable where what it says is none.
    """
    read: Callable[[bytes, Pseudonym], Reading | Aside | Ignored]
    """What the bytes that a conversation came for say. Raises Unreadable."""
    ask: Callable[[Ask, Account, datetime], Generator[Call, Answer, bytes]] | None = None
    """Asks; the bytes become a delivery that `read` takes. The time is now: some platforms want it signed.

    None where no delivery of the platform needs it.
    """
    changes: Callable[[Span, str | None, Account, datetime], Generator[Call, Answer, Changes]] | None = None
    """The page of orders changed in the span that begins at the bookmark, None for the first one.

    The time is now; bytes that say it have it as `times.text` writes it, for they say the same at another time.
    """


# --- a platform -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform; each is one module of this package, registered in `vouch.platforms.registry`."""

    usable: Callable[[str], bool]
    """Whether a signature can ever be proven by this secret."""
    verify: Callable[[Request, Account, datetime], str]
    """The platform's own id of the delivery, once any secret of the account proves it genuine. Raises BadSignature."""
    subject: Callable[[Request], str]
    """The platform's own key of what the request is about: the order's external id where there is one.

    Never raises: a body that cannot be read is its own subject, by its hash.
    """
    facts: Callable[[Request, Pseudonym], Said]
    """What the delivery says. Raises Unreadable."""
    kept_headers: tuple[str, ...] = ()
    """The headers that `facts` needs, stored with the body; nothing else of the request is kept."""
    required: tuple[str, ...] = ()
    """The settings without which no connection can be made."""
    may_be_mirrored: bool = False
    """Whether other platforms may repeat its orders (`Reading.mirrored`)."""
    has_aliases: bool = False
    """Whether its messages speak of an order by several names (`Reading.aliases`), so that any id may be one."""
    api: Api | None = None
    is_ping: Callable[[Request], bool] = lambda _: False
    """Whether it is the platform's unsigned greeting: answered 200, and nothing is stored."""
    challenge: Callable[[Mapping[str, str], Account], str] | None = None
    """What a GET with this query is answered, by which the platform makes sure of the address. Raises BadSignature."""
    reply: Callable[[Request, str, str], str | None] = lambda *_: None
    """The body that the platform wants to hear, given the delivery's id and our public address; None: any will do."""
