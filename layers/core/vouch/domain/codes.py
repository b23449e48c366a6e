"""Discount codes as people type them: one spelling for all of them."""

import unicodedata

LENGTH_MAX = 64


def normal(text: str) -> str:
    """Trimmed, NFKC-normalised and case-folded, so that ` noa10 ` and `NOA10` are one code, in Hebrew too."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())
