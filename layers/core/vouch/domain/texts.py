"""Texts that others wrote: what of them nobody sees, and the one spelling of what names a thing."""

import unicodedata

_CONTROLS = frozenset({"Cc", "Zl", "Zp"})
_UNSEEN = frozenset({"Cc", "Cf"})
_TURNING = dict.fromkeys([0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Marks that say which way to run."""
_WHOLE = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
    | {"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "TH", "ħ": "h", "Ħ": "H", "ŧ": "t", "Ŧ": "T", "ı": "i"}
    | {"’": "'", "‘": "'", "ʼ": "'", "–": "-", "—": "-"}
)
"""What Unicode does not take apart: letters that are no plain one with an accent, and marks of better print."""


def normal(text: str) -> str:
    """A name of a product, tag or the like as all sides spell it: composed (NFC), and trimmed; its case is its own."""
    return unicodedata.normalize("NFC", text).strip()


def holds_control(text: str) -> bool:
    """Whether it holds a character that is no part of a line of text: those that steer, and those that end a line."""
    return not text.isprintable() and any(map(is_control, text))


def is_control(character: str) -> bool:
    """U+0000 to U+001F, U+007F to U+009F, and the separators of lines and paragraphs."""
    return unicodedata.category(character) in _CONTROLS


def is_unseen(character: str) -> bool:
    """What only steers, or says how what stands beside it is shown: control and format characters."""
    return unicodedata.category(character) in _UNSEEN


def one_line(text: str) -> str:
    """A blank for each control character, and nothing of the marks that turn what stands around them."""
    return "".join(" " if is_control(character) else character for character in text.translate(_TURNING))


def unaccented(text: str) -> str:
    """As old machines write it: each letter as the plain one or two behind it, no accents, points or ligatures."""
    # An acute accent that stands alone is somebody's apostrophe; taken apart it would be a space with an accent.
    apart = unicodedata.normalize("NFKD", text.replace("´", "'")).translate(_WHOLE)
    return "".join(character for character in apart if unicodedata.category(character)[0] != "M")
