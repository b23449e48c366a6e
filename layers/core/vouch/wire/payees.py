"""Creators as payees: where their money goes, and what a brand notes of them for its books."""

import re
from datetime import date
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from vouch.domain.payout_methods import HOLDER_LENGTH_MAX, Kind
from vouch.wire.base import Answer, Body, Email, Shown, Text
from vouch.wire.programs import Bps, Country

_LONG: Final = 100
"""Longer than any number of an account, however it is spaced."""
_ISO_DAY: Final = re.compile(r"(19[7-9]|20\d|21[0-4])\d-\d\d-\d\d", re.ASCII)
"""From 1970 to 2149, as moments are."""
_DATE: Final = WithJsonSchema({"type": "string", "format": "date"})
_NEEDED: Final[dict[str, frozenset[str]]] = {
    "paypal": frozenset({"email"}),
    "stripe": frozenset({"account"}),
    "iban": frozenset({"holder", "iban"}),
    "il_bank": frozenset({"holder", "bank", "branch", "account"}),
}
_TAKEN: Final[dict[str, frozenset[str]]] = {
    "paypal": frozenset({"holder"}),
    "stripe": frozenset({"holder"}),
    "iban": frozenset({"bic"}),
    "il_bank": frozenset({"holder_id"}),
}


def _day(value: Any) -> date:
    refusal = PydanticCustomError("not_a_day", "not a day like 2026-12-31")
    if not isinstance(value, str) or not _ISO_DAY.fullmatch(value):
        raise refusal
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise refusal from None


Number = Annotated[Text, Field(min_length=1, max_length=_LONG)]
Word = Annotated[Text, Field(min_length=1, max_length=64)]
Day = Annotated[date, BeforeValidator(_day), _DATE, Field(examples=["2026-12-31"])]
"""To the end of that day where the brand is at home."""
ShownDay = Annotated[str, _DATE]


class NewPayoutMethod(Body):
    """`paypal` has an `email`, `stripe` an `account` (`acct_…`), `iban` a `holder`, an `iban` and perhaps a `bic`;
    `il_bank` a `holder`, the numbers of `bank`, `branch` and `account`, and perhaps the holder's identity number.
    """

    type: Kind
    holder: (
        Annotated[
            Text,
            Field(
                min_length=1, max_length=HOLDER_LENGTH_MAX, description="Whose account it is, as its bank knows them"
            ),
        ]
        | None
    ) = None
    email: Email | None = None
    iban: Annotated[Number, Field(examples=["IL62 0108 0000 0009 9999 999"])] | None = None
    bic: Number | None = None
    bank: Annotated[Number, Field(examples=["12"])] | None = None
    branch: Annotated[Number, Field(examples=["571"])] | None = None
    account: Annotated[Number, Field(examples=["041116"])] | None = None
    holder_id: Number | None = None

    @model_validator(mode="after")
    def _has_what_its_type_needs(self) -> Self:
        needed = _NEEDED[self.type]
        for field in type(self).model_fields:
            given = getattr(self, field) is not None
            facts = {"at": (field,), "beside": "type", "value": self.type}
            if field in needed and not given:
                raise PydanticCustomError("needs_field", "a field is missing", facts)
            if given and field not in {"type", *needed, *_TAKEN[self.type]}:
                raise PydanticCustomError("needless_field", "a field too many", facts)
        return self


class PayoutMethod(Answer):
    """`shown` is all of the destination that is ever shown. Until `on_hold_until` nothing is paid to it."""

    type: Kind
    holder: str | None
    shown: Annotated[str, Field(examples=["IL •••• 9999"])]
    changed_at: Shown | None = Field(
        description="When it took another one's place; null for the first one, unless the creator was paid before it"
        " or their address had just changed"
    )
    on_hold_until: Shown | None
    version: int


class Hold(Body):
    """Whether a creator is held, and why: a reason that is left out stays, and goes with the hold."""

    held: Annotated[bool, Field(description="Nothing is paid while this is true")]
    held_reason: Annotated[Text, Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _has_a_reason_only_while_held(self) -> Self:
        if self.held_reason is not None and not self.held:
            facts = {"at": ("held_reason",), "beside": "held", "value": "false"}
            raise PydanticCustomError("needless_field", "nothing is held", facts)
        return self


class NewPayee(Hold):
    """All that is noted from now on: what is left out is null, but for `tax_id`, which then stays as it is.

    What expires on a day holds to its end, in the time zone of the payout settings.
    """

    country: Annotated[Country, AfterValidator(str.upper)] | None = Field(
        None, description="Where they are taxed; where tax is withheld, it is for this country's tax office"
    )
    entity: Literal["person", "company"] | None = None
    tax_form: Annotated[Word, Field(examples=["W-8BEN"])] | None = Field(
        None, description="The kind of form that you have of them"
    )
    tax_form_expires_on: Day | None = Field(
        None, description="Where the settings ask for a form, nothing is paid after that day"
    )
    tax_id: Word | None = Field(None, description="Encrypted; never shown again but for its end")
    withholding_bps: Annotated[Bps, Field(description="What is kept from each payout for the tax authority")]
    tax_certificate: Annotated[Word, Field(examples=["2026/4471"])] | None = Field(
        None, description="By what you find the paper that says how much is withheld, or that nothing is"
    )
    tax_certificate_expires_on: Day | None = Field(
        None, description="After that day nothing is paid until another rate, or another certificate, is noted"
    )

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        needed = {
            "country": ("withholding_bps", self.withholding_bps or None),
            "tax_form": ("tax_form_expires_on", self.tax_form_expires_on),
            "tax_certificate": ("tax_certificate_expires_on", self.tax_certificate_expires_on),
            "tax_certificate_expires_on": ("tax_certificate", self.tax_certificate),
        }
        for field, (beside, said) in needed.items():
            if said is not None and getattr(self, field) is None:
                facts = {"at": (field,), "beside": beside, "value": "…" if isinstance(said, str) else str(said)}
                raise PydanticCustomError("needs_field", "a field is missing", facts)
        return self


class Payee(Answer):
    """What a brand notes of a creator: recorded and exported, no advice. Of the tax id only the end is ever shown."""

    held: bool
    held_reason: str | None
    country: str | None
    entity: Literal["person", "company"] | None
    tax_form: str | None
    tax_form_expires_on: ShownDay | None
    tax_id_shown: str | None
    withholding_bps: int
    tax_certificate: str | None
    tax_certificate_expires_on: ShownDay | None
    version: int = Field(description="0 as long as nothing was said")
