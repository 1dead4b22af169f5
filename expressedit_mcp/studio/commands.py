"""What a user asks for, as frozen values. None means: as the model's card says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from expressedit_mcp.engine.card import ControlInside, Quality
from expressedit_mcp.imaging.transform import Anchor
from expressedit_mcp.regions import OneRegion


@dataclass(frozen=True)
class EditCommand:
    """An edit of the expression inside a region. Exactly one of `tags` and `prompt` is given."""

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
    context: tuple[float, float, float, float] | None = None
    grow_px: float = 0
    feather_px: float | None = None
    preserve_structure: float = 0.0
    preserve_color: float = 0.0
    variations: int = 1
    place: bool = False


@dataclass(frozen=True)
class ScaleCommand:
    """A scaling of the pixels under each region about its own anchor, and its repair by an edit."""

    image: str
    region: OneRegion | Sequence[OneRegion]
    scale_x: float
    scale_y: float
    anchor: Anchor = "center"
    repair: bool = False
    tags: tuple[str, ...] | None = None
    prompt: str | None = None
    character: str = ""
    strength: float | None = None
    seed: int | None = None
    context: tuple[float, float, float, float] | None = None


def command_to_json(command: EditCommand) -> dict[str, Any]:
    """An edit command as JSON."""
    return TypeAdapter(EditCommand).dump_python(command, mode="json")


def command_from_json(values: Mapping[str, Any]) -> EditCommand:
    """The edit command of `command_to_json`."""
    return TypeAdapter(EditCommand).validate_python(values)
