"""The shipped records hold every rule that the sources promise."""

import csv
from collections import Counter

import pytest

from tagdb import ExpressionTag, load_tags, normalize
from tagdb.checks import language_of, length_of
from tagdb.records import DATA_DIR, LANGUAGES, TransformPlan, load_pairs, load_typed_words

TAGS = load_tags()
BY_NAME = {tag.tag: tag for tag in TAGS}
DEFINITION_LENGTH = {"en": (10, 32), "ja": (20, 110), "zh": (15, 85), "ko": (6, 28)}


def test_there_are_196_tags_ordered_by_post_count_then_name():
    assert len(TAGS) == len(BY_NAME) == 196
    assert list(TAGS) == sorted(TAGS, key=lambda tag: (-tag.post_count, tag.tag))
    assert Counter(tag.category for tag in TAGS) == {
        "emotion": 72,
        "emoticon": 38,
        "eyes": 24,
        "marks": 23,
        "mouth": 14,
        "gaze": 10,
        "mixed": 10,
        "brows": 5,
    }


def test_contradictions_are_symmetric_and_known():
    for tag in TAGS:
        assert tag.tag not in tag.contradicts
        assert all(tag.tag in BY_NAME[other].contradicts for other in tag.contradicts)


@pytest.mark.parametrize("tag", TAGS, ids=lambda tag: tag.tag)
def test_every_tag_is_defined_and_named_in_four_languages(tag):
    for language in LANGUAGES:
        definition = tag.definition[language]
        low, high = DEFINITION_LENGTH[language]
        assert low <= length_of(definition, language) <= high
        assert language_of(definition) == language
        assert tag.names[language]
        assert len(set(map(normalize, tag.names[language]))) == len(tag.names[language])
    assert 1 <= len(tag.near) <= 5
    assert all(near.tag in BY_NAME and near.tag != tag.tag for near in tag.near)
    assert tag.region_tip


def test_there_are_thousands_of_names():
    names = {normalize(name) for tag in TAGS for group in tag.names.values() for name in group}
    assert len(names) >= 4000


@pytest.mark.parametrize("tag", TAGS, ids=lambda tag: tag.tag)
def test_a_transform_says_what_to_do(tag):
    plan = tag.transform
    assert bool(plan.advice) == (plan.need != "none")
    assert bool(plan.tool) == bool(plan.target)
    assert bool(plan.arguments) == (plan.tool == "apply_scale_transform")
    if plan.tool == "apply_liquify_transform":
        assert plan.by_hand
    if plan.arguments:
        assert set(plan.arguments) == {"scale_x", "scale_y"}
        assert all(0.3 <= value <= 2 for value in plan.arguments.values())


@pytest.mark.parametrize("tag", TAGS, ids=lambda tag: tag.tag)
def test_a_gloss_is_a_few_words_of_its_own(tag):
    assert 1 <= len(tag.gloss.split()) <= 8
    assert len(tag.gloss) <= 44
    assert "_" not in tag.gloss
    assert [other.tag for other in TAGS if other.gloss == tag.gloss] == [tag.tag]


def test_a_former_word_may_end_with_a_year():
    for tag in TAGS:
        assert tag.live_since == 0 or (tag.legacy_prompt_word and 2020 <= tag.live_since <= 2025)


def test_advice_tells_needed_from_advised():
    plan = TransformPlan(
        need="needed", tool="apply_scale_transform", target="irises", arguments={"scale_x": 0.5}
    )
    assert plan.advice == "apply_scale_transform on irises with scale_x 0.5"
    plan = TransformPlan(need="advised", control_inside="erase", by_hand="paint the eye shut")
    assert plan.advice == (
        "if the prompt alone fails, control_inside 'erase' in edit_expression; "
        "by hand: paint the eye shut"
    )
    plan = TransformPlan(
        need="needed", tool="apply_liquify_transform", target="irises", by_hand="move both up"
    )
    assert plan.advice == "apply_liquify_transform (tool group methods) or by hand: move both up"


def test_a_gaze_is_moved_by_the_liquify_tool():
    moved = [tag for tag in TAGS if tag.category == "gaze" and tag.transform.need == "needed"]
    assert len(moved) >= 8
    assert {tag.transform.tool for tag in moved} == {"apply_liquify_transform"}
    assert {tag.transform.target for tag in moved} == {"irises"}


def test_pairs_are_distinct_and_known():
    pairs = load_pairs()
    assert len(pairs) >= 150
    assert len({frozenset((pair.a, pair.b)) for pair in pairs}) == len(pairs)
    for pair in pairs:
        assert pair.a in BY_NAME
        assert pair.b in BY_NAME
        assert pair.a != pair.b
        assert pair.choose


def test_typed_words_map_to_known_tags_once():
    with (DATA_DIR / "typed_words.csv").open(encoding="utf-8", newline="") as file:
        words = [row["word"] for row in csv.DictReader(file)]
    assert len(words) == len(set(words)) == len(load_typed_words())
    for word, tags in load_typed_words().items():
        assert tags and set(tags) <= set(BY_NAME), word


def test_tags_are_frozen_and_hashable():
    with pytest.raises(ValueError):
        BY_NAME["smile"].tag = "grin"  # pyright: ignore[reportAttributeAccessIssue]
    assert len(set(TAGS)) == len(TAGS)


def test_a_record_can_be_made_by_hand():
    tag = ExpressionTag(tag="x", prompt_form="x", category="eyes")
    assert tag.transform.advice == ""


def test_every_source_file_has_its_provenance():
    text = (DATA_DIR / "PROVENANCE.md").read_text(encoding="utf-8")
    for path in DATA_DIR.rglob("*.*"):
        name = path.relative_to(DATA_DIR).as_posix()
        if name != "PROVENANCE.md":
            assert f"`{name}`" in text, name
