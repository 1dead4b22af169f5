"""What a prompt is made of: styles, the character's own words, negatives, edits of one part each."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagdb import (
    STYLES,
    EditStep,
    ExpressionTag,
    PromptStyle,
    TagStore,
    build_prompt,
    load_tags,
)
from tagdb.overview import overview
from tagdb.slots import (
    _BELOW_THE_EYES,
    _NEEDS_NSFW_NEGATED,
    _NO_IRIS,
    _ONE_EYE,
    _UP_TO_THE_BROWS,
    EditPart,
    edit_part,
    slot_negatives,
)

TAGS = load_tags()
BY_NAME = {tag.tag: tag for tag in TAGS}
STORE = TagStore(TAGS)
PLAIN = STYLES["plain"]
SLOTS = PromptStyle(name="slots", slot_negatives=True)


def edits(*tags: str, **options: object) -> tuple[EditStep, ...]:
    return build_prompt(STORE, tags, style=PLAIN, **options).edits  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("style", "start", "end", "negative"),
    [
        ("plain", "smile", "smile", ""),
        ("illustrious", "smile", "amazing quality", "frown, pout, bad quality, worst quality"),
        ("noobai", "masterpiece, best quality, newest", "safe, smile", "frown, pout, nsfw, worst"),
        ("pony", "score_9, score_8_up", "rating_safe, smile", "frown, pout"),
        ("sdxl", "smile, anime artwork", "highly detailed", "frown, pout, photo"),
    ],
)
def test_a_style_goes_round_the_expression(style, start, end, negative):
    built = build_prompt(STORE, ["smile"], style=STYLES[style])
    assert built.prompt.startswith(start) and built.prompt.endswith(end)
    assert built.negative_prompt.startswith(negative)


@pytest.mark.parametrize("style", STYLES)
def test_every_style_leaves_room_for_the_expression_in_one_chunk(style):
    text = f"{STYLES[style].prefix} {STYLES[style].suffix}"
    # a score word is "score", "_", a digit and "_up": at most 6 tokens of CLIP
    assert sum(6 if "_" in word else 1 for word in text.replace(",", " , ").split()) <= 60


@pytest.mark.parametrize(
    ("tag", "cutoff_year", "word"),
    [
        ("nervous_sweating", 2022, "sweating profusely"),
        ("nervous_sweating", 2023, "nervous sweating"),
        ("averting_eyes", 2023, "looking away"),
        ("averting_eyes", 2024, "averting eyes"),
        ("averting_eyes", 0, "averting eyes"),
        ("looking_to_the_side", 2015, "looking to the side"),
        ("smile", 2015, "smile"),
    ],
)
def test_a_checkpoint_gets_the_word_of_its_time(tag, cutoff_year, word):
    built = build_prompt(STORE, [tag], style=PromptStyle(name="old", cutoff_year=cutoff_year))
    assert built.prompt == word and built.tags == (tag,)
    told = any(f"{tag} is written {word!r}" in warning for warning in built.warnings)
    assert told == (word != BY_NAME[tag].prompt_form)


@pytest.mark.parametrize(
    ("character", "tags", "prompt", "removed"),
    [
        ("1girl, smile, red hair", ["frown"], "1girl, red hair, frown", ("smile",)),
        ("1girl, (gentle smile:1.2), red hair", ["sad"], "1girl, red hair, sad", ("gentle smile",)),
        ("笑顔, red hair, open_mouth", ["sad"], "red hair, sad", ("笑顔", "open_mouth")),
        ("tired, teeth, red hair", ["sad"], "red hair, sad", ("tired", "teeth")),
        ("(red hair, smile:1.2), hat", ["sad"], "(red hair,:1.2) hat, sad", ("smile",)),
        ("red hair, blue eyes", ["closed_eyes"], "red hair, closed eyes", ("blue eyes",)),
        ("blue_eyes, heterochromia", ["^_^"], "^_^, closed eyes", ("blue_eyes", "heterochromia")),
        ("light blue eyes, hat", ["xd"], "hat, xd, :d, >_<", ("light blue eyes",)),
        ("red hair, blue eyes", ["one_eye_closed"], "red hair, blue eyes, one eye closed", ()),
        ("blue eyeshadow, eyes", ["closed_eyes"], "blue eyeshadow, eyes, closed eyes", ()),
        ("1girl, fang, freckles, cat ears", ["sad"], "1girl, fang, freckles, cat ears, sad", ()),
        ("", ["sad"], "sad", ()),
    ],
)
def test_expressions_and_unseen_irises_leave_the_character(character, tags, prompt, removed):
    built = build_prompt(STORE, tags, character=character, style=PLAIN)
    assert (built.prompt, built.removed) == (prompt, removed)
    assert all(any(repr(word) in warning for warning in built.warnings) for word in removed)


def test_any_tag_in_the_character_is_taken_out():
    for tag in TAGS:
        built = build_prompt(STORE, ["smile"], character=f"hat, {tag.prompt_form}", style=PLAIN)
        if not {"(", ")"} & set(tag.prompt_form):
            assert built.prompt == "hat, smile", tag.tag


@pytest.mark.parametrize(
    ("tags", "negative"),
    [
        (["closed_eyes"], "open eyes, one eye closed, half-closed eyes"),
        (["frown"], "smile, grin"),
        (["closed_mouth"], "open mouth, parted lips"),
        (["looking_to_the_side"], "looking at viewer, closed eyes"),
        (["rolling_eyes"], "looking at viewer, looking down, nsfw"),
        (["angry", "smile"], "light smile, yawning, frown, pout"),
        (["sweatdrop"], ""),
        (["closed_eyes", "frown", "blush"], "open eyes, one eye closed, half-closed eyes, smile"),
    ],
)
def test_the_opposite_of_the_slot_is_negated(tags, negative):
    assert build_prompt(STORE, tags, style=SLOTS).negative_prompt == negative
    assert build_prompt(STORE, tags, style=PLAIN).negative_prompt == ""
    assert build_prompt(STORE, tags, style=SLOTS, negative_prompt="x").negative_prompt == "x"


@pytest.mark.parametrize("tag", TAGS, ids=lambda tag: tag.tag)
def test_negatives_are_few_common_features_that_contradict(tag):
    found = slot_negatives([tag], TAGS)
    assert len(found) <= 5
    for opposite in found:
        if isinstance(opposite, str):
            assert opposite in ("open eyes", "nsfw")
        else:
            assert opposite.tag in tag.contradicts
            assert opposite.tag not in tag.implies
            assert opposite.category != "emoticon" and opposite.post_count >= 10_000


@pytest.mark.parametrize(
    ("tags", "plan"),
    [
        (["smile"], [("mouth", ("smile",))]),
        (["closed_eyes"], [("eyes", ("closed_eyes",))]),
        (["raised_eyebrow"], [("brows", ("raised_eyebrow",))]),
        (["raised_eyebrow", "jitome"], [("eyes", ("raised_eyebrow", "jitome"))]),
        (["angry"], [("face", ("angry",))]),
        (["angry", "open_mouth"], [("face", ("angry", "open_mouth"))]),
        (["smile", "blush"], [("face", ("smile", "blush"))]),
        (["blush"], [("cheeks", ("blush",))]),
        (["smile", "closed_eyes"], [("eyes", ("closed_eyes",)), ("mouth", ("smile",))]),
        (
            ["blush", ":d", "happy", "^_^"],
            [("eyes", ("happy", "^_^")), ("mouth", ("blush", ":d", "happy"))],
        ),
        (["raised_eyebrow", "smirk"], [("brows", ("raised_eyebrow",)), ("mouth", ("smirk",))]),
        (
            ["flying_sweatdrops", "facepalm", "sad", "head_tilt"],
            [
                ("head", ("head_tilt",)),
                ("face", ("sad",)),
                ("hands", ("facepalm",)),
                ("marks", ("flying_sweatdrops",)),
            ],
        ),
        (["nonsense"], [("face", ("nonsense",))]),
        (
            ["nonsense", "smile", "jitome"],
            [("eyes", ("nonsense", "jitome")), ("mouth", ("nonsense", "smile"))],
        ),
    ],
)
def test_eyes_and_mouth_are_edits_of_their_own(tags, plan):
    assert [(edit.part, edit.tags) for edit in edits(*tags)] == plan


def test_each_edit_has_its_own_prompts():
    style = PromptStyle(name="s", suffix="good", negative_prompt="bad", slot_negatives=True)
    built = build_prompt(
        STORE,
        ["closed_eyes", "(:d:1.2)"],
        character="hat, blue eyes",
        style=style,
        dialect="comfyui",
    )
    eyes, mouth = built.edits
    assert eyes.prompt == "hat, closed eyes, good"
    assert eyes.negative_prompt == "open eyes, one eye closed, half-closed eyes, bad"
    assert mouth.prompt == "hat, blue eyes, (:d,:1.2) (smile,:1.2) good"
    assert mouth.negative_prompt == "closed mouth, frown, bad"
    assert built.prompt == "hat, closed eyes, (:d,:1.2) (smile,:1.2) good"


def test_an_edit_says_what_the_picture_needs():
    eyes, mouth = edits("wide-eyed", "jaw_drop")
    assert [(t.tag, t.plan.target, t.plan.arguments) for t in eyes.transforms] == [
        ("wide-eyed", "irises", {"scale_x": 0.5, "scale_y": 0.5})
    ]
    assert [t.plan.target for t in mouth.transforms] == ["mouth"]
    assert eyes.control_inside is mouth.control_inside is None


@pytest.mark.parametrize(
    ("tags", "erased"),
    [
        (["closed_eyes"], ["erase"]),
        (["smile"], [None]),
        (["closed_eyes", "smile"], ["erase", None]),
        (["jitome", "closed_mouth"], [None, "erase"]),
        ([";d"], ["erase"]),
        # scaled pixels are the hint that the edges carry
        (["crazy", "closed_mouth"], [None]),
    ],
)
def test_old_edges_are_erased_where_they_would_hold_the_feature(tags, erased):
    assert [edit.control_inside for edit in edits(*tags)] == erased


def test_a_spanning_tags_transform_is_made_once():
    for tag in TAGS:
        steps = edits("jitome", "closed_mouth", tag.tag)
        made = [t.tag for step in steps for t in step.transforms if t.tag == tag.tag]
        expected = tag.transform.need != "none" and tag.tag not in ("jitome", "closed_mouth")
        assert len(made) == expected or tag.tag == "closed_mouth", tag.tag


@given(st.lists(st.sampled_from(TAGS), min_size=1, max_size=6, unique=True))
def test_every_tag_is_in_the_prompt_and_in_some_edit(tags):
    built = build_prompt(STORE, [tag.tag for tag in tags], style=SLOTS)
    words = "".join(text for text, _ in built.pieces).split(", ")
    implied = {BY_NAME[name].prompt_form for name in built.implied}
    assert [word for word in words if word not in implied] == [t.prompt_form for t in tags]
    assert implied <= set(words)
    drawn = [edit.tags for edit in built.edits]
    assert {name for names in drawn for name in names} == {tag.tag for tag in tags}
    parts = [edit.part for edit in built.edits]
    assert len(parts) == len(set(parts))
    assert not ("face" in parts and {"eyes", "brows", "mouth", "cheeks"} & set(parts))
    negatives = {word for text, _ in built.negative_pieces for word in text.split(", ")}
    assert not negatives & {tag.prompt_form for tag in tags}


@pytest.mark.parametrize(
    ("tags", "parts"),
    [
        (["closed eyes", "smile"], [("left_eye", "right_eye"), ("mouth",)]),
        (["heart-shaped pupils", "looking up"], [("left_eye", "right_eye")]),
        (["closed eyes", "v-shaped eyebrows"], [("eyes",)]),
        (["closed eyes", "big lashes", "smile"], [("eyes",), ("mouth",)]),
        ([">_<"], [("eyes",)]),
        (["furrowed brow"], [("eyes",)]),
        (["one eye closed"], [()]),
        (["bags under eyes"], [()]),
        (["tears"], [("face",)]),
        (["blush"], [("face",)]),
        (["angry"], [("face",)]),
        (["free text"], [("face",)]),
        (["sweatdrop"], [()]),
    ],
)
def test_an_edit_names_the_parts_of_a_found_face(tags, parts):
    assert [edit.face_parts for edit in build_prompt(STORE, tags, style=PLAIN).edits] == parts


def test_contradictions_are_told_and_kept():
    built = build_prompt(STORE, ["smile", "frown"], style=PLAIN)
    assert built.prompt == "smile, frown"
    assert built.contradictions == (("smile", "frown"),)
    assert "both are in the prompt" in built.warnings[0]


def test_every_tag_has_a_part_and_the_special_tags_exist():
    assert {edit_part(tag) for tag in TAGS} == set(get_args(EditPart))
    places = _ONE_EYE | _BELOW_THE_EYES | _UP_TO_THE_BROWS
    assert BY_NAME.keys() >= (_NO_IRIS | _NEEDS_NSFW_NEGATED | places)


def test_words_after_the_first_chunk_are_named():
    built = build_prompt(
        STORE,
        ["smile", "blush"],
        character="a b c",
        style=PLAIN,
        count_tokens=lambda text: len(text.replace(",", " , ").split()),
        token_limit=5,
    )
    assert built.tokens == 7
    assert built.warnings == (
        "The prompt has 7 tokens, 2 chunks of 5: blush stands after the first, where words count for "
        "less; shorten the character.",
    )


def test_the_overview_holds_every_tag_and_is_small():
    text = overview(TAGS)
    lines = text.splitlines()
    assert len(lines) == 1 + 8 + len(TAGS)
    for tag in TAGS:
        mark = "*" if tag.transform.need == "needed" else ""
        assert f"{tag.prompt_form}{mark} – {tag.gloss}" in lines
    # about 1,800 tokens of MiniLM's vocabulary
    assert len(text) <= 8_500


def test_a_tag_of_ones_own_is_listed_by_the_opening_of_its_definition():
    own = ExpressionTag(
        tag="fang_smile",
        prompt_form="fang smile",
        category="own",
        definition={"ja": "八重歯をのぞかせた笑い。いたずらに成功した時に。"},
    )
    assert overview([own]).endswith("## own\nfang smile – 八重歯をのぞかせた笑い\n")
    built = build_prompt(TagStore([own, *TAGS]), ["fang smile"], style=STYLES["noobai"])
    assert [(edit.part, edit.tags) for edit in built.edits] == [("face", ("fang_smile",))]
