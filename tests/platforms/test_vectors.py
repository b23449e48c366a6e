"""Every published or recorded signature of the platforms that are built verifies as it says."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.platforms.samples import vector_request, vectors
from vouch.platforms.base import Account, BadSignature
from vouch.platforms.registry import PLATFORMS

VECTORS = [vector for platform in PLATFORMS for vector in vectors(platform)]
COUNTS = {"shopify": 17, "meta": 7, "standard_webhooks": 9}


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["id"] for vector in VECTORS])
def test_a_vector_verifies_as_it_says(vector: dict[str, Any]) -> None:
    request = vector_request(vector)
    now = datetime.fromtimestamp(vector.get("now", 1778000000), UTC)
    if vector["valid"]:
        assert PLATFORMS[vector["platform"]].verify(request, Account([vector["secret"]]), now)
    else:
        with pytest.raises(BadSignature):
            PLATFORMS[vector["platform"]].verify(request, Account([vector["secret"]]), now)


@pytest.mark.parametrize("platform, count", COUNTS.items())
def test_no_vector_is_lost(platform: str, count: int) -> None:
    assert len(vectors(platform)) == count
