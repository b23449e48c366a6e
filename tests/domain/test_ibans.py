"""The structures of account numbers are the IBAN registry's, as the `python-stdnum` package publishes them."""

import re
from importlib import resources
from itertools import groupby

from vouch.domain.ibans import STRUCTURES


def test_every_country_has_its_published_structure() -> None:
    table = resources.files("stdnum").joinpath("iban.dat").read_text()
    rows = re.findall(r'^([A-Z]{2}) .*bban="([^"]+)"', table, re.MULTILINE)
    assert {country: merged(structure) for country, structure in rows} == STRUCTURES


def merged(structure: str) -> str:
    """`4!n4!n12!c` as `8n12c`: what a bank, a branch and an account is makes no difference to us."""
    parts = groupby(re.findall(r"(\d+)!([nac])", structure), key=lambda part: part[1])
    return "".join(f"{sum(int(length) for length, _ in alike)}{kind}" for kind, alike in parts)
