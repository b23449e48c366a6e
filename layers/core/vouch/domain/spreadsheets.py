"""Tables for spreadsheets: CSV that Excel reads as UTF-8, in which no text is run as a formula or ends its line.

Its separator is the comma. Where the system's is `;`, as in most of Europe, Excel takes that instead when the file is
opened by a double click, and does not heed what was quoted for commas: there each `;` of a text begins a cell.
"""

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence

from vouch.domain.texts import is_unseen, one_line

Row = Sequence[str | int | None]
_FORMULA_STARTS = ("=", "+", "-", "@")
_OTHER_SEPARATOR = ";"


def text(columns: Sequence[str], rows: Iterable[Row]) -> str:
    """With a byte order mark. A text cell that a spreadsheet would run as a formula is given an apostrophe."""
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_inert(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return out.getvalue()


def _inert(cell: str) -> str:
    """One line, however the text was written, and no formula in any part that may be taken for a cell."""
    parts = one_line(cell).split(_OTHER_SEPARATOR)
    return _OTHER_SEPARATOR.join(
        f"'{part}" if _seen_start(part).startswith(_FORMULA_STARTS) else part for part in parts
    )


def _seen_start(part: str) -> str:
    """The first character that is seen, full-width forms as the plain ones: Excel runs `＝1+1` in Asian locales.

    Quotes before it are none: behind the other separator they may be read as those of the cell.
    """
    seen = (character for character in part if not (character == '"' or character.isspace() or is_unseen(character)))
    return unicodedata.normalize("NFKC", next(seen, ""))
