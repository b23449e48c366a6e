"""Adapters to the outside by their names: platforms and rails.

A module is imported when it is first asked for: whoever takes in Shopify's webhooks, or writes MASAV's files, has no
use for the other ones.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import override


class Adapters[Adapter](Mapping[str, Adapter]):
    """What each of the modules calls `constant`, under the module's name here."""

    def __init__(self, constant: str, modules: Mapping[str, str]) -> None:
        self._constant = constant
        self._modules = modules

    @override
    def __getitem__(self, name: str) -> Adapter:
        adapter: Adapter = getattr(import_module(self._modules[name]), self._constant)
        return adapter

    @override
    def __contains__(self, name: object) -> bool:
        return name in self._modules

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    @override
    def __len__(self) -> int:
        return len(self._modules)
