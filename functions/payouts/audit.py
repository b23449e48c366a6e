"""Hourly: goes on with the nightly check of every brand's books, and says aloud what is broken."""

from typing import Any

from vouch import telemetry
from vouch.service.audit import audit_brands
from vouch.service.deployment import deployment

_SECONDS_TO_SPARE = 60


def handler(event: dict[str, Any], context: Any) -> None:
    """Each violation is a line of the log and a count of `BooksBroken`. Raises what kept books from being read."""
    if event.get("warm"):
        deployment()
        telemetry.logger().info("warm")
        return
    findings = audit_brands(
        deployment(), in_time=lambda: context.get_remaining_time_in_millis() > _SECONDS_TO_SPARE * 1000
    )
    telemetry.logger().info("audited", checked=findings.checked, violations=len(findings.violations))
    for brand, violation in findings.violations:
        telemetry.logger().error(
            "books broken",
            brand=brand,
            invariant=violation.invariant,
            subject=violation.subject,
            detail=violation.detail,
        )
    if findings.violations:
        telemetry.count("BooksBroken", len(findings.violations))
    if findings.failures:
        raise ExceptionGroup("books that could not be read", findings.failures)
