"""Where the features of a drawing lie in the picture."""

from dataclasses import dataclass, field

import numpy as np

from .brows import brow_spine
from .drawing import CANVAS_UNITS, Canvas
from .eyeshape import EyeShape
from .geometry import joined, mirrored
from .layout import BROW_GAP, Figure, Side
from .mouth import mouth_scale
from .mouthshapes import mouth_contour, mouth_extent

Point = tuple[float, float]
Box = tuple[int, int, int, int]

CROP_UNITS = 90  # side of the face crop at scale 1, of the canvas' 128
_CROP_DROP_UNITS = -4.0


@dataclass(frozen=True)
class EyeLandmarks:
    """One eye, in picture pixels.

    iris_radius is the horizontal one, 0 where no iris is drawn; iris_center is then the
    eye's centre. opening is 0 for closed, 1 for open, above 1 for wide.
    """

    center: Point
    iris_center: Point
    iris_radius: float
    iris_height: float
    opening: float
    brow_center: Point


@dataclass(frozen=True)
class Landmarks:
    """The features of a drawing, in picture pixels; left and right are the viewer's.

    Coordinates are continuous: pixel (i, j) covers i..i+1, j..j+1. mouth_height is 0 for a
    mouth drawn as a line. iris_radius is half the iris' width, iris_height half its height.
    points is (68, 2) float, in the order of the iBUG 300-W scheme from the viewer's left: jaw
    0..16, brows 17..26, nose 27..35, eyes 36..47, outer lips 48..59, inner lips 60..67.
    """

    left_eye: EyeLandmarks
    right_eye: EyeLandmarks
    mouth_center: Point
    mouth_width: float
    mouth_height: float
    face_center: Point
    face_width: float
    points: np.ndarray = field(compare=False, repr=False)


def landmarks_of(canvas: Canvas, figure: Figure, size_px: int) -> Landmarks:
    """The landmarks of the figure drawn on the face's canvas for a picture of size_px."""
    unit = figure.view.scale * size_px / CANVAS_UNITS

    def at(point: Point) -> Point:
        x, y = canvas.to_picture([point], size_px)[0]
        return (float(x), float(y))

    def eye(side: Side) -> EyeLandmarks:
        shape, pose = EyeShape(figure, side), figure.pose.eye(side)
        shows_iris = pose.shows_iris and figure.pose.iris.look not in ("blank", "spiral")
        radius_x, radius_y = shape.iris_radii if shows_iris else (0.0, 0.0)
        return EyeLandmarks(
            center=at(shape.center),
            iris_center=at(shape.iris_center if shows_iris else shape.center),
            iris_radius=radius_x * unit,
            iris_height=radius_y * unit,
            opening=pose.opening,
            brow_center=at(figure.brow_center(side)),
        )

    left, top, right, bottom = mouth_extent(figure.expression.mouth)
    across, down = mouth_scale(figure)
    return Landmarks(
        left_eye=eye(-1),
        right_eye=eye(1),
        mouth_center=at(figure.mouth_center),
        mouth_width=(right - left) * abs(across) * unit,
        mouth_height=(bottom - top) * down * unit,
        face_center=at(figure.face_center),
        face_width=2 * figure.character.face_half_width * unit,
        points=canvas.to_picture(_points(figure), size_px),
    )


def _points(figure: Figure) -> np.ndarray:
    """The 68 points in figure units."""
    jaw = _spread(figure.jaw_line[4:], 9)
    brows = [_spread(brow_spine(figure, side), 5) for side in (-1, 1)]
    (_, nose), start = figure.nose_tip, figure.eye_line - 2
    bridge = np.stack([np.zeros(4), np.linspace(start, nose, 4)], axis=1)
    base = [(-3, nose + 1), (-1.5, nose + 1.8), (0, nose + 2), (1.5, nose + 1.8), (3, nose + 1)]
    lids = [_lids(EyeShape(figure, side)) for side in (-1, 1)]
    return joined(
        mirrored(jaw, -1), jaw[::-1][1:], brows[0][::-1], brows[1], bridge, base,
        lids[0][[3, 2, 1, 0, 5, 4]], lids[1], _lips(figure),
    )  # fmt: skip


def _lids(eye: EyeShape) -> np.ndarray:
    """Inner corner, two points of the upper lid, outer corner, two of the lower lid."""
    upper, lower = _spread(eye.upper, 4), _spread(eye.lower, 4)
    if not eye.figure.pose.eye(eye.side).shows_iris and not eye.figure.pose.eye(eye.side).opening:
        middle = (lower + np.asarray(eye.center)) / 2
        middle[[0, 3]] = lower[[0, 3]]
        upper = lower = middle
    return np.concatenate([upper, lower[[2, 1]]])


def _lips(figure: Figure) -> np.ndarray:
    """Twelve points around the mouth and eight around its opening."""
    upper, lower = mouth_contour(figure.expression.mouth)
    if mouth_scale(figure)[0] < 0:
        upper, lower = upper[::-1], lower[::-1]
    outer = np.concatenate([_spread(upper, 7), _spread(lower, 7)[::-1][1:-1]])
    inner = np.concatenate([_spread(upper, 5), _spread(lower, 5)[::-1][1:-1]])
    return joined(outer, inner) * mouth_scale(figure) + figure.mouth_center


def _spread(path: np.ndarray, count: int) -> np.ndarray:
    """`count` points at even steps along the path."""
    lengths = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    at = np.linspace(0, lengths[-1], count)
    return np.stack([np.interp(at, lengths, path[:, axis]) for axis in (0, 1)], axis=1)


def part_boxes_of(landmarks: Landmarks, figure: Figure, size_px: int) -> dict[str, Box]:
    """The boxes of the parts, with room for every state of the part, clipped to the picture."""
    unit = figure.view.scale * size_px / CANVAS_UNITS
    c = figure.character
    left, right = landmarks.left_eye, landmarks.right_eye
    brow_room, lash_room = c.eye_height + BROW_GAP + 10.0, c.eye_height * 1.25 + 5
    low, side = c.eye_lower_height * 1.3 + 6.5, c.eye_half_width + 6.5
    mouth_low = max(0.7 * (c.chin_height - figure.mouth_center[1]) + 6, 13.0)

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
        "eyes": around(both, (side, brow_room, side, low)),
        "left_eye": around([left.center], (side, lash_room, side - 1, low)),
        "right_eye": around([right.center], (side - 1, lash_room, side, low)),
        "brows": around(both, (side - 1, brow_room, side - 1, -c.eye_height * 0.5)),
        "mouth": around([landmarks.mouth_center], (17, 10.5, 17, mouth_low)),
    }
    jaw = [(x, landmarks.points[8, 1]) for x in (landmarks.points[0, 0], landmarks.points[16, 0])]
    chin = around(jaw, (1.5, 0, 1.5, 4.0))
    boxes["face"] = _union(_union(boxes["eyes"], boxes["mouth"]), chin)
    return boxes


def crop_box_of(landmarks: Landmarks, figure: Figure, size_px: int) -> Box:
    """The square about the face, in pixels; it may reach past the picture."""
    unit = figure.view.scale * size_px / CANVAS_UNITS
    x, y = landmarks.face_center
    side = round(CROP_UNITS * unit)
    left, top = round(x - side / 2), round(y + _CROP_DROP_UNITS * unit - side / 2)
    return (left, top, left + side, top + side)


def _clipped(edges: tuple[float, float, float, float], size_px: int) -> Box:
    left, top, right, bottom = (min(max(round(edge), 0), size_px) for edge in edges)
    return (left, top, right, bottom)


def _union(a: Box, b: Box) -> Box:
    return (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))
