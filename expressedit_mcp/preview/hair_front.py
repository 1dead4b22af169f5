"""Draws the hair over the forehead: cap, fringe, side locks and the light on them."""

from dataclasses import dataclass

import numpy as np

from .drawing import Canvas
from .geometry import ellipse, joined, leaf, mirrored, moved, smooth
from .hair_back import LINE, HairPen
from .layout import SIDES, Figure


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


_BARE = ("buzz cut", "bald", "afro", "curly hair")
_SIDE_LOCKS = {"long hair": 30, "very long hair": 40, "wavy hair": 28, "bob cut": 18,
               "twintails": 26, "hair bun": 16, "side ponytail": 20, "twin braids": 12,
               "ponytail": 22}  # fmt: skip


def fringe_locks(figure: Figure) -> list[Lock]:
    """The locks of the character's fringe, in the order they are drawn."""
    c = figure.character
    if c.hair_style in _BARE:
        return []
    rng = np.random.default_rng(c.hair_seed + 1)
    maker = {"zigzag": _zigzag, "spiky": _spiky, "parted": _parted, "swept": _swept,
             "curtain": _curtain}.get(c.fringe)  # fmt: skip
    top, low = _crown(figure), figure.eye_line - c.eye_height - 2.5
    return maker(c.face_half_width, top, low, c.parting, rng) if maker else []


def fringe_shadows(figure: Figure) -> list[np.ndarray]:
    """Where the fringe shades the forehead."""
    shadows = [moved(lock.outline, 0.8, 3.0) for lock in fringe_locks(figure)]
    if figure.character.fringe == "straight" and figure.character.hair_style not in _BARE:
        shadows.append(moved(_blunt_outline(figure), 0.6, 3.0))
    if figure.character.hair_style != "bald":
        shadows.append(moved(_cap_outline(figure), 0.5, 2.6))
    return shadows


def draw_front_hair(canvas: Canvas, figure: Figure) -> None:
    """Draws the hair in front of the face."""
    pen = HairPen(canvas, figure)
    c = figure.character
    if c.hair_style == "bald":
        canvas.blend([ellipse(-9, -33, 6, 3.2)], figure.palette.skin_light, 0.75)
        return
    cap = _cap_outline(figure)
    pen.canvas.fill(cap, pen.palette.hair)
    if c.hair_style in _BARE:
        _draw_texture(pen, figure, cap)
        return
    _draw_cap_lines(pen, figure)
    if c.fringe == "none":
        _draw_combed_back(pen, figure)
    if c.fringe == "straight":
        _draw_blunt(pen, figure)
    locks = fringe_locks(figure)
    for lock in locks:
        pen.lock(lock.root, lock.tip, lock.width, lock.bend, fullness=lock.fullness)
    _draw_side_locks(pen, figure)
    _draw_light(pen, figure)


def _crown(figure: Figure) -> float:
    return -44.0 - 5.5 * figure.character.hair_volume


def _cap_outline(figure: Figure) -> np.ndarray:
    """The hair that covers the skull down to the hairline."""
    c, w = figure.character, figure.character.face_half_width
    top = _crown(figure)
    close = c.hair_style in ("buzz cut",)
    if close:
        top = -45.5
    line = figure.eye_line - c.eye_height - (21 if c.age != "old" else 23)
    burn = figure.eye_line + (3 if c.sex == "male" else -2)
    grow = 0.8 if close else 4.5
    outer = smooth([(0, top), (w * 0.34, top + 1.6), (w * 0.76, top + 7.8), (w + grow, -21), (w + grow + 0.4, -4),
                    (w + 1.2, burn)], samples=6)  # fmt: skip
    inner = smooth([(w * 0.955, burn), (w * 0.9, -9), (w * 0.76, line + 5), (w * 0.42, line - 1.5),
                    (0, line - 2.5)], samples=6)  # fmt: skip
    right = joined(outer, inner)
    return joined(right, mirrored(right, -1)[::-1])


