"""Where the features of a drawing lie in the picture."""

from dataclasses import dataclass

from .drawing import CANVAS_UNITS, Canvas
from .layout import BROW_GAP, Figure, Side
from .mouth import mouth_size

Point = tuple[float, float]
Box = tuple[int, int, int, int]

CROP_UNITS = 92  # side of the face crop, of the canvas' 128
_CROP_LIFT_UNITS = 1


@dataclass(frozen=True)
class EyeLandmarks:
    """One eye, in picture pixels.

    iris_radius is the horizontal one, 0 where no iris is drawn; iris_center is then the
    eye's centre. opening is 0 for closed, 1 for open, above 1 for wide.
    """

    center: Point
    iris_center: Point
    iris_radius: float
    opening: float
    brow_center: Point


@dataclass(frozen=True)
class Landmarks:
    """The features of a drawing, in picture pixels; left and right are the viewer's.

    Coordinates are continuous: pixel (i, j) covers i..i+1, j..j+1. mouth_height is 0 for a
    mouth drawn as a line.
    """

    left_eye: EyeLandmarks
    right_eye: EyeLandmarks
    mouth_center: Point
    mouth_width: float
    mouth_height: float
    face_center: Point
    face_width: float


def landmarks_of(canvas: Canvas, figure: Figure, size_px: int) -> Landmarks:
    """The landmarks of the figure drawn on the canvas for a picture of size_px."""
    scale = size_px / CANVAS_UNITS

    def at(point: Point) -> Point:
        x, y = canvas.to_units(point) * scale
        return (float(x), float(y))

    def eye(side: Side) -> EyeLandmarks:
        radius = figure.iris_radius * figure.view.scale * scale
        return EyeLandmarks(
            center=at(figure.eye_center(side)),
            iris_center=at(figure.iris_center(side)),
            iris_radius=radius if figure.has_iris(side) else 0.0,
            opening=figure.opening(side),
            brow_center=at(figure.brow_center(side)),
        )

    width, height = mouth_size(figure)
    return Landmarks(
        left_eye=eye(-1),
        right_eye=eye(1),
        mouth_center=at(figure.mouth_center),
        mouth_width=width * figure.view.scale * scale,
        mouth_height=height * figure.view.scale * scale,
        face_center=at(figure.face_center),
        face_width=2 * figure.character.face_half_width * figure.view.scale * scale,
    )


def part_boxes_of(landmarks: Landmarks, figure: Figure, size_px: int) -> dict[str, Box]:
    """The boxes of the parts, with room for every state of the part, clipped to the picture."""
    unit = figure.view.scale * size_px / CANVAS_UNITS
    eye_height = figure.character.eye_height
    left, right = landmarks.left_eye, landmarks.right_eye
    brow_room, lash_room = eye_height + BROW_GAP + 8.5, eye_height * 1.25 + 6

    def around(points: list[Point], margins: tuple[float, float, float, float]) -> Box:
        """The box that reaches past the points by margins left, top, right, bottom."""
        xs, ys = zip(*points, strict=True)
        edges = (
            min(xs) - margins[0] * unit,
            min(ys) - margins[1] * unit,
            max(xs) + margins[2] * unit,
            max(ys) + margins[3] * unit,
        )
        return _clipped(edges, size_px)

    both = [left.center, right.center]
    boxes = {
        "eyes": around(both, (18, brow_room, 18, 16)),
        "left_eye": around([left.center], (17, lash_room, 17, 16)),
        "right_eye": around([right.center], (17, lash_room, 17, 16)),
        "brows": around(both, (14, brow_room, 14, -eye_height - 1)),
        "mouth": around([landmarks.mouth_center], (18, 9, 18, 17)),
    }
    boxes["face"] = _union(boxes["eyes"], boxes["mouth"])
    return boxes


def crop_box_of(landmarks: Landmarks, size_px: int) -> Box:
    """The square about the face, in pixels; it may reach past the picture."""
    unit = size_px / CANVAS_UNITS
    x, y = landmarks.face_center
    side = round(CROP_UNITS * unit)
    left, top = round(x - side / 2), round(y - _CROP_LIFT_UNITS * unit - side / 2)
    return (left, top, left + side, top + side)


def _clipped(edges: tuple[float, float, float, float], size_px: int) -> Box:
    left, top, right, bottom = (min(max(round(edge), 0), size_px) for edge in edges)
    return (left, top, right, bottom)


def _union(a: Box, b: Box) -> Box:
    return (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))
