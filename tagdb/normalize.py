"""One text form for indexing and for querying."""

from __future__ import annotations

import unicodedata

_KATAKANA = range(0x30A1, 0x30F7)
_TO_HIRAGANA = {code: code - 0x60 for code in _KATAKANA}
# NFKC leaves typographic quotes alone, but no name is written with them.
_QUOTES = {0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"'}
_FOLD = {**_TO_HIRAGANA, **_QUOTES}


def normalize(text: str) -> str:
    """The text in NFKC, lower case, katakana as hiragana, whitespace collapsed and trimmed."""
    folded = unicodedata.normalize("NFKC", text).lower().translate(_FOLD)
    return " ".join(folded.split())


def name_key(name: str) -> str:
    """The key a tag name or alias is looked up by: normalised, underscores as spaces."""
    return normalize(name.replace("_", " "))


def is_kana(char: str) -> bool:
    """True for hiragana, katakana and the long vowel mark."""
    return "\u3041" <= char <= "\u30ff"


def is_han(char: str) -> bool:
    """True for Chinese characters, CJK extension A and the iteration mark included."""
    return "\u3400" <= char <= "\u9fff" or char == "\u3005"


def is_hangul(char: str) -> bool:
    """True for Korean syllables and letters."""
    return "\uac00" <= char <= "\ud7a3" or "\u3131" <= char <= "\u318e"


def is_cjk(char: str) -> bool:
    """True for a character of Japanese, Chinese or Korean writing."""
    return is_kana(char) or is_han(char) or is_hangul(char)
