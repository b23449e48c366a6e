"""Where a link may lead: an https address on a host that the brand has listed, as every browser reads it."""

import re
from collections.abc import Collection
from urllib.parse import quote, unquote_plus

LENGTH_MAX = 2048

# After `https://` only letters, digits, dots and hyphens, then `/`, `?`, `#` or the end: no user, port, backslash or
# escape, no second spelling of the host, and so nothing that two readers could read differently.
_ADDRESS = re.compile(r"https://([a-z0-9.-]+)(?:[/?#].*)?", re.ASCII | re.IGNORECASE)
_HOST = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_HOST_LENGTH_MAX = 253
_AMBIGUOUS = re.compile("[ßς\u200c\u200d]")
_ASCII = "".join(map(chr, range(0x21, 0x7F)))


def host(text: str) -> str | None:
    """The host as it is compared, lower-case and in its ASCII form, or None where it is no public host name.

    Four characters have one ASCII form in Python and another in browsers: hosts with them are given as `xn--…`.
    """
    name = text.strip().removesuffix(".")
    if len(name) > _HOST_LENGTH_MAX or _AMBIGUOUS.search(name):
        return None
    try:
        ascii_host = name.encode("idna").decode().lower()
    except UnicodeError:
        return None
    return ascii_host if _HOST.fullmatch(ascii_host) else None


def host_of(destination: str) -> str | None:
    """The host that a browser will ask, or None where the address is not one that links may lead to."""
    if len(destination) > LENGTH_MAX or not destination.isprintable() or " " in destination or "\\" in destination:
        return None
    address = _ADDRESS.fullmatch(destination)
    if address is None:
        return None
    name = address[1].lower()
    return name if _HOST.fullmatch(name) else None


def allowed(destination: str, hosts: Collection[str]) -> bool:
    """Whether a link may lead there: one of `hosts`, each in the form that `host` gives, to the letter."""
    return host_of(destination) in hosts


def with_parameter(destination: str, name: str, value: str) -> str:
    """The destination with `name=value` at the end of its query, in place of any of that name.

    Every other character stays as it was, save that those beyond ASCII are escaped, as in `as_sent`.
    """
    address, hash_mark, fragment = as_sent(destination).partition("#")
    base, _, query = address.partition("?")
    pairs = query.split("&") if query else []
    kept = [pair for pair in pairs if unquote_plus(pair.partition("=")[0]) != name]
    added = f"{quote(name, safe='')}={quote(value, safe='')}"
    return f"{base}?{'&'.join([*kept, added])}{hash_mark}{fragment}"


def as_sent(destination: str) -> str:
    """The destination as a header can carry it: beyond ASCII escaped, as browsers do, the rest untouched."""
    return quote(destination, safe=_ASCII)
