"""The shapes of mouths as data: lines, and openings with teeth and tongue.

Units are the character's mouth units about its centre, x towards the expression's side, y down.
"""

from dataclasses import dataclass

import numpy as np

from .geometry import ellipse, joined, smooth

_T = np.linspace(-1, 1, 25)
_BOW = 1 - _T**2  # 0 at the corners, 1 in the middle


@dataclass(frozen=True)
class Line:
    """A mouth that is shut: its strokes, the corners' small ticks, and a lip's shade below."""

    strokes: tuple[np.ndarray, ...]
    width: float = 1.25
    ends: tuple[float, float] = (0.3, 0.3)
    ticks: tuple[tuple[float, float, float, float], ...] = ()
    shade: float = 3.6


@dataclass(frozen=True)
class Opening:
    """A mouth that shows its inside.

    upper and lower teeth are shares of the height; teeth may be set with gaps or pointed.
    """

    outline: np.ndarray
    upper_teeth: float = 0.0
    lower_teeth: float = 0.0
    tongue: float = 0.0
    gaps: int = 0
    closed_bite: bool = False
    fangs: tuple[float, ...] = ()
    ticks: tuple[tuple[float, float, float, float], ...] = ()
    shade: float = 1.6


def _curve(half_width: float, down: np.ndarray, across: float = 0.0) -> np.ndarray:
    return np.stack([half_width * _T + across, down * np.ones_like(_T)], axis=1)


