"""Training drawings on disk: crops as the engine would cut them, their edges, tags and boxes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from expressedit_mcp.imaging import Box, CropPlan, Size, canny_hint, extract, plan_crop, resize
from expressedit_mcp.preview import (
    Drawing,
    Expression,
    draw_character,
    sample_character,
    sample_expression,
    sample_view,
)
from expressedit_mcp.preview.states import EYE_STATES

CANNY_LOW, CANNY_HIGH = 70, 160
EXPRESSIONS_PER_CROP = 4
CHARACTERS_PER_SHARD = 64

_SIZES_PX, _SIZE_SHARES = (256, 384, 512, 640), (0.15, 0.2, 0.45, 0.2)
_FREE_MEASURES = 0.3
_PARTS = ("eyes", "left_eye", "right_eye", "brows", "mouth", "face")
_PART_SHARES = (0.3, 0.12, 0.12, 0.1, 0.24, 0.12)


@dataclass(frozen=True)
class Shard:
    """Samples in order; each run of EXPRESSIONS_PER_CROP shares a character, a view and a crop.

    `pixels` (N, S, S, 3) uint8, `edges` (N, S * S / 8) uint8 bits, both read as needed; `notes`
    hold "character" and "expression" tags, whether sizes and gaze are "free" of those tags, the eye
    that is shut where only one is ("wink": "left", "right" or null), and "boxes" of parts and of the
    "head" in crop pixels.
    """

    pixels: np.ndarray
    edges: np.ndarray
    notes: list[dict[str, Any]]


def shard_folder(root: Path, index: int) -> Path:
    return root / f"{index:04d}"


def load_shard(folder: Path) -> Shard:
    """A shard that draw_shard has written."""
    return Shard(
        np.load(folder / "pixels.npy", mmap_mode="r"),
        np.load(folder / "edges.npy", mmap_mode="r"),
        json.loads((folder / "notes.json").read_text(encoding="utf-8")),
    )


def draw_shard(
    folder: Path, seed: int, index: int, native_px: int, characters: int = CHARACTERS_PER_SHARD
) -> None:
    """Draws and writes one shard; the same arguments give the same files. Skips one that is whole."""
    notes_file = folder / "notes.json"
    if notes_file.is_file():
        return
    cv2.setNumThreads(1)
    folder.mkdir(parents=True, exist_ok=True)
    samples = [
        sample
        for number in range(characters)
        for sample in _draw_one(np.random.default_rng([seed, index, number]), native_px)
    ]
    np.save(folder / "pixels.npy", np.stack([pixels for pixels, _ in samples]))
    np.save(folder / "edges.npy", np.stack([_edges(pixels) for pixels, _ in samples]))
    part = notes_file.with_suffix(".part")
    part.write_text(json.dumps([note for _, note in samples]), encoding="utf-8")
    part.replace(notes_file)


def _draw_one(
    rng: np.random.Generator, native_px: int
) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
    """All samples of one random character in one view."""
    character, view = sample_character(rng), sample_view(rng)
    size_px = int(rng.choice(_SIZES_PX, p=_SIZE_SHARES))
    drawings, told = [], []
    for _ in range(EXPRESSIONS_PER_CROP):
        # sizes and gaze that no tag tells, so that edges alone are obeyed
        free = bool(rng.random() < _FREE_MEASURES)
        expression = sample_expression(rng, free_measures=free)
        drawings.append(draw_character(character, expression, view, size_px))
        told.append({"free": free, "wink": _wink(expression)})
    for plan in _crops(rng, drawings[0], native_px):
        for drawing, facts in zip(drawings, told, strict=True):
            yield _cut(drawing, plan), _note(drawing, plan, character.tags) | facts


def _wink(expression: Expression) -> str | None:
    """The side of the only eye that is shut."""
    marked = EYE_STATES[expression.eyes].marked
    return expression.side if marked and not marked.shows_iris else None


def _crops(rng: np.random.Generator, drawing: Drawing, native_px: int) -> list[CropPlan]:
    """One crop of the whole face and one about a part, as requests with and without context make them."""
    size = Size(drawing.pixels.shape[1], drawing.pixels.shape[0])
    side = drawing.crop_box[2] - drawing.crop_box[0]
    dx, dy = (round(v) for v in rng.uniform(-0.06, 0.06, 2) * side)
    grow = round(side * rng.uniform(-0.04, 0.22))
    face = Box(*drawing.crop_box).shifted(dx, dy).grown(grow) & size.box
    whole = plan_crop(size, face, native_px=native_px, context=face)
    part = Box(*drawing.part_boxes[str(rng.choice(_PARTS, p=_PART_SHARES))])
    dx, dy = (round(v) for v in rng.uniform(-0.08, 0.08, 2) * part.width)
    near = plan_crop(
        size,
        part.shifted(dx, dy) & size.box,
        native_px=native_px,
        margin=rng.uniform(0.05, 0.45),
        min_side_px=48,
    )
    return [whole, near]


def _cut(drawing: Drawing, plan: CropPlan) -> np.ndarray:
    rgb = extract(drawing.pixels, plan.box).astype(np.float32) / 255
    return np.rint(np.clip(resize(rgb, plan.model_size), 0, 1) * 255).astype(np.uint8)


def _note(drawing: Drawing, plan: CropPlan, character: tuple[str, ...]) -> dict[str, Any]:
    corner = np.array([plan.box.left, plan.box.top] * 2)
    boxes = {
        name: np.round((np.array(box) - corner) * plan.scale, 1).tolist()
        for name, box in {**drawing.part_boxes, "head": drawing.crop_box}.items()
    }
    expression = [tag for tag in drawing.tags if tag not in character]
    return {"character": list(character), "expression": expression, "boxes": boxes}


def _edges(pixels: np.ndarray) -> np.ndarray:
    hint = canny_hint(pixels.astype(np.float32) / 255, CANNY_LOW, CANNY_HIGH)
    return np.packbits(hint[..., 0] > 0)
