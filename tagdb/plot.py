"""The evaluation's plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tagdb.evaluation import Judged


def plot_hits(arms: Mapping[str, Sequence[Judged]], path: Path) -> None:
    """Writes hit@k over k, one line per arm, as PNG."""
    from PIL import Image, ImageDraw, ImageFont

    width, height, left, top, right, bottom = 900, 520, 60, 30, 210, 50
    image = Image.new("RGB", (width, height), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(14)
    depths = np.arange(1, 25)
    colours = ["#222222", "#c0392b", "#e59866", "#1f618d", "#7fb3d5", "#1e8449", "#82c99a"]

    def place(depth: float, value: float) -> tuple[float, float]:
        x = left + (depth - 1) / 23 * (width - left - right)
        return x, height - bottom - value * (height - top - bottom)

    for tenth in range(0, 11, 2):
        x, y = place(1, tenth / 10)
        pen.line([(x, y), place(24, tenth / 10)], fill="#dddddd")
        pen.text((x - 34, y - 8), f"{tenth / 10:.1f}", fill="#444444", font=font)
    for depth in (1, 3, 8, 12, 24):
        x, y = place(depth, 0)
        pen.text((x - 6, y + 8), str(depth), fill="#444444", font=font)
    pen.text((left + 180, height - 24), "first k tags of the answer", fill="#444444", font=font)
    for index, (name, judged) in enumerate(arms.items()):
        ranks = np.array([item.right_rank for item in judged])
        line = [place(float(k), float((ranks < k).mean())) for k in depths]
        pen.line(line, fill=colours[index], width=3)
        y = top + 24 * index
        pen.line(
            [(width - right + 16, y + 9), (width - right + 40, y + 9)], fill=colours[index], width=4
        )
        pen.text((width - right + 48, y), name, fill="#222222", font=font)
    image.save(path)
