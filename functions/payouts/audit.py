"""Hourly: goes on with the nightly check of every brand's books, and says aloud what is broken."""

from typing import Any

from vouch import telemetry
from vouch.service.audit import audit_brands
from vouch.service.deployment import deployment
from vouch.service.verify import Report
from vouch.store.tables import Brand

_SECONDS_TO_SPARE = 60
_TOLD_MAX = 200
"""So many violations of a job are told one by one; whoever has more wants the list of `GET /v1/ledger/verify`."""


def handler(event: dict[str, Any], context: Any) -> None:
    """Each violation counts in `BooksBroken`, the first of them are lines of the log. Raises what could not be read."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return
    findings = audit_brands(
        deployment(), _tell, in_time=lambda: context.get_remaining_time_in_millis() > _SECONDS_TO_SPARE * 1000
    )
    telemetry.logger().info("audited", checked=findings.checked, violations=findings.violations)
    if findings.failures:
        raise ExceptionGroup("books that could not be read", findings.failures)


def _tell(brand: Brand, report: Report, before: int) -> None:
    for violation in report.violations[: max(0, _TOLD_MAX - before)]:
        telemetry.logger().error(
            "books broken",
            brand=brand.id,
            invariant=violation.invariant,
            subject=violation.subject,
            detail=violation.detail,
        )
    if report.violations:
        telemetry.count("BooksBroken", len(report.violations))
    for creator_id in report.unchecked:
        telemetry.logger().error("an account is too large to be checked", brand=brand.id, creator=creator_id)
    if report.unchecked:
        telemetry.count("BooksUnchecked", len(report.unchecked))
