"""From the region that a tool takes to a selection of a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from expressedit_mcp.errors import InputError
from expressedit_mcp.imaging import (
    Finder,
    Picture,
    Selection,
    box_selection,
    ellipse_selection,
    mask_selection,
    polygon_selection,
    to_rgb,
)
from expressedit_mcp.regions import (
    BoxRegion,
    DocumentRegion,
    EllipseRegion,
    MaskRegion,
    OneRegion,
    PartRegion,
    PolygonRegion,
)

OpenPicture = Callable[[str], Picture]


def select(
    region: OneRegion | Sequence[OneRegion],
    picture: Picture,
    open_picture: OpenPicture,
    finder: Finder | None,
) -> list[Selection]:
    """One selection per region of the list. Raises InputError for one that selects nothing."""
    regions = region if isinstance(region, Sequence) else [region]
    if not regions:
        raise InputError(
            'The list of regions is empty. Give at least one, such as {"box": [l, t, r, b]}.'
        )
    return [_select_one(one, picture, open_picture, finder) for one in regions]


def _select_one(
    region: OneRegion, picture: Picture, open_picture: OpenPicture, finder: Finder | None
) -> Selection:
    match region:
        case BoxRegion(box=edges):
            return box_selection(edges, picture.size)
        case EllipseRegion(ellipse=edges):
            return ellipse_selection(edges, picture.size)
        case PolygonRegion(polygon=points):
            return polygon_selection([(x, y) for x, y in points], picture.size)
        case MaskRegion(mask=reference):
            return _mask(open_picture(reference), picture)
        case PartRegion():
            return _part(region, picture, finder)
        case DocumentRegion():
            raise InputError(
                "A document's selection can only be used with a picture that was read from that document: "
                'image="photoshop:active".'
            )


def _mask(mask: Picture, picture: Picture) -> Selection:
    """Grey or colour masks count by brightness times their own alpha."""
    if mask.size != picture.size:
        raise InputError(
            f"The mask is {mask.size.width} x {mask.size.height} pixels, the picture "
            f"{picture.size.width} x {picture.size.height}. Give a mask of the picture's size."
        )
    level = to_rgb(mask.pixels).max(axis=2)
    if mask.mode == "RGBA":
        level = (level.astype("uint16") * mask.pixels[..., 3] // 255).astype("uint8")
    return mask_selection(level, picture.size)


def _part(region: PartRegion, picture: Picture, finder: Finder | None) -> Selection:
    if finder is None:
        raise InputError(
            'There is no face finder yet, so {"part": …} cannot be resolved. Look at '
            'view_image(image_id, grid=True) and give {"box": [left, top, right, bottom]} instead.'
        )
    faces = finder.find_faces(to_rgb(picture.pixels))
    if region.face >= len(faces):
        raise InputError(
            f"Face {region.face} was not found ({len(faces)} faces are certain enough). Look at "
            "view_image(image_id, grid=True) and give a box instead."
        )
    face = faces[region.face]
    box = face.box if region.part == "face" else face.parts[region.part]
    return box_selection(box.as_list(), picture.size)
