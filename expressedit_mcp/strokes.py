"""The strokes that the liquify and brush tools take, in their JSON form, in pixels of the picture."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from expressedit_mcp.regions import Point

LONGEST_MOVE_RADII = 8
Radius = Annotated[
    float,
    Field(
        ge=1,
        le=4000,
        description="Radius of the brush in pixels; its inner half acts fully, from there it fades to its rim",
    ),
]


class _Stroke(BaseModel):
    # the Python name of "from" may be used in Python
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class MoveStroke(_Stroke):
    """Pushes what is under the brush from one point to another."""

    kind: Literal["move"]
    start: Annotated[Point, Field(alias="from", description="[x, y] where the brush is put down")]
    end: Annotated[Point, Field(alias="to", description="[x, y] where it is lifted")]
    radius: Radius
    strength: Annotated[
        float, Field(gt=0, le=1, description="The part of the way that the pixels go along")
    ] = 1.0

    @model_validator(mode="after")
    def _not_too_long(self) -> Self:
        length = math.dist(self.start, self.end)
        if length > LONGEST_MOVE_RADII * self.radius:
            raise ValueError(
                f"this move is {length:.0f} px long, more than {LONGEST_MOVE_RADII} times its radius. Give a "
                "larger radius, or several moves, each from where the last one ended"
            )
        return self

    def shifted(self, dx: float, dy: float) -> Self:
        """The stroke with its points moved by (dx, dy)."""
        start, end = _shifted(self.start, dx, dy), _shifted(self.end, dx, dy)
        return self.model_copy(update={"start": start, "end": end})


class SwellStroke(_Stroke):
    """Enlarges (bloat) or shrinks (pucker) what is under the brush about its centre."""

    kind: Literal["bloat", "pucker"]
    center: Annotated[Point, Field(description="[x, y] of the brush")]
    radius: Radius
    strength: Annotated[
        float,
        Field(gt=0, le=1, description="1 doubles or halves the size, 0.5 is half of that way"),
    ] = 0.5

    def shifted(self, dx: float, dy: float) -> Self:
        """The stroke with its centre moved by (dx, dy)."""
        return self.model_copy(update={"center": _shifted(self.center, dx, dy)})


LiquifyStroke = Annotated[MoveStroke | SwellStroke, Field(discriminator="kind")]


class BrushStroke(_Stroke):
    """A line of colour; a single point is a dot."""

    points: Annotated[
        list[Point],
        Field(min_length=1, max_length=500, description="[[x, y], …] that the line runs through"),
    ]
    width: Annotated[float, Field(ge=1, le=4000, description="Width of the line in pixels")]
    color: Annotated[
        str, Field(pattern=r"^#[0-9a-fA-F]{6}$", description="sRGB colour such as #d04040")
    ]
    opacity: Annotated[float, Field(gt=0, le=1, description="1 hides what is below")] = 1.0
    softness: Annotated[
        float,
        Field(ge=0, le=1, description="0 is a crisp line, 1 fades from its middle (blush)"),
    ] = 0.0
    fill: Annotated[
        bool, Field(description="Also paint the area that the points enclose (a patch)")
    ] = False

    def shifted(self, dx: float, dy: float) -> Self:
        """The stroke with its points moved by (dx, dy)."""
        return self.model_copy(update={"points": [_shifted(p, dx, dy) for p in self.points]})


def _shifted(point: list[float], dx: float, dy: float) -> list[float]:
    return [point[0] + dx, point[1] + dy]
