"""Reads a statement as PDF again, by a reader that knows nothing of how it was drawn: where which text stands."""

import io
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

from fpdf import FPDF
from pypdf import PdfReader

_MEASURED_AT = 1000.0
SEEN = 2.5 * 72 / 25.4
"""Two and a half millimetres, in points."""
_FIGURE = re.compile(r"−?[\d,]+\.\d\d")
_SUM = re.compile(r"(−?[\d,]+\.\d\d) [A-Z]{3}")


@dataclass(frozen=True)
class Piece:
    """A text in one place, in points from the lower left corner; `end` is where its last letter ends."""

    page: int
    x: float
    y: float
    text: str
    end: float


class Printed:
    """What is on the paper."""

    def __init__(self, content: bytes) -> None:
        self.reader = PdfReader(io.BytesIO(content))
        self.pieces: list[Piece] = []
        for number, page in enumerate(self.reader.pages):
            page.extract_text(visitor_text=self._visitor(number))

    def _visitor(self, page: int) -> Any:
        def visit(text: str, _: Any, place: list[float], font: dict[str, Any], size: float) -> None:
            if text.strip():
                weight = "SemiBold" if str(font["/BaseFont"]).endswith("SemiBold") else "Regular"
                end = place[4] + _width(text, weight) * size
                self.pieces.append(Piece(page, place[4], place[5], text.strip(), end))

        return visit

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(piece.text for piece in self.pieces)

    def lines(self) -> list[list[str]]:
        """The texts that stand on one line, from left to right, from the top of the first page on."""
        return [[piece.text for piece in line] for line in self._lines()]

    def columns(self) -> list[int]:
        """Of each line, how many texts stand on it with at least so much space between them that it is seen."""
        return [1 + sum(right.x - left.end >= SEEN for left, right in pairwise(line)) for line in self._lines()]

    def _lines(self) -> list[list[Piece]]:
        by_line: defaultdict[tuple[int, float], list[Piece]] = defaultdict(list)
        for piece in self.pieces:
            by_line[piece.page, -round(piece.y)].append(piece)
        return [sorted(line, key=lambda each: each.x) for _, line in sorted(by_line.items())]

    def figures(self) -> list[list[int]]:
        """The amounts of the table's rows in minor units, of a currency with two digits."""
        rows = ([minor(text) for text in line if _FIGURE.fullmatch(text)] for line in self.lines())
        return [row for row in rows if row]

    def sums(self) -> list[int]:
        """Those of its head."""
        return [minor(found[1]) for piece in self.pieces if (found := _SUM.fullmatch(piece.text))]


def _width(text: str, weight: str) -> float:
    """Of a text without kerning, in sizes of its letters, by the typeface's own measures."""
    return _measuring(weight).get_string_width(text.replace("\n", "")) / _MEASURED_AT


@cache
def _measuring(weight: str) -> FPDF:
    pdf = FPDF(unit="pt")
    pdf.add_font("Rubik", fname=str(files("documents") / f"fonts/Rubik-{weight}.ttf"))
    pdf.set_font("Rubik", size=_MEASURED_AT)
    return pdf


def minor(text: str) -> int:
    """`−1,234.50` as an integer."""
    return int(text.replace("−", "-").replace(",", "").replace(".", ""))
