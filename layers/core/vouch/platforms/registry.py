"""Which platforms there are: adding one is adding its file, its samples and its name here.

A module is imported when it is first asked for: whoever takes in Shopify's webhooks has no use for the other ones.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import override

from vouch.platforms.base import Platform

_MODULES = (
    "shopify",
    "woocommerce",
    "stripe",
    "tiktok_shop",
    "square",
    "bigcommerce",
    "meta",
    "standard_webhooks",
    "rest",
)


class _Registry(Mapping[str, Platform]):
    @override
    def __getitem__(self, name: str) -> Platform:
        if name not in _MODULES:
            raise KeyError(name)
        platform: Platform = import_module(f"vouch.platforms.{name}").PLATFORM
        return platform

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    @override
    def __len__(self) -> int:
        return len(_MODULES)


PLATFORMS: Mapping[str, Platform] = _Registry()
