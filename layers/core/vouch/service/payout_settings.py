"""How a brand pays: what its own settings say for a currency, and where they say nothing, its programs' terms."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from vouch.domain import schedules, times
from vouch.domain.currencies import EXPONENTS
from vouch.domain.errors import Unprocessable
from vouch.domain.payouts import Gates
from vouch.domain.terms import Payout, number_in_force
from vouch.rails.registry import RAILS
from vouch.service import promises
from vouch.service.deployment import Deployment
from vouch.service.revisions import revised
from vouch.store import payout_settings, programs
from vouch.store.database import Writes
from vouch.store.tables import Brand, PayoutSettings, Program

_MINIMUM = 1
_PROGRAMS_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class CurrencyRules:
    """What holds in one currency, amounts in its minor units.

    `by_method`: the brand names no rail itself, so the creator's payout method goes first where it can.
    Above `adjustment_limit` an adjustment, or the word that gives a payout back, needs a second key; None: none does.
    """

    minimum: int = _MINIMUM
    rail: str = Payout().rail
    adjustment_limit: int | None = None
    tax_form_required: bool = False
    by_method: bool = True

    @property
    def gates(self) -> Gates:
        """What the brand asks for before it pays."""
        return Gates(minimum=self.minimum, tax_form_required=self.tax_form_required)


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds of a brand's payouts at one moment. `others` holds in every currency that is not among the `named`."""

    time_zone: str
    named: Mapping[str, CurrencyRules]
    others: CurrencyRules

    def currency(self, currency: str) -> CurrencyRules:
        """What holds in that currency."""
        return self.named.get(currency, self.others)


def of(deployment: Deployment, brand: Brand) -> Rules:
    """What holds of the brand's payouts now.

    Two requests for up to 99 programs, once their terms are known to the process; one more for each further hundred.
    """
    item, offered = _read(deployment, brand)
    promised = _promised(deployment, brand, offered)
    said = payout_settings.said(item)
    named = {}
    for currency in promised.keys() | said.keys():
        own, default = said.get(currency, {}), promised.get(currency, Payout())
        minimum = default.minimum.amount if default.minimum is not None else _MINIMUM
        named[currency] = CurrencyRules(
            minimum=own.get("minimum") or max(minimum, _MINIMUM),
            rail=own.get("rail") or default.rail,
            by_method=not own.get("rail"),
            adjustment_limit=own.get("adjustment_limit"),
            tax_form_required=item.tax_form_required,
        )
    return Rules(item.time_zone, named, CurrencyRules(tax_form_required=item.tax_form_required))


# --- what the brand says ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a brand can say, `currencies` as `PayoutSettings` has them, each without its `schedule_begins`."""

    time_zone: str
    tax_form_required: bool
    currencies: Mapping[str, Mapping[str, Any]]


def found(deployment: Deployment, brand: Brand) -> PayoutSettings:
    """The brand's settings; where it has made none, what holds then, as version 0."""
    return payout_settings.settings(deployment.database, brand.id)


def changed(deployment: Deployment, brand: Brand, wanted: Settings, *, if_match: int | None) -> PayoutSettings:
    """The settings with these in place of all before. A schedule that is another one by them begins now.

    Raises Unprocessable for a currency or a rail that there is not, and for a rail that does not carry its currency.
    """
    for currency, said in wanted.currencies.items():
        _check(currency, said["rail"])
    now = times.text(deployment.brand_now(brand))

    def apply(item: PayoutSettings, _: Writes) -> None:
        before, moved = payout_settings.said(item), item.time_zone != wanted.time_zone
        item.currencies = {
            currency: {**said, "schedule_begins": _begins(said, {} if moved else before.get(currency, {}), now)}
            for currency, said in wanted.currencies.items()
        }
        item.time_zone, item.tax_form_required = wanted.time_zone, wanted.tax_form_required

    return revised(deployment, lambda: found(deployment, brand), apply, if_match=if_match)


