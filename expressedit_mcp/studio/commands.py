"""What a user asks for, as frozen values. None means: as the model's card says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Self

from pydantic import TypeAdapter

from expressedit_mcp.engine.card import ControlInside, Quality
from expressedit_mcp.imaging.transform import Anchor
from expressedit_mcp.regions import OneRegion
from expressedit_mcp.strokes import BrushStroke, LiquifyStroke

Edges = tuple[float, float, float, float]


@dataclass(frozen=True)
class EditCommand:
    """An edit of the expression inside a region. Exactly one of `tags` and `prompt` is given.

    `learned` are names of learned characters and attributes with their weights; `image_prompt` is a picture's
    reference.
    """

    image: str
    region: OneRegion | Sequence[OneRegion]
    tags: tuple[str, ...] | None = None
    prompt: str | None = None
    negative_prompt: str | None = None
    character: str = ""
    style: str | None = None
    strength: float | None = None
    quality: Quality = "final"
    seed: int | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    control_end: float | None = None
    control_inside: ControlInside | None = None
    context: Edges | None = None
    grow_px: float = 0
    feather_px: float | None = None
    preserve_structure: float = 0.0
    preserve_color: float = 0.0
    learned: tuple[tuple[str, float], ...] = ()
    image_prompt: str | None = None
    image_prompt_scale: float = 0.5
    variations: int = 1
    place: bool = False

    def shifted(self, dx: float, dy: float) -> Self:
        """The command for a picture whose origin lies elsewhere: all coordinates but the region's moved."""
        return replace(self, context=_shifted(self.context, dx, dy))


@dataclass(frozen=True)
class _Transform:
    """A change of the pixels under a region, and its repair by an edit with tags or a prompt.

    `preserve_structure` is the repair's, of the transformed pixels' lines.
    """

    image: str
    region: OneRegion | Sequence[OneRegion]
    _: KW_ONLY
    repair: bool = False
    tags: tuple[str, ...] | None = None
    prompt: str | None = None
    character: str = ""
    strength: float | None = None
    seed: int | None = None
    context: Edges | None = None
    preserve_structure: float = 0.0

    def shifted(self, dx: float, dy: float) -> Self:
        """The command for a picture whose origin lies elsewhere: all coordinates but the region's moved."""
        return replace(self, context=_shifted(self.context, dx, dy))


@dataclass(frozen=True)
class ScaleCommand(_Transform):
    """A scaling of the pixels under each region about its own anchor."""

    scale_x: float
    scale_y: float
    anchor: Anchor = "center"


@dataclass(frozen=True)
class LiquifyCommand(_Transform):
    """Pixels of a region moved by strokes, each on the result of those before."""

    strokes: tuple[LiquifyStroke, ...]

    def shifted(self, dx: float, dy: float) -> Self:
        strokes = tuple(stroke.shifted(dx, dy) for stroke in self.strokes)
        return replace(super().shifted(dx, dy), strokes=strokes)


@dataclass(frozen=True)
class BrushCommand(_Transform):
    """Strokes of colour painted into a region, each over those before."""

    strokes: tuple[BrushStroke, ...]

    def shifted(self, dx: float, dy: float) -> Self:
        strokes = tuple(stroke.shifted(dx, dy) for stroke in self.strokes)
        return replace(super().shifted(dx, dy), strokes=strokes)


TransformCommand = ScaleCommand | LiquifyCommand | BrushCommand


def command_to_json(command: EditCommand) -> dict[str, Any]:
    """An edit command as JSON."""
    return TypeAdapter(EditCommand).dump_python(command, mode="json")


def command_from_json(values: Mapping[str, Any]) -> EditCommand:
    """The edit command of `command_to_json`."""
    return TypeAdapter(EditCommand).validate_python(values)


def _shifted(edges: Edges | None, dx: float, dy: float) -> Edges | None:
    if edges is None:
        return None
    left, top, right, bottom = edges
    return left + dx, top + dy, right + dx, bottom + dy
