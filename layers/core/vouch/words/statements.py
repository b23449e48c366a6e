"""What a statement on paper says, in English and Hebrew: its headings, and of each entry what it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from vouch.domain import calendars, ledger, times
from vouch.domain.calendars import Period
from vouch.domain.period_rules import CAP
from vouch.words.phrases import Phrase
from vouch.words.speech import Speech

HEADINGS: Final[dict[str, Phrase]] = {
    "title": {"en": "Commission statement — not a tax invoice", "he": 'דו"ח עמלות — אינו חשבונית מס'},
    "creator": {"en": "Creator", "he": "עבור"},
    "period": {"en": "Period", "he": "תקופה"},
    "number": {"en": "Statement number", "he": 'מספר הדו"ח'},
    "as_of": {"en": "As of", "he": "נכון למועד"},
    "opening": {"en": "Opening balance", "he": "יתרת פתיחה"},
    "credited": {"en": "Credits", "he": "זכות"},
    "debited": {"en": "Debits", "he": "חובה"},
    "closing": {"en": "Closing balance", "he": "יתרת סגירה"},
    "date": {"en": "Date", "he": "תאריך"},
    "entry": {"en": "Entry", "he": "פירוט"},
    "amount": {"en": "Amount, {currency}", "he": "סכום, {currency}"},
    "balance": {"en": "Balance, {currency}", "he": "יתרה, {currency}"},
    "page": {"en": "Page {page} of {pages}", "he": "עמוד {page} מתוך {pages}"},
    "nothing": {"en": "Nothing happened in this period.", "he": "לא היו תנועות בתקופה זו."},
    "dated": {
        "en": "Each entry stands on the day from which it may be paid. Days are those of {zone}.",
        "he": "כל תנועה רשומה ביום שממנו היא ניתנת לתשלום. הימים לפי {zone}.",
    },
    "payouts": {
        "en": "A payout stands on the day on which its amount is set aside for it, before it is sent.",
        "he": "תשלום רשום ביום שבו הסכום מופרש עבורו, לפני שהוא נשלח.",
    },
    "not_over": {
        "en": "The period is not over yet, so this statement may still change.",
        "he": 'התקופה עוד לא הסתיימה, ולכן הדו"ח עוד עשוי להשתנות.',
    },
    "negative": {
        "en": "A negative balance is set off against later commissions.",
        "he": "יתרה שלילית מקוזזת מעמלות שייצברו בהמשך.",
    },
    "span": {"en": "{start} – {end}", "he": "{start} – {end}"},
    "until": {"en": "Until {end}", "he": "עד {end}"},
    "all_time": {"en": "all time", "he": "כל הזמן"},
    "at": {"en": "{moment} ({zone})", "he": "{moment} ({zone})"},
}

ENTRIES: Final[dict[str, Phrase]] = {
    ledger.SETTLE: {"en": "Commission on order {order}", "he": "עמלה על הזמנה {order}"},
    "settle_taken": {
        "en": "Commission on order {order} taken back: it was refunded, cancelled or changed",
        "he": "ביטול עמלה על הזמנה {order}: היא הוחזרה, בוטלה או השתנתה",
    },
    ledger.BONUS: {"en": "Bonus “{bonus}” for {period}", "he": "בונוס ״{bonus}״ על {period}"},
    "bonus_taken": {"en": "Bonus “{bonus}” for {period} taken back", "he": "ביטול בונוס ״{bonus}״ על {period}"},
    CAP: {"en": "Given back: room under the cap of {period}", "he": "החזר: נותר מקום מתחת לתקרה של {period}"},
    "cap_per_period_taken": {"en": "Above the cap of {period}", "he": "מעל התקרה של {period}"},
    ledger.PAYOUT: {"en": "Payout {payout}", "he": "תשלום {payout}"},
    ledger.PAYOUT_RELEASED: {
        "en": "Payout not carried out, its amount is available again: {payout}",
        "he": "תשלום שלא בוצע, והסכום שוב זמין: {payout}",
    },
    ledger.PAYOUT_RETURNED: {"en": "Payout that came back: {payout}", "he": "תשלום שחזר: {payout}"},
    ledger.ADJUSTMENT: {"en": "Adjustment by the brand: {adjustment}", "he": "התאמה של המותג: {adjustment}"},
    ledger.WRITEOFF: {"en": "Negative balance written off: {adjustment}", "he": "מחיקת יתרה שלילית: {adjustment}"},
    ledger.CORRECTION: {"en": "Correction, takes back {adjustment}", "he": "תיקון, מבטל את {adjustment}"},
}
"""By the entry's kind, a cap's by its rule; what ends in `_taken` is said where the amount is below zero."""

DETAILS: Final[dict[str, Phrase]] = {
    "withheld": {
        "en": "Of this {net} for you, {withheld} withheld as tax",
        "he": "מזה {net} עבורך, {withheld} ניכוי מס במקור",
    },
    "reason": {"en": "“{reason}”", "he": "״{reason}״"},
}
"""What is said of an entry beneath it."""

_NAMED: Final[tuple[Period, ...]] = ("month", "quarter", "year")
_TICK: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """What words need of an entry. `order` is what the shop calls it, else its id of ours.

    Of a payout, `withheld` and `net` are its parts, below zero where it comes back.
    """

    kind: str
    amount: int
    currency: str
    order: str | None = None
    payout: str | None = None
    adjustment: str | None = None
    rule: str | None = None
    period: str | None = None
    withheld: int | None = None
    net: int | None = None
    reason: str | None = None


def heading(speech: Speech, name: str, **facts: object) -> str:
    """One of the headings, filled in."""
    return speech.phrase(HEADINGS, name, **facts)


def told(speech: Speech, entry: Entry) -> str:
    """What the entry is."""
    name = CAP if entry.rule == CAP else entry.kind
    taken = f"{name}_taken"
    return speech.phrase(
        ENTRIES,
        taken if entry.amount < 0 and taken in ENTRIES else name,
        order=speech.quoted(entry.order or ""),
        payout=speech.left(entry.payout or ""),
        adjustment=speech.left(entry.adjustment or ""),
        bonus=speech.quoted((entry.rule or "").removeprefix("bonuses.")),
        period=_period(speech, entry.period) if entry.period else "",
    )


def details(speech: Speech, entry: Entry) -> Iterator[str]:
    """What there is to say of it beside that: tax, where some is withheld, and a person's reason."""
    if entry.withheld and entry.net is not None:
        parts = {"net": entry.net, "withheld": entry.withheld}
        figures = {name: speech.amount(abs(amount), entry.currency) for name, amount in parts.items()}
        yield speech.phrase(DETAILS, "withheld", **figures)
    if entry.reason is not None:
        yield speech.phrase(DETAILS, "reason", reason=speech.quoted(entry.reason))


def span(speech: Speech, zone: str, start: datetime, end: datetime) -> str:
    """`[start, end)` as people say it: a whole month, quarter or year by its name, else its days, else its moments."""
    for period in _NAMED:
        calendar = calendars.span(period, start, zone)
        if (calendar.begins, calendar.ends) == (start, end):
            return speech.period(calendar.name)
    since_ever, zoned = start == times.EPOCH, ZoneInfo(zone)
    ends = [end] if since_ever else [start, end]
    whole_days = all(moment.astimezone(zoned).time() == time() for moment in ends)
    last = speech.date(end - _TICK) if whole_days else speech.moment(end)
    if since_ever:
        return heading(speech, "until", end=last)
    first = speech.date(start) if whole_days else speech.moment(start)
    return first if first == last else heading(speech, "span", start=first, end=last)


def _period(speech: Speech, name: str) -> str:
    return heading(speech, "all_time") if name == "lifetime" else speech.period(name)
