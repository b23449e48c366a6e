"""Where a link may lead: an https address on a host that the brand has listed, as every browser reads it."""

import re
from collections.abc import Collection
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

LENGTH_MAX = 2048
_ODD = re.compile(r"[\x00-\x20\x7f-\x9f\\]")
_HOST = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")


def host(text: str) -> str | None:
    """The host as it is compared, lower-case and in its ASCII form, or None where it is no public host name."""
    try:
        ascii_host = text.strip().rstrip(".").encode("idna").decode().lower()
    except UnicodeError:
        return None
    return ascii_host if _HOST.fullmatch(ascii_host) else None


def allowed(destination: str, hosts: Collection[str]) -> bool:
    """Whether a link may lead there: `https`, one of `hosts` to the letter, no user, port, blank or backslash."""
    if len(destination) > LENGTH_MAX or _ODD.search(destination):
        return False
    try:
        parts = urlsplit(destination)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme != "https" or port is not None or "@" in parts.netloc or parts.hostname is None:
        return False
    return parts.netloc.lower() == parts.hostname and host(parts.hostname) in hosts


def with_parameter(destination: str, name: str, value: str) -> str:
    """The destination with `name=value` in its query, in place of one that was there; the rest stays as it was."""
    parts = urlsplit(destination)
    kept = [pair for pair in parts.query.split("&") if pair and parse_qsl(pair, keep_blank_values=True)[:1] != []]
    kept = [pair for pair in kept if parse_qsl(pair, keep_blank_values=True)[0][0] != name]
    query = "&".join([*kept, urlencode({name: value}, quote_via=quote)])
    return urlunsplit(parts._replace(query=query))
