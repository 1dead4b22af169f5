"""Draws the hair over the forehead: cap, fringe, side locks and the light on them."""

import numpy as np

from .drawing import Canvas
from .fringe import STYLES_WITHOUT_FRINGE, blunt_outline, fringe_locks
from .geometry import ellipse, joined, mirrored, moved, smooth
from .hair_back import LINE, HairPen
from .layout import SIDES, Figure

_SIDE_LOCKS = {"long hair": 30, "very long hair": 40, "wavy hair": 28, "bob cut": 18,
               "twintails": 26, "hair bun": 16, "side ponytail": 20, "twin braids": 12,
               "ponytail": 22}  # fmt: skip


def fringe_shadows(figure: Figure) -> list[np.ndarray]:
    """Where the fringe shades the forehead."""
    shadows = [moved(lock.outline, 0.8, 3.0) for lock in fringe_locks(figure)]
    if (
        figure.character.fringe == "straight"
        and figure.character.hair_style not in STYLES_WITHOUT_FRINGE
    ):
        shadows.append(moved(blunt_outline(figure), 0.6, 3.0))
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
    if c.hair_style in STYLES_WITHOUT_FRINGE:
        _draw_stubble(pen, cap) if c.hair_style == "buzz cut" else _draw_curls(pen, figure)
        return
    _draw_cap_lines(pen, figure)
    if c.fringe == "none":
        _draw_combed_back(pen, figure)
    if c.fringe == "straight":
        _draw_blunt(pen, figure)
    for lock in fringe_locks(figure):
        pen.lock(lock.root, lock.tip, lock.width, lock.bend, fullness=lock.fullness)
    _draw_side_locks(pen, figure)
    _draw_light(pen, figure)


def _cap_outline(figure: Figure) -> np.ndarray:
    """The hair that covers the skull down to the hairline."""
    c, w = figure.character, figure.character.face_half_width
    close = c.hair_style == "buzz cut"
    top, line = -45.5 if close else figure.crown, figure.hairline
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


def _draw_blunt(pen: HairPen, figure: Figure) -> None:
    w, outline = pen.width, blunt_outline(figure)
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
    w, top, line = pen.width, pen.top, figure.hairline
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


def _draw_stubble(pen: HairPen, cap: np.ndarray) -> None:
    """Draws the rim and the short hairs of a buzz cut."""
    rng = np.random.default_rng(pen.character.hair_seed + 4)
    pen.canvas.stroke(cap[25:72], pen.palette.hair_shadow, 1.0, (0.3, 0.3))
    for _ in range(26):
        x, y = float(rng.uniform(-0.72, 0.72)) * pen.width, float(rng.uniform(-42, -26))
        pen.canvas.stroke([(x, y), (x + 0.06 * x, y + 1.6)], pen.palette.hair_deep, 0.6)


def _draw_curls(pen: HairPen, figure: Figure) -> None:
    """Draws curls on the crown and along the hairline."""
    rng, w = np.random.default_rng(figure.character.hair_seed + 4), pen.width
    afro = figure.character.hair_style == "afro"
    size, line = 6.0 if afro else 6.4, figure.eye_line - figure.character.eye_height - 18
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
