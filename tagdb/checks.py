"""Measures of authored texts: language, leakage of names, near-duplicates, repeated openings."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from tagdb.normalize import is_han, is_hangul, is_kana, normalize
from tagdb.records import ExpressionTag, Language, Text


def language_of(text: str) -> Language:
    """The language that a text's script shows: ko by hangul, ja by kana, zh by Han, else en."""
    if any(map(is_hangul, text)):
        return "ko"
    if any(map(is_kana, text)):
        return "ja"
    return "zh" if any(map(is_han, text)) else "en"


def length_of(text: str, language: Language) -> int:
    """Words in English and Korean, characters in Japanese and Chinese."""
    return len(text.split()) if language in ("en", "ko") else len(text)


def leaks(text: Text, tag: ExpressionTag) -> list[str]:
    """The tag's own words that a text of its language contains.

    English: the tag and its aliases, inflected or not. Other languages: names of two or more
    characters.
    """
    form = normalize(text.text)
    if text.lang == "en":
        words = {normalize(name.replace("_", " ")) for name in (tag.tag, *tag.aliases)}
        plain = [word for word in words if re.fullmatch(r"[a-z' -]+", word)]
        return [w for w in plain if re.search(rf"\b{re.escape(w)}(s|ed|ing|d|ly)?\b", form)]
    packed = form.replace(" ", "")
    names = (normalize(name).replace(" ", "") for name in tag.names.get(text.lang, ()))
    return [name for name in names if len(name) > 1 and name in packed]


def grams(text: str, size: int = 5) -> frozenset[str]:
    """The character n-grams of a text without its spaces."""
    packed = normalize(text).replace(" ", "")
    return frozenset(packed[i : i + size] for i in range(len(packed) - size + 1))


def near_duplicates(texts: Sequence[str], limit: float) -> list[tuple[int, int, float]]:
    """Pairs of texts (i, j, likeness) whose 5-gram Jaccard likeness is above the limit."""
    holders: dict[str, list[int]] = defaultdict(list)
    found = []
    sets = [grams(text) for text in texts]
    for j, own in enumerate(sets):
        shared: Counter[int] = Counter(i for gram in own for i in holders[gram])
        for i, count in shared.items():
            likeness = count / len(own | sets[i])
            if likeness > limit:
                found.append((i, j, likeness))
        for gram in own:
            holders[gram].append(j)
    return found


def openings(texts: Iterable[Text]) -> Counter[tuple[str, str]]:
    """How often texts of a language begin alike: three words, or five characters."""

    def opening(text: Text) -> str:
        if text.lang in ("en", "ko"):
            return " ".join(normalize(text.text).split()[:3])
        return text.text[:5]

    return Counter((text.lang, opening(text)) for text in texts)
