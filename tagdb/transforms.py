"""What to do to the pixels before an edit when a prompt alone does not reach an expression."""

from __future__ import annotations

from typing import NamedTuple


class Transform(NamedTuple):
    """A transform operator: the tool that performs it (None: by hand), arguments, one line."""

    tool: str | None
    arguments: dict[str, float]
    advice: str


_SCALE = "apply_scale_transform"

TRANSFORMS: dict[str, Transform] = {
    "scale_iris_down": Transform(_SCALE, {"scale_x": 0.5}, "shrink each iris about its centre"),
    "scale_iris_up": Transform(_SCALE, {"scale_x": 1.25}, "enlarge each iris about its centre"),
    "scale_eye": Transform(_SCALE, {"scale_x": 1.2}, "enlarge the eye about its centre"),
    "scale_mouth": Transform(_SCALE, {"scale_x": 1.3}, "enlarge the mouth about its centre"),
    "shift_gaze": Transform(None, {}, "move both irises toward the direction of the gaze"),
    "erase_eye": Transform(None, {}, "paint skin over the open eye, leave a thin lid line"),
    "sketch_eye": Transform(None, {}, "paint skin over the eye and draw the plain shape"),
    "select_one_eye": Transform(None, {}, "select only the eye that changes"),
    "liquify_eye_corner": Transform(None, {}, "push the outer eye corners up or down"),
    "liquify_brow": Transform(None, {}, "push the brow to its intended height and slant"),
    "sketch_brow": Transform(None, {}, "draw the brow line in its intended shape"),
    "liquify_mouth_corner": Transform(None, {}, "push the mouth corner up or down"),
    "erase_mouth": Transform(None, {}, "paint skin over the mouth"),
    "sketch_mouth": Transform(None, {}, "draw the mouth's outline in its intended shape"),
    "move_mouth": Transform(None, {}, "cut the mouth out and place it where it belongs"),
    "liquify_cheek": Transform(None, {}, "push the cheek outward"),
    "liquify_outline": Transform(None, {}, "push the outline of the face to its intended shape"),
    "sketch_hand": Transform(None, {}, "draw the hand roughly and select it with the face"),
    "sketch_mark": Transform(None, {}, "draw the mark roughly where it belongs"),
    "brush_mark": Transform(None, {}, "brush the mark in roughly with its colour"),
    "region_outside_face": Transform(None, {}, "widen the selection beyond the face"),
    "rotate_head": Transform(None, {}, "rotate the head about the neck"),
}


def describe_transform(operator: str) -> str:
    """One phrase that says how to perform the operator: the tool with arguments, or by hand."""
    entry = TRANSFORMS.get(operator)
    if entry is None:
        return operator
    if entry.tool is None:
        return f"{operator} by hand ({entry.advice})"
    arguments = ", ".join(f"{name} {value:g}" for name, value in entry.arguments.items())
    return f"{entry.tool} with {arguments} ({entry.advice})"
