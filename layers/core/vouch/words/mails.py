"""What creators are written by mail, in English and Hebrew: a subject, plain text, and the same as simple HTML.

No mail holds an account number, not even the end of one, a key, or a link: there is nothing in it worth forging.
"""

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.header import Header
from email.utils import formataddr
from typing import Final, Literal

from vouch.domain.payouts import CHANGE_HOLD
from vouch.messages import Language
from vouch.words.phrases import Phrase
from vouch.words.speech import Speech, in_short

PayoutNews = Literal["settled", "failed", "returned"]
"""What becomes of a payout that its creator hears of, by its status. To them `settled` is: the money was sent."""
Advice = Literal["check", "wait", "ask"]
"""What there is to do about money that did not arrive: to look after one's payout method, nothing, or to ask why."""
_DIRECTIONS: Final[dict[Language, str]] = {"en": "ltr", "he": "rtl"}
_BANKS: Final = frozenset({"sepa", "masav"})
_BELOW_EACH_OTHER: Final = "width:1%;white-space:nowrap;text-align:right"
"""Figures end on their right in Hebrew too, in a column that is as wide as the longest."""
_FIRM_SPACE: Final = "\N{NO-BREAK SPACE}"
_NAME_MAX: Final = 40
_WORD_MAX: Final = 75
"""Of an encoded word (RFC 2047)."""

_WAYS: Final[dict[str, Phrase]] = {
    "paypal": {"en": " by PayPal", "he": " ב-PayPal"},
    "stripe_connect": {"en": " by Stripe", "he": " ב-Stripe"},
    "sepa": {"en": " by bank transfer", "he": " בהעברה בנקאית"},
    "masav": {"en": " by bank transfer", "he": " בהעברה בנקאית"},
}
"""How the money travels, by rail. A rail that is not here pays by any means: then nothing is said."""

_PLACES: Final[dict[str, tuple[Phrase, Phrase]]] = {
    "paypal": (
        {"en": "a PayPal account", "he": "חשבון PayPal"},
        {"en": "another PayPal account", "he": "חשבון PayPal אחר"},
    ),
    "stripe": (
        {"en": "a Stripe account", "he": "חשבון Stripe"},
        {"en": "another Stripe account", "he": "חשבון Stripe אחר"},
    ),
    "iban": (
        {"en": "a bank account", "he": "חשבון בנק"},
        {"en": "another bank account", "he": "חשבון בנק אחר"},
    ),
    "il_bank": (
        {"en": "a bank account", "he": "חשבון בנק"},
        {"en": "another bank account", "he": "חשבון בנק אחר"},
    ),
}
"""Where the money goes, by the kind of destination; the second where it took the place of one that is named alike."""

_SUBJECTS: Final[dict[str, Phrase]] = {
    "settled": {"en": "{brand} has sent you {net}", "he": "נשלחו אליך {net} מאת {brand}"},
    "failed": {"en": "{brand} could not send you {net}", "he": "לא היה אפשר לשלוח אליך {net} מאת {brand}"},
    "returned": {"en": "{net} from {brand} came back", "he": "{net} מאת {brand} חזרו"},
    "method": {"en": "Where {brand} pays you has changed", "he": "היעד לתשלומים שלך מאת {brand} השתנה"},
    "address": {
        "en": "Your e-mail address at {brand} has changed",
        "he": "כתובת הדואר האלקטרוני שלך אצל {brand} השתנתה",
    },
    "test": {"en": "[Test] {subject}", "he": "[ניסיון] {subject}"},
}

