"""The deployment's secret and the keys that are derived from it, each for one purpose.

The secret is a JSON object of numbered masters, `{"1": "…"}`. To rotate, add the next number: the highest signs new
click ids and cursors, all of them still verify. Pseudonyms and API keys' digests must outlive a rotation, so they
hang on the lowest.
"""

import hmac
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

KEY_ID_MAX = 15


@dataclass(frozen=True)
class Secrets:
    """Numbered master keys, 1 to 15."""

    masters: dict[int, bytes]

    @classmethod
    def fetch(cls, client: Any, secret_id: str) -> Self:
        """Reads them from Secrets Manager."""
        return cls.of(client.get_secret_value(SecretId=secret_id)["SecretString"])

    @classmethod
    def of(cls, text: str) -> Self:
        """Raises ValueError where the text is no such object."""
        masters = {int(number): master.encode() for number, master in json.loads(text).items()}
        if not masters or not all(1 <= number <= KEY_ID_MAX for number in masters):
            msg = "the deployment's secret holds no master key numbered 1 to 15"
            raise ValueError(msg)
        return cls(masters)

    @cached_property
    def click_keys(self) -> dict[int, bytes]:
        """By key id, as click ids name them."""
        return {number: _derived(master, "click") for number, master in self.masters.items()}

    @cached_property
    def cursor_keys(self) -> list[bytes]:
        """Newest first: the first one signs."""
        return [_derived(self.masters[number], "cursor") for number in sorted(self.masters, reverse=True)]

    def pseudonym(self, brand_id: str, text: str) -> str:
        """A person's keyed hash, another one in each brand."""
        return hmac.digest(self._lasting("pseudonym"), f"{brand_id}\x1f{text}".encode(), "sha256").hex()[:32]

    def api_key_digest(self, api_key: str) -> str:
        """What is stored of an API key."""
        return hmac.digest(self._lasting("api key"), api_key.encode(), "sha256").hex()

    def repeatable(self, name: str, size: int) -> bytes:
        """Up to 32 bytes that nobody can foresee and that the same name always has."""
        return hmac.digest(self._lasting("repeatable"), name.encode(), "sha256")[:size]

    def _lasting(self, purpose: str) -> bytes:
        return _derived(self.masters[min(self.masters)], purpose)


def _derived(master: bytes, purpose: str) -> bytes:
    return hmac.digest(master, f"vouch {purpose}".encode(), "sha256")
