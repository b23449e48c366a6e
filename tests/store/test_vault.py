"""What a sealed text belongs to: with anything else than that, KMS does not open it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, override

import pytest
from botocore.exceptions import ClientError

from tests.faults.injection import Keys
from vouch.domain import ids
from vouch.store.vault import KmsVault, Misplaced, Owner, Vault

NOA = ids.derived("cre_", "noa")
METHOD = Owner(ids.derived("brd_", "mugs"), "payout_method", NOA)
ELSEWHERE = [
    replace(METHOD, brand_id=ids.derived("brd_", "cups")),
    replace(METHOD, purpose="tax_id"),
    replace(METHOD, purpose="mail_address"),
    replace(METHOD, id=ids.derived("cre_", "dan")),
    Owner(METHOD.id, "payout_method", METHOD.brand_id),
]


class Refusing(Keys):
    """KMS, which opens nothing and says why."""

    def __init__(self, code: str) -> None:
        self._code = code

    @override
    def decrypt(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": self._code}}, "Decrypt")


@pytest.fixture
def vault() -> Vault:
    return KmsVault(Keys(), "the key")


def test_what_was_sealed_opens_where_it_belongs(vault: Vault) -> None:
    sealed = vault.seal(METHOD, "נועה: IL62 0108")
    assert "IL62 0108" not in sealed
    assert vault.open(METHOD, sealed) == "נועה: IL62 0108"


@pytest.mark.parametrize("owner", ELSEWHERE)
def test_a_text_that_was_moved_does_not_open_and_the_error_says_where_it_lies(vault: Vault, owner: Owner) -> None:
    sealed = vault.seal(METHOD, "IL62 0108")
    with pytest.raises(Misplaced) as refused:
        vault.open(owner, sealed)
    assert str(refused.value) == f"not sealed as the {owner.purpose} of {owner.id} of {owner.brand_id}"
    assert vault.open(METHOD, sealed) == "IL62 0108"


def test_kms_is_told_brand_purpose_and_owner_by_the_names_that_roles_depend_on(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []
    keys = Keys()

    def telling(call: Callable[..., Any]) -> Callable[..., Any]:
        def tell(**said: Any) -> Any:
            told.append(said)
            return call(**said)

        return tell

    monkeypatch.setattr(keys, "encrypt", telling(keys.encrypt))
    monkeypatch.setattr(keys, "decrypt", telling(keys.decrypt))
    vault = KmsVault(keys, "the key")
    vault.open(METHOD, vault.seal(METHOD, "IL62 0108"))
    context = {"brand": METHOD.brand_id, "purpose": "payout_method", "owner": NOA}
    assert [(each["KeyId"], each["EncryptionContext"]) for each in told] == [("the key", context)] * 2


def test_a_text_that_was_sealed_by_another_key_is_misplaced_too(vault: Vault) -> None:
    """As in restored tables, or where the stack's key was made anew: no later try opens that text."""
    with pytest.raises(Misplaced):
        KmsVault(Refusing("IncorrectKeyException"), "the key").open(METHOD, vault.seal(METHOD, "IL62 0108"))


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "DisabledException", "KMSInvalidStateException", "NotFoundException"]
)
def test_what_kms_says_of_the_key_itself_passes(vault: Vault, code: str) -> None:
    with pytest.raises(ClientError, match=code):
        KmsVault(Refusing(code), "the key").open(METHOD, vault.seal(METHOD, "IL62 0108"))
