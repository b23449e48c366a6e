"""One person's address or name is theirs however it is typed, and two people's stay two."""

import pytest

from vouch.domain.people import handle, mailbox


@pytest.mark.parametrize(
    "typed",
    ["Noa@Example.com", " noa@example.com ", "noa@example.com.", "no\u200ba@exam\u00adple.com", "ｎｏａ@example.com"],
)
def test_however_it_is_typed(typed: str) -> None:
    assert mailbox(typed) == "noa@example.com"


@pytest.mark.parametrize("typed", ["n.o.a@gmail.com", "noa+shop@gmail.com", "NOA@googlemail.com"])
def test_gmail_ignores_dots_and_tags(typed: str) -> None:
    assert mailbox(typed) == "noa@gmail.com"


def test_what_nobody_sees_is_not_there_and_the_last_at_sign_divides() -> None:
    assert mailbox("no\u0007a@example.com") == "noa@example.com"
    assert mailbox('"n.@a"@gmail.com') == '"n@a"@gmail.com'
    assert mailbox("noa@example.x") == "noa@example.x"


@pytest.mark.parametrize("other", ["noa+1@example.com", "n.oa@example.com", "noa@example.org", "@", "noa", ""])
def test_two_stay_two(other: str) -> None:
    assert mailbox(other) != mailbox("noa@example.com")
    assert mailbox(mailbox(other)) == mailbox(other)


@pytest.mark.parametrize("typed", ["maya", "@maya", " @Maya ", "ＭＡＹＡ", "\uff20maya"])
def test_a_handle_however_it_is_typed(typed: str) -> None:
    assert handle("tiktok", typed) == "tiktok:maya"


def test_a_handle_is_a_platforms_own() -> None:
    assert len({handle("tiktok", "maya"), handle("instagram", "maya"), handle("tiktok", "maya.levi")}) == 3
    assert handle("tiktok", "@@maya") == "tiktok:@maya"
