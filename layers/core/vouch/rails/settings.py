"""What a brand says of its account at a rail, read strictly: no unknown name, and nothing guessed."""

from collections.abc import Collection, Mapping

from vouch.rails.base import BadSetting

INVALID = "invalid"
NOT_ONE_OF = "not_one_of"


def refuse_unknown(said: Mapping[str, str], names: Collection[str]) -> None:
    """Raises BadSetting for a name that the rail does not have: mostly it is one of its own, misspelt."""
    for name in sorted(said):
        if name not in names:
            raise BadSetting(name, "unknown")


def text(said: Mapping[str, str], name: str, default: str | None = None) -> str:
    """Trimmed; what is blank was not said. Raises BadSetting for what is missing and has no default."""
    found = said.get(name, "").strip()
    if found:
        return found
    if default is None:
        raise BadSetting(name)
    return default


def one_of(said: Mapping[str, str], name: str, choices: Collection[str], default: str | None = None) -> str:
    """Raises BadSetting for anything else than one of the choices."""
    found = text(said, name, default)
    if found not in choices:
        raise BadSetting(name, NOT_ONE_OF, ", ".join(sorted(choices)))
    return found


def number(said: Mapping[str, str], name: str, numbers: range, default: int | None = None) -> int:
    """A whole number in plain digits, leading zeros or not. Raises BadSetting for any other, and for what is none."""
    found = text(said, name, None if default is None else str(default))
    if not (found.isascii() and found.isdigit() and len(found) <= len(str(numbers[-1])) and int(found) in numbers):
        raise BadSetting(name, NOT_ONE_OF, f"{numbers[0]} … {numbers[-1]}")
    return int(found)
