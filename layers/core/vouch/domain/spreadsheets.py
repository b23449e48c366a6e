"""Tables for spreadsheets: CSV that Excel reads as UTF-8, in which no text is run as a formula or ends its line."""

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence

from vouch.domain.texts import is_control, is_unseen

Row = Sequence[str | int | None]
_FORMULA_STARTS = ("=", "+", "-", "@")


def text(columns: Sequence[str], rows: Iterable[Row]) -> str:
    """With a byte order mark. A text cell that a spreadsheet would run as a formula is given an apostrophe."""
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_inert(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return out.getvalue()


def _inert(cell: str) -> str:
    """One line, however the text was written, and no formula, whatever stands unseen before it."""
    line = "".join(" " if is_control(character) else character for character in cell)
    return f"'{line}" if _seen_start(line).startswith(_FORMULA_STARTS) else line


def _seen_start(line: str) -> str:
    """The first character that is seen, full-width forms as the plain ones: Excel runs `＝1+1` in Asian locales."""
    seen = (character for character in line if not (character.isspace() or is_unseen(character)))
    return unicodedata.normalize("NFKC", next(seen, ""))
