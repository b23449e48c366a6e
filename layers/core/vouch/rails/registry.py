"""Every rail, by its name: one line each.

A module is imported when it is first asked for: whoever writes MASAV's files has no use for the other ones.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import override

from vouch.rails.base import Rail

_MODULES = {
    "csv": "vouch.rails.csv_file",
    "masav": "vouch.rails.masav",
    "paypal": "vouch.rails.paypal",
    "sepa": "vouch.rails.sepa",
    "stripe_connect": "vouch.rails.stripe_connect",
}


class _Registry(Mapping[str, Rail]):
    @override
    def __getitem__(self, name: str) -> Rail:
        rail: Rail = import_module(_MODULES[name]).RAIL
        return rail

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    @override
    def __len__(self) -> int:
        return len(_MODULES)

    @override
    def __contains__(self, name: object) -> bool:
        return name in _MODULES


RAILS: Mapping[str, Rail] = _Registry()
