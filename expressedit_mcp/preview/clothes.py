"""Draws the backdrop, neck, shoulders and what the character wears."""

import numpy as np

from .drawing import Canvas, Rgb, darker, mixed, tinted
from .geometry import bezier, ellipse, joined, mirrored, smooth
from .labels import BODY_SKIN, OTHER
from .layout import SIDES, Figure

_LOW = 84.0  # below the picture
_CHILD_WIDTH, _WOMAN_WIDTH, _MAN_WIDTH = 34.0, 42.0, 50.0


def draw_backdrop(canvas: Canvas, figure: Figure) -> None:
    """Draws what is behind the character."""
    c = figure.character
    light = mixed(c.background_color, (255, 255, 255), 0.45)
    if c.backdrop == "gradient":
        canvas.fill_rows(light, c.background_color)
    elif c.backdrop == "disc":
        canvas.fill(ellipse(0, 4, 58, 58), light)
    elif c.backdrop == "stripes":
        for x in range(-112, 112, 16):
            canvas.fill([(x, -90), (x + 8, -90), (x - 52, 90), (x - 60, 90)], light)


def draw_neck(canvas: Canvas, figure: Figure) -> None:
    """Draws the neck and the head's shadow on it."""
    palette, c = figure.palette, figure.character
    canvas = canvas.labelled(BODY_SKIN)
    half = {"child": 8.0, "teen": 9.6, "adult": 10.4, "old": 10.0}[c.age] + 2.6 * (c.sex == "male")
    half *= 1.0 if c.age != "child" else 0.94
    left = [(-half, 30), (-half, 48), (-half - 2.5, 54), (-half - 13, 58), (-half - 13, _LOW)]
    outline = joined(left, mirrored(left, -1)[::-1])
    canvas.fill(outline, palette.skin)
    drop = c.chin_height + 6.5
    shadow = [
        (-half, 30),
        (half, 30),
        (half, drop - 3.5),
        (half * 0.3, drop + 1.5),
        (-half, drop - 1),
    ]
    canvas.fill(shadow, palette.skin_shadow)
    for side in SIDES:
        edge = mirrored(smooth([(half, 34), (half, 47), (half + 2.5, 53.5), (half + 9, 57)]), side)
        canvas.stroke(edge, palette.skin_line, 1.1, (0.3, 0.3))
    if c.collar in ("crew", "dress", "kimono"):
        for side in SIDES:
            bone = mirrored(bezier((3, 62), (8, 59.6), (15, 59), samples=6), side)
            canvas.stroke(bone, mixed(palette.skin_line, palette.skin, 0.45), 0.8, (0.05, 0.05))


def draw_clothes(canvas: Canvas, figure: Figure) -> None:
    """Draws the shoulders in their clothes and the collar."""
    c = figure.character
    canvas = canvas.labelled(OTHER)
    color, line = c.shirt_color, tinted(c.shirt_color, (0.42, 0.38, 0.42))
    width = _CHILD_WIDTH if c.age == "child" else _MAN_WIDTH if c.sex == "male" else _WOMAN_WIDTH
    neckline = {"turtleneck": 49, "crew": 57, "shirt": 55, "hoodie": 56, "suit": 55, "sailor": 58,
                "dress": 66, "kimono": 60}[c.collar]  # fmt: skip
    spread = {"dress": 25, "turtleneck": 13, "crew": 16}.get(c.collar, 15)
    shoulder = smooth([(spread, 53.5), (width * 0.62, 57), (width, 62), (width + 6, 72),
                       (width + 7, _LOW)], samples=5)  # fmt: skip
    dip = smooth([(-spread, 53.5), (-spread * 0.6, neckline - 1.5), (0, neckline + 2),
                  (spread * 0.6, neckline - 1.5), (spread, 53.5)], samples=4)  # fmt: skip
    body = joined(dip, shoulder, mirrored(shoulder, -1)[::-1])
    canvas.fill(body, color)
    shadow = darker(color, 0.8)
    for side in SIDES:
        fold = mirrored([(width * 0.72, 66), (width * 0.8, 74), (width * 0.7, _LOW),
                         (width * 0.9, _LOW), (width * 0.9, 72)], side)  # fmt: skip
        canvas.fill(smooth(fold, closed=True, samples=4), shadow)
        canvas.stroke(mirrored(shoulder, side), line, 1.3, (0.4, 0.8))
    canvas.stroke(dip, line, 1.2, (0.6, 0.6))
    _COLLARS[c.collar](canvas, color, line, c.accent_color)


def _draw_shirt(canvas: Canvas, color: Rgb, line: Rgb, accent: Rgb) -> None:
    white = mixed(color, (255, 255, 255), 0.82)
    for side in SIDES:
        flap = mirrored([(2, 62), (10, 49.5), (16, 53), (17.5, 60), (10, 67.5)], side)
        canvas.fill(flap, white)
        canvas.stroke(np.concatenate([flap, flap[:1]]), line, 1.1, (0.8, 0.8))
    canvas.fill(
        [(0, 60.5), (3.4, 64), (2.2, 70), (5, _LOW), (-5, _LOW), (-2.2, 70), (-3.4, 64)], accent
    )
    canvas.stroke([(-3.4, 64), (-2.2, 70), (-5, _LOW)], line, 0.9)
    canvas.stroke([(3.4, 64), (2.2, 70), (5, _LOW)], line, 0.9)
    canvas.stroke([(-2.2, 69.6), (0, 70.3), (2.2, 69.6)], line, 0.8)


