"""Caps and bonuses per period: what they come to, and that it does not matter what came when."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.domain.histories import bonuses
from vouch.domain import account, calendars
from vouch.domain.account import Balance
from vouch.domain.calendars import Period
from vouch.domain.ledger import EARNED, Counted, Entry, PeriodRule, settlement_entry
from vouch.domain.money import Money
from vouch.domain.period_rules import Extras, Tallies, Tally, change, settle_periods
from vouch.domain.settlement import Posted, Posting, difference
from vouch.domain.terms import Bonus, Commission, Measure, PeriodCap, Terms

CREATOR, PROGRAM = "cre_1", "prg_1"
START = datetime(2026, 3, 1, tzinfo=UTC)
Sums = Mapping[tuple[int, str], int | tuple[int, int]]
"""By terms version and month: an amount from one order, or amount and orders."""


def capped(amount: int, period: Period = "month", *given: Bonus) -> Terms:
    return Terms(commission=Commission(cap_per_period=PeriodCap(Money(amount, "ILS"), period), bonuses=given))


def bonus(name: str, measure: Measure, threshold: int, reward: int, period: Period = "month") -> Bonus:
    return Bonus(name, measure, threshold, period, Money(reward, "ILS"))


def giving(*given: Bonus) -> Terms:
    return Terms(commission=Commission(bonuses=given))


def since(day: int, terms: Terms) -> Terms:
    return replace(terms, effective_from=START + timedelta(days=day))


def settled(terms: Iterable[Terms], sums: Sums, currency: str = "ILS") -> dict[str, int]:
    """What the versions, numbered from 1, make of these sums: by rule and period."""
    tallies = {
        (Counted(PROGRAM, version, month), currency): Tally(*said) if isinstance(said, tuple) else Tally(said, 1)
        for (version, month), said in sums.items()
    }
    versions = {(PROGRAM, number): each for number, each in enumerate(terms, start=1)}
    return said(settle_periods(tallies, versions))


def said(extras: Extras) -> dict[str, int]:
    return {f"{rule.rule} {rule.period}": amount for (rule, _), amount in extras.items()}


# --- caps -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("amount, cut", [(999, {}), (1000, {}), (1001, {"cap_per_period 2026-05": -1})])
def test_a_cap_takes_what_is_above_it(amount: int, cut: dict[str, int]) -> None:
    assert settled([capped(1000)], {(1, "2026-05"): (amount, 7)}) == cut


@pytest.mark.parametrize(
    "period, cut",
    [
        ("month", {"2026-03": -500, "2026-04": -100, "2026-12": -700}),
        ("quarter", {"2026-Q1": -500, "2026-Q2": -900, "2026-Q4": -700}),
        ("year", {"2026": -4100}),
        ("lifetime", {"lifetime": -4200}),
    ],
)
def test_months_count_together_as_the_cap_says(period: Period, cut: dict[str, int]) -> None:
    sums = {(1, "2026-03"): 1500, (1, "2026-04"): 1100, (1, "2026-05"): 800, (1, "2026-12"): 1700, (1, "2027-01"): 100}
    assert settled([capped(1000, period)], sums) == {f"cap_per_period {name}": amount for name, amount in cut.items()}


def test_a_cap_of_nothing_takes_all() -> None:
    assert settled([capped(0)], {(1, "2026-05"): 70}) == {"cap_per_period 2026-05": -70}


@pytest.mark.parametrize(
    "caps, sums, cut",
    [
        ((500, 800), (900, 900), -1000),  # 500 are kept, so 300 more may be
        ((800, 500), (900, 900), -1000),  # 800 are kept already: of the second nothing
        ((500, 800), (100, 900), -200),  # 100 are kept, so 700 more may be
        ((None, 800), (900, 900), -900),  # the first has no cap, but what it earned counts
        ((500, None), (900, 900), -400),  # the second has none
        ((500, 500), (-50, 900), -350),  # a refund that came in before its order leaves room
    ],
)
def test_a_later_version_limits_its_own_orders_by_what_is_left(
    caps: tuple[int | None, ...], sums: tuple[int, ...], cut: int
) -> None:
    versions = [Terms() if amount is None else capped(amount) for amount in caps]
    earned = {(number, "2026-05"): amount for number, amount in enumerate(sums, start=1)}
    assert settled(versions, earned) == {"cap_per_period 2026-05": cut}


def test_a_version_that_nothing_was_placed_under_changes_nothing() -> None:
    assert settled([capped(500), capped(10)], {(1, "2026-05"): 400}) == {}


@pytest.mark.parametrize("days, cut", [((10, 20), -600), ((10, 10), -600), ((20, 10), -800)])
def test_versions_count_in_the_order_in_which_they_were_in_force(days: tuple[int, int], cut: int) -> None:
    """With 800 earned under each, of 300 first and 1000 then 700 more are kept; of 1000 first and 300 then none."""
    versions = [since(day, capped(amount)) for day, amount in zip(days, (300, 1000), strict=True)]
    earned = {(1, "2026-05"): 800, (2, "2026-05"): 800}
    assert settled(versions, earned) == {"cap_per_period 2026-05": cut}


def test_a_scheduled_version_that_another_was_put_before_counts_behind_that() -> None:
    """800 were kept when the second version began, so 300 a month leave no room, and none of the 800 goes."""
    versions = [since(0, capped(10_000)), since(20, capped(300)), since(10, capped(1_000))]
    assert settled(versions, {(3, "2026-05"): 800}) == {}
    assert settled(versions, {(3, "2026-05"): 800, (2, "2026-05"): 300}) == {"cap_per_period 2026-05": -300}


def test_what_one_cap_has_cut_off_leaves_room_under_another_of_a_longer_period() -> None:
    """From 300 a month to 1000 a quarter: of April and May 300 each are kept, so 400 are left."""
    sums = {(1, "2026-04"): 900, (1, "2026-05"): 700, (2, "2026-05"): 900, (2, "2026-06"): 50}
    assert settled([capped(300), capped(1000, "quarter")], sums) == {
        "cap_per_period 2026-04": -600,
        "cap_per_period 2026-05": -400,
        "cap_per_period 2026-Q2": -550,
    }


def test_under_a_longer_period_the_earlier_months_are_kept_first() -> None:
    """From 1000 a quarter to 300 a month: April's 900 are kept and 100 of May's, so May has room for 200."""
    sums = {(1, "2026-04"): 900, (1, "2026-05"): 700, (2, "2026-05"): 900, (2, "2026-06"): 900}
    assert settled([capped(1000, "quarter"), capped(300)], sums) == {
        "cap_per_period 2026-05": -700,
        "cap_per_period 2026-06": -600,
        "cap_per_period 2026-Q2": -600,
    }


def test_amounts_in_another_currency_than_the_caps_are_not_limited() -> None:
    assert settled([capped(10)], {(1, "2026-05"): 900}, currency="USD") == {}
    both = {(Counted(PROGRAM, 1, "2026-05"), currency): Tally(30, 1) for currency in ("ILS", "USD")}
    assert settle_periods(both, {(PROGRAM, 1): capped(10)}) == {
        (PeriodRule(PROGRAM, "cap_per_period", "2026-05"), "ILS"): -20
    }


def test_what_one_version_capped_in_its_currency_is_kept_in_all_others() -> None:
    dollars = Terms(commission=Commission(cap_per_period=PeriodCap(Money(50, "USD"), "month")))
    tallies = {(Counted(PROGRAM, version, "2026-05"), "USD"): Tally(40, 1) for version in (1, 2)}
    extras = settle_periods(tallies, {(PROGRAM, 1): capped(10), (PROGRAM, 2): dollars})
    assert extras == {(PeriodRule(PROGRAM, "cap_per_period", "2026-05"), "USD"): -30}


def test_programs_do_not_count_together() -> None:
    tallies = {(Counted(program, 1, "2026-05"), "ILS"): Tally(80, 1) for program in ("prg_1", "prg_2")}
    extras = settle_periods(tallies, {("prg_1", 1): capped(50), ("prg_2", 1): capped(100)})
    assert extras == {(PeriodRule("prg_1", "cap_per_period", "2026-05"), "ILS"): -30}


# --- bonuses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "measure, reached", [("orders", (1, 3)), ("commission", (300, 1))], ids=["orders", "commission"]
)
def test_a_bonus_is_paid_from_its_threshold_on_and_once(measure: Measure, reached: tuple[int, int]) -> None:
    terms = [giving(bonus("three", measure, 3 if measure == "orders" else 300, 50))]
    amount, orders = reached
    before = (amount, 2) if measure == "orders" else (299, 9)
    assert settled(terms, {(1, "2026-05"): before}) == {}
    assert settled(terms, {(1, "2026-05"): reached}) == {"bonuses.three 2026-05": 50}
    assert settled(terms, {(1, "2026-05"): (7 * amount, 7 * orders)}) == {"bonuses.three 2026-05": 50}


def test_a_bonus_goes_by_what_was_earned_though_the_cap_cut_it_off() -> None:
    terms = [capped(100, "month", bonus("big", "commission", 500, 70))]
    assert settled(terms, {(1, "2026-05"): 500}) == {"bonuses.big 2026-05": 70, "cap_per_period 2026-05": -400}


def test_a_milestone_is_paid_once_in_a_life() -> None:
    terms = [giving(bonus("first ten", "orders", 10, 500, "lifetime"))]
    assert settled(terms, {(1, "2025-12"): (1, 9)}) == {}
    assert settled(terms, {(1, "2025-12"): (1, 9), (1, "2027-03"): (1, 40)}) == {"bonuses.first ten lifetime": 500}


def test_several_bonuses_and_several_periods_are_paid_each() -> None:
    terms = [
        giving(bonus("two", "orders", 2, 5), bonus("three", "orders", 3, 9), bonus("q", "orders", 6, 1, "quarter"))
    ]
    assert settled(terms, {(1, "2026-04"): (1, 2), (1, "2026-05"): (1, 4)}) == {
        "bonuses.q 2026-Q2": 1,
        "bonuses.three 2026-05": 9,
        "bonuses.two 2026-04": 5,
        "bonuses.two 2026-05": 5,
    }


TWICE = (giving(bonus("b", "orders", 3, 50)), giving(bonus("b", "orders", 5, 80)))


@pytest.mark.parametrize(
    "terms, orders, paid",
    [
        (TWICE, (3, 9), 50),  # by the first version that reaches it, once
        (TWICE, (2, 3), 80),  # earlier versions' orders count, so the second reaches it
        (TWICE, (2, 2), None),
        (TWICE, (4, 0), 50),
        ((Terms(), TWICE[1]), (9, 1), 80),  # whoever promises it needs an order of its own
        ((Terms(), TWICE[1]), (9, 0), None),
        ((TWICE[0], Terms()), (2, 9), None),  # what comes later does not count for an earlier version
    ],
)
def test_a_bonus_is_paid_by_the_first_version_that_reaches_it_with_orders_of_its_own(
    terms: tuple[Terms, ...], orders: tuple[int, ...], paid: int | None
) -> None:
    sums = {(number, "2026-05"): (10 * each, each) for number, each in enumerate(orders, start=1) if each}
    assert settled(terms, sums) == ({} if paid is None else {"bonuses.b 2026-05": paid})


@pytest.mark.parametrize("days, paid", [((10, 20), 50), ((20, 10), 80)])
def test_a_bonus_is_paid_by_the_version_that_was_in_force_first(days: tuple[int, int], paid: int) -> None:
    versions = [since(day, terms) for day, terms in zip(days, TWICE, strict=True)]
    assert settled(versions, {(1, "2026-05"): (50, 5), (2, "2026-05"): (50, 5)}) == {"bonuses.b 2026-05": paid}


def test_for_the_hundredth_order_ever_the_99_before_the_bonus_count() -> None:
    terms = [Terms(), Terms(), giving(bonus("hundred", "orders", 100, 500, "lifetime"))]
    before = {(1, "2024-11"): (60, 60), (2, "2025-12"): (39, 39)}
    assert settled(terms, before) == {}
    assert settled(terms, before | {(3, "2026-05"): 1}) == {"bonuses.hundred lifetime": 500}


def test_money_without_an_order_is_no_order_of_its_own() -> None:
    """As while a refund is known and its order is still in flight."""
    terms = [giving(), giving(bonus("b", "orders", 5, 80))]
    assert settled(terms, {(1, "2026-05"): (90, 9), (2, "2026-05"): (10, 0)}) == {}
    assert settled(terms, {(1, "2026-05"): (90, 9), (2, "2026-05"): (10, 1)}) == {"bonuses.b 2026-05": 80}


def test_orders_count_in_whatever_currency_and_amounts_in_the_rewards_alone() -> None:
    by_orders, by_amount = (giving(bonus("b", measure, 100, 5)) for measure in ("orders", "commission"))
    assert settled([by_orders], {(1, "2026-05"): (1, 100)}, currency="USD") == {"bonuses.b 2026-05": 5}
    assert settled([by_amount], {(1, "2026-05"): (100, 1)}, currency="USD") == {}


def test_a_bonus_of_nothing_posts_nothing() -> None:
    assert settled([giving(bonus("b", "orders", 1, 0))], {(1, "2026-05"): 9}) == {}


def test_only_what_differs_is_posted() -> None:
    one, two, three = ((PeriodRule(PROGRAM, name, "2026-05"), "ILS") for name in ("a", "b", "c"))
    assert change({one: 5, two: 7}, {two: 7, three: 2}) == {one: 5, three: -2}


# --- 300 orders and refunds, in whatever order, folded at whatever moment ---------------------------------------------

IN_FORCE = (1, 2, 5, 4, 3)
"""The numbers of the versions, in the order in which they are in force; each begins in the midst of a month."""
CAPS = {2: 1_200, 5: 450, 3: 300}
VERSIONS = {
    (PROGRAM, 1): since(0, Terms()),
    (PROGRAM, 2): since(
        14,
        capped(CAPS[2], "month", bonus("b", "orders", 30, 300, "quarter"), bonus("c", "commission", 1_500, 90)),
    ),
    (PROGRAM, 5): since(44, capped(CAPS[5], "month", bonus("b", "orders", 45, 500, "quarter"))),
    (PROGRAM, 4): since(74, giving(bonus("all", "orders", 100, 1_000, "lifetime"))),
    (PROGRAM, 3): since(104, capped(CAPS[3], "month")),
}


@dataclass
class Order:
    """What it earned, what was given back of that so far, and what is posted of it."""

    id: str
    placed_at: datetime
    commission: int
    known: bool = False
    refunded: int = 0
    posted: dict[Posting, int] = field(default_factory=dict)

    @property
    def place(self) -> Counted:
        begun = [number for number in IN_FORCE if VERSIONS[PROGRAM, number].effective_from <= self.placed_at]
        return Counted(PROGRAM, begun[-1], calendars.month(self.placed_at, "UTC"))

    def told(self, refund: int, now: datetime, number: int) -> list[Entry]:
        """What is posted when it, or a refund of it, comes to be known."""
        self.known |= refund == 0
        self.refunded += refund
        net = max(self.commission - self.refunded, 0) if self.known else 0
        matures_at = self.placed_at + timedelta(days=14)
        want: Posted = {Posting(CREATOR, EARNED, "ILS", matures_at, self.place): net} if net else {}
        changes = difference(want, self.posted)
        self.posted = dict(want)
        return [settlement_entry(each, order_id=self.id, version=number, number=0, now=now) for each in changes]


def lived(seed: int, life: int) -> Iterator[Balance]:
    """The account after each of its folds, and at last after the one that finds everything matured.

    The seed says what happened; all else, and when and in which order it came to be known, is another life's.
    """
    what, random = Random(seed), Random(f"{seed} {life}")
    days = [what.uniform(0, 120) for _ in range(200)]
    sold = [Order(f"ord_{n}", START + timedelta(days=d), what.choice([0, 5, 40, 90])) for n, d in enumerate(days)]
    told = [(number, 0) for number in range(200)]
    told += [(what.randrange(200), what.choice([1, 30, 90])) for _ in range(100)]
    random.shuffle(told)
    balance, entries, now = Balance(), list[Entry](), START
    for step, (number, refund) in enumerate(told):
        now += timedelta(hours=random.choice([0, 1, 20]))
        now = max(now, sold[number].placed_at) if random.random() < 0.5 else now
        entries += sold[number].told(refund, now, step)
        if random.random() < 0.1:
            balance, posted = folded(balance, entries, now)
            entries += posted
            yield balance
    balance, _ = folded(balance, entries, now + timedelta(days=300))
    yield balance


def folded(balance: Balance, entries: list[Entry], now: datetime) -> tuple[Balance, list[Entry]]:
    read = [entry for entry in entries if entry.position and balance.zone_start <= entry.position <= now]
    fold = account.fold(balance, read, now, now)
    fold = account.extended(fold, settle_periods(fold.tallies, VERSIONS))
    return (fold.balance, bonuses(fold)) if fold.changed else (balance, [])


def by_hand(tallies: Tallies) -> dict[str, int]:
    """The same as somebody would work it out with a pencil; all caps here are of a month."""
    months: defaultdict[str, defaultdict[int, Tally]] = defaultdict(lambda: defaultdict(Tally))
    for (place, _), tally in tallies.items():
        months[place.month][place.terms_version] += tally
    extras: dict[str, int] = {}
    for month, versions in months.items():
        kept = 0
        for version, tally in sorted(versions.items(), key=lambda each: IN_FORCE.index(each[0])):
            room = max(0, CAPS[version] - kept) if version in CAPS else tally.amount
            kept += min(tally.amount, room)
        extras[f"cap_per_period {month}"] = kept - sum(tally.amount for tally in versions.values())
        if versions[2].orders > 0 and (versions[1] + versions[2]).amount >= 1_500:
            extras[f"bonuses.c {month}"] = 90
    for quarter in ("2026-Q1", "2026-Q2"):
        within = [(version, tally.orders) for month, each in months.items() for version, tally in each.items()
                  if calendars.name("quarter", month) == quarter]  # fmt: skip
        before, first, second = (sum(number for version, number in within if version == each) for each in (1, 2, 5))
        if first > 0 and before + first >= 30:
            extras[f"bonuses.b {quarter}"] = 300
        elif second > 0 and before + first + second >= 45:
            extras[f"bonuses.b {quarter}"] = 500
    by_then = [tally.orders for each in months.values() for version, tally in each.items() if version != 3]
    if any(each[4].orders > 0 for each in months.values()) and sum(by_then) >= 100:
        extras["bonuses.all lifetime"] = 1_000
    return {name: amount for name, amount in extras.items() if amount}


def most(balance: Balance) -> int:
    """More cannot be available: each month no more than the highest cap of those it knows, and each bonus once."""
    months: defaultdict[str, int] = defaultdict(int)
    uncapped = 0
    for (place, _), tally in balance.tallies.items():
        months[place.month] = max(months[place.month], CAPS.get(place.terms_version, 0))
        uncapped += max(tally.amount, 0) if place.terms_version not in CAPS else 0
    return sum(months.values()) + uncapped + sum(amount for amount in balance.extras.values() if amount > 0)


@given(st.integers(0, 2**32))
def test_the_same_comes_of_it_whenever_it_was_folded_and_never_more_is_available_than_caps_allow(seed: int) -> None:
    ends = []
    for life in (1, 2):
        balance = Balance()
        for balance in lived(seed, life):
            earned, extra = (sum(tally.amount for tally in balance.tallies.values()), sum(balance.extras.values()))
            assert balance.of("ILS").available == earned + extra <= most(balance)
        assert said(balance.extras) == by_hand(balance.tallies)
        ends.append((balance.tallies, balance.extras, balance.of("ILS").available))
    assert ends[0] == ends[1]


def test_the_lives_are_full_of_caps_and_bonuses() -> None:
    """Else the two above would prove nothing."""
    lives = [list(lived(seed, 1)) for seed in range(20)]
    assert sum(len(life) for life in lives) > 500
    stood = [[set(said(balance.extras)) for balance in life] for life in lives]
    assert {name for life in stood for names in life for name in names} == {
        "bonuses.all lifetime",
        "bonuses.b 2026-Q1",
        "bonuses.b 2026-Q2",
        "bonuses.c 2026-03",
        *(f"cap_per_period 2026-{month}" for month in ("03", "04", "05", "06")),
    }
    assert any(names - life[-1] for life in stood for names in life), "some were given and taken back"
