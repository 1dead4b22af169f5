"""Draws the bare head: ears, face, its shadows, nose, wrinkles and beard."""

import numpy as np

from .drawing import Canvas, mixed
from .geometry import bezier, ellipse, joined, mirrored, smooth
from .labels import BODY_SKIN, FACE_SKIN, HAIR
from .layout import SIDES, Figure

OUTLINE_WIDTH = 1.15


def draw_ears(canvas: Canvas, figure: Figure) -> None:
    """Draws both ears, which the face and the hair overlap."""
    palette, canvas = figure.palette, canvas.labelled(BODY_SKIN)
    width, y = figure.character.face_half_width, figure.eye_line
    for side in SIDES:
        knots = [(width - 3, y - 3), (width + 2.2, y - 5.2), (width + 4.6, y - 1.0),
                 (width + 3.4, y + 6.0), (width + 0.6, y + 11.0), (width - 3.4, y + 11)]  # fmt: skip
        rim = mirrored(smooth(knots, samples=5), side)
        canvas.fill(rim, palette.skin)
        inner = mirrored(
            smooth([(width + 0.4, y - 2.2), (width + 2.9, y - 1.2), (width + 2.0, y + 4.4),
                    (width + 0.2, y + 6.6)], samples=5), side,
        )  # fmt: skip
        canvas.fill(inner, palette.skin_shadow)
        canvas.stroke(inner[2:-4], palette.skin_line, 0.6, (0.1, 0.1))
        canvas.stroke(rim, palette.skin_line, OUTLINE_WIDTH, (0.3, 0.3))


def draw_face(canvas: Canvas, figure: Figure, fringe_shadows: list[np.ndarray]) -> None:
    """Draws the face with the shadow of the fringe, and its outline."""
    palette, canvas = figure.palette, canvas.labelled(FACE_SKIN)
    outline = figure.face_outline
    canvas.fill(outline, palette.skin)
    width = figure.character.face_half_width
    with canvas.clipped(outline) as face:
        side_shade = joined(
            figure.jaw_line, figure.jaw_line[::-1] * (0.9, 1.0) + (-0.4, -1.4)
        )  # fmt: skip
        face.fill(side_shade, palette.skin_shadow)
        warmth = mixed(palette.skin, palette.blush, 0.5)
        for side in SIDES:
            face.glow((side * width * 0.6, figure.eye_line + 15), (11, 8), warmth, 0.28)
        for shadow in fringe_shadows:
            face.fill(shadow, palette.skin_shadow)
    contour = joined(mirrored(figure.jaw_line, -1), figure.jaw_line[::-1][1:])
    if figure.character.hair_style == "bald":
        canvas.closed_stroke(outline, palette.skin_line, OUTLINE_WIDTH)
    profile = 0.75 + 0.5 * np.sin(np.linspace(0, np.pi, len(contour))) ** 2
    canvas.stroke(contour, palette.skin_line, OUTLINE_WIDTH, profile=profile)


def draw_nose(canvas: Canvas, figure: Figure) -> None:
    """Draws the nose in the manner of the character's age."""
    palette, c = figure.palette, figure.character
    x, y = figure.nose_tip
    canvas = canvas.labelled(FACE_SKIN)
    line = mixed(palette.skin_line, palette.skin, 0.2)
    if c.age == "child":
        canvas.stroke(smooth([(x - 1.1, y + 0.5), (x + 0.2, y + 0.9), (x + 1.2, y + 0.3)], samples=4),
                      line, 0.95, (0.3, 0.3))  # fmt: skip
        return
    shade = smooth([(x + 0.2, y - 4.6), (x + 2.7, y + 0.2), (x + 1.7, y + 1.7), (x - 0.6, y + 1.4)],
                   closed=True, samples=4)  # fmt: skip
    canvas.fill(shade, palette.skin_shadow)
    canvas.fill(ellipse(x - 0.5, y - 1.1, 0.7, 0.8), palette.skin_light)
    if c.age == "teen":
        tip = smooth([(x + 1.9, y - 0.8), (x + 1.9, y + 0.9), (x + 0.3, y + 1.7)], samples=4)
        canvas.stroke(tip, line, 0.85, (0.15, 0.3))
        return
    reach = 2.6 if c.sex == "female" else 3.5
    base = smooth([(x - reach, y + 1.0), (x - reach * 0.4, y + 2.2), (x + 0.1, y + 1.9),
                   (x + reach * 0.4, y + 2.2), (x + reach, y + 1.0)], samples=4)  # fmt: skip
    canvas.stroke(base, line, 0.9, (0.15, 0.15))
    if c.sex == "male":
        bridge = bezier((x + 3.1, y - 12), (x + 1.5, y - 7), (x + 2.8, y - 2.2), samples=8)
        canvas.stroke(bridge, line, 0.8, (0.05, 0.5))
        wing = smooth([(x + reach, y - 1.2), (x + reach + 0.9, y + 0.2), (x + reach, y + 1.5)])
        canvas.stroke(wing, line, 0.75, (0.2, 0.2))


