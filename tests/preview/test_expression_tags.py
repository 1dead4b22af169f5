"""The table of tags: what each draws, what a drawing shows, and that its tags agree."""

from dataclasses import replace

import numpy as np
import pytest

from expressedit_mcp.preview import (
    EXPRESSION_TAGS,
    Expression,
    expression_from_tags,
    expression_tags,
    sample_expression,
    sample_expression_with,
)
from expressedit_mcp.preview.contradictions import CONTRADICTIONS
from expressedit_mcp.preview.expression import PARTS, RANGES
from expressedit_mcp.preview.states import EXTRAS
from expressedit_mcp.preview.tagging import contradictory_pair
from expressedit_mcp.preview.tags import RULES
from expressedit_mcp.preview.words import IMPLIED_WORDS, WORDS
from tagdb import load_tags

RECORDS = {record.prompt_form: record for record in load_tags()}
FORMS = {record.tag: record.prompt_form for record in RECORDS.values()}
NOT_OF_THE_FACE = {"head tilt"}  # a view, not an expression


def test_every_tag_of_the_store_that_a_face_alone_shows_is_drawn():
    of_hands = {form for form, record in RECORDS.items() if record.slot == "hand"}
    with_hands = {form for form, record in RECORDS.items() if "hands" in record.parts}
    assert set(RECORDS) - of_hands - with_hands - NOT_OF_THE_FACE <= set(EXPRESSION_TAGS)


@pytest.mark.parametrize("tag", EXPRESSION_TAGS)
def test_a_tag_is_read_back_from_what_it_draws(tag):
    expression = expression_from_tags([tag])
    tags = expression_tags(expression)
    assert tag in tags
    assert contradictory_pair(tags) is None
    assert expression_from_tags(tags) == expression
    assert expression_from_tags(reversed(tags)) == expression


@pytest.mark.parametrize("tag", [tag for tag in EXPRESSION_TAGS if tag in RECORDS])
def test_what_the_records_say_a_tag_implies_is_shown_too(tag):
    implied = {FORMS[name] for name in RECORDS[tag].implies if name in FORMS}
    shown = expression_tags(expression_from_tags([tag]))
    assert implied & set(EXPRESSION_TAGS) <= set(shown)


@pytest.mark.parametrize("tag", [tag for tag in EXPRESSION_TAGS if tag in RECORDS])
def test_contradictions_are_those_of_the_records(tag):
    said = {FORMS[name] for name in RECORDS[tag].contradicts if name in FORMS}
    known = CONTRADICTIONS.get(tag, frozenset())
    assert {other for other in known if other in RECORDS} == said & set(EXPRESSION_TAGS)


def test_contradictions_are_mutual():
    for tag, others in CONTRADICTIONS.items():
        assert all(tag in CONTRADICTIONS[other] for other in others)


@pytest.mark.parametrize("tag", RULES)
def test_a_rule_names_states_that_exist(tag):
    for part, states in RULES[tag].items():
        assert set(states) <= set(EXTRAS if part == "extras" else PARTS[part])


@pytest.mark.parametrize("word", WORDS)
def test_a_word_names_states_that_exist_and_agree_with_it(word):
    for part, states in WORDS[word].items():
        if part == "extras":
            assert all(set(choice) <= set(EXTRAS) for choice in states)
        else:
            assert set(states) <= set(PARTS[part])
        for state in states:
            tags = expression_tags(replace(Expression(emotion=word), **{part: state}))
            own = [tag for tag in tags if tag not in ("looking at viewer", "closed mouth")]
            assert contradictory_pair(own) is None, state


@pytest.mark.parametrize("word", WORDS)
def test_samples_of_a_word_carry_it_and_nothing_that_contradicts(word):
    rng = np.random.default_rng(0)
    for _ in range(12):
        tags = expression_tags(sample_expression(rng, word))
        assert tags[-1] == word
        assert set(IMPLIED_WORDS.get(word, ())) <= set(tags)
        assert contradictory_pair(tags) is None


@pytest.mark.parametrize("tag", EXPRESSION_TAGS)
def test_samples_with_a_tag_show_it(tag):
    rng = np.random.default_rng(2)
    for _ in range(4):
        tags = expression_tags(sample_expression_with(rng, tag))
        assert tag in tags
        assert contradictory_pair(tags) is None


