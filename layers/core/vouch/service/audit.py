"""The nightly check: every brand's books once a day, turn by turn, as far as a job's time goes."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from vouch.domain.invariants import Violation
from vouch.service.deployment import Deployment
from vouch.service.verify import verify
from vouch.store import brands
from vouch.store.tables import Brand

_TURN_SECONDS = 20
"""So long one brand is checked until the next has its turn: a huge one keeps none waiting."""


@dataclass(slots=True)
class Findings:
    """What a job has looked at and found; `violations` are of a brand each."""

    checked: int = 0
    violations: list[tuple[str, Violation]] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)


def audit_brands(deployment: Deployment, *, in_time: Callable[[], bool]) -> Findings:
    """Checks every brand that was not checked today; where time ends, the next job goes on, if need be for days.

    A brand whose books cannot be read keeps no other from being checked; why is in `failures`.
    """
    today = deployment.now().date().isoformat()
    findings = Findings()
    waiting = deque(brand for brand in brands.every(deployment.database) if _is_due(brand, today))
    while waiting and in_time():
        brand = waiting.popleft()
        try:
            finished = _turn(deployment, brand, today, findings, in_time)
        except Exception as failure:  # noqa: BLE001 - told once the others are checked
            findings.failures.append(failure)
            continue
        if not finished:
            waiting.append(brand)
    return findings


def _is_due(brand: Brand, today: str) -> bool:
    return brand.audit is None or brand.audit[1] is not None or brand.audit[0] < today


def _turn(deployment: Deployment, brand: Brand, today: str, findings: Findings, in_time: Callable[[], bool]) -> bool:
    """Whether that was the end of it."""
    day, cursor = brand.audit or (today, None)
    if cursor is None:
        day = today
    ends = time.monotonic() + _TURN_SECONDS
    report = verify(deployment, brand, cursor, in_time=lambda: in_time() and time.monotonic() < ends)
    findings.checked += report.checked
    findings.violations += [(brand.id, violation) for violation in report.violations]
    brands.audited(deployment.database, brand, day, report.next_cursor)
    return report.next_cursor is None
