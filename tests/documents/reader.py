"""Reads a statement as PDF again, by a reader that knows nothing of how it was drawn: where which text stands."""

import io
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from pypdf import PdfReader

_FIGURE = re.compile(r"−?[\d,]+\.\d\d")
_SUM = re.compile(r"(−?[\d,]+\.\d\d) [A-Z]{3}")


@dataclass(frozen=True)
class Piece:
    """A text in one place, in points from the lower left corner."""

    page: int
    x: float
    y: float
    text: str


class Printed:
    """What is on the paper."""

    def __init__(self, content: bytes) -> None:
        self.reader = PdfReader(io.BytesIO(content))
        self.pieces: list[Piece] = []
        for number, page in enumerate(self.reader.pages):
            page.extract_text(visitor_text=self._visitor(number))

    def _visitor(self, page: int) -> Any:
        def visit(text: str, _: Any, place: list[float], *__: Any) -> None:
            if text.strip():
                self.pieces.append(Piece(page, place[4], place[5], text.strip()))

        return visit

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(piece.text for piece in self.pieces)

    def lines(self) -> list[list[str]]:
        """The texts that stand on one line, from left to right, from the top of the first page on."""
        by_line: defaultdict[tuple[int, float], list[Piece]] = defaultdict(list)
        for piece in self.pieces:
            by_line[piece.page, -round(piece.y)].append(piece)
        return [[piece.text for piece in sorted(line, key=lambda each: each.x)] for _, line in sorted(by_line.items())]

    def figures(self) -> list[list[int]]:
        """The amounts of the table's rows in minor units, of a currency with two digits."""
        rows = ([minor(text) for text in line if _FIGURE.fullmatch(text)] for line in self.lines())
        return [row for row in rows if row]

    def sums(self) -> list[int]:
        """Those of its head."""
        return [minor(found[1]) for piece in self.pieces if (found := _SUM.fullmatch(piece.text))]


def minor(text: str) -> int:
    """`−1,234.50` as an integer."""
    return int(text.replace("−", "-").replace(",", "").replace(".", ""))
