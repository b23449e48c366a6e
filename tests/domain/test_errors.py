"""Refusals say what they are in logs and tracebacks, too."""

from vouch.domain.errors import Conflict, Unprocessable, VouchError


def test_a_refusal_is_its_code_and_the_field_if_there_is_one() -> None:
    assert str(VouchError()) == "internal"
    assert str(Conflict()) == "conflict"
    assert str(Unprocessable("empty_range", param="terms.commission.rules.0", most=3)) == (
        "empty_range: terms.commission.rules.0"
    )
    assert Unprocessable("empty_range", most=3).facts == {"most": 3}
