"""Every published or recorded signature verifies as it says."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.platforms.samples import vector_request, vectors
from vouch.platforms.base import Account, BadSignature
from vouch.platforms.registry import PLATFORMS

SIGNED_ALIKE = {"github": "meta"}
"""No platform here, since it tells of no sale; but it signs as one does, whose adapter has to agree with it."""
COUNTS = {
    "shopify": 17,
    "woocommerce": 9,
    "meta": 7,
    "square": 10,
    "stripe": 19,
    "bigcommerce": 5,
    "standard_webhooks": 9,
    "tiktok_shop": 7,
    "github": 4,
}


@pytest.mark.parametrize("vector", vectors(), ids=[vector["id"] for vector in vectors()])
def test_a_vector_verifies_as_it_says(vector: dict[str, Any]) -> None:
    request = vector_request(vector)
    platform = PLATFORMS[SIGNED_ALIKE.get(vector["platform"], vector["platform"])]
    account = Account([vector["secret"]], app_key=vector.get("app_key"), notification_url=vector["url"])
    now = datetime.fromtimestamp(vector.get("now", 1778000000), UTC)
    if vector["valid"]:
        assert platform.verify(request, account, now)
    else:
        with pytest.raises(BadSignature):
            platform.verify(request, account, now)


def test_every_platform_that_signs_has_vectors() -> None:
    assert COUNTS.keys() == (PLATFORMS.keys() | SIGNED_ALIKE.keys()) - {"rest"}


def test_no_vector_is_left_out() -> None:
    assert Counter(vector["platform"] for vector in vectors()) == COUNTS
    assert sum(COUNTS.values()) == 87
