"""Prompts as A1111, ComfyUI and diffusers read them: nothing is lost on the way."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagdb import DIALECTS, STYLES, TagdbError, TagStore, build_prompt, load_tags
from tagdb.dialects import choose_dialect
from tagdb.grammar import join_tags, merge_pieces, parse_prompt, split_tags

TAGS = load_tags()
STORE = TagStore(TAGS)
PLAIN = STYLES["plain"]


def read_comfyui(prompt: str, weight: float = 1.0) -> list[tuple[str, float]]:
    """How ComfyUI reads a prompt: outer brackets nest, the last colon before ")" gives the weight."""
    if weight == 1.0:
        prompt = prompt.replace(r"\)", "\0\1").replace(r"\(", "\0\2")
    parts, depth, start = [], 0, 0
    for at, char in enumerate(prompt):
        if char == "(":
            if depth == 0:
                parts.append(prompt[start:at])
                start = at
            depth += 1
        elif char == ")":
            depth -= 1
            if depth == 0:
                parts.append(prompt[start : at + 1])
                start = at + 1
    parts.append(prompt[start:])
    pieces: list[tuple[str, float]] = []
    for part in filter(None, parts):
        if not (part.startswith("(") and part.endswith(")")):
            pieces.append((part.replace("\0\1", ")").replace("\0\2", "("), weight))
            continue
        inner, factor = part[1:-1], weight * 1.1
        found = re.fullmatch(r"(.+):([0-9.]+)", inner, re.DOTALL)
        if found:
            inner, factor = found[1], float(found[2])
        pieces += read_comfyui(inner, factor)
    return pieces


def read_diffusers(prompt: str) -> list[tuple[str, float]]:
    return [(prompt, 1.0)]


READERS = {"a1111": parse_prompt, "comfyui": read_comfyui, "diffusers": read_diffusers}


def test_every_dialect_is_read_back_here() -> None:
    assert READERS.keys() == DIALECTS.keys()


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("weight", [1.0, 1.2, 0.85])
def test_every_tag_is_read_back_alone_and_weighted(name: str, weight: float) -> None:
    kept = weight if DIALECTS[name].has_weights else 1.0
    for tag in TAGS:
        written = DIALECTS[name].write([(tag.prompt_form, weight)])
        assert merge_pieces(READERS[name](written)) == ((tag.prompt_form, kept),), tag.tag


@pytest.mark.parametrize("name", DIALECTS)
def test_all_tags_in_one_prompt_are_read_back(name: str) -> None:
    pieces = join_tags(*(((tag.prompt_form, 1.0 + n % 3 / 10),) for n, tag in enumerate(TAGS)))
    read = merge_pieces(READERS[name](DIALECTS[name].write(pieces)))
    if DIALECTS[name].has_weights:
        assert read == pieces
    assert "".join(text for text, _ in read) == ", ".join(tag.prompt_form for tag in TAGS)


texts = st.text(alphabet=" ab,:.12()[]\\<>^_+笑", min_size=1, max_size=8)
weights = st.integers(1, 300).map(lambda hundredths: hundredths / 100)


@given(st.lists(st.tuples(texts, weights), max_size=6))
def test_comfyui_reads_any_pieces_back(pieces: list[tuple[str, float]]) -> None:
    written = DIALECTS["comfyui"].write(pieces)
    assert merge_pieces(read_comfyui(written)) == merge_pieces(pieces)


@pytest.mark.parametrize(
    ("name", "prompt"),
    [
        ("a1111", r"(\\\(^o^\)/,:1.2) \[x\]"),
        ("comfyui", r"(\\(^o^\)/,:1.2) [x]"),
        ("diffusers", r"\(^o^)/, [x]"),
    ],
)
def test_each_program_has_its_own_escapes(name: str, prompt: str) -> None:
    pieces = join_tags(((r"\(^o^)/", 1.2),), (("[x]", 1.0),))
    assert DIALECTS[name].write(pieces) == prompt


def test_weights_that_cannot_be_written_are_told() -> None:
    built = build_prompt(STORE, ["(smile:1.2)"], style=PLAIN, dialect="diffusers")
    assert built.prompt == "smile"
    assert built.pieces == (("smile", 1.2),)
    assert built.warnings == ("Prompts for diffusers carry no weights; they were left out.",)


def test_an_unknown_dialect_is_refused_with_the_known_ones() -> None:
    with pytest.raises(TagdbError, match="a1111, comfyui, diffusers"):
        choose_dialect("nai")


@given(st.text(alphabet="()[]\\:12. ,a", max_size=24))
def test_split_tags_join_to_the_same_tags(text: str) -> None:
    tags = split_tags(parse_prompt(text))
    assert split_tags(join_tags(*tags)) == tags


@pytest.mark.parametrize(
    ("prompt", "tags"),
    [
        ("a, b", ["a", "b"]),
        (" ,a,, b ,", ["a", "b"]),
        ("(a, b:1.2), c", ["a", "b", "c"]),
        ("red (hair:1.2) bow, b", ["red hair bow", "b"]),
        ("", []),
    ],
)
def test_tags_lie_between_commas(prompt: str, tags: list[str]) -> None:
    found = split_tags(parse_prompt(prompt))
    assert ["".join(text for text, _ in tag) for tag in found] == tags
