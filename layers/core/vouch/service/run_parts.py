"""What a run lists of its files: which payouts are for which of them, and what was written.

A rail's payouts of a currency are one file, or where there are many, several parts of it. Which payout is in which part
is decided once all of them are reserved, by their ids, and never again: whatever is left out later moves nobody to
another one.
"""

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, replace
from itertools import batched

from vouch.rails.registry import RAILS
from vouch.service.deployment import Deployment
from vouch.service.reserving import Outcome, Total, outcomes_of
from vouch.store import payout_runs
from vouch.store.tables import Brand, PayoutItem, PayoutRun

PAYOUTS_MAX = 10_000
"""So many payouts are in one file, which is written in one go: each costs 2 ms of a whole processor, most of it to have
KMS open where it goes, so that with half a processor it is a minute of the five that there are."""


@dataclass(frozen=True, slots=True)
class RunFile:
    """A file of the rail's payouts of the currency whose ids are behind `after` and, if it is said, not behind `until`.

    `payments` and `net` are what was reserved for it, until it is written what is in it. From `name` to `digest` all is
    None until then; `key` is the object's, `digest` its SHA-256 in hexadecimal. `revision` is another one whenever one
    of its payouts is left out, for whoever writes it meanwhile to see.
    """

    rail: str
    currency: str
    part: int
    payments: int
    net: int
    after: str = ""
    until: str | None = None
    name: str | None = None
    media_type: str | None = None
    key: str | None = None
    digest: str | None = None
    revision: int = 0

    @property
    def is_written(self) -> bool:
        return self.key is not None

    @property
    def is_whole(self) -> bool:
        """Whether all of the rail's payouts of the currency are for it."""
        return not self.after and self.until is None

    def is_same(self, other: "RunFile") -> bool:
        """Whether it is the same one, for the same payouts, however far."""
        mine, others = ((each.rail, each.currency, each.part, each.after, each.until) for each in (self, other))
        return mine == others

    def is_for(self, rail: str, currency: str, payout_id: str) -> bool:
        """Whether the run's payout of that id, rail and currency is for this one."""
        within = self.after < payout_id and (self.until is None or payout_id <= self.until)
        return within and (rail, currency) == (self.rail, self.currency)


def files_of(run: PayoutRun) -> list[RunFile]:
    """The run's files, as far as they are known; those that are tried first are the first."""
    return [RunFile(*said) for said in run.files or ()]


def list_files(run: PayoutRun, files: Iterable[RunFile]) -> None:
    """Has the run say so."""
    run.files = [list(astuple(file)) for file in files]


def count_left_out(run: PayoutRun, item: PayoutItem) -> None:
    """Has the run say so of one more; the file that was to have it is another revision."""
    run.left_out += 1
    files = files_of(run)
    theirs = [file.is_for(item.rail, item.currency, item.id) for file in files]
    list_files(
        run, [replace(each, revision=each.revision + is_its) for each, is_its in zip(files, theirs, strict=True)]
    )


def expected(totals: Iterable[Total]) -> Iterator[RunFile]:
    """What files there are to be, by what the run has reserved up to now."""
    for total in totals:
        if RAILS[total.rail].write is not None:
            yield RunFile(total.rail, total.currency, 1, total.payouts, total.net)


def made_for(deployment: Deployment, brand: Brand, run: PayoutRun, file: RunFile) -> list[Outcome]:
    """What was reserved for the file, in the order of the payouts' ids."""
    chunks = payout_runs.chunks(deployment.database, brand.id, run.id)
    made = [outcome for chunk in chunks for outcome in outcomes_of(chunk) if is_of(file, outcome)]
    return sorted(made, key=lambda outcome: outcome.payout_id or "")


def is_of(file: RunFile, outcome: Outcome) -> bool:
    """Whether the outcome's payout, if it is one, is for that file."""
    return outcome.payout_id is not None and file.is_for(outcome.rail, outcome.currency, outcome.payout_id)


def divided(deployment: Deployment, brand: Brand, run: PayoutRun, file: RunFile) -> list[RunFile]:
    """The parts of a whole file, or itself where it is to be none of many."""
    if not file.is_whole or file.is_written or file.payments <= PAYOUTS_MAX:
        return [file]
    parts: list[RunFile] = []
    after = ""
    for number, some in enumerate(batched(made_for(deployment, brand, run, file), PAYOUTS_MAX, strict=False), start=1):
        net = sum(outcome.amount - outcome.withheld for outcome in some)
        last = some[-1].payout_id or ""
        parts.append(RunFile(file.rail, file.currency, number, len(some), net, after, last))
        after = last
    return parts


def is_in_file(run: PayoutRun, item: PayoutItem) -> bool:
    """Whether one that the run lists is in a file that it has written."""
    return not item.aside and any(
        file.is_written and file.is_for(item.rail, item.currency, item.id) for file in files_of(run)
    )


def written_of(run: PayoutRun, outcomes: Iterable[Outcome]) -> set[str]:
    """Those of these payouts that are in a file which the run has written."""
    files = [file for file in files_of(run) if file.is_written]
    return {each.payout_id for each in outcomes if each.payout_id and any(is_of(file, each) for file in files)}
