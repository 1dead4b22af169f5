"""The words of the shipped model: one tag is one token."""

from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from expressedit_mcp.preview.character import ACCESSORIES, EYE_COLORS, HAIR_COLORS, HAIR_STYLES
from expressedit_mcp.preview.tagging import EXPRESSION_TAGS
from expressedit_mcp.preview.tags import RULES

PAD, UNKNOWN, BOS, EOS = range(4)
MAX_TOKENS = 32
_MARKS = ("<pad>", "<unk>", "<bos>", "<eos>")
_PEOPLE = ("1girl", "1boy", "solo", "child", "mature female", "mature male", "old woman", "old man")
_FACE = frozenset({"face", "head"})
_SOME_OF_FACE = _FACE | {"eyes", "mouth"}
_EYES = _FACE | {"eyes", "left_eye", "right_eye"}
_SHOWN_IN = {
    "eyes": _EYES,
    "iris": _EYES,
    "gaze": _EYES,
    "brows": _FACE | {"eyes", "brows"},
    "mouth": _FACE | {"mouth"},
}


def vocabulary() -> tuple[str, ...]:
    """All tokens in the order of their ids, the four marks first."""
    return (
        *_MARKS,
        *_PEOPLE,
        *HAIR_COLORS,
        *EYE_COLORS,
        *HAIR_STYLES,
        *ACCESSORIES,
        *EXPRESSION_TAGS,
    )


def token_ids(tags: Iterable[str], ids: dict[str, int]) -> list[int]:
    """Ids of a prompt of tags, marks and padding included; tags past the last position are cut."""
    inner = [ids[tag] for tag in tags][: MAX_TOKENS - 2]
    return [BOS, *inner, EOS, *[PAD] * (MAX_TOKENS - 2 - len(inner))]


def make_tokenizer() -> Tokenizer:
    """The tokenizer of the model directory: splits at commas, lower case."""
    ids = {token: index for index, token in enumerate(vocabulary())}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=_MARKS[UNKNOWN]))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Strip()])  # type: ignore[assignment]
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\s*,\s*"), "removed")  # type: ignore[assignment]
    tokenizer.post_processor = processors.TemplateProcessing(  # type: ignore[assignment]
        single="<bos> $A <eos>", special_tokens=[("<bos>", BOS), ("<eos>", EOS)]
    )
    return tokenizer


def regions_of(tag: str) -> tuple[frozenset[str], ...]:
    """For each part that an expression tag describes, the regions that show it.

    Marks lie anywhere; a word for a whole face is asked of the face, or of eyes and mouth one after
    the other.
    """
    if tag not in RULES:
        return (_SOME_OF_FACE,)
    return tuple(_SHOWN_IN[part] for part in RULES[tag] if part != "extras")