_SENTENCES: Final[dict[str, Phrase]] = {
    "greeting": {"en": "Hello {whom},", "he": "שלום {whom},"},
    "settled": {"en": "{brand} has sent you {net}{way}.", "he": "נשלחו אליך {net} מאת {brand}{way}."},
    "settled_bank": {
        "en": "It may take your bank some days to show it.",
        "he": "ייתכן שיעברו כמה ימים עד שהסכום ייראה בבנק.",
    },
    "failed": {
        "en": "{brand} tried to send you {net}{way}, and it did not work.",
        "he": "היה ניסיון לשלוח אליך {net} מאת {brand}{way}, והוא לא הצליח.",
    },
    "returned": {
        "en": "{net} that {brand} had sent you{way} came back.",
        "he": "{net} שנשלחו אליך מאת {brand}{way} חזרו.",
    },
    "kept": {
        "en": "Nothing is lost: {gross} is in your balance again.",
        "he": "שום דבר לא אבד: {gross} חזרו ליתרה שלך.",
    },
    "check": {
        "en": "Please check with {brand} that your payout method is right, and can receive money. "
        "The next payout goes there.",
        "he": "כדאי לבדוק עם {brand} שאמצעי התשלום שלך נכון ויכול לקבל כסף. התשלום הבא יישלח לשם.",
    },
    "wait": {
        "en": "It was not your doing, and there is nothing that you have to do: "
        "it is paid with one of the next payouts.",
        "he": "זה לא קרה בגללך, ואין צורך לעשות דבר: הסכום ישולם באחד התשלומים הבאים.",
    },
    "ask": {
        "en": "{brand} can tell you why, and when it is paid.",
        "he": "אפשר לשאול את {brand} מה הסיבה ומתי הסכום ישולם.",
    },
    "method_first": {
        "en": "What {brand} owes you is paid to {new} from now on.",
        "he": "מעכשיו התשלומים שלך מאת {brand} מועברים אל {new}.",
    },
    "method_changed": {
        "en": "What {brand} owes you is paid to {new} from now on, and no longer to {old}.",
        "he": "מעכשיו התשלומים שלך מאת {brand} מועברים אל {new}, ולא עוד אל {old}.",
    },
    "method_hold": {
        "en": "For your safety nothing is paid there before {until} ({zone}).",
        "he": "לביטחונך לא יועבר לשם דבר לפני {until} ({zone}).",
    },
    "address": {
        "en": "{brand} knows you by another e-mail address from now on, and writes to you there.",
        "he": "מעכשיו רשומה אצל {brand} כתובת דואר אלקטרוני אחרת שלך, והודעות יישלחו אליה.",
    },
    "address_hold": {
        "en": "If you have not said where you are paid, you may be paid by that address. "
        "For your safety nothing is paid by it for {hours} after the change.",
        "he": "אם לא נקבע יעד לתשלומים שלך, ייתכן שהם יועברו לפי הכתובת הזאת. "
        "לביטחונך לא יועבר לפיה דבר במשך {hours} אחרי השינוי.",
    },
    "not_you": {
        "en": "If this was not your wish, tell {brand} at once, in a way that you know, not by an answer to this mail.",
        "he": "אם זה לא נעשה על דעתך, יש לפנות מיד אל {brand} בדרך המוכרת לך, ולא בתשובה להודעה הזאת.",
    },
    "you": {
        "en": "If it was, there is nothing that you have to do.",
        "he": "אם כן, אין צורך לעשות דבר.",
    },
    "payout": {"en": "Payout {payout}", "he": "תשלום {payout}"},
    "footer": {
        "en": "You get this mail because {brand} pays you commission. "
        "Nobody will ask you for a password or for an account number in answer to it.",
        "he": "ההודעה נשלחה אליך כי מגיעות לך עמלות מאת {brand}. איש לא יבקש ממך בתגובה לה סיסמה או מספר חשבון.",
    },
    "test": {
        "en": "This is a test: no money has moved.",
        "he": "זה ניסיון: לא עבר כסף.",
    },
}

_FIGURES: Final[dict[PayoutNews, dict[str, Phrase]]] = {
    "settled": {
        "gross": {"en": "Balance paid out", "he": "יתרה ששולמה"},
        "withheld": {"en": "Tax withheld", "he": "מס שנוכה במקור"},
        "net": {"en": "Sent to you", "he": "נשלח אליך"},
    },
    "failed": {
        "gross": {"en": "Balance to be paid out", "he": "יתרה לתשלום"},
        "withheld": {"en": "Tax to be withheld", "he": "מס לניכוי במקור"},
        "net": {"en": "Not sent", "he": "לא נשלח"},
    },
    "returned": {
        "gross": {"en": "Balance that had been paid out", "he": "יתרה ששולמה"},
        "withheld": {"en": "Tax that had been withheld", "he": "מס שנוכה במקור"},
        "net": {"en": "Came back", "he": "חזר"},
    },
}
"""What a payout consisted of, where tax is a part of it, named by what became of it."""


