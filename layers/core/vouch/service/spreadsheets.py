"""Tables for spreadsheets: CSV that Excel reads as UTF-8, and in which no text is run as a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

Row = Sequence[str | int | None]
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def text(columns: Sequence[str], rows: Iterable[Row]) -> str:
    """With a byte order mark. A text cell that a spreadsheet would run as a formula is given an apostrophe."""
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_inert(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return out.getvalue()


def _inert(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
