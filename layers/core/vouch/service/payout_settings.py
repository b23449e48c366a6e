"""How a brand pays: what its own settings say for a currency, and where they say nothing, its programs' terms."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from vouch.domain.payouts import Gates
from vouch.domain.terms import Payout, number_in_force
from vouch.service import promises
from vouch.service.deployment import Deployment
from vouch.store import payout_settings, programs
from vouch.store.tables import Brand, PayoutSettings, Program

_MINIMUM = 1
_PROGRAMS_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class CurrencyRules:
    """What holds in one currency, amounts in its minor units.

    An adjustment above `adjustment_limit` needs a second approver; None: none does.
    """

    minimum: int = _MINIMUM
    rail: str = Payout().rail
    adjustment_limit: int | None = None
    tax_form_required: bool = False

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
            adjustment_limit=own.get("adjustment_limit"),
            tax_form_required=item.tax_form_required,
        )
    return Rules(item.time_zone, named, CurrencyRules(tax_form_required=item.tax_form_required))


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
