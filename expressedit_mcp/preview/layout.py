"""Where the parts of one drawing lie and which colours they have."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from .character import EYE_COLORS, HAIR_COLORS, SKIN_COLORS, Character, Rgb, View
from .drawing import darker, lighter, shifted
from .expression import Expression, FacePose, pose_of

Side = Literal[-1, 1]  # the viewer's left and right
SIDES: tuple[Side, Side] = (-1, 1)

BROW_GAP = 8.5  # from the top of an open eye to the resting brow, figure units
MOUTH_DROP = 23.5  # from the eyes' line to the mouth
FACE_CENTER_DROP = 10.0  # from the eyes' line to the face's centre


@dataclass(frozen=True)
class Palette:
    """The colours of one character."""

    hair: Rgb
    hair_shadow: Rgb
    hair_light: Rgb
    hair_line: Rgb
    brow: Rgb
    lash: Rgb
    iris: Rgb
    skin: Rgb
    skin_shadow: Rgb
    skin_crease: Rgb
    skin_line: Rgb
    mouth_line: Rgb


def palette_of(character: Character) -> Palette:
    """The colours derived from the character's hair, eyes and skin."""
    hair = shifted(HAIR_COLORS[character.hair_color], character.hair_color_shift)
    skin = SKIN_COLORS[character.skin]
    hair_line, skin_line = darker(hair, 0.55), darker(skin, 0.35)
    return Palette(
        hair=hair,
        hair_shadow=darker(hair, 0.8),
        hair_light=lighter(hair, 0.6),
        hair_line=hair_line,
        brow=darker(hair_line, 0.85),
        lash=darker(hair_line, 0.45),
        iris=shifted(EYE_COLORS[character.eye_color], character.eye_color_shift),
        skin=skin,
        skin_shadow=darker(skin, 0.86),
        skin_crease=darker(skin, 0.6),
        skin_line=skin_line,
        mouth_line=darker(skin_line, 0.75),
    )


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
    def eye_line(self) -> float:
        return self.view.pitch + self.character.eye_offset_y

    @property
    def face_center(self) -> tuple[float, float]:
        return (self.view.yaw, self.eye_line + FACE_CENTER_DROP)

    @property
    def mouth_center(self) -> tuple[float, float]:
        return (self.view.yaw * 1.1, self.eye_line + MOUTH_DROP)

    @property
    def looking_side(self) -> Side:
        return 1 if self.expression.side == "right" else -1

    def eye_center(self, side: Side) -> tuple[float, float]:
        yaw = self.view.yaw
        return (yaw + side * self.character.eye_offset_x * (1 - 0.015 * yaw * side), self.eye_line)

    def eye_half_width(self, side: Side) -> float:
        return self.character.eye_half_width * (1 - 0.02 * self.view.yaw * side)

    def opening(self, side: Side) -> float:
        return self.pose.left_opening if side < 0 else self.pose.right_opening

    def iris_center(self, side: Side) -> tuple[float, float]:
        x, y = self.eye_center(side)
        if not self.has_iris(side):
            return (x, y)
        gaze_x, gaze_y = self.pose.gaze
        return (x + gaze_x - 0.8 * side, y + 0.8 * gaze_y + 0.2)

    def has_iris(self, side: Side) -> bool:
        return self.expression.shows_iris and self.opening(side) > 0

    @property
    def iris_radius(self) -> float:
        return self.character.iris_radius * self.pose.iris_scale

    def brow_center(self, side: Side) -> tuple[float, float]:
        rest = self.eye_line - self.character.eye_height - BROW_GAP
        x = self.view.yaw + side * self.character.eye_offset_x
        return (x, rest + self.pose.brow_drop)
