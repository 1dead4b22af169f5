"""What a transform command does to a picture's pixels, before a model may repair it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from expressedit_mcp.imaging import (
    Move,
    Paint,
    Patch,
    Picture,
    Selection,
    Swell,
    apply_patch,
    liquify_under,
    mask_selection,
    paint_under,
    scale_under,
    union,
)
from expressedit_mcp.imaging.crop import extract
from expressedit_mcp.strokes import BrushStroke, LiquifyStroke, MoveStroke
from expressedit_mcp.studio.commands import (
    BrushCommand,
    LiquifyCommand,
    ScaleCommand,
    TransformCommand,
)


def transform_request(
    command: TransformCommand, image_id: str, selections: Sequence[Selection]
) -> dict[str, Any]:
    """Everything that the transformed pixels depend on, as JSON."""
    return {
        **_parameters(command),
        "image": image_id,
        "selections": [
            [*s.box.as_list(), hashlib.sha256(s.alpha.tobytes()).hexdigest()[:16]]
            for s in selections
        ],
    }


def transform(
    command: TransformCommand,
    picture: Picture,
    selections: Sequence[Selection],
    between: Callable[[], None],
) -> Patch:
    """The patch of a transform; `between` may raise to stop it. Raises InputError where nothing changes."""
    match command:
        case ScaleCommand():
            return _scale_each(command, picture, selections)
        case LiquifyCommand(strokes=strokes):
            moves = [_liquify(stroke) for stroke in strokes]
            return liquify_under(picture, union(selections), moves, between)
        case BrushCommand(strokes=strokes):
            return paint_under(picture, union(selections), [_paint(stroke) for stroke in strokes])


def to_repair(
    command: TransformCommand, patch: Patch, selections: Sequence[Selection]
) -> Selection:
    """What a repair redraws: the pixels that were scaled or moved; round a sketched line the whole region."""
    if isinstance(command, BrushCommand):
        return union(selections)
    return mask_selection(patch.alpha, selections[0].size, (patch.box.left, patch.box.top))


def _parameters(command: TransformCommand) -> dict[str, Any]:
    match command:
        case ScaleCommand():
            return {
                "operation": "scale",
                "scale_x": command.scale_x,
                "scale_y": command.scale_y,
                "anchor": command.anchor,
            }
        case LiquifyCommand(strokes=strokes):
            return {"operation": "liquify", "strokes": _as_json(strokes)}
        case BrushCommand(strokes=strokes):
            return {"operation": "brush", "strokes": _as_json(strokes)}


def _as_json(strokes: Sequence[LiquifyStroke | BrushStroke]) -> list[dict[str, Any]]:
    return [stroke.model_dump(mode="json", by_alias=True) for stroke in strokes]


def _scale_each(command: ScaleCommand, picture: Picture, selections: Sequence[Selection]) -> Patch:
    """One patch for all regions, scaled one after the other."""
    after, written = picture, []
    for selection in selections:
        patch = scale_under(after, selection, command.scale_x, command.scale_y, command.anchor)
        after = apply_patch(after, patch)
        written.append(
            mask_selection(
                (patch.alpha > 0).astype(np.uint8) * 255,
                picture.size,
                (patch.box.left, patch.box.top),
            )
        )
    whole = union(written)
    colours = min(3, picture.pixels.shape[2])
    return Patch(whole.box, extract(after.pixels, whole.box)[..., :colours], whole.alpha)


def _liquify(stroke: LiquifyStroke) -> Move | Swell:
    if isinstance(stroke, MoveStroke):
        (x0, y0), (x1, y1), part = stroke.start, stroke.end, stroke.strength
        end = x0 + part * (x1 - x0), y0 + part * (y1 - y0)
        return Move((x0, y0), end, stroke.radius)
    x, y = stroke.center
    sign = 1 if stroke.kind == "bloat" else -1
    return Swell((x, y), stroke.radius, 2 ** (sign * stroke.strength))


def _paint(stroke: BrushStroke) -> Paint:
    red, green, blue = (int(stroke.color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return Paint(
        tuple((x, y) for x, y in stroke.points),
        stroke.width,
        (red, green, blue),
        stroke.opacity,
        stroke.softness,
        stroke.fill,
    )
