"""In which order a line of mixed directions is drawn: fpdf2 knows the levels of its letters, but turns two at most.

In an English line, a Hebrew name with a number or a word of English in it has three.
"""

from functools import lru_cache
from itertools import groupby

from fpdf.bidi import BidiCharacter, BidiParagraph
from fpdf.enums import TextDirection

_MARKS = frozenset({"LRI", "RLI", "FSI", "PDI"})


@lru_cache(maxsize=1024)
def runs(text: str, base: TextDirection) -> tuple[tuple[str, TextDirection], ...]:
    """The text's runs of one direction, from left to right, each in the order in which it is read; no isolates."""
    paragraph = BidiParagraph(text=text, base_direction=base)
    seen = [each for each in paragraph.get_reordered_characters() if each.original_bidi_class not in _MARKS]
    return tuple(_run(level, list(letters)) for level, letters in groupby(seen, lambda each: each.embedding_level))


def _run(level: int, letters: list[BidiCharacter]) -> tuple[str, TextDirection]:
    text = "".join(each.character for each in letters)
    return (text[::-1], TextDirection.RTL) if level % 2 else (text, TextDirection.LTR)
