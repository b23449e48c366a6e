"""A statement as a paper: A4, and legible on a phone; in Hebrew it is read from right to left, its columns mirrored.

Everything is placed from the side where reading begins (`x` = 0, millimetres), so one layout serves both directions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any, Final, Literal

from fpdf import FPDF
from fpdf.enums import TextDirection
from fpdf.fonts import TTFFont

from documents import bidi
from vouch.domain.ledger import PAYOUT
from vouch.domain.texts import is_unseen
from vouch.service.statement_papers import StatementPaper
from vouch.service.statements import Line
from vouch.words import statements as words
from vouch.words.speech import Speech, figure, in_short

_Colour = tuple[int, int, int]
_Edge = Literal["begin", "end", "right"]

_WIDTH, _HEIGHT, _MARGIN = 210.0, 297.0, 15.0
_INNER: Final = _WIDTH - 2 * _MARGIN
_FOOT: Final = _HEIGHT - 14.0
_BOTTOM: Final = _FOOT - 5.0
_GAP: Final = 3.0
_DATE, _FIGURE = 38.0, 31.0
"""The longest date is of September, in English, and takes 34 of that."""
_ENTRY: Final = _INNER - _DATE - 2 * _FIGURE
_ROW_PADDING: Final = 3.2
_SUM_HEIGHT: Final = 16.0
_HEAD_HEIGHT: Final = 6.0
_LINE: Final = 0.2
_TOGETHER: Final = 3
"""A closing balance does not stand alone on the last page."""
_NAME_MAX: Final = 40
"""Of the two names at the foot of a page."""
_INK, _GREY, _RED, _WHITE = (31, 36, 48), (98, 106, 122), (165, 36, 44), (255, 255, 255)
_HAIR, _PALE, _DARK = (218, 222, 229), (243, 245, 248), (34, 49, 86)
_TEXT: Final = {"kern": False}
"""Without kerning a line is one text to whoever copies it, not one for each letter."""
_FIGURES: Final = {"kern": False, "tnum": True}
"""Digits of one width, so that they stand below each other."""


@dataclass(frozen=True, slots=True)
class _Style:
    size: float
    colour: _Colour = _INK
    weight: Literal["", "B"] = ""

    @property
    def height(self) -> float:
        """Of a line, in millimetres."""
        return self.size * 0.48


_BRAND: Final = _Style(12, _DARK, "B")
_TITLE: Final = _Style(17, weight="B")
_LABEL: Final = _Style(9, _GREY)
_VALUE: Final = _Style(11)
_SUM: Final = _Style(12.5, weight="B")
_HEAD: Final = _Style(9.5, _GREY, "B")
_CELL: Final = _Style(10.5)
_STRONG: Final = _Style(10.5, weight="B")
_SMALL: Final = _Style(9, _GREY)
_NEXT_TOP: Final = _MARGIN + _SMALL.height + 2 * _GAP
"""Where the table begins on all pages but the first."""


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table, its words broken into lines already."""

    date: str
    lines: Sequence[str]
    amount: int | None = None
    balance: int | None = None
    style: _Style = _CELL
    details: Sequence[str] = ()

    @property
    def height(self) -> float:
        return len(self.lines) * self.style.height + len(self.details) * _SMALL.height + _ROW_PADDING


def drawn(paper: StatementPaper) -> bytes:
    """The paper as PDF."""
    return _Drawing(paper).finished()


