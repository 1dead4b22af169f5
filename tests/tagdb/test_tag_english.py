"""Stems and negation: what lets a story line meet a tag name."""

import pytest

from tagdb.english import content_words, stem


@pytest.mark.parametrize(
    "family",
    [
        "smile smiles smiled smiling",
        "grin grins grinned grinning",
        "frown frowned frowning frowns",
        "blush blushed blushes blushing",
        "cry cries cried crying",
        "close closed closes closing",
        "shrink shrank shrunk shrinking",
        "sob sobbed sobbing",
        "nervous nervously",
        "angry angrily",
        "happy happily happiness",
        "pupil pupils",
        "stream streamed streaming",
        "embarrass embarrassed embarrassment",
        "tooth teeth",
        "eye eyes eyed",
        "stare staring stared",
        "scare scared scares",
    ],
)
def test_forms_of_a_word_share_a_stem(family):
    assert len({stem(word) for word in family.split()}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [("scare", "scar"), ("star", "stare"), ("sleepy", "sleep"), ("king", "kick"), ("red", "reed")],
)
def test_other_words_keep_their_own_stem(one, other):
    assert stem(one) != stem(other)


@pytest.mark.parametrize(
    ("text", "negated"),
    [
        ("she did not smile", True),
        ("he never really smiled", True),
        ("without a smile", True),
        ("she didn't smile", True),
        ("she could not help smiling", False),
        ("she couldn't stop smiling", False),
        ("not now, she smiled", False),
        ("she smiled", False),
        ("she refused to smile", True),
        ("instead of a smile", True),
        ("remove the smile", True),
        ("nobody in the whole room smiled", True),
        ("no wonder she smiled", False),
        ("not only did she smile", False),
    ],
)
def test_negation_reaches_into_its_clause_only(text, negated):
    assert content_words(text)[-1].negated is negated
