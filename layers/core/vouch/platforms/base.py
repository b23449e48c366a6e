"""The one small interface behind which every platform stands, and the refusals that they share.

`verify` proves over the raw bytes that a request is genuine; `subject` names, without any look-up, what it is about, so
that the deliveries of one order stay in order; `facts` says it in our own terms, from the stored bytes alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from vouch.domain.facts import Fact


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


@dataclass(frozen=True, slots=True)
class Request:
    """A platform's request as it came; header names are in lower case."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """What a delivery says: facts about the order that its platform calls `external_id`."""

    external_id: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Ignored:
    """A genuine delivery that says nothing about an order's money; `reason` is a stable code."""

    reason: str


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


class Platform(Protocol):
    """A platform; each is a module of this package, registered in `vouch.platforms.registry`."""

    KEPT_HEADERS: tuple[str, ...]
    """The headers that `facts` needs, stored with the body; nothing else of the request is kept."""

    def usable(self, secret: str) -> bool:
        """Whether a signature can ever be proven by this secret."""

    def verify(self, request: Request, secrets: Sequence[str], now: datetime) -> str:
        """The platform's own id of this delivery, once any of `secrets` proves it genuine. Raises BadSignature."""

    def subject(self, request: Request) -> str:
        """The platform's own key of what the request is about: the order's external id where there is one.

        Never raises: a body that cannot be read is its own subject, by its hash.
        """

    def facts(self, request: Request, pseudonym: Pseudonym) -> Reading | Ignored:
        """What the delivery says. Raises Unreadable."""