def _draw_cap_lines(pen: HairPen, figure: Figure) -> None:
    """Draws the cap's contour and a few strands that follow the skull."""
    w, top = pen.width, pen.top
    outer = smooth([(0, top), (w * 0.34, top + 1.6), (w * 0.76, top + 7.8), (w + 4.5, -21), (w + 4.9, -4),
                    (w + 1.2, figure.eye_line - 2)], samples=6)  # fmt: skip
    spiked = figure.character.hair_style == "spiked hair"
    for side in SIDES:
        contour = mirrored(outer, side)
        if not spiked:
            pen.canvas.stroke(contour, pen.palette.hair_line, LINE, (0.9, 0.4))
        shade = joined(outer[18:], outer[18:][::-1] * (0.9, 1.0))
        pen.canvas.fill(mirrored(shade, side), pen.palette.hair_shadow)
        x0 = figure.character.parting * w * 0.4
        for share in (0.55, 0.8):
            pen.strand([(x0 + side * 3, top + 4), (side * w * share, top + 13 + 4 * share),
                        (side * (w * share + 5), -12)], 0.8)  # fmt: skip


def _zigzag(
    w: float, top: float, low: float, parting: float, rng: np.random.Generator
) -> list[Lock]:
    locks = []
    center = parting * w * 0.3
    for share in (-0.92, 0.92, -0.66, 0.66, -0.38, 0.38, -0.08, 0.14):
        lean = float(rng.uniform(-2.5, 2.5)) + 3 * np.sign(share)
        drop = low + float(rng.uniform(-4.5, 0.5)) + 7 * abs(share) ** 3
        root = (center + share * w * 0.5, top + 15 + 8 * abs(share))
        locks.append(Lock(root, (share * w + lean * 0.6, drop), 15, -2.2 * share, 0.55))
    return locks


def _spiky(
    w: float, top: float, low: float, parting: float, rng: np.random.Generator
) -> list[Lock]:
    locks = []
    for share in (-0.9, 0.9, -0.62, 0.66, -0.3, 0.4, 0.08):
        drop = low - 2.5 + float(rng.uniform(-7, 1.5)) + 8 * abs(share) ** 3
        tip = (share * w * 1.02 + float(rng.uniform(-5, 5)) * (1 - abs(share)), drop)
        root = (parting * 8 + share * w * 0.6, top + 12 + 9 * abs(share))
        locks.append(Lock(root, tip, 17, 3.2 * np.sign(share or 1), 0.42))
    return locks


def _parted(
    w: float, top: float, low: float, parting: float, rng: np.random.Generator
) -> list[Lock]:
    x0, locks = parting * w * 0.55, []
    for side in SIDES:
        room = w - side * x0
        for share, drop in ((1.0, 9.0), (0.84, 3.0), (0.58, -1.5), (0.3, -6.5)):
            tip = (x0 + side * room * share, low + drop + float(rng.uniform(-1.5, 1.5)))
            root = (x0 + side * room * share * 0.42, top + 11 + 9 * share**2)
            locks.append(Lock(root, tip, 15.5, -side * 4.4 * (0.5 + share * 0.5), 0.55))
    return locks


def _swept(
    w: float, top: float, low: float, parting: float, rng: np.random.Generator
) -> list[Lock]:
    side = 1.0 if parting >= 0 else -1.0
    x0, locks = side * w * 0.45, []
    locks.append(Lock((x0 + side * 4, top + 15), (side * w * 0.99, low + 9), 14, -side * 4, 0.55))
    locks.append(Lock((x0, top + 12), (side * w * 0.84, low + 1), 13, -side * 4, 0.5))
    for share, drop in ((1.0, 10.0), (0.84, 5.0), (0.58, 2.0), (0.28, 0.0), (-0.06, -3.0)):
        tip = (-side * w * share, low + drop + float(rng.uniform(-1.5, 1.0)))
        root = (x0 - side * w * (0.28 + 0.3 * share), top + 11 + 7 * max(share, 0) ** 2)
        locks.append(Lock(root, tip, 17, side * (5.5 - 1.5 * share), 0.5))
    return locks


