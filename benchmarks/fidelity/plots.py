"""Line plots, drawn with Pillow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_SIZE, _FRAME = (420, 280), (54, 16, 404, 236)  # left, top, right, bottom of the plotted area
_INKS = ("#c0392b", "#1f618d", "#1e8449", "#7d3c98")


def line_plot(title: str, xs: Sequence[float], lines: Mapping[str, Sequence[float]]) -> np.ndarray:
    """Each line's values over xs, from 0 to the largest or 1, as (H, W, 3) uint8."""
    image = Image.new("RGB", _SIZE, "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(13)
    left, top, right, bottom = _FRAME
    high = max(1.0, *(max(line) for line in lines.values()))

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - xs[0]) / (xs[-1] - xs[0])
        return left + across * (right - left), bottom - y / high * (bottom - top)

    for share in (0, 0.25, 0.5, 0.75, 1):
        pen.line([place(xs[0], share * high), place(xs[-1], share * high)], fill="#dddddd")
        pen.text((6, place(xs[0], share * high)[1] - 8), f"{share * high:.2f}", "#444444", font)
    for x in xs:
        pen.text((place(x, 0)[0] - 10, bottom + 6), f"{x:g}", "#444444", font)
    pen.text((left + 130, bottom + 24), title, "#222222", font)
    for number, (name, line) in enumerate(lines.items()):
        points = [place(x, y) for x, y in zip(xs, line, strict=True)]
        pen.line(points, _INKS[number], 3)
        for x, y in points:
            pen.ellipse([x - 3, y - 3, x + 3, y + 3], _INKS[number])
        pen.text((left + 10, top + 6 + 18 * number), name, _INKS[number], font)
    return np.asarray(image)
