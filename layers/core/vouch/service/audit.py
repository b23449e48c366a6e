"""The nightly check: every brand's books once a day, as far as a job's time goes."""

from collections.abc import Callable
from dataclasses import dataclass, field

from vouch.deadlines import InTime
from vouch.service import turns
from vouch.service.deployment import Deployment
from vouch.service.turns import Round, Time, Turn
from vouch.service.verify import Report, verify
from vouch.store.tables import Brand


@dataclass(slots=True)
class Findings:
    """What a job has looked at and found, and what kept books from being read."""

    checked: int = 0
    violations: int = 0
    failures: list[Exception] = field(default_factory=list)


def audit_brands(deployment: Deployment, tell: Callable[[Brand, Report, int], None], *, in_time: InTime) -> Findings:
    """Checks every brand that was not checked today; where time ends, the next job goes on, if need be for days.

    `tell` hears of each report, and how many violations there were before, ere it is noted that the check came so far:
    what a job that dies has found is found only once.
    """
    findings = Findings()

    def turn(brand: Brand, current: Round, time: Time) -> Turn:
        report = verify(deployment, brand, current.bookmark or None, time=time)
        tell(brand, report, findings.violations)
        findings.checked += report.checked
        findings.violations += len(report.violations)
        return Turn(report.next_cursor)

    findings.failures = turns.daily(deployment, "audit", turn, in_time=in_time).failures
    return findings
