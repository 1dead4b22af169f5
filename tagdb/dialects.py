"""How a prompt is written for the program that reads it: escapes and weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tagdb.errors import TagdbError
from tagdb.grammar import Piece, format_prompt, format_weight, merge_pieces


@dataclass(frozen=True)
class Dialect:
    """`write` turns pieces into the string that the program reads back as these pieces.

    `has_weights` is False where the program's prompts cannot carry weights; they are left out.
    """

    name: str
    has_weights: bool
    write: Callable[[Iterable[Piece]], str]


def _comfyui(pieces: Iterable[Piece]) -> str:
    r"""The string for ComfyUI's CLIP Text Encode.

    Only ``\(`` and ``\)`` are escapes there; square brackets and other backslashes are literal.
    Source: https://github.com/comfyanonymous/ComfyUI/blob/master/comfy/sd1_clip.py (token_weights)
    """
    merged = merge_pieces(pieces)
    written = []
    for index, (text, weight) in enumerate(merged):
        literal = text.replace("(", r"\(").replace(")", r"\)")
        # a backslash at the end would escape the bracket that opens the next piece
        bare = weight == 1.0 and not (text.endswith("\\") and index < len(merged) - 1)
        written.append(literal if bare else f"({literal}:{format_weight(weight)})")
    return "".join(written)


def _diffusers(pieces: Iterable[Piece]) -> str:
    """The text alone: diffusers' pipelines tokenise a prompt as it stands, brackets and all.

    Source: https://huggingface.co/docs/diffusers/using-diffusers/weighted_prompts
    """
    return "".join(text for text, _ in merge_pieces(pieces))


DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Dialect("a1111", True, format_prompt),
        Dialect("comfyui", True, _comfyui),
        Dialect("diffusers", False, _diffusers),
    )
}


def choose_dialect(name: str) -> Dialect:
    """The dialect of this name. Raises TagdbError."""
    try:
        return DIALECTS[name]
    except KeyError:
        known = ", ".join(DIALECTS)
        raise TagdbError(f"There is no prompt dialect {name!r}; accepted are {known}.") from None
