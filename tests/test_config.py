"""Settings: all of them or none, in one form."""

from dataclasses import fields

import pytest

from vouch.config import Misconfigured, Settings

ENVIRONMENT = {field.name.upper(): field.name for field in fields(Settings)}


def test_whatever_is_missing_is_named_at_once() -> None:
    with pytest.raises(Misconfigured, match="MAIN_TABLE, PUBLIC_URL"):
        Settings.of(ENVIRONMENT | {"MAIN_TABLE": "", "PUBLIC_URL": ""})


@pytest.mark.parametrize("said", ["https://go.example", "https://go.example/", "https://go.example//"])
def test_paths_can_be_added_to_the_public_address_however_it_was_given(said: str) -> None:
    assert Settings.of(ENVIRONMENT | {"PUBLIC_URL": said}).public_url == "https://go.example"