def _curtain(
    w: float, top: float, low: float, parting: float, rng: np.random.Generator
) -> list[Lock]:
    x0, locks = parting * w * 0.4, []
    for side in SIDES:
        room = w - side * x0
        for share, drop, width in ((1.02, 22.0, 13), (0.93, 12.0, 15), (0.78, 3.0, 15)):
            root = (x0 + side * room * share * 0.35, top + 10 + 6 * share)
            locks.append(
                Lock(root, (x0 + side * room * share, low + drop), width, -side * 8.0, 0.5)
            )
    return locks


def _blunt_outline(figure: Figure) -> np.ndarray:
    w, top = figure.character.face_half_width, _crown(figure)
    low = figure.eye_line - figure.character.eye_height - 3.5
    rim = [(w * 0.97, low + 3), (w * 0.66, low + 0.8), (w * 0.36, low), (0, low - 0.4)]
    right = joined(smooth([(0, top + 5), (w * 0.6, top + 12), (w * 0.98, -16), rim[0]], samples=5),
                   smooth(rim, samples=4))  # fmt: skip
    return joined(right, mirrored(right, -1)[::-1])


def _draw_blunt(pen: HairPen, figure: Figure) -> None:
    w, outline = pen.width, _blunt_outline(figure)
    low = figure.eye_line - figure.character.eye_height - 3.5
    pen.canvas.fill(outline, pen.palette.hair)
    rim = smooth([(-w * 0.97, low + 3), (-w * 0.66, low + 0.8), (-w * 0.36, low), (0, low - 0.4),
                  (w * 0.36, low), (w * 0.66, low + 0.8), (w * 0.97, low + 3)], samples=5)  # fmt: skip
    band = joined(rim, moved(rim[::-1], 0, -3.4))
    pen.canvas.fill(band, pen.palette.hair_shadow)
    pen.canvas.stroke(rim, pen.palette.hair_line, LINE, (0.5, 0.5))
    rng = np.random.default_rng(figure.character.hair_seed + 2)
    for share in (-0.78, -0.5, -0.2, 0.12, 0.42, 0.7):
        x = share * w + float(rng.uniform(-1.5, 1.5))
        start = low - float(rng.uniform(9, 17))
        pen.canvas.stroke(smooth([(x * 0.93, start), (x, low - 3), (x * 1.01, low)]),
                          pen.palette.hair_line, 0.95, (0.05, 0.7))  # fmt: skip


def _draw_combed_back(pen: HairPen, figure: Figure) -> None:
    """Draws the hairline and the strands of hair without a fringe."""
    w, top = pen.width, pen.top
    line = (
        figure.eye_line
        - figure.character.eye_height
        - (21 if figure.character.age != "old" else 23)
    )
    half = smooth([(0, line - 2.5), (w * 0.42, line - 1.5), (w * 0.76, line + 5), (w * 0.9, -9),
                   (w * 0.955, figure.eye_line)], samples=5)  # fmt: skip
    for side in SIDES:
        pen.canvas.stroke(mirrored(half, side), pen.palette.hair_line, 0.95, (0.5, 0.2))
        for share in (0.08, 0.27, 0.46, 0.64):
            start = (side * w * share, line - 2.6 + 8 * share**3)
            pen.strand([start, (side * w * (share + 0.1), (start[1] + top) / 2 + 1),
                        (side * w * (share * 0.86 + 0.12), top + 6 + 15 * share**2)], 1.0)  # fmt: skip


