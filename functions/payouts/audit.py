"""Hourly: goes on with the nightly check of every brand's books, and says aloud what is broken."""

from typing import Any

from vouch import telemetry
from vouch.service.audit import audit_brands
from vouch.service.deployment import deployment

_SECONDS_TO_SPARE = 60


def handler(event: dict[str, Any], context: Any) -> None:
    """Each violation counts in `BooksBroken`, the first of them are lines of the log. Raises what could not be read."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return
    findings = audit_brands(
        deployment(), in_time=lambda: context.get_remaining_time_in_millis() > _SECONDS_TO_SPARE * 1000
    )
    telemetry.logger().info("audited", checked=findings.checked, violations=findings.violations)
    for brand, violation in findings.told:
        telemetry.logger().error(
            "books broken",
            brand=brand,
            invariant=violation.invariant,
            subject=violation.subject,
            detail=violation.detail,
        )
    if findings.violations:
        telemetry.count("BooksBroken", findings.violations)
    for brand, creator in findings.unchecked:
        telemetry.logger().error("an account is too large to be checked", brand=brand, creator=creator)
    if findings.unchecked:
        telemetry.count("BooksUnchecked", len(findings.unchecked))
    if findings.failures:
        raise ExceptionGroup("books that could not be read", findings.failures)
