"""Just enough English morphology to meet tag names in a story line."""

from __future__ import annotations

import re
from typing import NamedTuple

from tagdb.negation import is_denied_english

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_CLAUSE_END = re.compile(r"[.,;:!?\u2014\n\"]|\b(?:and|but|while|as|then|when)\b")


def _word_set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Words that say whose or which, never what the face does.
_FUNCTION_WORDS = _word_set(
    "a an the this that these those her his hers him she he they them their its it my your our own "
    "i you we me us of at to in on with from for into over across onto was were is are be been am "
    "did do does will would could can "
    "being had has have having very so too all just slowly slightly still and or but as while then "
    "both please"
)
NEGATORS = _word_set("not never without no nor neither cannot hardly")

# Forms that the suffix rules would part, or would mix up with another word (scare, scar).
_FAMILIES = {
    "bite": "bite bites bit bitten biting",
    "blow": "blow blows blew blown blowing",
    "brow": "brow brows eyebrow eyebrows",
    "eye": "eye eyes eyed",
    "fall": "fall falls fell fallen falling",
    "freeze": "freeze freezes froze frozen freezing",
    "gape": "gape gapes gaped gaping",
    "hide": "hide hides hid hidden hiding",
    "pale": "pale pales paled paling",
    "rage": "rage rages raged raging",
    "red": "red redden reddens reddened reddening",
    "rise": "rise rises rose risen rising",
    "scare": "scare scares scared scaring scary",
    "shake": "shake shakes shook shaken shaking",
    "shrink": "shrink shrinks shrank shrunk shrunken shrinking",
    "sleep": "sleep sleeps slept sleeping",
    "stare": "stare stares stared staring",
    "stick": "stick sticks stuck sticking",
    "tear": "tear tears",
    "tense": "tense tensed tensing",
    "think": "think thinks thought thinking",
    "throw": "throw throws threw thrown throwing",
    "tooth": "tooth teeth toothed",
    "weep": "weep weeps wept weeping",
    "wide": "wide widely widen widens widened widening",
}
_FAMILY_OF = {form: head for head, forms in _FAMILIES.items() for form in forms.split()}
_KEEP_LY = _word_set("fly only lonely ugly early silly family belly reply steely")
_VOWEL = re.compile(r"[aeiouy]")


def stem(word: str) -> str:
    """The stem of one lower-case English word: smiles, smiled, smiling → smil.

    A few suffix rules and irregular forms; a stem is a key, not a word.
    """
    word = word.removesuffix("'s")
    if word in _FAMILY_OF:
        return _FAMILY_OF[word]
    if len(word) <= 3:
        return word
    for suffix, ending in (("iness", "y"), ("ness", ""), ("ily", "y")):
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word.removesuffix(suffix) + ending
    if word.endswith("ly") and len(word) >= 5 and word not in _KEEP_LY:
        word = word[:-2]
    if word.endswith("ment") and len(word) >= 9:
        word = word[:-4]
    if word.endswith(("ies", "ied")) and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    elif word.endswith("ion") and word[-4:-3] == "t" and len(word) > 6:
        word = word[:-3]
    else:
        word = _without_ending(word)
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


def _without_ending(word: str) -> str:
    for suffix in ("ing", "ed"):
        base = word.removesuffix(suffix)
        if base != word and len(base) >= 3 and _VOWEL.search(base):
            doubled = len(base) > 3 and base[-1] == base[-2] and base[-1] not in "lszf"
            return base[:-1] if doubled else base
    return word


class Word(NamedTuple):
    """A content word of a text: stem, surface, character span, clause, negated or not."""

    stem: str
    surface: str
    start: int
    end: int
    clause: int
    negated: bool


def content_words(text: str) -> tuple[Word, ...]:
    """The words of a normalised text that carry meaning, in order."""
    ends = [match.start() for match in _CLAUSE_END.finditer(text)]
    words: list[Word] = []
    previous: list[str] = []
    clause = 0
    for match in _WORD.finditer(text):
        here = sum(end <= match.start() for end in ends)
        if here != clause:
            clause, previous = here, []
        surface = match[0]
        if surface not in _FUNCTION_WORDS:
            negated = is_denied_english(previous, text[match.end() : match.end() + 40])
            words.append(Word(stem(surface), surface, *match.span(), clause, negated))
        previous.append(surface)
    return tuple(words)


def name_stems(name: str) -> tuple[str, ...]:
    """The stems of a name's content words; all of its words where none carries content."""
    stems = tuple(word.stem for word in content_words(name))
    return stems or tuple(stem(match[0]) for match in _WORD.finditer(name))
