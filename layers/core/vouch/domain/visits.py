"""Visits: which requests for a link are a person's, and the cookie in which a browser keeps its last ten clicks."""

import base64
import hashlib
import re
from collections.abc import Collection, Mapping

from vouch.domain import clicks

SLUG = re.compile(r"[a-z0-9_-]{1,64}")
"""A slug as it is stored; in an address its case does not matter."""

COOKIE = "vouch_journey"
COOKIE_SECONDS = 400 * 24 * 60 * 60
"""As long as browsers keep any cookie."""
JOURNEY_MAX = 10

ROBOT = "robot"
"""The one uncounted visitor whom nobody's visit can follow: a browser may go on with what it prefetched."""
_AHEAD_OF_TIME = ("sec-purpose", "purpose", "x-purpose", "x-moz")
# What programs call themselves; CUBOT makes phones. Not the apps that people read in (`[Pinterest/iOS]`, `Slack_SSB`,
# `Twitter for iPhone`), and not curl and its like, which may be anybody.
_ROBOT = re.compile(
    r"(?<!cu)bot(?![a-z])|crawl|spider|slurp|archiver|^whatsapp/|preview|externalhit|externalagent|externalfetcher"
    r"|mediapartners-google|google-inspectiontool|google-read-aloud|googleother|feedfetcher|chrome-lighthouse"
    r"|chatgpt-user|claude-user|perplexity-user|embedly|iframely|vkshare|line-poker|slack-imgproxy|validator",
    re.ASCII | re.IGNORECASE,
)

_TAG = 4
_ENTRY = _TAG + clicks.ENCODED
_JOURNEY = re.compile(rf"(?:[A-Za-z0-9_-]{{{_ENTRY}}}){{1,{JOURNEY_MAX}}}")
_LOOPBACK = re.compile(
    r"(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?", re.ASCII | re.IGNORECASE
)


def uncounted(method: str, headers: Mapping[str, str]) -> str | None:
    """Why this request is no click, in one word, or None where it is one. `headers` have lower-case names."""
    if _ROBOT.search(headers.get("user-agent", "")):
        return ROBOT
    if method == "HEAD":
        return "head"
    if any(
        word in headers.get(name, "").lower()
        for name in _AHEAD_OF_TIME
        for word in ("prefetch", "prerender", "preview")
    ):
        return "prefetch"
    return None


def journey(cookie: str, brand_id: str) -> list[str]:
    """The click ids of this brand in the cookie's value, newest first; whether they are genuine it cannot say."""
    tag = _tag(brand_id)
    return [clicks.PREFIX + entry[_TAG:] for entry in _entries(cookie) if entry.startswith(tag)]


def journey_with(cookie: str, brand_id: str, click_id: str, genuine: Collection[str]) -> str:
    """The cookie's new value: one more click, at the expense of the eleventh, whichever brand's that was.

    Of this brand's ids only the `genuine` ones stay; another brand's are for its own links to judge.
    """
    tag = _tag(brand_id)
    kept = [entry for entry in _entries(cookie) if not entry.startswith(tag) or clicks.PREFIX + entry[_TAG:] in genuine]
    return "".join([tag + click_id.removeprefix(clicks.PREFIX), *kept][:JOURNEY_MAX])


def set_cookie(value: str, host: str) -> str:
    """`Set-Cookie` for the journey; on this machine there is no TLS, and `Secure` would lose the cookie."""
    secure = "" if _LOOPBACK.fullmatch(host) else "; Secure"
    return f"{COOKIE}={value}; Max-Age={COOKIE_SECONDS}; Path=/r; HttpOnly; SameSite=Lax{secure}"


def cookie_in(cookies: str) -> str:
    """The journey's value in a `Cookie` header, empty where it holds none."""
    for cookie in cookies.split(";"):
        name, _, value = cookie.strip().partition("=")
        if name == COOKIE:
            return value
    return ""


def _entries(cookie: str) -> list[str]:
    if not _JOURNEY.fullmatch(cookie):
        return []
    return [cookie[start : start + _ENTRY] for start in range(0, len(cookie), _ENTRY)]


def _tag(brand_id: str) -> str:
    # Brands share the cookie; a tag tells whose an entry is without trying every entry's signature.
    return base64.urlsafe_b64encode(hashlib.sha256(brand_id.encode()).digest()[:3]).decode()