def test_samples_cover_nearly_every_tag_and_never_contradict():
    rng = np.random.default_rng(1)
    seen: set[str] = set()
    for _ in range(1500):
        tags = expression_tags(sample_expression(rng))
        assert contradictory_pair(tags) is None
        seen |= set(tags)
    assert len(seen) > 0.95 * len(EXPRESSION_TAGS)


def test_free_measures_range_widely_and_leave_the_tags_alone():
    rng = np.random.default_rng(3)
    samples = [sample_expression(rng, free_measures=True) for _ in range(300)]
    scales = [sample.iris_scale for sample in samples]
    assert min(scales) < 0.45
    assert max(scales) > 1.35
    assert np.abs([sample.gaze_offset[0] for sample in samples]).max() > 4
    for sample in samples[:60]:
        plain = {name: getattr(Expression(), name) for name in (*RANGES, "gaze_offset")}
        assert expression_tags(replace(sample, **plain)) == expression_tags(sample)
    constricted = [s.iris_scale for s in samples if s.iris == "constricted pupils"]
    assert max(constricted) - min(constricted) > 0.3


def test_small_measures_stay_near_the_plain_ones():
    rng = np.random.default_rng(4)
    for _ in range(100):
        sample = sample_expression(rng)
        assert abs(sample.iris_scale - 1) <= 0.081
        assert np.hypot(*sample.gaze_offset) < 1


def test_tags_take_prompt_forms_in_any_order():
    expected = Expression(eyes="closed eyes", mouth=":d", extras=("blush", "tears"))
    assert expression_from_tags(["tears", " :D", "closed_eyes", "blush"]) == expected
    assert expression_from_tags([]) == Expression()


@pytest.mark.parametrize(
    ("tags", "part", "state"),
    [
        (["smile", "open mouth"], "mouth", ":d"),
        (["closed eyes", "^_^"], "eyes", "^_^"),
        (["furrowed brow", "v-shaped eyebrows"], "brows", "furious brows"),
        (["looking to the side", "averting eyes"], "gaze", "averting eyes"),
        (["angry", "open mouth"], "mouth", "open mouth"),
        (["crying", "smile"], "mouth", "smile"),
        (["angry", "clenched teeth"], "brows", "v-shaped eyebrows"),
        (["heart-shaped pupils", "one eye closed"], "eyes", "one eye closed"),
        (["blush", "full-face blush"], "extras", ("full-face blush",)),
        (["streaming tears", "crying", "tears"], "extras", ("streaming tears",)),
        (["depressed", "bags under eyes"], "extras", ("bags under eyes", "gloom lines")),
    ],
)
def test_tags_of_one_part_agree_on_a_state(tags, part, state):
    assert getattr(expression_from_tags(tags), part) == state


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        (["moody"], "accepted: .*smile"),
        (["smile", "frown"], "both describe the mouth"),
        (["closed eyes", "heart-shaped pupils"], "both describe the eyes"),
        (["happy", "sad"], "both describe the whole face"),
    ],
)
def test_refuses_tags_it_cannot_draw(tags, message):
    with pytest.raises(ValueError, match=message):
        expression_from_tags(tags)


@pytest.mark.parametrize(
    ("values", "hidden"),
    [
        ({"eyes": "closed eyes"}, "looking at viewer"),
        ({"eyes": "x_x", "iris": "heart-shaped pupils"}, "heart-shaped pupils"),
        ({"iris": "@_@"}, "looking at viewer"),
    ],
)
def test_what_cannot_be_seen_has_no_tag(values, hidden):
    assert hidden not in expression_tags(Expression(**values))


@pytest.mark.parametrize(
    "values",
    [
        {"eyes": "shut"},
        {"extras": ("hat",)},
        {"emotion": "bouncy"},
        {"iris_scale": 0.0},
        {"mouth_width": 3.0},
        {"side": "both"},
    ],
)
def test_refuses_unknown_states(values):
    with pytest.raises(ValueError, match=r"expected|accepted"):
        Expression(**values)
