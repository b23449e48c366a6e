"""In which order a line of mixed directions is drawn: fpdf2 knows the levels of its letters, but turns two at most.

In an English line, a Hebrew name with a number or a word of English in it has three.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby

from fpdf.bidi import BidiCharacter, BidiParagraph
from fpdf.enums import TextDirection

_MARKS = frozenset({"LRI", "RLI", "FSI", "PDI"})
_BEGIN, _END = frozenset("\u2066\u2067\u2068"), "\u2069"


def each_isolated(lines: Iterable[str]) -> Iterator[str]:
    """The lines of one text, each as a text of its own: what is isolated across an end of a line is so in both."""
    begun = ""
    for line in lines:
        whole, begun = begun + line, ""
        for character in whole:
            if character in _BEGIN:
                begun += character
            elif character == _END:
                begun = begun[:-1]
        yield whole + _END * len(begun)


@lru_cache(maxsize=1024)
def runs(text: str, base: TextDirection) -> tuple[tuple[str, TextDirection], ...]:
    """The text's runs of one direction, from left to right, each in the order in which it is read; no isolates."""
    paragraph = BidiParagraph(text=text, base_direction=base)
    seen = [each for each in paragraph.get_reordered_characters() if each.original_bidi_class not in _MARKS]
    return tuple(_run(level, list(letters)) for level, letters in groupby(seen, lambda each: each.embedding_level))


def _run(level: int, letters: list[BidiCharacter]) -> tuple[str, TextDirection]:
    text = "".join(each.character for each in letters)
    return (text[::-1], TextDirection.RTL) if level % 2 else (text, TextDirection.LTR)
