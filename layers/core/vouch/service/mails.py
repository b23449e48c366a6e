"""Mails to creators, by SES: each is sent once, as a rule, and one that cannot be sent holds up no other.

What SES refuses for good is given up, and told of. What it is too busy for is put off, for days if need be. Whatever
else keeps it from being sent is raised: the queue brings the message again, and sets it aside in the end.

A mail is sent a second time where nobody knows what became of the first: its sender died, or no answer came, after SES
may have taken it and before that was noted. After `TRIES_MAX` such tries it is left at that.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from botocore.exceptions import ConnectionError as NotConnected

from vouch.domain import people, times
from vouch.rails.base import BRANDS, CREATORS
from vouch.service import payees
from vouch.service.deployment import Deployment
from vouch.service.queues import TRIES_MAX as PATIENCE
from vouch.service.queues import put_off, seconds_after
from vouch.store import brands, creators, mails, payout_settings, payouts
from vouch.store.database import Key
from vouch.store.tables import Brand, Creator, Item, MailItem, PayoutItem, PayoutSettings
from vouch.store.vault import Owner
from vouch.words import mails as words
from vouch.words.mails import Advice, Mail, Reader

TRIES_MAX = 3
_REFUSED = frozenset({"MessageRejected", "BadRequestException"})
_BUSY = frozenset({"TooManyRequestsException", "LimitExceededException", "ThrottlingException", "Throttling"})


class Unsent(Exception):
    """SES did not take it, by its code. Its words are not kept: they quote the address."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What became of a message; `reason` is SES's code, or ours."""

    word: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Letter:
    """A mail, and under which name it is known that it was sent."""

    brand: Brand
    creator: Creator
    name: str
    to: str
    mail: Mail


def deliver(deployment: Deployment, message: str) -> Ending:
    """Does what a message of the queue says. Raises Unsent, and what else the world does."""
    asked = json.loads(message)
    letter = _letter(deployment, asked)
    if isinstance(letter, Ending):
        return letter
    now = deployment.now()
    item, ours = mails.begun(deployment.database, letter.brand.id, letter.creator.id, letter.name, now)
    if not ours and mails.ended(item):
        return Ending("known")
    if not ours:
        left = (times.parse(item.lease) - now).total_seconds()
        put_off(deployment, deployment.settings.mail_queue_url, asked, seconds=max(1, math.ceil(left)))
        return Ending("under_way")
    if item.tries > TRIES_MAX:
        return _given_up(deployment, item, "uncertain")
    return _sent(deployment, letter, item, asked)


def _sent(deployment: Deployment, letter: _Letter, item: MailItem, asked: Mapping[str, Any]) -> Ending:
    try:
        deployment.ses.send_email(**_request(deployment, letter))
    except NotConnected as failure:
        mails.withdraw(deployment.database, item)
        raise Unsent(type(failure).__name__) from None
    except ClientError as refusal:
        said = refusal.response.get("Error", {})
        code = str(said.get("Code"))
        # One that names our own sender, as not verified, is no fault of the mail.
        if code in _REFUSED and deployment.settings.mail_from not in str(said.get("Message")):
            return _given_up(deployment, item, code)
        mails.withdraw(deployment.database, item)
        if code not in _BUSY or asked["tries"] == PATIENCE:
            raise Unsent(code) from None
        again = {**asked, "tries": asked["tries"] + 1}
        put_off(deployment, deployment.settings.mail_queue_url, again, seconds=seconds_after(asked["tries"]))
        return Ending("put_off", code)
    mails.end(deployment.database, item, "sent")
    return Ending("sent")


def _given_up(deployment: Deployment, item: MailItem, reason: str) -> Ending:
    mails.end(deployment.database, item, "given_up")
    return Ending("given_up", reason)