def next_run_at(deployment: Deployment, brand: Brand, item: PayoutSettings, currency: str) -> datetime | None:
    """When the currency's schedule is due next, None where it has none."""
    plain = payout_settings.said(item)[currency]["schedule"]
    if plain is None:
        return None
    return schedules.next_due(schedules.from_plain(plain), item.time_zone, deployment.brand_now(brand))


def _check(currency: str, rail: str | None) -> None:
    if currency not in EXPONENTS:
        raise Unprocessable("unknown_currency", param=f"currencies.{currency}")
    param = f"currencies.{currency}.rail"
    if rail is not None and rail not in RAILS:
        raise Unprocessable("rail_unknown", param=param, rails=", ".join(sorted(RAILS)))
    if rail is not None and RAILS[rail].unit(currency) is None:
        raise Unprocessable("rail_unfit_for_currency", param=param, rail=rail, currency=currency)


def _begins(said: Mapping[str, Any], before: Mapping[str, Any], now: str) -> str | None:
    """Since when the schedule counts. One moved to another zone is another: its last moment there was nobody's run."""
    if said["schedule"] is None:
        return None
    return before["schedule_begins"] if said["schedule"] == before.get("schedule") else now


# --- runs by schedule -------------------------------------------------------------------------------------------------


class DueRun(NamedTuple):
    """A run that the brand's schedule for the currency asked for at `due`; `rail`: what its settings name for it."""

    currency: str
    rail: str | None
    due: datetime


def due_runs(deployment: Deployment, brand: Brand, now: datetime) -> list[DueRun]:
    """The latest run that each of the brand's schedules has asked for by then, in the order in which they fell due.

    It stays due until the next one is: whoever starts it derives the run's id from the brand, the currency and `due`,
    and finds a run of that id to be the one that was started. Of runs that were missed only the latest is made up for.
    """
    item = found(deployment, brand)
    due = []
    for currency, said in payout_settings.said(item).items():
        if said["schedule"] is not None:
            schedule, begins = schedules.from_plain(said["schedule"]), times.parse(said["schedule_begins"])
            moment = schedules.last_due(schedule, item.time_zone, begins, now)
            if moment is not None:
                due.append(DueRun(currency, said["rail"], moment))
    return sorted(due, key=lambda run: (run.due, run.currency))


# --- what programs promise --------------------------------------------------------------------------------------------


def _read(deployment: Deployment, brand: Brand) -> tuple[PayoutSettings, list[Program]]:
    """The brand's settings, and its programs in the order in which they were made."""
    database, key = deployment.database, payout_settings.key(brand.id)
    listed = [(Program, pk, sk) for pk, sk in _program_keys(deployment, brand)]
    found = database.get_many([key, *listed])
    item = found.get(key[1:])
    settings = item if isinstance(item, PayoutSettings) else payout_settings.unset(brand.id)
    return settings, [program for _, pk, sk in listed if isinstance(program := found.get((pk, sk)), Program)]


def _program_keys(deployment: Deployment, brand: Brand) -> Iterator[tuple[str, str]]:
    after = None
    while True:
        keys, after = deployment.database.index_keys(
            Program, programs.index(brand.id), limit=_PROGRAMS_PAGE, after=after
        )
        yield from keys
        if after is None:
            return


def _promised(deployment: Deployment, brand: Brand, offered: list[Program]) -> dict[str, Payout]:
    """By currency what the terms in force say, of the program with the lowest minimum; of equals the oldest.

    Terms without a minimum promise to pay whatever there is, so nothing is lower. Programs that are over count as well:
    what was earned in them is still to be paid.
    """
    now = deployment.brand_now(brand)
    numbered = [(program, number_in_force(program.versions, now)) for program in offered]
    in_force = [(program.currency, (program.id, number)) for program, number in numbered if number is not None]
    terms = promises.terms_of(deployment, brand.id, [key for _, key in in_force])
    promised: dict[str, Payout] = {}
    for currency, key in in_force:
        payout = terms[key].payout
        if currency not in promised or _minimum(payout) < _minimum(promised[currency]):
            promised[currency] = payout
    return promised


def _minimum(payout: Payout) -> int:
    return payout.minimum.amount if payout.minimum is not None else 0
