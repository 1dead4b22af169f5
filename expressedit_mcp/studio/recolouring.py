"""Recolouring: an edit that moves colours and light by the difference of two prompts and keeps the lines.

The edit is DDCM (S. Xu et al., "Inversion-Free Image Editing with Natural Language", 2024) with the source's
attention (prompt-to-prompt, A. Hertz et al., 2022), then the pixel stage of SPL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import tagdb
from expressedit_mcp.engine import Engine, OnStep
from expressedit_mcp.engine.backend import Pieces, Stop
from expressedit_mcp.engine.methods.alignment import word_columns
from expressedit_mcp.engine.methods.method import Attention, Method, Source
from expressedit_mcp.errors import InputError
from expressedit_mcp.regions import OneRegion
from expressedit_mcp.studio.commands import Edges, EditCommand
from expressedit_mcp.studio.editing import Editing
from expressedit_mcp.studio.outcome import Outcome
from expressedit_mcp.studio.wording import Wording, word_edit

STRENGTH = 1.0
GUIDANCE_SCALE = 3.0  # at most; at 2, as in the papers, hair stops half way to its new colour
MOST_STEPS = 15
PRESERVE_STRUCTURE = 0.5  # at more, light hair stays light and a blush loses its rim
SELF_UNTIL, CROSS_UNTIL = 0.3, 0.7  # longer, and the self-attention holds colours too


@dataclass(frozen=True)
class RecolorCommand:
    """A change of colour or light inside a region: from what `source_prompt` says to what `target_prompt` says.

    `character` is what is true before and after, `learned` names of learned characters and attributes, with their
    weights, that are seen before and after. `emphasis` multiplies the attention to words of the target.
    None means the default of the module or the model's card.
    """

    image: str
    region: OneRegion | Sequence[OneRegion]
    source_prompt: str
    target_prompt: str
    character: str = ""
    negative_prompt: str | None = None
    emphasis: Mapping[str, float] = field(default_factory=dict)
    strength: float | None = None
    guidance_scale: float | None = None
    seed: int | None = None
    context: Edges | None = None
    feather_px: float | None = None
    preserve_structure: float = PRESERVE_STRUCTURE
    preserve_color: float = 0.0
    learned: tuple[tuple[str, float], ...] = ()


def recolor(
    editing: Editing,
    tags: tagdb.TagStore,
    engine: Engine,
    command: RecolorCommand,
    on_step: OnStep,
    stop: Stop,
) -> Outcome:
    """The recoloured version. Raises InputError before anything is computed, or Cancelled."""
    source, target = _words(tags, engine, command)
    card = engine.card
    edit = EditCommand(
        image=command.image,
        region=command.region,
        strength=STRENGTH if command.strength is None else command.strength,
        steps=min(card.steps.final, MOST_STEPS),
        # a model that was distilled to work without guidance stays without
        guidance_scale=command.guidance_scale or min(card.guidance_scale, GUIDANCE_SCALE),
        seed=command.seed,
        # the lines stay, so their edges are what the ControlNet shall see
        control_inside="keep",
        context=command.context,
        feather_px=command.feather_px,
        preserve_structure=command.preserve_structure,
        preserve_color=command.preserve_color,
        learned=command.learned,
    )
    method = recolor_method(source, command.emphasis)
    return editing.edit_by(method, edit, target, on_step, stop)


def recolor_method(source: Pieces, emphasis: Mapping[str, float]) -> Method:
    """DDCM from what `source` says, with the source's attention."""
    attention = Attention(
        self_until=SELF_UNTIL,
        cross_until=CROSS_UNTIL,
        weights=tuple(emphasis.items()),
    )
    return Method(solver="consistency", source=Source(prompt=source), attention=attention)


def _words(tags: tagdb.TagStore, engine: Engine, command: RecolorCommand) -> tuple[Pieces, Wording]:
    """The source's pieces, and the target's wording with the warnings of both. Raises InputError."""
    source, target = (
        word_edit(
            tags,
            engine,
            tags=None,
            prompt=prompt,
            character=command.character,
            style=None,
            negative_prompt=command.negative_prompt,
        )
        for prompt in (command.source_prompt, command.target_prompt)
    )
    if source.pieces == target.pieces:
        raise InputError(
            "source_prompt and target_prompt say the same, so nothing would change. Name in one what the region "
            "shows, such as 'blue eyes', and in the other what it shall show, such as 'red eyes'."
        )
    tokenizer = engine.tokenizer
    ids = [token for text, _ in target.pieces for token in tokenizer.encode(text)]
    for word in command.emphasis:
        word_columns(ids, word, tokenizer)
    warnings = tuple(dict.fromkeys((*source.warnings, *target.warnings)))
    return source.pieces, replace(target, warnings=warnings)
