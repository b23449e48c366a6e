"""Discount codes as people type them: one spelling for all of them."""

import unicodedata

LENGTH_MAX = 64


def normal(text: str) -> str:
    """Trimmed, NFKC-normalised and case-folded, so that ` noa10 ` and `NOA10` are one code, in Hebrew too.

    Characters that nobody sees are dropped: what is pasted from a right-to-left page carries its direction marks, and
    nobody's code shall differ from another's by one.
    """
    visible = "".join(character for character in text if unicodedata.category(character) != "Cf")
    folded = unicodedata.normalize("NFKC", visible).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())