@dataclass(frozen=True, slots=True)
class Mail:
    """What is written to somebody, in one language."""

    language: Language
    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads it, from which brand, and whether all of it is but a test."""

    language: Language
    name: str
    brand: str
    test: bool = False


def of_payout(
    news: PayoutNews,
    reader: Reader,
    *,
    payout_id: str,
    amount: int,
    withheld: int,
    currency: str,
    rail: str,
    advice: Advice,
) -> Mail:
    """What became of a payout. `amount` and `withheld` are in minor units; `advice` is for what did not arrive."""
    speech, way = _speech(reader), _WAYS.get(rail)
    sums = {"gross": amount, "withheld": -withheld, "net": amount - withheld}
    figures = {name: speech.amount(each, currency).replace(" ", _FIRM_SPACE) for name, each in sums.items()}
    told = {
        "net": figures["net"],
        "gross": figures["gross"],
        "way": way[reader.language] if way else "",
        "brand": speech.quoted(reader.brand),
        "payout": speech.left(payout_id),
    }
    said: list[str] = [news]
    if news == "settled":
        said += ["settled_bank"] if rail in _BANKS else []
    else:
        said += ["kept", advice]
    rows = [(speech.phrase(_FIGURES[news], name), value) for name, value in figures.items()]
    return _mail(reader, news, said, told, rows if withheld else [], ["payout", "footer"])


def of_method(reader: Reader, time_zone: str, *, new: str, old: str | None, held_until: datetime | None) -> Mail:
    """That money goes somewhere else from now on, by the kinds of destination; `old` is None where there was none.

    `held_until`: nothing is paid there before; it is told in `time_zone`.
    """
    speech, language = Speech(reader.language, time_zone), reader.language
    place, other = _PLACES[new]
    alike = old is not None and _PLACES[old][0] == place
    told = {
        "brand": speech.quoted(reader.brand),
        "new": (other if alike else place)[language],
        "old": "" if old is None else _PLACES[old][0][language],
        "until": speech.moment(held_until) if held_until else "",
        "zone": speech.left(time_zone),
    }
    said = ["method_first" if old is None or alike else "method_changed", *(["method_hold"] if held_until else [])]
    return _mail(reader, "method", [*said, "not_you", "you"], told, [], ["footer"])


def of_address(reader: Reader) -> Mail:
    """That the creator has another e-mail address from now on, to whoever reads at the one that was theirs."""
    speech = _speech(reader)
    hours = speech.count("hours", CHANGE_HOLD // timedelta(hours=1))
    told = {"brand": speech.quoted(reader.brand), "hours": hours}
    return _mail(reader, "address", ["address", "address_hold", "not_you", "you"], told, [], ["footer"])


def sender(name: str, address: str) -> str:
    """`Name <address>` as a header holds it, whatever the name: in words of ASCII that are short enough, or quoted.

    A name that reads as such a word itself (`=?…?=`) is encoded, or the reader would be shown what it decodes to.
    """
    clean = in_short(name, _NAME_MAX)
    if clean.isascii() and "=?" not in clean:
        return formataddr((clean, address))
    words = Header(clean, "utf-8", maxlinelen=_WORD_MAX).encode(linesep="")
    return f"{words} <{address}>"


def _speech(reader: Reader) -> Speech:
    return Speech(reader.language, "UTC")


def _mail(
    reader: Reader,
    subject: str,
    said: list[str],
    told: Mapping[str, str],
    rows: list[tuple[str, str]],
    small: list[str],
) -> Mail:
    speech = _speech(reader)
    title = speech.phrase(_SUBJECTS, subject, **told)
    if reader.test:
        title, said = speech.phrase(_SUBJECTS, "test", subject=title), [*said, "test"]
    greeting = speech.phrase(_SENTENCES, "greeting", whom=speech.quoted(reader.name))
    sentences = [greeting, *(speech.phrase(_SENTENCES, name, **told) for name in said)]
    notes = [speech.phrase(_SENTENCES, name, **told) for name in small]
    table = ["\n".join(f"{name}: {value}" for name, value in rows)] if rows else []
    text = "\n\n".join([*sentences, *table, "\n".join(["-- ", *notes])]) + "\n"
    return Mail(reader.language, title, text, "".join(_page(reader.language, title, sentences, rows, notes)))


def _page(
    language: Language, title: str, sentences: list[str], rows: list[tuple[str, str]], notes: list[str]
) -> Iterator[str]:
    """Styles stand with each element, and the direction with the outermost that is kept: mail readers drop the rest."""
    way = f'lang="{language}" dir="{_DIRECTIONS[language]}"'
    yield f'<!doctype html>\n<html {way}>\n<head>\n<meta charset="utf-8">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<title>{html.escape(title)}</title>\n</head>\n"
    yield '<body style="margin:0;background:#f5f4f1">\n'
    yield f'<div {way} style="box-sizing:border-box;max-width:36em;margin:0 auto;padding:24px 16px;'
    yield "font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif;color:#1d1c1a\">\n"
    yield '<div style="background:#ffffff;border:1px solid #e2dfd8;border-radius:10px;padding:20px 20px 8px;'
    yield 'overflow-wrap:anywhere">\n'
    yield f'<h1 style="margin:0 0 16px;font-size:20px;line-height:1.35">{html.escape(title)}</h1>\n'
    for sentence in sentences:
        yield f'<p style="margin:0 0 12px">{html.escape(sentence)}</p>\n'
    if rows:
        yield '<table style="border-collapse:collapse;width:100%;margin:16px 0 8px;border-top:1px solid #e2dfd8">\n'
        for name, value in rows:
            yield '<tr><th scope="row" style="padding:8px 0 0;font-weight:normal;color:#5e5a52;text-align:start">'
            yield f"{html.escape(name)}</th>"
            yield f'<td style="padding:8px 0 0;{_BELOW_EACH_OTHER}">{html.escape(value)}</td></tr>\n'
        yield "</table>\n"
    yield "</div>\n"
    for note in notes:
        yield f'<p style="margin:12px 4px 0;font-size:13px;color:#5e5a52">{html.escape(note)}</p>\n'
    yield "</div>\n</body>\n</html>\n"
