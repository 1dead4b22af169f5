"""Where the parts of one drawing lie and which colours they have."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from .character import EYE_COLORS, HAIR_COLORS, SKIN_COLORS, Character, View
from .drawing import CANVAS_UNITS, Rgb, darker, mixed, shifted, tinted
from .expression import Expression
from .geometry import joined, mirrored, smooth
from .pose import FacePose, pose_of

Side = Literal[-1, 1]  # the viewer's left and right
SIDES: tuple[Side, Side] = (-1, 1)

BROW_GAP = 6.2  # from the top of an open eye to the resting brow, figure units
MOUTH_SHARE = 0.625  # of the way from the eyes' line to the chin
NOSE_SHARE = 0.37
NECK_PIVOT = (0.0, 40.0)  # what the head turns about
FIGURE_ORIGIN = (64.0, 67.0)  # in the canvas


@dataclass(frozen=True)
class Palette:
    """The colours of one character."""

    hair: Rgb
    hair_shadow: Rgb
    hair_deep: Rgb
    hair_light: Rgb
    hair_line: Rgb
    brow: Rgb
    lash: Rgb
    iris: Rgb
    skin: Rgb
    skin_shadow: Rgb
    skin_deep: Rgb
    skin_light: Rgb
    skin_line: Rgb
    blush: Rgb
    mouth_line: Rgb
    lip: Rgb


def palette_of(character: Character) -> Palette:
    """The colours derived from the character's hair, eyes and skin."""
    hair = shifted(HAIR_COLORS[character.hair_color], character.hair_color_shift)
    skin = SKIN_COLORS[character.skin]
    hair_line = tinted(hair, (0.4, 0.32, 0.38))
    skin_line = mixed(tinted(skin, (0.44, 0.27, 0.24)), (70, 36, 36), 0.35)
    depth = 1 - sum(skin) / 765  # 0.07 for pale, 0.6 for dark
    return Palette(
        hair=hair,
        hair_shadow=tinted(hair, (0.78, 0.72, 0.8)),
        hair_deep=tinted(hair, (0.6, 0.53, 0.64)),
        hair_light=mixed(hair, (255, 250, 244), 0.42),
        hair_line=hair_line,
        brow=mixed(tinted(hair, (0.5, 0.42, 0.44)), (52, 36, 42), 0.3),
        lash=mixed(darker(hair_line, 0.5), (36, 24, 32), 0.6),
        iris=shifted(EYE_COLORS[character.eye_color], character.eye_color_shift),
        skin=skin,
        skin_shadow=tinted(skin, (0.92, 0.79, 0.77)),
        skin_deep=tinted(skin, (0.82, 0.64, 0.62)),
        skin_light=mixed(skin, (255, 252, 246), 0.5),
        skin_line=skin_line,
        blush=mixed((244, 112, 112), tinted(skin, (0.95, 0.5, 0.48)), min(1.0, 1.1 * depth)),
        mouth_line=mixed(skin_line, (74, 22, 30), 0.5),
        lip=mixed(tinted(skin, (0.9, 0.62, 0.62)), (206, 92, 98), 0.35),
    )


@dataclass(frozen=True)
class Dome:
    """A surface that slides features over a rounded face: yaw to the right, pitch down.

    Points move by the whole of it in the middle of the face and by less towards its rim.
    """

    shift: tuple[float, float]
    center_y: float = 12.0
    radii: tuple[float, float] = (46.0, 62.0)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        x = points[:, 0] / self.radii[0]
        y = (points[:, 1] - self.center_y) / self.radii[1]
        depth = np.maximum(1 - x * x - y * y, 0.0)
        return points + np.multiply.outer(depth, self.shift)


@dataclass(frozen=True)
class Layer:
    """A surface that moves as a whole by a share of yaw and pitch."""

    shift: tuple[float, float]

    def __call__(self, points: np.ndarray) -> np.ndarray:
        return points + self.shift


