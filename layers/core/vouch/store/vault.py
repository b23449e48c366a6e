"""Secrets that brands and creators entrust to us: KMS seals each for the one thing that it belongs to."""

import base64
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from botocore.exceptions import ClientError

Purpose = Literal[
    "webhook_secret", "verify_token", "api_token", "rail_account", "payout_method", "tax_id", "mail_address"
]
"""What a text is for. A function's role opens and seals those alone that it works with (template.yaml)."""


@dataclass(frozen=True, slots=True)
class Owner:
    """What a sealed text belongs to: moved to another brand, another purpose or another row it does not open.

    `id` is the connection's for what platforms are given, the creator's for what is a creator's, and a rail's name.
    """

    brand_id: str
    purpose: Purpose
    id: str


_OF_THE_TEXT = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})
"""What KMS says where this very text does not open. All else is about the key or the call, whatever text it is."""


class Misplaced(Exception):
    """The text was sealed for another owner than the one that it lies with, by another key, or by nobody here."""

    def __init__(self, owner: Owner) -> None:
        super().__init__(f"not sealed as the {owner.purpose} of {owner.id} of {owner.brand_id}")


class Vault(Protocol):
    """Seals a text so that it opens for the same owner only; for any other `open` raises Misplaced."""

    def seal(self, owner: Owner, text: str) -> str: ...

    def open(self, owner: Owner, sealed: str) -> str: ...


class KmsVault:
    """The owner is the encryption context, which KMS binds to the text, logs, and shows to the roles' conditions."""

    def __init__(self, client: Any, key_id: str) -> None:
        self._client = client
        self._key_id = key_id

    def seal(self, owner: Owner, text: str) -> str:
        """KMS takes up to 4 096 bytes, far more than any platform's secret."""
        answer = self._client.encrypt(KeyId=self._key_id, Plaintext=text.encode(), EncryptionContext=_context(owner))
        return base64.b64encode(answer["CiphertextBlob"]).decode()

    def open(self, owner: Owner, sealed: str) -> str:
        """Raises Misplaced, and the client's errors."""
        try:
            answer = self._client.decrypt(
                KeyId=self._key_id, CiphertextBlob=base64.b64decode(sealed), EncryptionContext=_context(owner)
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _OF_THE_TEXT:
                raise
            raise Misplaced(owner) from None
        return str(answer["Plaintext"].decode())


def _context(owner: Owner) -> dict[str, str]:
    return {"brand": owner.brand_id, "purpose": owner.purpose, "owner": owner.id}