def _lens(half_width: float, top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    return joined(_curve(half_width, top), _curve(half_width, bottom)[::-1][1:-1])


def _round(path: list[tuple[float, float]]) -> np.ndarray:
    return smooth(path, closed=True, samples=6)


def _corners(x: float, y: float, out: float = 0.9, up: float = 1.4):
    """Ticks that mark both corners of a mouth."""
    return tuple((side * x, y, side * (x + out), y - up) for side in (-1, 1))


_CAT = smooth(
    [(-6.6, -1.6), (-5.6, 0.6), (-3.2, 1.5), (-1.0, 0.5), (0, -1.1),
     (1.0, 0.5), (3.2, 1.5), (5.6, 0.6), (6.6, -1.6)], samples=4,
)  # fmt: skip

LINES: dict[str, Line] = {
    "closed mouth": Line((_curve(5.2, 0.35 * _BOW),)),
    ":|": Line((_curve(6.8, 0 * _T),), 1.3, (0.7, 0.7)),
    "smile": Line((_curve(8.2, 3.3 * _BOW - 1.9),), 1.35, ticks=_corners(8.2, -1.7)),
    "light smile": Line((_curve(5.6, 1.5 * _BOW - 0.8),)),
    "c:": Line((_curve(4.4, 3.6 * _BOW**0.7 - 2.0),), 1.4),
    ":>": Line((np.array([(-4.6, -1.6), (-2.3, 0.3), (0, 2.0), (2.3, 0.3), (4.6, -1.6)]),), 1.4),
    ":3": Line((_CAT,), 1.35),
    "smirk": Line(
        (_curve(7.2, 0.9 * _BOW - 0.9 * _T - 2.5 * np.maximum(_T, 0) ** 2, 0.8),),
        1.4, ticks=((8.6, -4.8, 9.5, -2.0),),
    ),
    "evil smile": Line(
        (_curve(9.6, 2.3 * _BOW - 3.4 * np.abs(_T) ** 3 + 0.4),), 1.5,
        ticks=((9.6, -3.1, 10.5, -4.4), (-9.6, -3.1, -10.5, -4.4)),
    ),
    "nervous smile": Line(
        (_curve(8.4, 1.5 * _BOW - 1.2 + 0.85 * np.sin(7.5 * _T)),), 1.25, ticks=_corners(8.4, -1.4, 0.5, 1.2)
    ),
    "frown": Line((_curve(7.0, 2.2 - 3.2 * _BOW),), 1.35, ticks=_corners(7.0, 2.2, 0.6, -1.0)),
    ":<": Line((np.array([(-4.2, 1.8), (-2.1, 0.0), (0, -1.6), (2.1, 0.0), (4.2, 1.8)]),), 1.4),
    ":c": Line((_curve(5.6, 2.6 - 4.4 * _BOW**0.6),), 1.5),
    ":/": Line((_curve(6.4, -1.7 * _T + 0.35 * np.sin(3 * _T)),), 1.35, (0.5, 0.4)),
    "3:": Line((_CAT * (1, -1),), 1.35),
    "sneer": Line(
        (_curve(7.0, -1.6 * _BOW - 2.6 * np.maximum(_T, 0) ** 1.5 + 1.2, 0.4),),
        1.4, ticks=((7.4, -1.4, 8.6, 1.4), (4.2, -4.6, 6.8, -6.4)),
    ),
    "wavy mouth": Line((_curve(7.8, 1.15 * np.sin(9.4 * _T) * (1 - 0.35 * _T**2)),), 1.3),
    "pout": Line((_curve(3.4, 1.7 - 2.6 * _BOW),), 1.5, ticks=((-1.8, 3.7, 1.8, 3.7),), shade=4.4),
    ":t": Line(
        (_curve(3.6, 1.3 - 2.3 * _BOW, 3.0),), 1.45, ticks=((8.0, -2.6, 8.9, 2.6),), shade=4.2
    ),
    ":i": Line(
        (_curve(3.0, 0 * _T),), 1.4, ticks=((-6.0, -1.9, -6.0, 1.9), (6.0, -1.9, 6.0, 1.9)), shade=4.0
    ),
    "pursed lips": Line(
        (_curve(4.4, 0.5 * np.cos(6.3 * _T)),), 1.6, (0.5, 0.5),
        ticks=((-5.3, -1.3, -5.6, 1.3), (5.3, -1.3, 5.6, 1.3), (-2.2, -2.3, 2.2, -2.3)), shade=2.8,
    ),
    "o3o": Line(
        (smooth([(-1.6, -3.0), (1.1, -3.2), (2.0, -1.6), (-0.2, 0), (2.1, 1.6), (1.1, 3.3),
                 (-1.7, 3.0)], samples=4),), 1.4, shade=5.4,
    ),
    "dot mouth": Line((np.array([(-0.55, 0), (0, 0), (0.55, 0)]),), 1.9, (0.9, 0.9), shade=0),
    "x mouth": Line(
        (np.array([(-3, -3), (0, 0), (3, 3)]), np.array([(-3, 3), (0, 0), (3, -3)])), 1.4,
        (0.7, 0.7), shade=0,
    ),
}  # fmt: skip

OPENINGS: dict[str, Opening] = {
    "crazy smile": Opening(
        _lens(12.2, 0.6 * _BOW - 4.6 * np.abs(_T) ** 1.6 + 0.4, 11.4 * _BOW**0.8 - 4.2),
        upper_teeth=0.2, lower_teeth=0.12, tongue=0.5, gaps=9, ticks=_corners(12.2, -4.2, 0.7, 1.5),
    ),
    ":d": Opening(
        _lens(9.2, 0.9 * _BOW - 3.2, 9.6 * _BOW**0.78 - 3.2), upper_teeth=0.2, tongue=0.72,
        ticks=_corners(9.2, -3.0, 0.6, 0.9),
    ),
    "laugh": Opening(
        _lens(11.0, 0.9 * _BOW - 4.6, 14.2 * _BOW**0.72 - 4.6), upper_teeth=0.19, tongue=0.78,
        ticks=_corners(11.0, -4.4, 0.6, 1.0),
    ),
    "fang smile": Opening(
        _lens(8.6, 0.9 * _BOW - 3.0, 8.6 * _BOW**0.78 - 3.0), tongue=0.7, fangs=(0.5,),
        ticks=_corners(8.6, -2.8, 0.6, 0.9),
    ),
    "grin": Opening(
        _lens(9.8, 1.3 * _BOW - 3.0, 6.6 * _BOW**0.75 - 3.0), upper_teeth=1.0, closed_bite=True,
        ticks=_corners(9.8, -2.8),
    ),
    "evil grin": Opening(
        _lens(12.4, 0.4 * _BOW - 4.8 * np.abs(_T) ** 1.8, 9.4 * _BOW**0.8 - 4.8),
        upper_teeth=1.0, closed_bite=True, gaps=10, ticks=_corners(12.4, -4.8, 0.8, 1.6),
    ),
    "biting own lip": Opening(
        _lens(6.2, 0.5 - 1.0 * _BOW, 2.3 * _BOW**0.6 + 0.4), upper_teeth=1.0, gaps=3, shade=2.2,
        ticks=((-6.2, 0.6, -7.6, 1.2), (6.2, 0.6, 7.6, 1.2)),
    ),
    "open mouth": Opening(
        _round([(-5.6, -1.0), (-3.4, -3.7), (0, -4.2), (3.4, -3.7), (5.6, -1.0), (5.0, 3.2),
                (0, 6.2), (-5.0, 3.2)]), upper_teeth=0.16, tongue=0.66,
    ),
    ":o": Opening(ellipse(0, 0.6, 3.1, 3.7), tongue=0.3),
    "parted lips": Opening(_lens(4.6, -0.9 * _BOW, 1.5 * _BOW), shade=1.8),
    "triangle mouth": Opening(smooth([(0, -3.2), (2.4, 0.4), (4.8, 3.6), (0, 4.1), (-4.8, 3.6),
                                      (-2.4, 0.4)], closed=True, samples=5), tongue=0.5),
    "chestnut mouth": Opening(
        _round([(0, -3.6), (2.6, -1.8), (4.9, 1.4), (4.1, 3.9), (0, 4.4), (-4.1, 3.9),
                (-4.9, 1.4), (-2.6, -1.8)]), tongue=0.55,
    ),
    "diamond mouth": Opening(np.array([(0, -4.2), (4.2, 0.4), (0, 5.0), (-4.2, 0.4)]), tongue=0.3),
    "d:": Opening(
        _lens(8.4, 4.4 - 8.4 * _BOW**0.75, 4.4 - 0.9 * _BOW), upper_teeth=0.2, tongue=0.5,
        ticks=_corners(8.4, 4.4, 0.5, -1.0),
    ),
    "yawn": Opening(
        _round([(-5.0, -2.0), (-3.2, -6.4), (0, -7.4), (3.2, -6.4), (5.0, -2.0), (4.6, 5.4),
                (0, 9.0), (-4.6, 5.4)]), upper_teeth=0.12, tongue=0.6,
    ),
    "shout": Opening(
        _round([(-9.0, -3.8), (-5.0, -6.2), (0, -6.8), (5.0, -6.2), (9.0, -3.8), (8.0, 4.4),
                (4.6, 8.4), (0, 9.2), (-4.6, 8.4), (-8.0, 4.4)]), upper_teeth=0.17,
        lower_teeth=0.12, tongue=0.6,
    ),
    "scream": Opening(
        _round([(-6.6, -4.6), (-4.4, -7.8), (0, -8.8), (4.4, -7.8), (6.6, -4.6), (8.2, 4.6),
                (6.2, 9.6), (0, 10.8), (-6.2, 9.6), (-8.2, 4.6)]), upper_teeth=0.13,
        lower_teeth=0.1, tongue=0.45,
    ),
    "sob": Opening(
        smooth([(-9.2, 3.8), (-7.0, -1.8), (-3.4, -4.6), (0, -4.0), (3.4, -4.6), (7.0, -1.8),
                (9.2, 3.8), (5.6, 5.2), (2.6, 4.2), (0, 5.4), (-2.6, 4.2), (-5.6, 5.2)],
               closed=True, samples=5), upper_teeth=0.2, tongue=0.4,
    ),
    "jaw drop": Opening(
        _round([(-6.0, -2.0), (-3.6, -5.0), (0, -5.6), (3.6, -5.0), (6.0, -2.0), (6.4, 6.0),
                (4.8, 11.4), (0, 12.6), (-4.8, 11.4), (-6.4, 6.0)]), tongue=0.4,
    ),
    "grimace": Opening(
        smooth([(-10.4, -0.6), (-7, -2.6), (-3.4, -2.0), (0, -2.9), (3.4, -2.0), (7, -2.6),
                (10.4, -0.6), (9.4, 3.0), (5, 4.2), (0, 3.4), (-5, 4.2), (-9.4, 3.0)],
               closed=True, samples=5), upper_teeth=1.0, closed_bite=True, gaps=8,
        ticks=((-10.4, -0.4, -11.8, 1.6), (10.4, -0.4, 11.8, 1.6)),
    ),
    "clenched teeth": Opening(
        _round([(-7.6, -2.2), (-5.4, -3.3), (0, -3.5), (5.4, -3.3), (7.6, -2.2), (8.0, 2.2),
                (6.0, 3.9), (0, 4.2), (-6.0, 3.9), (-8.0, 2.2)]), upper_teeth=1.0,
        closed_bite=True, gaps=6,
    ),
    "licking lips": Opening(
        _lens(7.2, 0.6 * _BOW - 1.6, 4.6 * _BOW**0.8 - 1.6), upper_teeth=0.25, tongue=0.4,
    ),
    "tongue out": Opening(
        _lens(6.8, 0.4 * _BOW - 2.6, 6.8 * _BOW**0.75 - 2.6), upper_teeth=0.2,
    ),
}  # fmt: skip

# Tongues that reach out of the mouth: the outline, and its middle line.
TONGUES: dict[str, tuple[np.ndarray, np.ndarray]] = {
    ":p": (
        _round([(0.0, 0.8), (3.0, 0.5), (5.7, -0.1), (6.2, 3.0), (4.4, 5.6), (2.0, 5.2), (0.5, 3.2)]),
        np.array([(3.0, 1.4), (3.5, 2.7), (3.9, 4.0)]),
    ),
    ":q": (
        _round([(1.4, -0.2), (2.2, -2.4), (4.2, -3.7), (6.0, -2.7), (6.2, -0.8), (4.6, 0.2)]),
        np.array([(3.6, -0.6), (4.1, -1.5), (4.6, -2.4)]),
    ),
    "tongue out": (
        _round([(-3.9, 1.6), (0, 0.2), (3.9, 1.6), (4.1, 6.4), (2.6, 9.2), (0, 9.9), (-2.6, 9.2),
                (-4.1, 6.4)]),
        np.array([(0, 2.2), (0.1, 4.6), (0, 7.2)]),
    ),
    "licking lips": (
        _round([(3.2, 0.6), (4.4, -1.6), (6.6, -3.4), (9.0, -2.8), (9.0, -0.6), (7.0, 1.0)]),
        np.array([(5.2, -0.2), (6.4, -1.1), (7.6, -1.8)]),
    ),
}  # fmt: skip
LINES |= {
    ":p": Line((_curve(7.4, 2.6 * _BOW - 1.7),), 1.3, ticks=_corners(7.4, -1.6, 0.7, 1.0), shade=0),
    ":q": Line((_curve(7.4, 2.4 * _BOW - 1.6),), 1.3, ticks=_corners(7.4, -1.5, 0.7, 1.0)),
}
PUCKERED = "puckered lips"


def mouth_extent(mouth: str) -> tuple[float, float, float, float]:
    """The (left, top, right, bottom) of a mouth in mouth units; no height for a shut mouth."""
    if mouth in OPENINGS:
        (left, top), (right, bottom) = (
            OPENINGS[mouth].outline.min(0),
            OPENINGS[mouth].outline.max(0),
        )
        return float(left), float(top), float(right), float(bottom)
    if mouth == PUCKERED:
        return -3.4, 0.0, 3.4, 0.0
    points = np.concatenate(LINES[mouth].strokes)
    middle = float(points[:, 1].mean())
    return float(points[:, 0].min()), middle, float(points[:, 0].max()), middle


def mouth_contour(mouth: str) -> tuple[np.ndarray, np.ndarray]:
    """The upper and the lower edge of a mouth from left to right, the same for a shut mouth."""
    if mouth == PUCKERED:
        return np.array([(-3.2, 0), (0, -1.9), (3.2, 0)]), np.array([(-3.2, 0), (0, 3.1), (3.2, 0)])
    if mouth not in OPENINGS:
        line = LINES[mouth].strokes[0]
        return line, line
    return edges_of(OPENINGS[mouth].outline)


def edges_of(outline: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The upper and the lower edge of an opening, each from left to right."""
    first, last = int(outline[:, 0].argmin()), int(outline[:, 0].argmax())
    turned = np.roll(outline, -first, axis=0)
    split = (last - first) % len(outline)
    one, other = turned[: split + 1], np.concatenate([turned[split:], turned[:1]])[::-1]
    return (one, other) if one[:, 1].mean() < other[:, 1].mean() else (other, one)
