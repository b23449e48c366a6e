"""Connections: a brand's accounts on platforms. Secrets and tokens go in and never come out."""

from typing import Annotated, Literal

from pydantic import Field

from vouch.wire.base import Answer, Body, Id, Shown, Text

Secret = Annotated[str, Field(min_length=1, max_length=1000)]
Token = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[!-~](?:[ -~]*[!-~])?$")]
"""As a header carries it: one that was pasted with the end of its line would be refused by nobody but the platform."""
Address = Annotated[str, Field(max_length=1000, pattern=r"^https?://[^\s]+$")]


class ConnectionChange(Body):
    """`program_id` limits the connection to one program, null lifts that.

    Another `shop` or `api_base_url` takes the `api_token` away, unless the same request brings it: a token is sent to
    no host but the one that it was given for.
    """

    shop: Annotated[str, Field(max_length=300)] | None = None
    program_id: Id | None = None
    status: Literal["active", "disabled"] | None = None
    app_key: Text | None = None
    notification_url: Address | None = None
    api_base_url: Address | None = None
    api_token: Token | None = None
    verify_token: Secret | None = None


class NewConnection(Body):
    """`notification_url` is what stands in the platform's console; `api_base_url` lets calls go to a stand-in.

    We call the latter ourselves, so it is `https` on a public host.
    """

    platform: Annotated[str, Field(max_length=64, examples=["shopify"])]
    secret: Secret
    shop: Annotated[str, Field(max_length=300, examples=["mugs.myshopify.com"])] | None = None
    program_id: Id | None = None
    app_key: Text | None = None
    notification_url: Address | None = None
    api_base_url: Address | None = None
    api_token: Token | None = None
    verify_token: Secret | None = None


class Rotation(Body):
    """The secret before stays valid for 24 hours."""

    secret: Secret


class Connection(Answer):
    id: str
    platform: str
    webhook_url: str
    shop: str | None
    program_id: str | None
    status: Literal["active", "disabled"]
    app_key: str | None
    notification_url: str | None
    api_base_url: str | None
    created_at: Shown
    version: int


class HealedOrder(Answer):
    id: str
    external_id: str


class Reconciliation(Answer):
    """A look at what changed on the platform in `[since, until)`.

    `looked_at` counts what had changed there; `healed` what we had not heard of, which is settled now like anything
    that comes in; `unreadable` what is parked. `orders` are the first 100 healed. `reason` says why it failed, or
    why it waits while it is `running`.
    """

    id: str
    connection_id: str
    status: Literal["running", "done", "failed"]
    reason: str | None
    since: Shown
    until: Shown
    looked_at: int
    healed: int
    unreadable: int
    orders: list[HealedOrder]
    created_at: Shown
    done_at: Shown | None


class PrivacyRequest(Answer):
    """What a platform asked about a buyer or a shop. `id` is also the code that the platform was given for it.

    `erased` counts the raw deliveries that are gone; `left` those that say what is not in the books yet: it is
    tried again each day until they expire. `orders` are the buyer's: of an `export_customer`, what the merchant is to
    be given.
    """

    id: str
    connection_id: str | None
    platform: str
    kind: Literal["erase_customer", "export_customer", "erase_shop"]
    platform_id: str | None
    status: Literal["received", "done"]
    orders: list[str]
    erased: int
    left: int
    received_at: Shown
    done_at: Shown | None
