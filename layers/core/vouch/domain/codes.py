"""Discount codes as people type them: one spelling for all of them."""

import unicodedata

from vouch.domain.texts import is_unseen

LENGTH_MAX = 64
_BLANK = frozenset(
    chr(point)
    for first, last in (
        (0x034F, 0x034F),  # the grapheme joiner
        (0x115F, 0x1160),  # Hangul fillers
        (0x17B4, 0x17B5),  # Khmer inherent vowels
        (0x180B, 0x180F),  # Mongolian variation selectors
        (0x2800, 0x2800),  # the Braille pattern without dots
        (0x3164, 0x3164),  # Hangul fillers again
        (0xFE00, 0xFE0F),  # variation selectors
        (0xFFA0, 0xFFA0),
        (0xE0100, 0xE01EF),
    )
    for point in range(first, last + 1)
)
"""Letters, marks and a symbol that show nothing."""


def normal(text: str) -> str:
    """Trimmed, NFKC-normalised and case-folded, so that ` noa10 ` and `NOA10` are one code, in Hebrew too.

    Characters that nobody sees are dropped: what is pasted from a right-to-left page carries its direction marks, and
    nobody's code shall differ from another's by one.
    """
    visible = "".join(character for character in text if not _invisible(character))
    folded = unicodedata.normalize("NFKC", visible).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


def _invisible(character: str) -> bool:
    if is_unseen(character):
        return not character.isspace()
    return character in _BLANK
