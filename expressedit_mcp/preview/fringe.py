"""The locks of a fringe, one arrangement per kind."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .geometry import joined, leaf, mirrored, smooth
from .layout import SIDES, Figure

STYLES_WITHOUT_FRINGE = ("buzz cut", "bald", "afro", "curly hair")

Rng = np.random.Generator


@dataclass(frozen=True)
class Lock:
    """One lock of a fringe: see geometry.leaf."""

    root: tuple[float, float]
    tip: tuple[float, float]
    width: float
    bend: float = 0.0
    fullness: float = 0.5

    @property
    def outline(self) -> np.ndarray:
        left, right = leaf(self.root, self.tip, self.width, self.bend, self.fullness)
        return joined(left, right[::-1])


def fringe_locks(figure: Figure) -> list[Lock]:
    """The locks of the character's fringe, in the order they are drawn."""
    c = figure.character
    if c.hair_style in STYLES_WITHOUT_FRINGE:
        return []
    rng = np.random.default_rng(c.hair_seed + 1)
    maker = _MAKERS.get(c.fringe)
    low = figure.eye_line - c.eye_height - 2.5
    return maker(c.face_half_width, figure.crown, low, c.parting, rng) if maker else []


def blunt_outline(figure: Figure) -> np.ndarray:
    """The outline of a straight fringe."""
    w, top = figure.character.face_half_width, figure.crown
    low = figure.eye_line - figure.character.eye_height - 3.5
    rim = [(w * 0.97, low + 3), (w * 0.66, low + 0.8), (w * 0.36, low), (0, low - 0.4)]
    right = joined(smooth([(0, top + 5), (w * 0.6, top + 12), (w * 0.98, -16), rim[0]], samples=5),
                   smooth(rim, samples=4))  # fmt: skip
    return joined(right, mirrored(right, -1)[::-1])


def _zigzag(w: float, top: float, low: float, parting: float, rng: Rng) -> list[Lock]:
    locks = []
    center = parting * w * 0.3
    for share in (-0.92, 0.92, -0.66, 0.66, -0.38, 0.38, -0.08, 0.14):
        lean = float(rng.uniform(-2.5, 2.5)) + 3 * np.sign(share)
        drop = low + float(rng.uniform(-4.5, 0.5)) + 7 * abs(share) ** 3
        root = (center + share * w * 0.5, top + 15 + 8 * abs(share))
        locks.append(Lock(root, (share * w + lean * 0.6, drop), 15, -2.2 * share, 0.55))
    return locks


def _spiky(w: float, top: float, low: float, parting: float, rng: Rng) -> list[Lock]:
    locks = []
    for share in (-0.9, 0.9, -0.62, 0.66, -0.3, 0.4, 0.08):
        drop = low - 2.5 + float(rng.uniform(-7, 1.5)) + 8 * abs(share) ** 3
        tip = (share * w * 1.02 + float(rng.uniform(-5, 5)) * (1 - abs(share)), drop)
        root = (parting * 8 + share * w * 0.6, top + 12 + 9 * abs(share))
        locks.append(Lock(root, tip, 17, 3.2 * np.sign(share or 1), 0.42))
    return locks


def _parted(w: float, top: float, low: float, parting: float, rng: Rng) -> list[Lock]:
    x0, locks = parting * w * 0.55, []
    for side in SIDES:
        room = w - side * x0
        for share, drop in ((1.0, 9.0), (0.84, 3.0), (0.58, -1.5), (0.3, -6.5)):
            tip = (x0 + side * room * share, low + drop + float(rng.uniform(-1.5, 1.5)))
            root = (x0 + side * room * share * 0.42, top + 11 + 9 * share**2)
            locks.append(Lock(root, tip, 15.5, -side * 4.4 * (0.5 + share * 0.5), 0.55))
    return locks


def _swept(w: float, top: float, low: float, parting: float, rng: Rng) -> list[Lock]:
    side = 1.0 if parting >= 0 else -1.0
    x0, locks = side * w * 0.45, []
    locks.append(Lock((x0 + side * 4, top + 15), (side * w * 0.99, low + 9), 14, -side * 4, 0.55))
    locks.append(Lock((x0, top + 12), (side * w * 0.84, low + 1), 13, -side * 4, 0.5))
    for share, drop in ((1.0, 10.0), (0.84, 5.0), (0.58, 2.0), (0.28, 0.0), (-0.06, -3.0)):
        tip = (-side * w * share, low + drop + float(rng.uniform(-1.5, 1.0)))
        root = (x0 - side * w * (0.28 + 0.3 * share), top + 11 + 7 * max(share, 0) ** 2)
        locks.append(Lock(root, tip, 17, side * (5.5 - 1.5 * share), 0.5))
    return locks


def _curtain(w: float, top: float, low: float, parting: float, rng: Rng) -> list[Lock]:
    x0, locks = parting * w * 0.4, []
    for side in SIDES:
        room = w - side * x0
        for share, drop, width in ((1.02, 22.0, 13), (0.93, 12.0, 15), (0.78, 3.0, 15)):
            root = (x0 + side * room * share * 0.35, top + 10 + 6 * share)
            locks.append(
                Lock(root, (x0 + side * room * share, low + drop), width, -side * 8.0, 0.5)
            )
    return locks


_MAKERS: dict[str, Callable[[float, float, float, float, Rng], list[Lock]]] = {
    "zigzag": _zigzag,
    "spiky": _spiky,
    "parted": _parted,
    "swept": _swept,
    "curtain": _curtain,
}
