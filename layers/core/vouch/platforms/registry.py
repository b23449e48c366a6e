"""Which platforms there are: adding one is adding its file, its samples and its line here."""

from vouch.platforms import (
    bigcommerce,
    meta,
    rest,
    shopify,
    square,
    standard_webhooks,
    stripe,
    tiktok_shop,
    woocommerce,
)
from vouch.platforms.base import Platform

PLATFORMS: dict[str, Platform] = {
    "shopify": shopify.PLATFORM,
    "woocommerce": woocommerce.PLATFORM,
    "meta": meta.PLATFORM,
    "square": square.PLATFORM,
    "stripe": stripe.PLATFORM,
    "bigcommerce": bigcommerce.PLATFORM,
    "standard_webhooks": standard_webhooks.PLATFORM,
    "tiktok_shop": tiktok_shop.PLATFORM,
    "rest": rest.PLATFORM,
}
