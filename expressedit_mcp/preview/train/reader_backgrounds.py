"""Pictures without a face: what the reader and the finder learn to leave alone."""

from __future__ import annotations

import string

import cv2
import numpy as np

Rng = np.random.Generator


def background(rng: Rng, height: int, width: int) -> np.ndarray:
    """A random picture (height, width, 3) uint8 without a face."""
    picture = _GROUNDS[int(rng.integers(len(_GROUNDS)))](rng, height, width)
    for _ in range(int(rng.integers(0, 4))):
        _CLUTTER[int(rng.integers(len(_CLUTTER)))](rng, picture)
    return picture


def color(rng: Rng) -> tuple[int, int, int]:
    """A random colour; a third are shades of grey, as in line art."""
    if rng.random() < 1 / 3:
        level = int(rng.integers(0, 256))
        return level, level, level
    red, green, blue = (int(v) for v in rng.integers(0, 256, 3))
    return red, green, blue


def _plain(rng: Rng, height: int, width: int) -> np.ndarray:
    return np.full((height, width, 3), color(rng), np.uint8)


def _gradient(rng: Rng, height: int, width: int) -> np.ndarray:
    share = np.linspace(0, 1, height)[:, None, None] * np.ones((1, width, 1))
    mixed = np.array(color(rng)) * share + np.array(color(rng)) * (1 - share)
    return mixed.astype(np.uint8)


def _cloud(rng: Rng, height: int, width: int) -> np.ndarray:
    """Noise of one scale, coloured or grey."""
    cells = int(rng.choice([3, 6, 12, 30, 80]))
    noise = rng.integers(0, 256, (cells, cells, int(rng.choice([1, 3]))), dtype=np.uint8)
    method = cv2.INTER_CUBIC if rng.random() < 0.7 else cv2.INTER_NEAREST
    grown = cv2.resize(noise, (width, height), interpolation=method)
    return np.broadcast_to(np.atleast_3d(grown), (height, width, 3)).copy()


def _stripes(rng: Rng, height: int, width: int) -> np.ndarray:
    angle, wave = rng.uniform(0, np.pi), rng.uniform(4, 40)
    y, x = np.mgrid[:height, :width]
    bright = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / wave)
    if rng.random() < 0.4:
        bright = bright * np.sin((y * np.cos(angle) - x * np.sin(angle)) * 2 * np.pi / wave)
    share = (bright > 0).astype(float) if rng.random() < 0.5 else bright / 2 + 0.5
    mixed = np.array(color(rng)) * share[..., None] + np.array(color(rng)) * (1 - share[..., None])
    return mixed.astype(np.uint8)


def _bricks(rng: Rng, height: int, width: int) -> np.ndarray:
    picture = _plain(rng, height, width)
    tall, wide = int(rng.integers(6, 40)), int(rng.integers(10, 80))
    for row, top in enumerate(range(0, height, tall)):
        for left in range(-(row % 2) * wide // 2, width, wide):
            shade = np.clip(np.array((170, 110, 90)) + rng.normal(0, 15), 0, 255)
            cv2.rectangle(
                picture, (left + 1, top + 1), (left + wide - 2, top + tall - 2), shade.tolist(), -1
            )
    return picture


def _ellipses(rng: Rng, picture: np.ndarray) -> None:
    """Filled or outlined ellipses, now and then in pairs, as eyes are."""
    height, width = picture.shape[:2]
    for _ in range(int(rng.integers(1, 8))):
        center = rng.integers(0, [width, height])
        axes = rng.integers(2, max(3, min(height, width) // 4), 2)
        paint, thickness = color(rng), int(rng.choice([-1, 1, 2, 3]))
        for shift in ((0,), (0, int(axes[0] * 3)))[int(rng.random() < 0.5)]:
            place = (int(center[0]) + shift, int(center[1]))
            size = (int(axes[0]), int(axes[1]))
            cv2.ellipse(
                picture, place, size, rng.uniform(0, 180), 0, 360, paint, thickness, cv2.LINE_AA
            )


def _polygons(rng: Rng, picture: np.ndarray) -> None:
    height, width = picture.shape[:2]
    for _ in range(int(rng.integers(1, 6))):
        middle, spread = rng.uniform(0, [width, height]), rng.uniform(4, min(height, width) / 2)
        points = np.rint(middle + rng.normal(0, spread, (int(rng.integers(3, 8)), 2)))
        if rng.random() < 0.6:
            cv2.fillPoly(picture, [points.astype(np.int32)], color(rng), cv2.LINE_AA)
        else:
            cv2.polylines(picture, [points.astype(np.int32)], True, color(rng), 2, cv2.LINE_AA)


def _scribbles(rng: Rng, picture: np.ndarray) -> None:
    """Curved lines, as in hair, folds and grass."""
    height, width = picture.shape[:2]
    start, paint = rng.uniform(0, [width, height]), color(rng)
    for _ in range(int(rng.integers(3, 20))):
        step = np.cumsum(np.cumsum(rng.normal(0, 1.5, (20, 2)), axis=0), axis=0)
        path = np.rint(start + rng.normal(0, width / 6, 2) + step).astype(np.int32)
        cv2.polylines(picture, [path], False, paint, int(rng.integers(1, 4)), cv2.LINE_AA)


def _letters(rng: Rng, picture: np.ndarray) -> None:
    height, width = picture.shape[:2]
    paint = color(rng)
    scale = float(rng.uniform(0.3, 1.5))
    for _ in range(int(rng.integers(1, 10))):
        letters = "".join(rng.choice(list(string.printable[:90]), int(rng.integers(1, 20))))
        place = (int(rng.integers(-20, width)), int(rng.integers(0, height)))
        font = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_COMPLEX]))
        cv2.putText(picture, letters, place, font, scale, paint, 1 + int(scale), cv2.LINE_AA)


_GROUNDS = (_plain, _gradient, _cloud, _stripes, _bricks)
_CLUTTER = (_ellipses, _polygons, _scribbles, _letters)
