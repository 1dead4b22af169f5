"""The authored texts: enough of them, in their language, without leaks, repeats or templates."""

from collections import Counter

import pytest

from tagdb.checks import (
    grams,
    language_of,
    leaks,
    length_of,
    near_duplicates,
    openings,
)
from tagdb.records import LANGUAGES, Text, load_tags, load_texts

TEXTS = load_texts()
CUES = [text for text in TEXTS if text.kind == "cue"]
STORIES = [text for text in TEXTS if text.kind == "story"]
TAGS = {tag.tag: tag for tag in load_tags()}
STORY_LENGTH = {"en": (18, 80), "ja": (35, 190), "zh": (28, 150), "ko": (10, 60)}


def test_every_tag_has_twenty_cues_and_four_stories_in_each_language():
    assert Counter(text.tag for text in CUES) == dict.fromkeys(TAGS, 20)
    expected = {(tag, language): 4 for tag in TAGS for language in LANGUAGES}
    assert Counter((text.tag, text.lang) for text in STORIES) == expected


def test_texts_without_an_expression_are_there_in_each_language():
    counts = Counter(text.lang for text in TEXTS if text.kind == "none")
    assert set(counts) == set(LANGUAGES)
    assert min(counts.values()) >= 300


def test_texts_are_in_their_language():
    assert [t.text for t in TEXTS if t.kind != "none" and language_of(t.text) != t.lang] == []


def test_texts_have_a_storys_or_a_cues_length():
    for text in STORIES:
        low, high = STORY_LENGTH[text.lang]
        assert low <= length_of(text.text, text.lang) <= high, text.text
    for text in CUES:
        assert 4 <= length_of(text.text, "en") <= 24, text.text


def test_stories_do_not_name_what_they_show():
    found = {text.text: named for text in STORIES if (named := leaks(text, TAGS[text.tag or ""]))}
    assert found == {}


@pytest.mark.parametrize("kind", ["cue", "story", "none"])
def test_no_text_is_nearly_another(kind):
    texts = [text.text for text in TEXTS if text.kind == kind]
    assert [(texts[i], texts[j]) for i, j, _ in near_duplicates(texts, 0.3)] == []


def test_few_texts_begin_alike():
    assert openings(STORIES).most_common(1)[0][1] <= 6
    told = [text for text in CUES if not text.text.lower().startswith("make ")]
    assert openings(told).most_common(1)[0][1] <= 4


def test_the_measures_can_fail():
    smile = TAGS["smile"]
    assert leaks(Text(kind="story", tag="smile", lang="en", text="He was smiling."), smile)
    assert leaks(Text(kind="story", tag="smile", lang="ja", text="彼は笑顔だった。"), smile)
    assert near_duplicates(["the cat sat on the mat", "the cat sat on the hat"], 0.3)
    assert not near_duplicates(["the cat sat on the mat", "rain fell all night"], 0.3)
    assert [language_of(text) for text in ("a", "あ", "中", "한")] == ["en", "ja", "zh", "ko"]
    assert grams("ab cdef") == {"abcde", "bcdef"}