def _draw_side_locks(pen: HairPen, figure: Figure) -> None:
    """Draws the locks that fall before the ears."""
    c, w = figure.character, pen.width
    length = _SIDE_LOCKS.get(c.hair_style)
    if length is None or (c.sex == "male" and c.hair_style == "ponytail"):
        for side in SIDES:
            pen.lock((side * (w * 0.99), -20), (side * (w * 0.93), figure.eye_line + 6), 8,
                     side * 1.2, root_share=0.2)  # fmt: skip
        return
    reach = figure.eye_line + length * (0.65 + 0.5 * c.hair_length)
    for side in SIDES:
        pen.lock(
            (side * (w * 0.99), -22), (side * (w * 0.9), reach), 10.5, -side * 3.0, root_share=0.15
        )
        pen.lock(
            (side * (w + 3), -19), (side * (w + 2.5), reach * 0.8), 8, -side * 2.0, root_share=0.15
        )


def _draw_light(pen: HairPen, figure: Figure) -> None:
    """Draws the band of light on the crown, with a jagged lower rim."""
    w, rng = pen.width, np.random.default_rng(figure.character.hair_seed + 3)
    base = pen.top + 19
    for start, end in ((-0.72, -0.1), (0.04, 0.5), (0.56, 0.74)):
        shares = np.linspace(start, end, 2 * max(int((end - start) * 8), 1) + 1)
        arc = np.stack([shares * w, base + 11.0 * shares**2], axis=1)
        reach = np.where(np.arange(len(shares)) % 2 == 0, 0.4, 1.0) * rng.uniform(
            0.8, 1.1, len(shares)
        )
        reach *= 6.4 * np.sin(np.linspace(0.35, np.pi - 0.35, len(shares)))
        slant = np.stack([0.3 * shares, np.ones_like(shares)], axis=1)
        spot = joined(arc - slant * (0.35 * reach)[:, None],
                      (arc + slant * (0.75 * reach)[:, None])[::-1])  # fmt: skip
        pen.canvas.fill(spot, pen.palette.hair_light)


def _draw_texture(pen: HairPen, figure: Figure, cap: np.ndarray) -> None:
    """Draws curls or stubble along the hairline."""
    rng = np.random.default_rng(figure.character.hair_seed + 4)
    w = pen.width
    if figure.character.hair_style == "buzz cut":
        line = joined(cap[25:48], cap[48:72])
        pen.canvas.stroke(line, pen.palette.hair_shadow, 1.0, (0.3, 0.3))
        for _ in range(26):
            x, y = float(rng.uniform(-0.72, 0.72)) * w, float(rng.uniform(-42, -26))
            pen.canvas.stroke([(x, y), (x + 0.06 * x, y + 1.6)], pen.palette.hair_deep, 0.6)
        return
    size = 6.0 if figure.character.hair_style == "afro" else 6.4
    line = figure.eye_line - figure.character.eye_height - 18
    afro = figure.character.hair_style == "afro"
    for row, count in enumerate((7, 6, 5, 3) if afro else (6, 5)):
        for share in np.linspace(-0.94 + 0.16 * row, 0.94 - 0.16 * row, count):
            x = share * w * 1.08 + float(rng.uniform(-3, 3))
            y = -30 - 7.5 * row + 13 * share**2 + float(rng.uniform(-2.5, 2.5))
            curl = smooth([(x - size * 0.6, y + 1), (x, y - size * 0.5), (x + size * 0.6, y + 1),
                           (x + 1, y + size * 0.5)], samples=4)  # fmt: skip
            pen.canvas.stroke(curl, pen.palette.hair_shadow, 1.2, (0.1, 0.1))
    for share in (-0.95, 0.95, -0.88, 0.88, -0.66, 0.66, -0.4, 0.4, -0.13, 0.13):
        x = share * w * 1.02
        y = line - 4 + 17 * abs(share) ** 3.4
        bump = ellipse(x, y, size * float(rng.uniform(0.85, 1.1)), size * 0.86)
        pen.canvas.fill(bump, pen.palette.hair)
        arc = bump[0:21] if share > 0 else bump[2:24]
        pen.canvas.stroke(arc, pen.palette.hair_line, 1.0, (0.2, 0.2))
        curl = ellipse(x, y, size * 0.45, size * 0.4)[4:30]
        pen.canvas.stroke(curl, pen.palette.hair_shadow, 0.95, (0.1, 0.1))
