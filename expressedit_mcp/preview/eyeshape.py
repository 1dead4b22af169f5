"""The outline of an open eye: its lids as curves."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from .geometry import joined, smooth
from .layout import Figure, Side

# Share of the half width from the inner (-1) to the outer corner, and of the eye's heights.
_ACROSS = np.array([-1.0, -0.9, -0.66, -0.1, 0.42, 0.8, 1.0])
_UPPER = np.array([0.1, -0.22, -0.66, -1.0, -0.9, -0.44, 0.08])
_LOWER = np.array([0.1, 0.5, 0.86, 1.0, 0.93, 0.52, 0.08])


@dataclass(frozen=True)
class EyeShape:
    """One eye of a figure; curves run from the inner to the outer corner, (N, 2) figure units."""

    figure: Figure
    side: Side

    @property
    def center(self) -> tuple[float, float]:
        return self.figure.eye_center(self.side)

    @property
    def half_width(self) -> float:
        return self.figure.character.eye_half_width

    @property
    def height(self) -> float:
        return self.figure.character.eye_height

    @property
    def lower_height(self) -> float:
        return self.figure.character.eye_lower_height

    def placed(self, across: np.ndarray, down: np.ndarray) -> np.ndarray:
        """Points from shares of the half width (outwards) and lengths below the eye's centre."""
        tilt = self.figure.character.eye_tilt
        x, y = self.center
        return np.stack(
            [x + self.side * self.half_width * across, y + down - tilt * across * 0.9], axis=1
        )

    @cached_property
    def upper(self) -> np.ndarray:
        pose, height = self.figure.pose.eye(self.side), self.height
        shut = 0.62 * self._lower_down
        down = shut + (height * _UPPER - shut) * pose.opening
        bump = 1 - np.abs(_ACROSS) ** 6
        if pose.flat:
            level = down.min() * 0.86
            down = down + pose.flat * bump * (level - down) * (np.abs(_ACROSS) < 0.95)
        down = down + pose.slant * 0.3 * height * (0.6 - _ACROSS) * bump
        down = np.minimum(down, self._lower_down - 0.02 * height)
        down[[0, -1]] = self._lower_down[[0, -1]]
        return smooth(self.placed(_ACROSS, down), samples=5)

    @cached_property
    def lower(self) -> np.ndarray:
        return smooth(self.placed(_ACROSS, self._lower_down), samples=5)

    @cached_property
    def outline(self) -> np.ndarray:
        return joined(self.upper, self.lower[::-1][1:-1])

    @property
    def _lower_down(self) -> np.ndarray:
        raised = 1 - 0.62 * self.figure.pose.eye(self.side).lower
        wide = 1 + 0.35 * max(self.figure.pose.eye(self.side).opening - 1, 0)
        return self.lower_height * _LOWER * raised * wide

    @property
    def iris_center(self) -> tuple[float, float]:
        pose, (x, y) = self.figure.pose, self.center
        reach = self.half_width / 10.6
        gaze_x, gaze_y = pose.gaze
        gaze_y *= (self.height + self.lower_height) / 16.6
        inward = -self.side * (pose.together * reach + 0.35)
        return (x + gaze_x * reach + inward, y + 0.46 * (self.lower_height - self.height) + gaze_y)

    @property
    def iris_radii(self) -> tuple[float, float]:
        radius = self.figure.character.iris_radius * self.figure.pose.iris_scale(self.side)
        tall = 1.04 + 0.16 * min(max((self.height - 6) / 5, 0), 1)
        return (radius, radius * tall)