def _request(deployment: Deployment, letter: _Letter) -> dict[str, Any]:
    mail = letter.mail
    parts = {"Text": {"Data": mail.text, "Charset": "UTF-8"}, "Html": {"Data": mail.html, "Charset": "UTF-8"}}
    headers = {"Content-Language": mail.language, "Auto-Submitted": "auto-generated"}
    content = {
        "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
        "Body": parts,
        "Headers": [{"Name": name, "Value": value} for name, value in headers.items()],
    }
    return {
        "FromEmailAddress": words.sender(letter.brand.name, deployment.settings.mail_from),
        "Destination": {"ToAddresses": [letter.to]},
        "Content": {"Simple": content},
    }


# --- what is written --------------------------------------------------------------------------------------------------


def _letter(deployment: Deployment, asked: Mapping[str, Any]) -> _Letter | Ending:
    """The mail, or why there is none to be sent."""
    if not deployment.settings.mail_from:
        return Ending("no_sender")
    keys: list[Key] = [brands.brand_key(asked["brand"]), creators.key(asked["brand"], asked["creator"])]
    if asked["mail"] == "payout":
        keys.append(payouts.key(asked["brand"], asked["payout"]))
    if asked["mail"] == "method":
        keys.append(payout_settings.key(asked["brand"]))
    found = deployment.database.get_many(keys)
    brand, creator, *others = (found.get((pk, sk)) for _, pk, sk in keys)
    if not isinstance(brand, Brand) or not isinstance(creator, Creator):
        return Ending("nobody")
    test = brand.mode == "test"
    if test and not deployment.settings.is_local:
        return Ending("test_brand")
    reader = Reader("he" if creator.language == "he" else "en", creator.name, brand.name, test)
    if asked["mail"] == "payout":
        return _of_payout(brand, creator, reader, asked, others[0])
    if asked["mail"] == "address":
        return _of_address(deployment, brand, creator, reader, asked)
    return _of_method(deployment, brand, creator, reader, asked, others[0])


def _of_payout(
    brand: Brand, creator: Creator, reader: Reader, asked: Mapping[str, Any], item: Item | None
) -> _Letter | Ending:
    """What the payout has become since has a mail of its own, and this one would come behind it."""
    if not isinstance(item, PayoutItem) or item.status != asked["status"]:
        return Ending("overtaken")
    mail = words.of_payout(
        asked["status"],
        reader,
        payout_id=item.id,
        amount=item.amount,
        withheld=item.withheld,
        currency=item.currency,
        rail=item.rail,
        advice=_advice(item.reason),
    )
    return _Letter(brand, creator, f"{item.id}#{item.status}", creator.email, mail)


def _advice(reason: str | None) -> Advice:
    """What is true whatever lies behind it: of most reasons, and of a person's own words, the brand can tell."""
    if reason in BRANDS:
        return "wait"
    return "check" if reason in CREATORS else "ask"


def _of_method(
    deployment: Deployment,
    brand: Brand,
    creator: Creator,
    reader: Reader,
    asked: Mapping[str, Any],
    settings: Item | None,
) -> _Letter | Ending:
    """To one of the addresses that are to hear of it."""
    if asked["to"] == "paypal":
        to = payees.destination(deployment, brand.id, creator.id, asked["sealed"]).fields["email"]
        if people.mailbox(to) == people.mailbox(creator.email):
            return Ending("known")
    else:
        to = _address(deployment, brand, creator, asked)
    known = settings if isinstance(settings, PayoutSettings) else payout_settings.unset(brand.id)
    until = times.parse(asked["held_until"]) if asked["held_until"] else None
    mail = words.of_method(reader, known.time_zone, new=asked["new"], old=asked["old"], held_until=until)
    return _Letter(brand, creator, f"method#{asked['version']}#{asked['to']}", to, mail)


def _of_address(
    deployment: Deployment, brand: Brand, creator: Creator, reader: Reader, asked: Mapping[str, Any]
) -> _Letter:
    to = _address(deployment, brand, creator, asked)
    return _Letter(brand, creator, f"address#{asked['version']}", to, words.of_address(reader))


def _address(deployment: Deployment, brand: Brand, creator: Creator, asked: Mapping[str, Any]) -> str:
    return deployment.vault.open(Owner(brand.id, "mail_address", creator.id), asked["sealed"])