def draw_age_lines(canvas: Canvas, figure: Figure) -> None:
    """Draws the wrinkles of old characters and the folds of grown-up faces."""
    c, palette = figure.character, figure.palette
    if c.age not in ("adult", "old"):
        return
    canvas = canvas.labelled(FACE_SKIN)
    (_, my), (_, ny) = figure.mouth_center, figure.nose_tip
    strength = 0.25 if c.age == "old" else 0.62
    color = mixed(palette.skin_line, palette.skin, strength)
    if c.age == "adult":
        if c.sex == "male":
            for side in SIDES:
                hollow = mirrored(
                    bezier((27, ny + 2), (24.5, my - 3), (20, my + 4), samples=8), side
                )
                canvas.stroke(hollow, color, 0.7, (0.05, 0.05))
        return
    for side in SIDES:
        fold = mirrored(bezier((5.2, ny + 0.2), (10.0, ny + 3), (11.8, my - 0.5), samples=9), side)
        canvas.stroke(fold, color, 0.9, (0.2, 0.05))
        x, y = figure.eye_center(side)
        for drop, reach in ((7.0, 0.8), (9.0, 0.55)):
            bag = bezier((x - side * 5 * reach, y + drop), (x, y + drop + 2),
                         (x + side * 6 * reach, y + drop - 0.6), samples=7)  # fmt: skip
            canvas.stroke(bag, color, 0.65, (0.05, 0.05))
        for rise in (-1.6, 0.6, 2.8):
            start = (x + side * (c.eye_half_width + 1.6), y + 0.5 * rise)
            end = (x + side * (c.eye_half_width + 5.0), y + 1.5 * rise)
            canvas.stroke(np.linspace(start, end, 4), color, 0.6, (0.4, 0.05))
    for rise, reach in ((20.5, 11), (24.0, 9)):
        y = figure.eye_line - c.eye_height - rise + 8
        crease = smooth(
            [(-reach, y + 0.5), (-reach * 0.4, y - 0.4), (reach * 0.3, y), (reach, y + 0.6)]
        )
        canvas.stroke(crease, color, 0.7, (0.05, 0.05))


def draw_beard(canvas: Canvas, figure: Figure) -> None:
    """Draws beard, stubble or mustache, under the mouth's lines."""
    worn, palette = figure.character.accessories, figure.palette
    if "stubble" in worn:
        with canvas.labelled(FACE_SKIN).clipped(figure.face_outline) as face:
            half = _stubble_half(figure)
            face.blend([half, mirrored(half, -1)], palette.hair_line, 0.2)
    if "beard" in worn:
        _draw_full_beard(canvas.labelled(HAIR), figure)
    if "mustache" in worn or "beard" in worn:
        _draw_mustache(canvas.labelled(HAIR), figure, large="mustache" in worn)


def _stubble_half(figure: Figure) -> np.ndarray:
    """The right half of the area of stubble, with the mouth left free."""
    (_, my), width = figure.mouth_center, figure.character.face_half_width
    inner = [(0, my + 6.8), (6.0, my + 6.4), (11.4, my + 1.5), (13.4, my - 4.5),
             (width * 0.66, my - 9), (width * 0.9, figure.eye_line + 5)]  # fmt: skip
    return joined(figure.jaw_line[8:], smooth(inner, samples=4))


def _draw_full_beard(canvas: Canvas, figure: Figure) -> None:
    palette, chin = figure.palette, figure.chin
    (_, my), width = figure.mouth_center, figure.character.face_half_width
    rim = [(width * 1.0, figure.eye_line + 3), (width * 0.99, my - 8), (width * 0.86, my + 4),
           (width * 0.6, chin - 1.5), (width * 0.34, chin + 3.4), (0, chin + 5.6)]  # fmt: skip
    inner = [(0, my + 6.6), (5.6, my + 6.6), (11.2, my + 2.0), (13.0, my - 4.5),
             (width * 0.62, my - 8.5), (width * 0.86, figure.eye_line + 3)]  # fmt: skip
    right = joined(smooth(rim, samples=5), smooth(inner, samples=5))
    for side in SIDES:
        canvas.fill(mirrored(right, side), palette.hair)
    edge = smooth(rim, samples=5)
    for side in SIDES:
        canvas.stroke(mirrored(edge, side), palette.hair_line, 1.1, (0.2, 0.9))
        canvas.stroke(
            mirrored(smooth(inner, samples=5), side), palette.hair_shadow, 0.9, (0.3, 0.1)
        )
        for at in (0.2, 0.36, 0.52, 0.7):
            x = width * at
            top, low = my + 8 - 7 * at, chin + 2.0 - 11 * at
            strand = mirrored([(x, top), (x * 1.04 + 0.5, (top + low) / 2), (x * 0.92, low)], side)
            canvas.stroke(smooth(strand, samples=4), palette.hair_shadow, 0.95, (0.05, 0.1))
    canvas.stroke(smooth([(0, my + 7.4), (0.5, my + 10), (0, chin + 1)]), palette.hair_shadow, 0.9)


def _draw_mustache(canvas: Canvas, figure: Figure, large: bool) -> None:
    palette = figure.palette
    (_, my), (_, ny) = figure.mouth_center, figure.nose_tip
    top = ny + 0.46 * (my - ny)
    reach, drop = (13.0, 4.4) if large else (11.4, 2.0)
    knots = [(0, top), (4.4, top - 0.9), (reach * 0.72, top + 1.4), (reach, my + drop),
             (reach * 0.7, my - 0.6), (3.2, my - 2.6), (0, my - 3.2)]  # fmt: skip
    for side in SIDES:
        half = mirrored(smooth(knots, samples=5), side)
        canvas.fill(half, palette.hair)
        canvas.stroke(half, palette.hair_line, 0.85, (0.2, 0.2))
        strand = mirrored([(2.0, top + 1.6), (reach * 0.5, top + 2.2), (reach * 0.82, my)], side)
        canvas.stroke(smooth(strand, samples=4), palette.hair_shadow, 0.8, (0.1, 0.1))
