"""Training drawings on disk: crops as the engine would cut them, their edges, tags and boxes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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
    sample_view,
)
from expressedit_mcp.preview.states import EYE_STATES

from .edits import MARK, Asked, random_group

CANNY_LOW, CANNY_HIGH = 70, 160
EDITS_PER_BASE = 5
CHARACTERS_PER_SHARD = 64

_SIZES_PX, _SIZE_SHARES = (256, 384, 512, 640), (0.15, 0.2, 0.45, 0.2)
_WHOLE_FACE = 0.12  # of the crops, as requests with context make them
_LEAST_CHANGE, _MARK_ROOM = 12, 1 / 64


@dataclass(frozen=True)
class Shard:
    """Samples in order: each base is followed by edits of it in the same crop.

    `pixels` (N, S, S, 3) uint8, `edges` (N, S * S / 8) uint8 bits, both read as needed; `notes`
    hold the "group" of base and edits (its first index and its length), "character" and "expression"
    tags, the "region" that the edits select, whether sizes and
    gaze are "free" of the tags, the eye that is shut where only one is ("wink": "left", "right" or
    null), and "boxes" of parts, of the "head" and of a "mark" in crop pixels.
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
    samples: list[tuple[np.ndarray, dict[str, Any]]] = []
    for number in range(characters):
        group = _draw_one(np.random.default_rng([seed, index, number]), native_px)
        samples += [(cut, note | {"group": [len(samples), len(group)]}) for cut, note in group]
    np.save(folder / "pixels.npy", np.stack([pixels for pixels, _ in samples]))
    np.save(folder / "edges.npy", np.stack([_edges(pixels) for pixels, _ in samples]))
    part = notes_file.with_suffix(".part")
    part.write_text(json.dumps([note for _, note in samples]), encoding="utf-8")
    part.replace(notes_file)


def _draw_one(rng: np.random.Generator, native_px: int) -> list[tuple[np.ndarray, dict[str, Any]]]:
    """All samples of one random character in one view."""
    character, view = sample_character(rng), sample_view(rng)
    size_px = int(rng.choice(_SIZES_PX, p=_SIZE_SHARES))
    group = random_group(rng, EDITS_PER_BASE)
    members = (Asked(group.base), *group.edits)
    drawings = [draw_character(character, m.expression, view, size_px) for m in members]
    marks = {MARK: _changed_box(*drawings[:2])} if group.region == MARK else {}
    boxes = drawings[0].part_boxes | {"head": drawings[0].crop_box} | marks
    plan = _crop(rng, boxes, group.region, size_px, native_px)
    facts = [
        {"region": group.region, "free": member.free, "wink": _wink(member.expression)}
        for member in members
    ]
    return [
        (_cut(drawing, plan), _note(drawing, boxes, plan, character.tags) | told)
        for drawing, told in zip(drawings, facts, strict=True)
    ]


def _wink(expression: Expression) -> str | None:
    """The side of the only eye that is shut."""
    marked = EYE_STATES[expression.eyes].marked
    return expression.side if marked and not marked.shows_iris else None


def _crop(
    rng: np.random.Generator,
    boxes: Mapping[str, Sequence[int]],
    region: str,
    size_px: int,
    native_px: int,
) -> CropPlan:
    """The crop of a request that selects about the region's box, with or without context."""
    size = Size(size_px, size_px)
    box = Box(*(round(edge) for edge in boxes[region]))
    dx, dy = (round(v) for v in rng.uniform(-0.08, 0.08, 2) * box.width)
    box = box.shifted(dx, dy) & size.box
    if rng.random() >= _WHOLE_FACE:
        margin = rng.uniform(0.1, 0.32)
        return plan_crop(size, box, native_px=native_px, margin=margin, min_side_px=48)
    head = Box(*boxes["head"])
    context = head.grown(round(head.width * rng.uniform(-0.04, 0.22))) & size.box
    return plan_crop(size, box, native_px=native_px, context=context)


def _changed_box(before: Drawing, after: Drawing) -> tuple[int, int, int, int]:
    """The box about all that differs, with some room; the head's where nothing does."""
    apart = np.abs(after.pixels.astype(int) - before.pixels).max(axis=2)
    rows, columns = np.nonzero(apart > _LEAST_CHANGE)
    if not len(rows):
        return before.crop_box
    room = round(len(apart) * _MARK_ROOM)
    box = Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1).grown(room)
    inside = box & Size(len(apart), len(apart)).box
    return inside.left, inside.top, inside.right, inside.bottom


def _cut(drawing: Drawing, plan: CropPlan) -> np.ndarray:
    rgb = extract(drawing.pixels, plan.box).astype(np.float32) / 255
    return np.rint(np.clip(resize(rgb, plan.model_size), 0, 1) * 255).astype(np.uint8)


def _note(
    drawing: Drawing,
    boxes: Mapping[str, Sequence[int]],
    plan: CropPlan,
    character: tuple[str, ...],
) -> dict[str, Any]:
    corner = np.array([plan.box.left, plan.box.top] * 2)
    placed = {
        name: np.round((np.array(box) - corner) * plan.scale, 1).tolist()
        for name, box in boxes.items()
    }
    expression = [tag for tag in drawing.tags if tag not in character]
    return {"character": list(character), "expression": expression, "boxes": placed}


def _edges(pixels: np.ndarray) -> np.ndarray:
    hint = canny_hint(pixels.astype(np.float32) / 255, CANNY_LOW, CANNY_HIGH)
    return np.packbits(hint[..., 0] > 0)