@dataclass(frozen=True)
class Figure:
    """One character with one expression, laid out in figure units.

    The origin is the middle of the head; x points right, y down.
    """

    character: Character
    expression: Expression
    view: View

    @cached_property
    def palette(self) -> Palette:
        return palette_of(self.character)

    @cached_property
    def pose(self) -> FacePose:
        return pose_of(self.expression)

    @property
    def face_surface(self) -> Dome:
        return Dome((self.view.yaw, self.view.pitch))

    @property
    def hair_surface(self) -> Dome:
        return Dome((self.view.yaw, self.view.pitch), 8.0, (54.0, 66.0))

    @property
    def back_surface(self) -> Layer:
        return Layer((-0.35 * self.view.yaw, -0.3 * self.view.pitch))

    def head_map(self) -> np.ndarray:
        """The affine map (2, 3) of the head's figure units to canvas units."""
        angle = np.deg2rad(self.view.rotation_deg)
        cos, sin = float(np.cos(angle)), float(np.sin(angle))
        turn = np.array([[cos, -sin], [sin, cos]]) * self.view.scale
        pivot = np.array(NECK_PIVOT)
        return np.column_stack([turn, self._place(pivot) - turn @ pivot])

    def body_map(self) -> np.ndarray:
        """The same for neck and shoulders, which do not turn."""
        return np.column_stack([np.eye(2) * self.view.scale, self._place(np.zeros(2))])

    def _place(self, point: np.ndarray) -> np.ndarray:
        center = np.array([CANVAS_UNITS / 2, CANVAS_UNITS / 2])
        moved = np.add(FIGURE_ORIGIN, point) - center
        return center + moved * self.view.scale + self.view.shift

    @property
    def eye_line(self) -> float:
        return self.character.eye_offset_y

    @property
    def crown(self) -> float:
        """The top of the hair."""
        return -44.0 - 5.5 * self.character.hair_volume

    @property
    def hairline(self) -> float:
        """Where the hair begins over the middle of the forehead."""
        c = self.character
        return self.eye_line - c.eye_height - (23 if c.age == "old" else 21)

    @property
    def chin(self) -> float:
        return self.character.chin_height + self.pose.jaw_drop

    @property
    def face_center(self) -> tuple[float, float]:
        return (0.0, self.eye_line + 8.0)

    @property
    def mouth_center(self) -> tuple[float, float]:
        drop = MOUTH_SHARE * (self.character.chin_height - self.eye_line)
        return (0.0, self.eye_line + drop)

    @property
    def nose_tip(self) -> tuple[float, float]:
        return (0.0, self.eye_line + NOSE_SHARE * (self.character.chin_height - self.eye_line))

    @property
    def looking_side(self) -> Side:
        return 1 if self.expression.side == "right" else -1

    @cached_property
    def jaw_line(self) -> np.ndarray:
        """The right half of the face's outline, from the temple to the chin, (N, 2)."""
        c, chin = self.character, self.chin
        width, low = c.face_half_width, c.chin_height - self.eye_line
        puff = self.pose.cheek_puff
        knots = [
            (width * 0.985, self.eye_line - 16),
            (width, self.eye_line - 2),
            (width * (0.915 + 0.05 * c.cheek) + 1.6 * puff, self.eye_line + low * 0.36),
            (
                width * (0.62 + 0.16 * c.cheek + 0.17 * c.jaw) + 3.2 * puff,
                self.eye_line + low * 0.64,
            ),
            (width * (0.285 + 0.09 * c.cheek + 0.27 * c.jaw), self.eye_line + low * 0.885),
            (width * (0.11 + 0.18 * c.jaw), chin - 0.85),
            (0.0, chin),
        ]
        return smooth(knots, samples=6)

    @cached_property
    def face_outline(self) -> np.ndarray:
        """The whole outline of skull and jaw, clockwise from the right temple."""
        width = self.character.face_half_width
        left = mirrored(self.jaw_line, -1)[::-1]
        crown = [(-width * 0.985, self.eye_line - 18), (-width * 0.88, -24), (-width * 0.6, -36.5),
                 (-width * 0.25, -42.5), (width * 0.25, -42.5), (width * 0.6, -36.5),
                 (width * 0.88, -24), (width * 0.985, self.eye_line - 18)]  # fmt: skip
        return joined(self.jaw_line, left[1:], smooth(crown, samples=6))

    def eye_center(self, side: Side) -> tuple[float, float]:
        return (side * self.character.eye_offset_x, self.eye_line)

    def brow_center(self, side: Side) -> tuple[float, float]:
        rest = self.eye_line - self.character.eye_height - BROW_GAP
        return (side * (self.character.eye_offset_x - 0.5), rest + self.pose.brow(side).drop)
