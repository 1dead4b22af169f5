"""The prompt grammar both ways, and prompts built from tags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagdb import (
    STYLES,
    PromptStyle,
    TagdbError,
    TagStore,
    build_prompt,
    escape,
    format_prompt,
    load_tags,
    parse_prompt,
)
from tagdb.grammar import merge_pieces

PLAIN = STYLES["plain"]
STORE = TagStore(load_tags())


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", ()),
        ("smile, blush", (("smile, blush", 1.0),)),
        ("(smile)", (("smile", 1.1),)),
        ("((smile))", (("smile", 1.21),)),
        ("[smile]", (("smile", 0.909091),)),
        ("(smile:1.2)", (("smile", 1.2),)),
        ("(smile: 1.2 )", (("smile", 1.2),)),
        ("(smile:2)", (("smile", 2.0),)),
        ("(smile:.5)", (("smile", 0.5),)),
        ("a (b:1.2) c", (("a ", 1.0), ("b", 1.2), (" c", 1.0))),
        ("(a (b:1.5) c:2.0)", (("a ", 2.0), ("b", 3.0), (" c", 2.0))),
        ("((b:1.5):2.0)", (("b", 3.0),)),
        ("(a)(b)", (("ab", 1.1),)),
        ("()", ()),
        ("(:3)", ((":3", 1.1),)),
        ("(smile, :3)", (("smile, :3", 1.1),)),
        ("(smile :1.3)", (("smile ", 1.3),)),
        ("(:3:1.2)", ((":3", 1.2),)),
        ("[a:b:0.5]", (("a:b:0.5", 0.909091),)),
        (r"gloom \(expression\)", (("gloom (expression)", 1.0),)),
        (r"\(^o^\)/", (("(^o^)/", 1.0),)),
        (r"a\b", ((r"a\b", 1.0),)),
        (r":\\", ((":\\", 1.0),)),
        ("a\\", (("a\\", 1.0),)),
        (":)", ((":)", 1.0),)),
        (":(", ((":(", 1.0),)),
        ("(a", (("(a", 1.0),)),
        ("a]", (("a]", 1.0),)),
        ("(a (b)", (("(a ", 1.0), ("b", 1.1))),
        ("(a]", (("(a]", 1.0),)),
        (">_<, ^_^, +_+", ((">_<, ^_^, +_+", 1.0),)),
    ],
)
def test_parse(text, pieces):
    assert parse_prompt(text) == pieces


@pytest.mark.parametrize("weight", [1.0, 1.2, 0.85])
def test_every_prompt_form_survives_alone_and_weighted(weight):
    for tag in load_tags():
        assert parse_prompt(format_prompt([(tag.prompt_form, weight)])) == (
            (tag.prompt_form, weight),
        )
        assert parse_prompt(escape(tag.prompt_form)) == ((tag.prompt_form, 1.0),)


texts = st.text(alphabet=" ab,:.123()[]\\<>^_+笑\n", max_size=8)
weights = st.integers(1, 300).map(lambda hundredths: hundredths / 100)


@given(st.lists(st.tuples(texts, weights), max_size=6))
def test_format_then_parse_is_the_identity(pieces):
    assert parse_prompt(format_prompt(pieces)) == merge_pieces(pieces)


@given(st.text(alphabet="()[]\\:12. a", max_size=24))
def test_any_text_parses_and_formats_to_the_same_pieces(text):
    pieces = parse_prompt(text)
    assert parse_prompt(format_prompt(pieces)) == pieces


@pytest.mark.parametrize("weight", [float("nan"), float("inf")])
def test_a_weight_is_a_number(weight):
    with pytest.raises(TagdbError, match="finite"):
        format_prompt([("smile", weight)])


@pytest.mark.parametrize(
    ("tags", "prompt", "names"),
    [
        (["smile"], "smile", ("smile",)),
        ("smile", "smile", ("smile",)),
        (["smile", "blushing"], "smile, blush", ("smile", "blush")),
        ([":)", "closed_mouth"], "smile, closed mouth", ("smile", "closed_mouth")),
        ([":d", "^_^"], ":d, smile, ^_^, closed eyes", (":d", "^_^")),
        ([":/", ";)"], r":/, ;\), one eye closed", (":/", ";)")),
        (["gloom_(expression)"], r"gloom \(expression\)", ("gloom_(expression)",)),
        (["(smile:1.2)", "blush"], "(smile,:1.2) blush", ("smile", "blush")),
        ([("smile", 1.2), ("blush", 1.3)], "(smile,:1.2) (blush:1.3)", ("smile", "blush")),
        (["(>:(:1.2)"], r"(>:\(,:1.2) (v-shaped eyebrows:1.2)", (">:(",)),
        ([r"(\>:\(:1.2)"], None, ()),
        ([r"(>:\(:1.2)"], r"(>:\(,:1.2) (v-shaped eyebrows:1.2)", (">:(",)),
        (["((smile))"], "(smile:1.21)", ("smile",)),
        (["smile, blush"], "smile, blush", ("smile", "blush")),
        (["笑顔"], "smile", ("smile",)),
    ],
)
def test_build(tags, prompt, names):
    built = build_prompt(STORE, tags, style=PLAIN)
    if prompt is not None:
        assert (built.prompt, built.tags) == (prompt, names)
    assert parse_prompt(built.prompt) == built.pieces


@pytest.mark.parametrize(
    ("tags", "prompt", "implied"),
    [
        ([";3"], ";3, one eye closed, :3", ("one_eye_closed", ":3")),
        (["x3", ":3"], "x3, >_<, :3", (">_<",)),
        (["evil grin", "grin"], "evil grin, evil smile, grin, smile", ("evil_smile", "smile")),
        ([";d", "frown"], ";d, one eye closed, frown", ("one_eye_closed",)),
        (["glowing eyes"], "glowing eyes", ()),
        (["smile"], "smile", ()),
    ],
)
def test_what_a_tag_implies_stands_after_it_once(tags, prompt, implied):
    built = build_prompt(STORE, tags, style=PLAIN)
    assert (built.prompt, built.implied) == (prompt, implied)


@pytest.mark.parametrize("tag", load_tags(), ids=lambda tag: tag.tag)
def test_nothing_implied_contradicts_the_tag(tag):
    built = build_prompt(STORE, [tag.tag], style=PLAIN)
    assert not set(built.implied) & set(tag.contradicts)
    assert built.contradictions == ()


def test_each_edit_says_what_is_implied_of_its_own_part():
    built = build_prompt(STORE, [";p", "half-closed eyes", "smile"], style=PLAIN)
    prompts = {edit.part: edit.prompt for edit in built.edits}
    assert prompts == {
        "eyes": ";p, one eye closed, half-closed eyes",
        "mouth": ";p, tongue out, :p, smile",
    }


def test_order_and_style():
    style = PromptStyle(
        name="s", prefix="solo,", suffix="(best quality:1.1)", negative_prompt="bad"
    )
    built = build_prompt(STORE, ["smile"], character="1girl, red hair, ", style=style)
    assert built.prompt == "solo, 1girl, red hair, smile, (best quality:1.1)"
    assert (built.negative_prompt, built.negative_pieces) == ("bad", (("bad", 1.0),))
    assert build_prompt(STORE, ["smile"], style=style, negative_prompt="").negative_prompt == ""


def test_illustrious_style_carries_quality_words():
    built = build_prompt(STORE, ["smile"], style=STYLES["illustrious"])
    assert built.prompt == "smile, masterpiece, best quality, amazing quality"
    assert built.negative_prompt.startswith("frown, pout, bad quality, worst quality")


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        (["smile", ":)"], ["'smile' was given more than once"]),
        (["smile", "frown"], ["smile and frown contradict"]),
        (["smlie"], ["Unknown expression tag 'smlie'. Nearest tags: smile", "free text"]),
        (["tired"], ["several tags: sleepy, exhausted"]),
        (["smile", "blush"], []),
    ],
)
def test_warnings(tags, words):
    warnings = build_prompt(STORE, tags, style=PLAIN).warnings
    assert bool(warnings) == bool(words)
    assert all(word in " ".join(warnings) for word in words)


def test_an_unknown_tag_goes_in_as_free_text():
    built = build_prompt(STORE, ["smile", ("ahoge (hair)", 1.2)], style=PLAIN)
    assert "ahoge" in built.prompt and built.tags == ("smile",)


def test_token_limit_warns():
    def count(text: str) -> int:
        return len(text.split())

    def warnings(limit: int | None) -> tuple[str, ...]:
        return build_prompt(
            STORE, ["smile", "blush"], style=PLAIN, count_tokens=count, token_limit=limit
        ).warnings

    assert warnings(2) == () and warnings(None) == ()
    assert warnings(1)[0].startswith("The prompt has 2 tokens, 2 chunks of 1: blush stands after")


@pytest.mark.parametrize("tags", [[], [""], [" , "]])
def test_no_tags_is_an_error(tags):
    with pytest.raises(TagdbError, match="at least one"):
        build_prompt(STORE, tags, style=PLAIN)
