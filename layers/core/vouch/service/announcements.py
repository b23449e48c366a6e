"""What creators are to hear of their money: the main table's stream says what changed, and a queue has it written.

A message names what it is about. Addresses lie sealed in it, and nothing else that is anybody's secret is in it. No
brand's mails wait for all of another's: its messages are a group of their own.
"""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from vouch.domain import people, times
from vouch.service.deployment import Deployment
from vouch.service.payees import hold_end
from vouch.service.queues import put_off
from vouch.store import payees, payouts
from vouch.store.tables import Creator, Main, PayoutItem, PayoutMethod
from vouch.store.vault import Owner
from vouch.words.mails import PayoutNews

StreamRecord = Mapping[str, Any]
"""What a stream says of an item: `NewImage` and `OldImage`, as far as there are any."""
_NEWS: frozenset[str] = frozenset(get_args(PayoutNews))
_Letter = tuple[str, dict[str, Any], str | None]
"""The brand, the message, and the address that is sealed into it; None: the creator's own of the day it is sent."""
_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError)


class Unreadable(Exception):
    """Our own code fails on this record, as it would every time. Its words may quote the record: none are kept."""


def announce(deployment: Deployment, record: StreamRecord) -> int:
    """Has written what the change is worth telling; how many mails. Raises Unreadable.

    A record that comes again has the same mails written, which are known by then (`vouch.store.mails`).
    """
    try:
        letters = list(_letters(_item(record.get("OldImage")), _item(record.get("NewImage"))))
    except _UNREADABLE as failure:
        raise Unreadable(type(failure).__name__) from None
    for brand_id, message, address in letters:
        if address is not None:
            owner = Owner(brand_id, "mail_address", message["creator"])
            message["sealed"] = deployment.vault.seal(owner, address)
        put_off(deployment, deployment.settings.mail_queue_url, message, seconds=0)
    return len(letters)


def _item(image: dict[str, Any] | None) -> Main | None:
    """None where there is none, and for what nobody is told of: the mapping filters, but not before all."""
    item = Main.from_raw_data(image) if image is not None else None
    return item if isinstance(item, PayoutItem | PayoutMethod | Creator) else None


def _letters(before: Main | None, after: Main | None) -> Iterator[_Letter]:
    match before, after:
        case PayoutItem() | None, PayoutItem():
            return _of_payout(before, after)
        case PayoutMethod() | None, PayoutMethod():
            return _of_method(before, after)
        case Creator(), Creator():
            return _of_address(before, after)
        case _:
            return iter(())


def _of_payout(before: PayoutItem | None, after: PayoutItem) -> Iterator[_Letter]:
    """Of one that was called off before it was sent, for whatever reason, nobody is told: nobody was waiting for it."""
    known = before is not None and before.status == after.status
    called_off = before is not None and before.status == "created" and after.status == "failed"
    if after.status in _NEWS and not known and not called_off:
        told = {"mail": "payout", "payout": after.id, "status": after.status}
        yield _letter(payouts.brand_of(after), after.creator_id, told)


def _of_method(before: PayoutMethod | None, after: PayoutMethod) -> Iterator[_Letter]:
    """To each address that is to hear of it, and to that of the PayPal account that was paid until now."""
    if before is not None and before.sealed == after.sealed:
        return
    brand_id, creator_id = payees.whose(after)
    old, former, _ = after.replaced or (None, None, None)
    until = hold_end(after)
    held_until = times.text(until) if until else None
    told = {"mail": "method", "version": after.version, "new": after.type, "old": old, "held_until": held_until}
    for number, address in enumerate(after.told):
        yield _letter(brand_id, creator_id, told | {"to": str(number)}, address)
    if old == "paypal":
        yield _letter(brand_id, creator_id, told | {"to": "paypal", "sealed": former})


def _of_address(before: Creator, after: Creator) -> Iterator[_Letter]:
    """To the mailbox that was left, at each move: so no row of moves leaves its owner unaware."""
    if people.mailbox(before.email) != people.mailbox(after.email):
        brand_id, creator_id = payees.whose(after)
        yield _letter(brand_id, creator_id, {"mail": "address", "version": after.version}, before.email)


def _letter(brand_id: str, creator_id: str, told: dict[str, Any], address: str | None = None) -> _Letter:
    about = {"brand": brand_id, "creator": creator_id, "tries": 0, "group": brand_id}
    return brand_id, about | told, address
