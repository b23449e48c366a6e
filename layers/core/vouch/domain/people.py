"""When two names are one person's: what a mailbox or a platform does not tell apart, we do not either."""

import unicodedata

from vouch.domain.texts import is_unseen

_GMAIL = ("gmail.com", "googlemail.com")


def mailbox(address: str) -> str:
    """The address as its mailbox knows it: one case, nothing invisible, and no dots or `+…` where Gmail ignores them.

    Other providers' `+…` stay: whether they ignore it is theirs to know, and two customers may differ by it.
    """
    folded = unicodedata.normalize("NFKC", address).casefold()
    seen = "".join(character for character in folded if not is_unseen(character))
    local, at, domain = seen.strip().rstrip(".").rpartition("@")
    if domain in _GMAIL:
        local, domain = local.partition("+")[0].replace(".", ""), _GMAIL[0]
    return f"{local}{at}{domain}"


def handle(platform: str, name: str) -> str:
    """Whom a platform calls by that name, as one text: `tiktok:maya`."""
    return f"{platform}:{username(name)}"


def username(text: str) -> str:
    """A creator's name on a platform in its one form, without its `@`."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", folded).strip().removeprefix("@")
