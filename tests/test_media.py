"""What an `Accept` header is taken to want."""

import pytest

from vouch.media import CSV, JSON, PDF, preferred

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    "accept, wanted",
    [
        ("", JSON),
        ("*/*", JSON),
        (BROWSER, JSON),
        ("text/csv", CSV),
        ("TEXT/CSV; charset=utf-8", CSV),
        ("application/pdf", PDF),
        ("text/*", CSV),
        ("application/*", JSON),
        ("text/csv, */*", CSV),
        ("*/*, application/pdf", PDF),
        ("text/csv, application/pdf", CSV),
        ("application/pdf, text/csv", PDF),
        ("application/pdf;q=0.5, text/csv;q=0.6", CSV),
        ("application/json;q=0, */*;q=0.1", CSV),
        ("text/csv;q=0, application/json;q=0, */*", PDF),
        ("text/csv;q=0", JSON),
        ("text/csv;q=nan", JSON),
        ("text/csv;q=high, application/pdf;q=0.1", PDF),
        ("image/png", JSON),
        ("text/csvx", JSON),
    ],
)
def test_the_type_that_is_liked_best_is_given(accept: str, wanted: str) -> None:
    assert preferred(accept, (JSON, CSV, PDF)) == wanted


def test_a_type_that_is_not_offered_is_not_given() -> None:
    assert preferred("application/pdf, text/csv;q=0.1", (JSON, CSV)) == CSV