class _Drawing:
    """One paper while it is drawn, from top to bottom; `_y` is how far down it has come."""

    def __init__(self, paper: StatementPaper) -> None:
        self._paper, self._statement = paper, paper.statement
        self._speech = Speech(paper.language, paper.time_zone)
        self._is_mirrored = paper.language == "he"
        self._y = _MARGIN
        self._widths = dict[tuple[Any, ...], float]()
        self._pdf = FPDF(format="A4")
        self._pdf.set_auto_page_break(auto=False)
        self._pdf.c_margin = 0
        for weight, name in (("", "Regular"), ("B", "SemiBold")):
            self._pdf.add_font("Rubik", weight, str(files("documents") / f"fonts/Rubik-{name}.ttf"))
        fonts = (font for font in self._pdf.fonts.values() if isinstance(font, TTFFont))
        self._letters = {letter for font in fonts for letter in font.cmap}
        self._pdf.set_lang(paper.language)
        self._pdf.set_title(f"{self._heading('title')} · {paper.number}")
        self._pdf.set_author(paper.brand)
        self._pdf.set_creator("Vouch")
        self._pdf.set_creation_date(paper.as_of)

    def finished(self) -> bytes:
        """The whole paper. How many pages it takes is known before the second begins, since each tells of all."""
        self._pdf.add_page()
        self._letterhead()
        self._sums()
        notes = [line for note in self._notes() for line in self._broken(note, _INNER, _SMALL)]
        pages = list(self._paged(beneath=_GAP + len(notes) * _SMALL.height))
        for number, rows in enumerate(pages, 1):
            if number > 1:
                self._next_page()
            self._table(rows)
            self._foot(number, len(pages))
        self._y += _GAP
        self._block(notes, 0, _INNER, _SMALL)
        return bytes(self._pdf.output())

    # --- the upper half of the first page -----------------------------------------------------------------------------

    def _letterhead(self) -> None:
        paper, speech = self._paper, self._speech
        for style, text in ((_BRAND, speech.quoted(paper.brand)), (_TITLE, self._heading("title"))):
            self._block(self._broken(text, _INNER, style), 0, _INNER, style)
            self._y += _GAP
        self._y += _GAP
        span = words.span(speech, paper.time_zone, paper.statement.start, paper.statement.end)
        as_of = self._heading("at", moment=speech.moment(paper.as_of), zone=speech.left(paper.time_zone))
        self._beside(("creator", speech.quoted(paper.creator)), ("number", speech.left(paper.number)))
        self._beside(("period", span), ("as_of", as_of))

    def _beside(self, *told: tuple[str, str]) -> None:
        """What the paper is about, each in a column of its own."""
        width, top, bottom = (_INNER - _GAP) / len(told), self._y, self._y
        for column, (name, text) in enumerate(told):
            x, self._y = column * (width + _GAP), top
            self._block([self._heading(name)], x, width, _LABEL)
            self._block(self._broken(text, width, _VALUE), x, width, _VALUE)
            bottom = max(bottom, self._y)
        self._y = bottom + _GAP

    def _sums(self) -> None:
        """What was there, what came and what went: together what is left."""
        statement, currency = self._statement, self._statement.currency
        sums = {
            "opening": statement.opening,
            "credited": statement.totals.credited,
            "debited": -statement.totals.debited,
            "closing": statement.closing,
        }
        width, top = (_INNER - _GAP * (len(sums) - 1)) / len(sums), self._y + _GAP
        inner = width - 2 * _GAP
        for column, (name, amount) in enumerate(sums.items()):
            x, is_result = column * (width + _GAP), name == "closing"
            self._fill(x, top, width, _SUM_HEIGHT, _DARK if is_result else _PALE)
            text = f"{figure(amount, currency)} {currency}"
            label, style = (replace(each, colour=_WHITE) if is_result else each for each in (_LABEL, _SUM))
            self._y = top + _GAP
            self._block([self._heading(name)], x + _GAP, inner, label)
            self._put(text, x + _GAP, self._y + 0.8, inner, self._fitting(text, inner, style), runs_left=True)
        self._y = top + _SUM_HEIGHT + 2 * _GAP

    # --- the table ----------------------------------------------------------------------------------------------------

    def _rows(self) -> Iterator[_Row]:
        statement = self._statement
        yield _Row("", [self._heading("opening")], balance=statement.opening, style=_STRONG)
        yield from map(self._row, statement.entries)
        if not statement.entries:
            yield _Row("", [self._heading("nothing")], style=replace(_CELL, colour=_GREY))
        yield _Row("", [self._heading("closing")], balance=statement.closing, style=_STRONG)

    def _row(self, line: Line) -> _Row:
        entry = words.Entry(
            kind=line.kind,
            amount=line.amount,
            currency=self._statement.currency,
            order=self._paper.orders.get(line.order_id, line.order_id) if line.order_id else None,
            payout=line.payout_id,
            adjustment=line.adjustment_id,
            rule=line.rule,
            period=line.period,
            withheld=line.withheld,
            net=line.net,
            reason=line.reason,
        )
        lines = self._broken(words.told(self._speech, entry), _ENTRY - _GAP, _CELL)
        told = words.details(self._speech, entry)
        details = [part for detail in told for part in self._broken(detail, _ENTRY - _GAP, _SMALL)]
        return _Row(self._speech.date(line.at), lines, line.amount, line.balance, details=details)

    def _paged(self, *, beneath: float) -> Iterator[list[_Row]]:
        """The rows of each page; those that come last stay together, with room for what stands beneath them."""
        rows = list(self._rows())
        blocks = [*([row] for row in rows[:-_TOGETHER]), rows[-_TOGETHER:]]
        page, y = list[_Row](), self._y + _HEAD_HEIGHT
        for block in blocks:
            height = sum(row.height for row in block)
            if page and y + height + (beneath if block is blocks[-1] else 0) > _BOTTOM:
                yield page
                page, y = [], _NEXT_TOP + _HEAD_HEIGHT
            page += block
            y += height
        yield page

    def _next_page(self) -> None:
        self._pdf.add_page()
        paper = self._paper
        self._put(self._heading("title"), 0, _MARGIN, _INNER, replace(_SMALL, weight="B"))
        self._put(self._speech.left(paper.number), 0, _MARGIN, _INNER, _SMALL, edge="end")
        self._y = _NEXT_TOP

    def _table(self, rows: Sequence[_Row]) -> None:
        currency = self._statement.currency
        self._put(self._heading("date"), 0, self._y, _DATE, _HEAD)
        self._put(self._heading("entry"), _DATE, self._y, _ENTRY, _HEAD)
        for column, name in enumerate(("amount", "balance")):
            text = self._heading(name, currency=self._speech.left(currency))
            self._put(text, _DATE + _ENTRY + column * _FIGURE, self._y, _FIGURE, _HEAD, edge="right")
        self._y += _HEAD_HEIGHT
        self._rule(_INK)
        for row in rows:
            if row.style is _STRONG:
                self._fill(0, self._y + _LINE, _INNER, row.height - _LINE, _PALE)
            top = self._y + _ROW_PADDING / 2
            self._put(row.date, 0, top, _DATE, row.style)
            for place, line in enumerate(row.lines):
                self._put(line, _DATE, top + place * row.style.height, _ENTRY, row.style)
            beneath = top + len(row.lines) * row.style.height
            for place, detail in enumerate(row.details):
                self._put(detail, _DATE, beneath + place * _SMALL.height, _ENTRY, _SMALL)
            for column, amount in enumerate((row.amount, row.balance)):
                if amount is not None:
                    self._figure(amount, _DATE + _ENTRY + column * _FIGURE, top, row.style)
            self._y += row.height
            self._rule(_HAIR)

    def _figure(self, amount: int, x: float, y: float, style: _Style) -> None:
        text = figure(amount, self._statement.currency)
        fitting = self._fitting(text, _FIGURE - _GAP, replace(style, colour=_RED) if amount < 0 else style)
        lower = (style.height - fitting.height) * 0.7  # on one line with larger letters
        self._put(text, x, y + lower, _FIGURE, fitting, edge="right", runs_left=True)

    # --- below it -----------------------------------------------------------------------------------------------------

    def _notes(self) -> Iterator[str]:
        yield self._heading("dated", zone=self._speech.left(self._paper.time_zone))
        if any(line.kind == PAYOUT for line in self._statement.entries):
            yield self._heading("payouts")
        if not self._paper.is_final:
            yield self._heading("not_over")
        if self._statement.closing < 0:
            yield self._heading("negative")

    def _foot(self, page: int, pages: int) -> None:
        width = _INNER * 0.4
        # Each in a field of its own: side by side, two names of the other direction read as one line of theirs.
        for column, name in enumerate((self._paper.brand, self._paper.creator)):
            text = self._speech.quoted(in_short(name, _NAME_MAX))
            self._put(text, column * width, _FOOT, width, self._fitting(text, width - _GAP, _SMALL, _TEXT))
        self._put(self._heading("page", page=page, pages=pages), 0, _FOOT, _INNER, _SMALL, edge="end")

    # --- the pen ------------------------------------------------------------------------------------------------------

    def _heading(self, name: str, **facts: object) -> str:
        return words.heading(self._speech, name, **facts)

    def _block(self, lines: Sequence[str], x: float, width: float, style: _Style) -> None:
        """Lines below each other, and on to where they end."""
        for line in lines:
            self._put(line, x, self._y, width, style)
            self._y += style.height

    def _put(
        self,
        text: str,
        x: float,
        y: float,
        width: float,
        style: _Style,
        *,
        edge: _Edge = "begin",
        runs_left: bool = False,
    ) -> None:
        """One line of text at an edge of its field; a figure runs from left to right in any language."""
        base = TextDirection.RTL if self._is_mirrored and not runs_left else TextDirection.LTR
        features = _FIGURES if runs_left else _TEXT
        runs = [(run, way, self._needed(run, style, way, features)) for run, way in bidi.runs(self._known(text), base)]
        is_right = edge == "right" or (edge == "begin") is self._is_mirrored
        slack = width - sum(needed for _, _, needed in runs)
        self._pdf.set_xy(self._left(x, width) + (slack if is_right else 0), y)
        self._pdf.set_text_color(*style.colour)
        for run, way, needed in runs:
            self._choose(style, way, features)
            self._pdf.cell(needed, style.height, run)

    def _choose(self, style: _Style, way: TextDirection, features: Mapping[str, bool]) -> None:
        self._pdf.set_font("Rubik", style.weight, style.size)
        self._pdf.set_text_shaping(features=dict(features), direction=way)

    def _needed(
        self,
        text: str,
        style: _Style,
        way: TextDirection = TextDirection.LTR,
        features: Mapping[str, bool] = _TEXT,
    ) -> float:
        """The width of a run, in millimetres."""
        key = (text, style.size, style.weight, way, features is _FIGURES)
        if key not in self._widths:
            self._choose(style, way, features)
            self._widths[key] = self._pdf.get_string_width(text)
        return self._widths[key]

    def _known(self, text: str) -> str:
        """The text with a question mark for each letter that the typeface does not have, instead of nothing."""
        return "".join(letter if ord(letter) in self._letters or is_unseen(letter) else "?" for letter in text)

    def _fitting(self, text: str, width: float, style: _Style, features: Mapping[str, bool] = _FIGURES) -> _Style:
        """The style, smaller where the text would not fit."""
        needed = self._needed(text, style, features=features)
        return style if needed <= width else replace(style, size=style.size * width / needed)

    def _broken(self, text: str, width: float, style: _Style) -> list[str]:
        """The text in lines that fit, broken between words, and within one only where it alone is too long.

        What is isolated stays so on every line that it takes.
        """
        return list(bidi.each_isolated(self._parts(text, width, style)))

    def _parts(self, text: str, width: float, style: _Style) -> list[str]:
        lines, space, taken = list[str](), self._needed(" ", style), width
        for word in text.split(" "):
            needed = self._needed(word, style)
            if taken + space + needed <= width:
                lines[-1] += f" {word}"
                taken += space + needed
                continue
            lines += self._pieces(word, width, style) if needed > width else [word]
            taken = self._needed(lines[-1], style)
        return lines

    def _pieces(self, word: str, width: float, style: _Style) -> Iterator[str]:
        begin = 0
        for end in range(1, len(word) + 1):
            if self._needed(word[begin:end], style) > width:
                yield word[begin : end - 1]
                begin = end - 1
        yield word[begin:]

    def _left(self, x: float, width: float) -> float:
        """Of a field that begins `x` from where reading begins, how far it is from the left of the paper."""
        return _WIDTH - _MARGIN - x - width if self._is_mirrored else _MARGIN + x

    def _fill(self, x: float, y: float, width: float, height: float, colour: _Colour) -> None:
        self._pdf.set_fill_color(*colour)
        self._pdf.rect(self._left(x, width), y, width, height, style="F")

    def _rule(self, colour: _Colour) -> None:
        self._pdf.set_draw_color(*colour)
        self._pdf.set_line_width(_LINE)
        self._pdf.line(_MARGIN, self._y, _WIDTH - _MARGIN, self._y)
