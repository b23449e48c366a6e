"""Secrets that brands entrust to us, sealed by KMS for the brand that they belong to."""

import base64
from typing import Any, Protocol


class Vault(Protocol):
    """Seals a text so that it opens for the same brand only."""

    def seal(self, brand_id: str, text: str) -> str: ...

    def open(self, brand_id: str, sealed: str) -> str: ...


class KmsVault:
    """The brand's id is the encryption context: a sealed text moved to another brand's item does not open."""

    def __init__(self, client: Any, key_id: str) -> None:
        self._client = client
        self._key_id = key_id

    def seal(self, brand_id: str, text: str) -> str:
        """KMS takes up to 4 096 bytes, far more than any platform's secret."""
        answer = self._client.encrypt(
            KeyId=self._key_id, Plaintext=text.encode(), EncryptionContext={"brand": brand_id}
        )
        return base64.b64encode(answer["CiphertextBlob"]).decode()

    def open(self, brand_id: str, sealed: str) -> str:
        """Raises the client's error where the text was sealed for another brand."""
        answer = self._client.decrypt(
            KeyId=self._key_id, CiphertextBlob=base64.b64decode(sealed), EncryptionContext={"brand": brand_id}
        )
        return str(answer["Plaintext"].decode())
