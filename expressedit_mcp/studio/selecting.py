"""From the region that a tool takes to a selection of a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from expressedit_mcp.errors import InputError
from expressedit_mcp.imaging import (
    Face,
    Picture,
    Selection,
    box_selection,
    ellipse_selection,
    face_outline,
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
    WordsRegion,
)
from expressedit_mcp.studio.photoshop import is_document

_SEEN = 0.5  # the least chance of a tag that counts as shown

OpenPicture = Callable[[str], Picture]
FindFaces = Callable[[], list[Face]]
FindWords = Callable[[WordsRegion, Selection | None], Selection]
"""(region, what it lies within or None) -> where the model looks for its words."""

BY_HAND = (
    "Look at view_image(image_id, grid=True) and give the part's coordinates as "
    '{"box": [left, top, right, bottom]}.'
)


def select(
    region: OneRegion | Sequence[OneRegion],
    picture: Picture,
    open_picture: OpenPicture,
    find_faces: FindFaces | None,
    find_words: FindWords,
) -> list[Selection]:
    """One selection per region of the list; find_faces gives the picture's faces, if there is a finder.

    Raises InputError for a region that selects nothing or names a face that is not certain enough.
    """
    regions = region if isinstance(region, Sequence) else [region]
    if not regions:
        raise InputError(
            'The list of regions is empty. Give at least one, such as {"box": [l, t, r, b]}.'
        )
    return [_select_one(one, picture, open_picture, find_faces, find_words) for one in regions]


def _select_one(
    region: OneRegion,
    picture: Picture,
    open_picture: OpenPicture,
    find_faces: FindFaces | None,
    find_words: FindWords,
) -> Selection:
    match region:
        case BoxRegion(box=edges):
            return box_selection(edges, picture.size)
        case EllipseRegion(ellipse=edges):
            return ellipse_selection(edges, picture.size)
        case PolygonRegion(polygon=points):
            return polygon_selection([(x, y) for x, y in points], picture.size)
        case MaskRegion(mask=reference):
            if is_document(reference):
                raise InputError(
                    f'{reference} is no mask. {{"document": "selection"}} is what is selected in Photoshop; '
                    "to take what a document shows as a mask, give the image_id of photoshop_read(selection=False)."
                )
            return _mask(open_picture(reference), picture)
        case PartRegion():
            return _part(region, picture, find_faces)
        case WordsRegion(within=within):
            return find_words(
                region,
                within and _select_one(within, picture, open_picture, find_faces, find_words),
            )
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


def choose_face(find_faces: FindFaces | None, number: int, what: str) -> Face:
    """The face of a number. Raises InputError that says what could not be found, and what to do."""
    if find_faces is None:
        raise InputError(f"There is no face finder, so {what} cannot be found. {BY_HAND}")
    faces = find_faces()
    if not faces:
        raise InputError(
            f"No face is certain enough to find {what}. The finder knows faces drawn like the demo "
            f"characters. {BY_HAND}"
        )
    if number >= len(faces):
        known = ", ".join(
            f"{n}: {face.box.as_list()} ({face.confidence:.2f})" for n, face in enumerate(faces)
        )
        raise InputError(
            f"There is no face {number}; found are (number: box (confidence)) {known}. {BY_HAND}"
        )
    return faces[number]


def seen_tags(face: Face) -> tuple[str, ...]:
    """The expression tags that the face rather shows than not."""
    return tuple(tag for tag, chance in face.tags.items() if chance >= _SEEN)


def _part(region: PartRegion, picture: Picture, find_faces: FindFaces | None) -> Selection:
    name = region.part.replace("_", " ")
    face = choose_face(find_faces, region.face, f"its {name}")
    box = face.parts.get(region.part)
    if box is None:
        raise InputError(f"Face {region.face} shows no {name}: the eye is shut or drawn as a sign.")
    if region.part == "face" and face.landmarks is not None and "eyes" in face.parts:
        return polygon_selection(
            face_outline(face.landmarks, box, face.parts["eyes"]), picture.size
        )
    select = ellipse_selection if region.part.endswith("iris") else box_selection
    return select(box.as_list(), picture.size)