def _draw_crew(canvas: Canvas, color: Rgb, line: Rgb, accent: Rgb) -> None:
    outer = smooth([(-18.5, 54.2), (-11, 60.5), (0, 63), (11, 60.5), (18.5, 54.2)], samples=5)
    inner = smooth([(16, 53.4), (9.6, 57.6), (0, 59.2), (-9.6, 57.6), (-16, 53.4)], samples=5)
    canvas.fill(joined(outer, inner), mixed(color, (255, 255, 255), 0.35))
    canvas.stroke(outer, line, 1.0)
    canvas.stroke(inner, line, 1.1)


def _draw_hoodie(canvas: Canvas, color: Rgb, line: Rgb, accent: Rgb) -> None:
    for side in SIDES:
        hood = mirrored(smooth([(0, 69), (7, 60), (14, 51), (20, 48), (27, 51.5), (31, 58),
                                (20, 66), (8, 72)], closed=True, samples=5), side)  # fmt: skip
        canvas.fill(hood, darker(color, 0.86))
        canvas.closed_stroke(hood, line, 1.1)
        cord = mirrored(smooth([(7, 65), (8.4, 71), (7.4, 78)]), side)
        canvas.stroke(cord, mixed(color, (255, 255, 255), 0.8), 1.7, (0.9, 0.9))


def _draw_sailor(canvas: Canvas, color: Rgb, line: Rgb, accent: Rgb) -> None:
    dark = tinted(color, (0.62, 0.62, 0.72))
    for side in SIDES:
        flap = mirrored([(0, 72), (9.5, 52), (19, 52), (30, 58), (27, 68), (12, 70)], side)
        canvas.fill(flap, dark)
        canvas.stroke(np.concatenate([flap, flap[:1]]), line, 1.1, (0.8, 0.8))
        trim = mirrored([(3, 69.4), (11.5, 67.6), (25, 65.6), (27.6, 58.6)], side)
        canvas.stroke(trim, (248, 248, 250), 0.9, (0.8, 0.8))
        bow = mirrored(smooth([(0, 71), (7, 67.5), (9.5, 73), (6, 78)], closed=True), side)
        canvas.fill(bow, accent)
        canvas.closed_stroke(bow, darker(accent, 0.5), 0.9)
    canvas.fill(ellipse(0, 71.6, 2.4, 2.7), darker(accent, 0.85))


def _draw_turtleneck(canvas: Canvas, color: Rgb, line: Rgb, accent: Rgb) -> None:
    collar = smooth([(-12.5, 45), (-4, 47.6), (4, 47.6), (12.5, 45), (14, 56), (5, 60), (-5, 60),
                     (-14, 56)], closed=True, samples=5)  # fmt: skip
    canvas.fill(collar, mixed(color, (255, 255, 255), 0.12))
    canvas.closed_stroke(collar, line, 1.1)
    for x in (-8.5, -4.2, 0, 4.2, 8.5):
        canvas.stroke([(x, 48.6), (x * 1.08, 53), (x * 1.12, 57.5)], darker(color, 0.72), 0.8)


def _draw_suit(canvas: Canvas, color: Rgb, line: Rgb, accent: Rgb) -> None:
    _draw_shirt(canvas, mixed(color, (255, 255, 255), 0.75), line, accent)
    for side in SIDES:
        lapel = mirrored([(4, _LOW), (15, 56), (21, 53.5), (29, 66), (21.5, 67.5), (23, 71),
                          (12, _LOW)], side)  # fmt: skip
        canvas.fill(lapel, darker(color, 0.88))
        canvas.stroke(np.concatenate([lapel, lapel[:1]]), line, 1.1, (0.8, 0.8))


def _draw_dress(canvas: Canvas, color: Rgb, line: Rgb, accent: Rgb) -> None:
    rim = smooth([(-26, 54), (-15, 61.5), (0, 67.5), (15, 61.5), (26, 54)], samples=6)
    canvas.stroke(rim, accent, 2.2, (0.7, 0.7))
    canvas.stroke(smooth([(-11, 56), (-6, 61), (0, 63.4), (6, 61), (11, 56)]), accent, 0.8)
    canvas.fill(ellipse(0, 64.4, 1.6, 1.9), mixed(accent, (255, 255, 255), 0.3))


def _draw_kimono(canvas: Canvas, color: Rgb, line: Rgb, accent: Rgb) -> None:
    for side in (1, -1):
        band = mirrored([(15, 51), (22, 54.5), (-1, _LOW), (-12, _LOW)], side)
        canvas.fill(band, mixed(accent, (255, 255, 255), 0.1))
        canvas.stroke(band[[0, 3]], line, 1.1, (0.8, 0.8))
        canvas.stroke(band[[1, 2]], line, 1.1, (0.8, 0.8))


_COLLARS = {
    "shirt": _draw_shirt,
    "crew": _draw_crew,
    "hoodie": _draw_hoodie,
    "sailor": _draw_sailor,
    "turtleneck": _draw_turtleneck,
    "suit": _draw_suit,
    "dress": _draw_dress,
    "kimono": _draw_kimono,
}
