"""The one small interface behind which every rail stands: files that a person takes to the bank, or an API.

A rail is one module that ends with `RAIL = Rail(...)`, registered in `vouch.rails.registry`. It is pure: no I/O, no
clock. What an API is to be asked is said by conversations, which yield a `Call`, are sent its `Answer`, whatever its
status, and return what the rail `Told`; who has them does the I/O, and knows what a missing answer means: nothing.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, get_args

from vouch.domain.money import Money
from vouch.domain.payouts import Payment, Skipped

Settings = Mapping[str, str]
"""A brand's own account at the rail, as `Rail.settings` made it: names in snake_case, secrets among them."""


class BadSetting(Exception):
    """One of the brand's settings is missing or wrong; `code` is stable, `param` its name.

    `allowed` says what it may be, where that can be told.
    """

    def __init__(self, param: str, code: str = "required", allowed: str = "") -> None:
        super().__init__(f"{param}: {code}")
        self.param = param
        self.code = code
        self.allowed = allowed


class BadSignature(Exception):
    """A callback that nothing proves genuine: one error, one 401, and nobody is told which."""


class Unproven(Exception):
    """Whether a callback is genuine only the rail can say, and it did not just now: it may come again."""


class Unreadable(Exception):
    """An answer or a genuine callback that is not what the rail documents. Nothing follows from it."""


class Foreign(Unreadable):
    """What came in place of an answer is none of the rail's: a page, a redirect, the no of whoever stands between."""


# --- files ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileOrder:
    """One run's payments of one currency, in the order of their ids. `made_at` is the run's, `written_at` this moment.

    Of many payments it is one of several parts, whose numbers begin with 1.
    """

    run_id: str
    made_at: datetime
    written_at: datetime
    currency: str
    settings: Settings
    payments: Sequence[Payment]
    part: int = 1

    @property
    def name(self) -> str:
        """What a browser saves the file as, without what follows the dot."""
        return f"{self.run_id}-{self.currency}{self.suffix}"

    @property
    def suffix(self) -> str:
        """What tells it from the run's other ones of the currency; the first one needs none."""
        return f"-{self.part}" if self.part > 1 else ""


@dataclass(frozen=True, slots=True)
class File:
    """What the brand takes to its bank; `name` is what a browser saves it as."""

    name: str
    media_type: str
    content: bytes


# --- APIs -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """A request to the rail's API: `path` follows the address of the API, `query` is sent in this order."""

    method: Literal["GET", "POST"]
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the rail said, of any status. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Word = Literal["accepted", "settled", "failed", "returned", "absent", "refused", "later"]
"""What a rail says of a payment.

`accepted`: it is on its way. `settled`: the money is the creator's. `failed`: for good, nothing has moved or all of it
came back before it was the creator's. `returned`: it came back; what never was settled has failed by that, since not
every rail says whether it was the creator's before. `absent`: a look-up shows that the rail does not know of it.
`refused`: nothing was done, and the brand has to do something first (no funds left, a wrong key). `later`: nothing can
be said now (429, 5xx, a lock); whether anything was done is open.

What `send` says of a failure or a refusal is about that very try: where an earlier one under the same key had no
answer, it ends nothing, for the money of that one may be the very reason why there is none left for this. A look-up
says neither `refused` nor, where it was refused itself, `absent`: it says `later`, with the reason.
"""

BrandsReason = Literal[
    "insufficient_funds",
    "credentials_refused",
    "permission_missing",
    "rail_account_restricted",
    "rail_limit_reached",
    "currency_unavailable",
]
"""For the brand to mend, and no creator's: whoever is paid next is refused for the same one."""
CreatorsReason = Literal[
    "payee_unknown",
    "payee_not_ready",
    "payee_restricted",
    "payee_refused",
    "payee_limit_reached",
    "payee_country_unsupported",
    "payee_currency_unsupported",
    "unclaimed",
]
"""For the creator to mend, whose account cannot or does not take the money."""
Reason = Literal[
    BrandsReason,
    CreatorsReason,
    "cancelled",
    "reversed",
    "partly_reversed",
    "compliance",
    "amount_refused",
    "rail_refused",
]
"""Why rails with an API fail, refuse, return or hesitate. `cancelled` and what was reversed is the brand's own doing,
`compliance` is what a rail does not explain to anybody, and what remains is for whoever runs Vouch to look into: their
log has the rail's own word. Of all of these the creator is told to ask the brand, which asks on where needed."""
BRANDS: frozenset[Reason] = frozenset(get_args(BrandsReason))
CREATORS: frozenset[Reason] = frozenset(get_args(CreatorsReason))


