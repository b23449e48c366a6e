"""Logs and metrics, made on first use: JSON lines and EMF, with nothing in them about a person."""

from functools import cache

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

NAMESPACE = "Vouch"


@cache
def logger() -> Logger:
    """This function's logger; the service's name and the level are the environment's."""
    return Logger(use_rfc3339=True, utc=True)


def count(name: str, value: int = 1) -> None:
    """One count of a metric, in a line of its own: for what is rare and raises an alarm."""
    with single_metric(name=name, unit=MetricUnit.Count, value=value, namespace=NAMESPACE):
        pass
