"""What a visitor sees who cannot be sent on, or asks what became of a request to be forgotten.

A page in their language, with nothing on it from anywhere else.
"""

import base64
import hashlib
from datetime import date
from functools import cache

_WORDS = {
    "missing": {
        "en": (
            "This link isn’t active",
            "It may have been mistyped, or what it led to has ended. Whoever shared it may have a new one.",
        ),
        "he": (
            "הקישור הזה אינו פעיל",
            "אולי נפלה בו טעות, ואולי מה שהיה כאן כבר הסתיים. אפשר לבקש קישור חדש ממי ששיתף אותו.",
        ),
    },
    "failed": {
        "en": ("One moment, please", "We couldn’t open this link just now. Please try again in a minute."),
        "he": ("רגע אחד, בבקשה", "לא הצלחנו לפתוח את הקישור כרגע. כדאי לנסות שוב בעוד דקה."),
    },
}
_ERASURES = {
    "received": {
        "en": (
            "Your request has been received",
            "It came on {received}. What is kept of you is being deleted; look here again in a while.",
        ),
        "he": (
            "הבקשה התקבלה",
            "היא הגיעה ב-{received}. מה ששמור עליך נמחק עכשיו; אפשר לבדוק כאן שוב בעוד זמן מה.",
        ),
    },
    "done": {
        "en": (
            "Your request has been carried out",
            "It came on {received} and was done on {done}. What was kept of you is gone; sales stay, and name nobody.",
        ),
        "he": (
            "הבקשה בוצעה",
            "היא הגיעה ב-{received} ובוצעה ב-{done}. מה שהיה שמור עליך נמחק; רישומי המכירות נשארים, ואין בהם שמות.",
        ),
    },
    "unknown": {
        "en": (
            "There is no such request",
            "The code may have been mistyped. A request that was sent just now takes a minute to show.",
        ),
        "he": (
            "אין בקשה כזאת",
            "אולי נפלה טעות בקוד. בקשה שנשלחה ממש עכשיו מופיעה כעבור דקה.",
        ),
    },
}
_TAGS = {"en": "en", "he": "he", "iw": "he"}
_STYLE = """
:root { color-scheme: light dark; font: 1.125rem/1.5 system-ui, sans-serif }
body { display: grid; place-content: center; min-height: 90vh; margin: 0; padding: 1.5rem }
main { max-width: 26rem }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25; text-wrap: balance }
p { margin: 0; opacity: .8 }
bdi { white-space: nowrap }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}


def language(accepted: str) -> str:
    """The first language of an `Accept-Language` header that we speak; browsers name the preferred one first."""
    tags = (part.strip()[:2].lower() for part in accepted.split(","))
    return next((_TAGS[tag] for tag in tags if tag in _TAGS), "en")


@cache
def page(kind: str, language: str) -> str:
    """The HTML of `missing` or `failed`."""
    return _html(*_WORDS[kind][language], language)


def erasure(status: str, language: str, *, received: date | None = None, done: date | None = None) -> str:
    """The HTML of a request to be forgotten that is `received`, `done` or `unknown`."""
    title, text = _ERASURES[status][language]
    return _html(title, text.format(received=_day(received), done=_day(done)), language)


def _day(day: date | None) -> str:
    """In a page from right to left, too, its parts stay in their order."""
    return f"<bdi>{day:%Y-%m-%d}</bdi>" if day else ""


def _html(title: str, text: str, language: str) -> str:
    direction = "rtl" if language == "he" else "ltr"
    return f"""<!doctype html>
<html lang="{language}" dir="{direction}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{_STYLE}</style>
<main><h1>{title}</h1><p>{text}</p></main>
</html>
"""
