"""What a text denies: found in four languages, left out of what is searched, pushed down."""

import pytest

from tagdb import TagStore, load_tags
from tagdb.names import NameIndex
from tagdb.negation import asserted_part
from tagdb.normalize import normalize
from tagdb.records import load_texts, load_typed_words

NAMES = NameIndex(load_tags(), load_typed_words())


def denied(text: str) -> set[str]:
    return {tag for denial in NAMES.denials(text) for tag in denial.tags}


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("She did not smile.", "smile"),
        ("His smile faded.", "smile"),
        ("Nobody blushed.", "blush"),
        ("Take the picture without raised eyebrows.", "raised_eyebrows"),
        ("彼女は笑わなかった。", "smile"),
        ("怒ってはいない。", "angry"),
        ("涙は描かないで", "tears"),
        ("她没有哭。", "crying"),
        ("他并不生气", "angry"),
        ("她笑不出来", "smile"),
        ("그는 웃지 않았다.", "smile"),
        ("눈물 없이 말했다", "tears"),
    ],
)
def test_a_denied_name_is_found(text: str, tag: str):
    assert tag in denied(text)


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("She could not help smiling.", "smile"),
        ("She could not hide her smile.", "smile"),
        ("彼女は笑わずにはいられなかった。", "smile"),
        ("涙が止まらない", "tears"),
        ("她忍不住笑了", "smile"),
        ("그는 웃음을 참지 못했다.", "laughing"),
        ("She smiled.", "smile"),
    ],
)
def test_what_only_sounds_denied_is_not(text: str, tag: str):
    assert tag not in denied(text)


def test_hardly_any_text_denies_its_own_tag():
    wrong = [
        text.text
        for text in load_texts()
        if text.tag in denied(text.text) and text.tag not in NAMES.find(text.text)
    ]
    assert len(wrong) <= 2


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("He didn't cry, he set his jaw.", "he set his jaw."),
        ("彼女は泣かなかった。ただ唇を強く噛んだ。", "ただ唇を強く噛んだ。"),
        ("She did not smile.", "she did not smile."),
    ],
)
def test_only_what_is_asserted_is_searched(text: str, part: str):
    assert NAMES.asserted(text) == part


def test_a_text_without_a_denial_is_kept_whole():
    form = normalize("Her lips parted, and she sighed.")
    assert asserted_part(form, []) == form


@pytest.fixture(scope="module")
def store():
    with TagStore(load_tags()) as opened:
        yield opened


def test_a_denied_tag_and_its_like_are_pushed_down(store: TagStore):
    for text in ("She did not smile back; her eyes narrowed.", "彼女は笑わず、目を細めた。"):
        first = [hit.tag for hit in store.search(text, limit=5).hits]
        assert not {"smile", "light_smile"} & {tag.tag for tag in first}, text


@pytest.mark.parametrize("text", ["She did not smile.", "彼女は笑わなかった。", "她没有笑。"])
def test_a_text_that_only_denies_shows_nothing(store: TagStore, text: str):
    assert store.search(text).no_expression
