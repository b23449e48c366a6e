"""Lists, page by page: two requests for a page of any list, and a cursor that is good for that list alone."""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vouch.domain.errors import Malformed
from vouch.service.deployment import Deployment
from vouch.store.tables import GSI1, INDEX_KEYS, Code, Item, Link, Main, behind, index_of

_ANYTHING: Mapping[str, str | None] = {}
_MAC_BYTES = 16


@dataclass(frozen=True, slots=True)
class Page[T]:
    """Some of a list; `next_cursor` is None at its end."""

    items: list[T]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Selection:
    """A page of those things of one creator, of one program; None: of any."""

    creator_id: str | None
    program_id: str | None
    limit: int
    cursor: str | None


def selected[I: (Code, Link)](deployment: Deployment, kind: type[I], index: str, selection: Selection) -> Page[I]:
    """A page of an index that is sorted by creator."""
    return read(
        deployment,
        kind,
        index,
        within=f"{selection.creator_id}#" if selection.creator_id else "",
        where={"program_id": selection.program_id},
        limit=selection.limit,
        cursor=selection.cursor,
    )


def read[I: Item](
    deployment: Deployment,
    kind: type[I],
    index: str,
    *,
    limit: int,
    cursor: str | None,
    within: str | tuple[str, str] = "",
    newest_first: bool = False,
    where: Mapping[str, str | None] = _ANYTHING,
    shown: str = "",
) -> Page[I]:
    """A page of the items in the index partition `index` whose sort key begins with `within` or lies between its two.

    `where` names attributes and what they must be (None: anything). It is looked at after the items were read, so a
    page may be short though more follow. `shown` tells lists apart that are made of the same items.
    """
    scope = json.dumps([index, within, newest_first, dict(where), shown])
    sort_key = Main.g1sk if index_of(index) == GSI1 else Main.g2sk
    narrowed = sort_key.startswith(within) if isinstance(within, str) else sort_key.between(*within)
    keys, after = deployment.database.index_keys(
        kind,
        index,
        limit=limit,
        after=behind(index, *opened(deployment, scope, cursor)) if cursor is not None else None,
        condition=narrowed if within else None,
        newest_first=newest_first,
    )
    found = deployment.database.get_many([(kind, pk, sk) for pk, sk in keys])
    items = [item for key in keys if isinstance(item := found.get(key), kind) and _fits(item, where)]
    last = [after[name]["S"] for name in ("pk", "sk", INDEX_KEYS[index_of(index)][1])] if after else None
    return Page(items, sealed(deployment, scope, last) if last else None)


def sealed(deployment: Deployment, scope: str, position: Sequence[str]) -> str:
    """A cursor for `position` in the list that `scope` names: its brand, its kind and its filters."""
    payload = json.dumps(position, separators=(",", ":")).encode()
    mac = _mac(deployment.secrets.cursor_keys[0], scope, payload)
    return base64.urlsafe_b64encode(mac + payload).rstrip(b"=").decode()


def opened(deployment: Deployment, scope: str, cursor: str) -> list[str]:
    """The position in it. Raises Malformed where the cursor was not given out for this list."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise Malformed("invalid_cursor", param="cursor") from None
    mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
    if not any(hmac.compare_digest(mac, _mac(key, scope, payload)) for key in deployment.secrets.cursor_keys):
        raise Malformed("invalid_cursor", param="cursor")
    position: list[str] = json.loads(payload)
    return position


def _fits(item: Item, where: Mapping[str, str | None]) -> bool:
    return all(wanted is None or getattr(item, name) == wanted for name, wanted in where.items())


def _mac(key: bytes, scope: str, payload: bytes) -> bytes:
    return hmac.digest(key, scope.encode() + b"\x1f" + payload, "sha256")[:_MAC_BYTES]
