"""Which platforms there are: adding one is adding its file, its samples and its name here."""

from vouch.adapters import Adapters
from vouch.platforms.base import Platform

_NAMES = (
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

PLATFORMS = Adapters[Platform]("PLATFORM", {name: f"vouch.platforms.{name}" for name in _NAMES})
