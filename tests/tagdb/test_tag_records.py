"""The shipped tags, their names and the tables beside them."""

import csv

import pytest

from tagdb import ExpressionTag, load_tags, normalize
from tagdb.records import DATA_DIR, LANGUAGES, load_typed_words
from tagdb.transforms import TRANSFORMS

CORE = load_tags()
ALL = load_tags(core_only=False)
BY_NAME = {tag.tag: tag for tag in CORE}


def test_core_and_full_list_are_ordered_by_post_count_then_name():
    assert (len(CORE), len(ALL)) == (196, 298)
    for tags in (CORE, ALL):
        assert list(tags) == sorted(tags, key=lambda tag: (-tag.post_count, tag.tag))


def test_contradictions_are_symmetric_and_known():
    for tags in (CORE, ALL):
        by_name = {tag.tag: tag for tag in tags}
        for tag in tags:
            assert tag.tag not in tag.contradicts
            assert all(tag.tag in by_name[other].contradicts for other in tag.contradicts)
            assert set(tag.partners) <= set(by_name)


def test_names_come_in_four_languages_with_han_names_apart():
    smile = BY_NAME["smile"]
    assert tuple(smile.names) == LANGUAGES
    assert "happy face" in smile.names["en"]
    assert {"笑顔", "スマイル"} <= set(smile.names["ja"])
    assert "微笑" in smile.names["zh"] and "微笑" in smile.han_names
    assert smile.names["ko"] == ("미소", "웃는 얼굴")


def test_tags_are_frozen_and_hashable():
    with pytest.raises(ValueError):
        BY_NAME["smile"].tag = "grin"  # pyright: ignore[reportAttributeAccessIssue]
    assert len(set(CORE)) == len(CORE)


@pytest.mark.parametrize(
    ("tag", "words"),
    [
        ("smile", ""),
        ("wide-eyed", "apply_scale_transform with scale_x 0.5"),
        ("pleading_eyes", "apply_scale_transform with scale_x 1.25"),
        ("jaw_drop", "apply_scale_transform with scale_x 1.3"),
        ("narrowed_eyes", "if the prompt alone fails, apply_scale_transform with scale_x 1.2"),
        ("averting_eyes", "shift_gaze by hand (move both irises"),
    ],
)
def test_transform_advice(tag, words):
    advice = BY_NAME[tag].transform_advice
    assert advice.startswith(words) and bool(advice) == bool(words)


def test_sanpaku_needs_two_steps():
    assert BY_NAME["sanpaku"].transforms == ("shift_gaze", "scale_iris_down")
    assert " and apply_scale_transform" in BY_NAME["sanpaku"].transform_advice


def test_every_operator_of_the_data_has_advice():
    assert {operator for tag in ALL for operator in tag.transforms} <= set(TRANSFORMS)


def test_typed_words_map_to_core_tags_once():
    with (DATA_DIR / "typed_words.csv").open(encoding="utf-8", newline="") as file:
        words = [row["word"] for row in csv.DictReader(file)]
    assert len(words) == len(set(words)) == len(load_typed_words())
    for word, tags in load_typed_words().items():
        assert tags and set(tags) <= set(BY_NAME), word


def test_a_record_can_be_made_by_hand():
    tag = ExpressionTag(tag="x", prompt_form="x", category="eyes")
    assert tag.transform_advice == "" and tag.names == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Smile\t  FACE ", "smile face"),
        ("：）", ":)"),
        ("スマイル", "すまいる"),
        ("ﾆｺﾆｺ", "にこにこ"),
        ("ＸＤ", "xd"),
        ("don\u2019t", "don't"),
    ],
)
def test_normalize(text, expected):
    assert normalize(text) == expected
    assert normalize(expected) == expected
