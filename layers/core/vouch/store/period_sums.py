"""What caps and bonuses per period go by, as it is kept beside a balance: an item for each period of a program.

A fold writes those that it changes, in its own transaction: only the balance's version guards them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from vouch.domain.account import Balance
from vouch.domain.ledger import Counted, PeriodRule
from vouch.domain.period_rules import Extras, Tallies, Tally
from vouch.store.tables import PeriodSums

PREFIX = "CAP#"
_Plain = tuple[dict[str, Any], dict[str, Any]]


def changed(pk: str, before: Balance, after: Balance) -> list[PeriodSums]:
    """The items that a fold has to put: those in which the two differ."""
    was, now = _plain(before), _plain(after)
    keys = [key for key in sorted({*was, *now}) if was.get(key) != now.get(key)]
    puts = [(key, now.get(key, ({}, {}))) for key in keys]
    return [PeriodSums(pk, key, tallies=plain[0], extras=plain[1], version=after.version) for key, plain in puts]


def read(items: Iterable[PeriodSums]) -> tuple[Tallies, Extras]:
    """What all of an account's items say."""
    tallies: dict[tuple[Counted, str], Tally] = {}
    extras: dict[tuple[PeriodRule, str], int] = {}
    for item in items:
        program_id, _, period = item.sk.removeprefix(PREFIX).partition("#")
        for currency, versions in item.tallies.items():
            for version, sums in versions.items():
                tallies[Counted(program_id, int(version), period), currency] = Tally(*sums)
        for rule, amounts in item.extras.items():
            for currency, amount in amounts.items():
                extras[PeriodRule(program_id, rule, period), currency] = amount
    return tallies, extras


def _plain(balance: Balance) -> Mapping[str, _Plain]:
    """By sort key."""
    plain: dict[str, _Plain] = {}
    for (counted, currency), tally in sorted(balance.tallies.items()):
        tallies, _ = plain.setdefault(f"{PREFIX}{counted.program_id}#{counted.month}", ({}, {}))
        tallies.setdefault(currency, {})[str(counted.terms_version)] = [tally.amount, tally.orders]
    for (rule, currency), amount in sorted(balance.extras.items()):
        _, extras = plain.setdefault(f"{PREFIX}{rule.program_id}#{rule.period}", ({}, {}))
        extras.setdefault(rule.rule, {})[currency] = amount
    return plain
