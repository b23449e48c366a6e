"""The nightly check: every brand's books once a day, as far as a job's time goes."""

from collections.abc import Callable
from dataclasses import dataclass, field

from vouch.domain.invariants import Violation
from vouch.service import turns
from vouch.service.deployment import Deployment
from vouch.service.turns import Round, Time, Turn
from vouch.service.verify import verify
from vouch.store.tables import Brand

_TOLD_MAX = 200
"""So many violations of a job are told one by one; whoever has more wants the list of `GET /v1/ledger/verify`."""


@dataclass(slots=True)
class Findings:
    """What a job has looked at and found; `told` and `unchecked` (creators' ids) are of a brand each."""

    checked: int = 0
    violations: int = 0
    told: list[tuple[str, Violation]] = field(default_factory=list)
    unchecked: list[tuple[str, str]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)


def audit_brands(deployment: Deployment, *, in_time: Callable[[], bool]) -> Findings:
    """Checks every brand that was not checked today; where time ends, the next job goes on, if need be for days."""
    findings = Findings()

    def turn(brand: Brand, current: Round, time: Time) -> Turn:
        report = verify(deployment, brand, current.bookmark or None, time=time)
        findings.checked += report.checked
        findings.violations += len(report.violations)
        room = _TOLD_MAX - len(findings.told)
        findings.told += [(brand.id, violation) for violation in report.violations[:room]]
        findings.unchecked += [(brand.id, creator_id) for creator_id in report.unchecked]
        return Turn(report.next_cursor)

    findings.failures = turns.daily(deployment, "audit", turn, in_time=in_time).failures
    return findings
