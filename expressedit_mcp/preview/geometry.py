"""Curves and outlines as (N, 2) float arrays of points."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Points = npt.ArrayLike

_LARGE_RADIUS = 14.0
_QUARTER_TURN = np.array([-1.0, 1.0])
_BACK_TURN = np.array([1.0, -1.0])
_END_SIGNS = np.array([[1.0], [-1.0]])
_CAP_SIDE = np.array([[0.7], [0.0], [-0.7]])
_CAP_AHEAD = np.array([[0.7], [1.0], [0.7]])


@lru_cache(maxsize=16)
def _spline_basis(samples: int) -> np.ndarray:
    """Catmull-Rom weights (samples, 4) of four neighbours, for the span between the middle two."""
    t = np.arange(samples) / samples
    columns = [
        -t + 2 * t**2 - t**3,
        2 - 5 * t**2 + 3 * t**3,
        t + 4 * t**2 - 3 * t**3,
        -(t**2) + t**3,
    ]
    return np.stack(columns, axis=1) / 2


def smooth(path: Points, closed: bool = False, samples: int = 8) -> np.ndarray:
    """A Catmull-Rom spline through the points, `samples` points per span."""
    knots = np.asarray(path, float)
    if closed:
        padded = np.concatenate([knots[-1:], knots, knots[:2]])
    else:
        padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    spans = len(padded) - 3
    neighbours = np.stack([padded[i : i + spans] for i in range(4)], axis=1)
    curve = (_spline_basis(samples) @ neighbours).reshape(-1, 2)
    return curve if closed else np.concatenate([curve, knots[-1:]])


@lru_cache(maxsize=16)
def _bezier_basis(degree: int, samples: int) -> np.ndarray:
    t = np.linspace(0, 1, samples)
    rows = {
        2: [(1 - t) ** 2, 2 * t * (1 - t), t**2],
        3: [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3],
    }
    return np.stack(rows[degree], axis=1)


def bezier(*controls: tuple[float, float] | np.ndarray, samples: int = 14) -> np.ndarray:
    """The quadratic or cubic Bezier curve of three or four control points."""
    return _bezier_basis(len(controls) - 1, samples) @ np.asarray(controls, float)


@lru_cache(maxsize=4)
def _circle(count: int) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.stack([np.cos(turn), np.sin(turn)], axis=1)


def ellipse(x: float, y: float, radius_x: float, radius_y: float) -> np.ndarray:
    """The outline of an ellipse about (x, y): (40, 2), more points for a large one."""
    count = 40 if radius_x < _LARGE_RADIUS else 160
    return _circle(count) * (radius_x, radius_y) + (x, y)


def joined(*paths: Points) -> np.ndarray:
    """The paths one after the other."""
    return np.concatenate([np.asarray(path, float) for path in paths])


def moved(path: Points, right: float, down: float) -> np.ndarray:
    """The points moved by that much."""
    return np.asarray(path, float) + np.array([right, down])


def mirrored(path: Points, side: int) -> np.ndarray:
    """The points with x times `side` (-1 or 1)."""
    return np.asarray(path, float) * (side, 1)


def leaf(
    root: tuple[float, float],
    tip: tuple[float, float],
    width: float,
    bend: float = 0.0,
    fullness: float = 0.5,
    root_share: float = 0.8,
) -> tuple[np.ndarray, np.ndarray]:
    """The two sides of a pointed lock, each from root to tip.

    bend moves the middle to the right of the way from root to tip; fullness 0..1 says how far
    down the lock it is widest, root_share how wide it begins.
    """
    a, b = np.asarray(root, float), np.asarray(tip, float)
    along = b - a
    across = np.array([-along[1], along[0]]) / max(float(np.hypot(*along)), 1e-6)
    start, middle = across * width / 2, a + along * fullness + across * bend
    spread = across * width * 0.62
    right = bezier(a + start * root_share, middle + spread, b, samples=12)
    left = bezier(a - start * root_share, middle - spread, b, samples=12)
    return left, right


def normals(path: np.ndarray) -> np.ndarray:
    """Unit vectors to the right of the way along the path (y down), (N, 2)."""
    across = np.empty_like(path)
    across[1:-1] = path[2:] - path[:-2]
    across[0], across[-1] = path[1] - path[0], path[-1] - path[-2]
    across /= np.maximum(np.hypot(across[:, 0], across[:, 1]), 1e-9)[:, None]
    return across[:, ::-1] * _QUARTER_TURN


@lru_cache(maxsize=64)
def taper(count: int, start: float, end: float) -> np.ndarray:
    """Relative widths (count,) of a stroke: `start` and `end` at its tips, 1 in the middle."""
    t = np.linspace(0, 1, count)
    swell = np.sin(np.pi * t) ** 0.75
    tips = start + (end - start) * t
    return tips + (1 - tips) * swell


def ribbon(path: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """The outline of a stroke whose width is given at each point, with round ends."""
    count = len(path)
    across = normals(path) * (widths / 2)[:, None]
    outline = np.empty((2 * count + 6, 2))
    outline[:count] = path + across
    outline[count + 3 : -3] = (path - across)[::-1]
    ends = across[[-1, 0]] * _END_SIGNS
    ahead = ends[:, ::-1] * _BACK_TURN
    caps = path[[-1, 0], None] + _CAP_SIDE * ends[:, None] + _CAP_AHEAD * ahead[:, None]
    outline[count : count + 3], outline[-3:] = caps
    return outline