@dataclass(frozen=True, slots=True)
class Told:
    """`reason` is our stable code for what failed, was refused, came back or waits, `detail` the rail's word for it.

    `names` are the rail's ids of the payment, merged with those known before; `reference` is the one that a person
    would look for. `amount` is what the rail says that it carries, where it does: another one than ours is an alarm.
    `fee` is what it took beside that, `came_back` the part that it gave back of what stays settled. `seconds`: when it
    wants to be asked again. `passing`: nothing is said at this moment (429, 5xx, a lock, Foreign), and may be at the
    next one.
    """

    word: Word
    reason: str | None = None
    detail: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    reference: str | None = None
    amount: Money | None = None
    fee: Money | None = None
    came_back: Money | None = None
    seconds: int | None = None
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A rail's callback as it came; header names are in lower case."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Notice:
    """A genuine callback: the payouts that it is about, by our ids. None of it is believed: the rail is asked."""

    payout_ids: tuple[str, ...]


Conversation = Generator[Call, Answer, Told]


@dataclass(frozen=True, slots=True)
class Api:
    """How the rail is told to pay, and asked what became of it."""

    address: Callable[[Settings], str]
    """Where the API is, without a slash at its end."""
    send: Callable[[Payment, str, Settings], Conversation]
    """Has the payment made, under the idempotency key: the same again makes no second one while `window` lasts.

    A rail may keep its refusal under the key, too. So once `refused` is all that is open, the next try takes another
    key; as long as an earlier try has no answer, it takes the same.
    """
    look_up: Callable[[str, str, Mapping[str, str], Settings], Conversation]
    """What became of a payment: by the payout's id, the key that it was sent under, and the rail's names as known.

    It never makes one: `absent` where the rail has none.
    """
    window: timedelta
    """For so long from the first try on the same key makes no second payment; our own margin is taken off already."""
    looks_genuine: Callable[[Request, datetime], bool]
    """Whether a callback has the form and the date of a genuine one: what costs nothing to know, and proves nothing."""
    verify: Callable[[Request, Settings, datetime], Generator[Call, Answer, Notice]]
    """The callback's notice, once it is proven genuine. Raises BadSignature and Unproven."""
    watched: timedelta = timedelta(0)
    """For so long after it settled a payment may still come back, and is asked after."""
    found_by_name: bool = False
    """Whether `look_up` finds it by the rail's names alone: while none is known, the same `send` again finds it."""


# --- a rail -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rail:
    """A way of paying: with `write` it is one of files, with `api` one of calls."""

    name: str
    unit: Callable[[str], int | None]
    """The smallest amount of the currency that it can carry, in minor units; None: it does not carry the currency."""
    takes: frozenset[str] | None
    """The kinds of destination that it can pay to; None: any, and a creator who has named none."""
    obstacle: Callable[[Payment], Skipped | None]
    """Why it cannot carry that payment, one of `payouts.Skipped`; None: it can."""
    settings: Callable[[Mapping[str, str]], Settings]
    """The brand's settings, checked and in canonical form. Raises BadSetting."""
    secret: frozenset[str] = frozenset()
    """Which of them are never shown again."""
    identity: frozenset[str] = frozenset()
    """Which of them say whose account it is, as the API's address does: another may have paid what this one has not."""
    write: Callable[[FileOrder], File] | None = None
    called: Callable[[str], str] | None = None
    """By which name its file knows a payout, where that is not the payout's id."""
    api: Api | None = None
    is_live: Callable[[Settings], bool] | None = None
    """Whether the account with these settings moves money, or is one of the API's sandbox; None: it has no API."""
    ready: bool = False
    """Whether it works without any settings of the brand's."""
