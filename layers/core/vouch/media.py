"""In which form an answer is wanted, where a route has several."""

from collections.abc import Sequence
from typing import Final

JSON: Final = "application/json"
CSV: Final = "text/csv"
PDF: Final = "application/pdf"

_Rank = tuple[float, int, int]
_UNWANTED: Final = (0.0, 0, 0)


def preferred(accept: str, offered: Sequence[str]) -> str:
    """The one of the offered types that an `Accept` header likes best, by its weights.

    Of those that it likes equally, one that it names wins over what a `*` stands for, then the one that it names first.
    Where it likes none, or says nothing, it is the first that is offered.
    """
    wishes = [_wish(text) for text in accept.lower().split(",")]
    return max(offered, key=lambda each: _rank(each, wishes))


def _wish(text: str) -> tuple[str, float]:
    named, *parameters = (part.strip() for part in text.split(";"))
    weight = next((parameter[2:] for parameter in parameters if parameter.startswith("q=")), "1")
    try:
        return named, float(weight)
    except ValueError:
        return named, 0.0


def _rank(offered: str, wishes: Sequence[tuple[str, float]]) -> _Rank:
    """Its weight, how exactly it is named, and how early; a name says more than a `*` beside it, refusals included."""
    names = ("*/*", f"{offered.partition('/')[0]}/*", offered)
    ranks = [(weight, names.index(named) + 1, -place) for place, (named, weight) in enumerate(wishes) if named in names]
    rank = max(ranks, key=lambda each: each[1:], default=_UNWANTED)
    return rank if rank[0] > 0 else _UNWANTED
