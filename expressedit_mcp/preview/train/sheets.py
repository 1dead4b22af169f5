"""Sample sheets: edits of drawings that training never saw, made by the engine as a user's would be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from expressedit_mcp.engine import EditRequest, LocalEngine
from expressedit_mcp.imaging import (
    Patch,
    Picture,
    apply_patch,
    box_selection,
    extract,
    feather,
    plan_crop,
)
from expressedit_mcp.preview import (
    Character,
    contact_sheet,
    draw_character,
    expression_from_tags,
    sample_character,
    sample_view,
)

EDITS: tuple[tuple[str, str], ...] = (
    ("eyes", "closed eyes"),
    ("eyes", "^_^"),
    ("eyes", "half-closed eyes"),
    ("eyes", "constricted pupils"),
    ("left_eye", "one eye closed"),
    ("mouth", ":d"),
    ("mouth", "open mouth"),
    ("mouth", "frown"),
    ("mouth", "clenched teeth"),
    ("face", "angry"),
    ("face", "crying"),
    ("face", "happy"),
)
_HELD_OUT_SEED = 977
_SIZE_PX, _CELL_PX = 512, 160


def edit_drawing(
    engine: LocalEngine, character: Character, part: str, tag: str, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(source, edited, the rig's own drawing of the tag), each (512, 512, 3) uint8 RGB."""
    view = sample_view(np.random.default_rng([_HELD_OUT_SEED, seed]))
    plain = draw_character(character, expression_from_tags([]), view, _SIZE_PX)
    wanted = draw_character(character, expression_from_tags([tag]), view, _SIZE_PX)
    card, picture = engine.card, Picture(plain.pixels)
    selection = box_selection(plain.part_boxes[part], picture.size)
    selection = feather(
        selection, round(card.feather * min(selection.box.width, selection.box.height))
    )
    crop = plan_crop(
        picture.size,
        selection.box,
        native_px=card.native_px,
        margin=card.margin,
        min_side_px=card.min_crop_px,
    )
    request = EditRequest(
        crop=extract(plain.pixels, crop.box),
        selection=selection.within(crop.box),
        model_size=crop.model_size,
        prompt=((", ".join((*character.tags, tag)), 1.0),),
        negative_prompt=(),
        strength=card.strength,
        steps=card.steps.final,
        guidance_scale=card.guidance_scale,
        control_scale=card.control_scale,
        control_end=card.control_end,
        control_inside=card.control_inside,
        sampler=card.sampler,
        seed=seed,
    )
    result = engine.edit(request, lambda done, of, what: None, lambda: False)
    patch = Patch.of(result.colour, crop.box, selection, picture)
    return plain.pixels, apply_patch(picture, patch).pixels, wanted.pixels


def sample_sheet(
    model_dir: Path, characters: int = 4, edits: Sequence[tuple[str, str]] = EDITS
) -> np.ndarray:
    """A row per character: its drawing, its edits, and under each the rig's own drawing of the tag."""
    engine = LocalEngine(model_dir, "cpu")
    rows: list[np.ndarray] = []
    captions: list[str] = []
    for number in range(characters):
        character = sample_character(np.random.default_rng([_HELD_OUT_SEED, number]))
        made = [edit_drawing(engine, character, part, tag, number) for part, tag in edits]
        rows += [made[0][0], *(edited for _, edited, _ in made)]
        rows += [made[0][0], *(wanted for _, _, wanted in made)]
        captions += ["source", *(tag for _, tag in edits), "", *("rig" for _ in edits)]
    engine.close()
    small = [cv2.resize(r, (_CELL_PX, _CELL_PX), interpolation=cv2.INTER_AREA) for r in rows]
    return contact_sheet(small, len(edits) + 1, captions, 11)
