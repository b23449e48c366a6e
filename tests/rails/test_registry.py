"""What holds of every rail, whatever it is."""

from pathlib import Path

import pytest

import vouch.rails
from tests.imports import foreign
from vouch.domain.currencies import EXPONENTS
from vouch.rails.base import BadSetting
from vouch.rails.registry import RAILS

NAMES = sorted(RAILS)
MODULES = sorted(Path(vouch.rails.__path__[0]).glob("*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_known_by_its_name(name: str) -> None:
    assert RAILS[name].name == name


@pytest.mark.parametrize("name", NAMES)
def test_it_writes_files_or_has_an_api(name: str) -> None:
    assert (RAILS[name].write is None) != (RAILS[name].api is None)
    assert (RAILS[name].is_live is None) == (RAILS[name].api is None)


@pytest.mark.parametrize("name", NAMES)
def test_it_carries_some_currency_in_whole_units(name: str) -> None:
    units = {RAILS[name].unit(currency) for currency in EXPONENTS} - {None}
    assert units
    assert all(isinstance(unit, int) and unit > 0 for unit in units)
    assert RAILS[name].unit("XXX") is None


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_that_it_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(BadSetting) as refusal:
        RAILS[name].settings({"nonsense": "1"})
    assert (refusal.value.param, refusal.value.code) == ("nonsense", "unknown")


@pytest.mark.parametrize("name", NAMES)
def test_it_wants_settings_unless_it_works_without_any(name: str) -> None:
    if RAILS[name].ready:
        assert RAILS[name].settings({}) == {}
    else:
        with pytest.raises(BadSetting) as refusal:
            RAILS[name].settings({})
        assert refusal.value.code == "required"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_it_stands_on_the_standard_library(module: Path) -> None:
    assert foreign(module, "vouch") == set()
