"""The region that a tool takes: the JSON form of a selection, in pixels of the picture."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Number = Annotated[float, Field(allow_inf_nan=False, ge=-1_000_000, le=1_000_000)]
Edges = Annotated[
    list[Number],
    Field(
        min_length=4,
        max_length=4,
        description="[left, top, right, bottom] in picture pixels; right and bottom are not included",
    ),
]
Point = Annotated[list[Number], Field(min_length=2, max_length=2, description="[x, y]")]


class _Region(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BoxRegion(_Region):
    """A rectangle."""

    box: Edges


class EllipseRegion(_Region):
    """The ellipse that touches the four edges."""

    ellipse: Edges


class PolygonRegion(_Region):
    """A closed outline of 3 to 1000 points."""

    polygon: Annotated[list[Point], Field(min_length=3, max_length=1000)]


class MaskRegion(_Region):
    """A picture of the same size: white is selected, black is not, grey is partly."""

    mask: Annotated[str, Field(description="image_id, path or data: URI", max_length=30_000_000)]


Part = Literal["face", "eyes", "left_eye", "right_eye", "left_iris", "right_iris", "brows", "mouth"]


class PartRegion(_Region):
    """A part of a found face; left and right are the viewer's.

    An iris is an ellipse; the face is outlined from the brows along the jaw; the others are boxes.
    """

    part: Part
    face: Annotated[int, Field(ge=0, le=100)] = 0


class DocumentRegion(_Region):
    """What is selected in the document that is open in Photoshop."""

    document: Literal["selection"]


class WordsRegion(_Region):
    """Where the model looks for words that it knows, such as "blush" or "open mouth", shown there or not."""

    words: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=100)]],
        Field(min_length=1, max_length=8),
    ]
    within: Annotated[
        BoxRegion | EllipseRegion | PolygonRegion | MaskRegion | PartRegion | DocumentRegion | None,
        Field(description="Only the part of it in this region, such as one face of several"),
    ] = None
    threshold: Annotated[
        float, Field(ge=0.05, le=0.95, description="Lower selects more round the strongest place")
    ] = 0.5


OneRegion = (
    BoxRegion
    | EllipseRegion
    | PolygonRegion
    | MaskRegion
    | PartRegion
    | DocumentRegion
    | WordsRegion
)
Region = OneRegion | Annotated[list[OneRegion], Field(min_length=1, max_length=64)]
