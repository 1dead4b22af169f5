"""Irises scaled by `move_part`, as the face reader reads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.methods.faces import SIZE_PX, Bench, Pair
from expressedit_mcp.engine.methods.profiles import PRESETS, guided_method
from expressedit_mcp.imaging import (
    Box,
    Picture,
    Selection,
    Size,
    apply_patch,
    ellipse_selection,
    scale_under,
)
from expressedit_mcp.preview.landmarks import EyeLandmarks

FACTORS = (0.5, 0.75, 1.25)
_ROUND_IRIS = 1.1


def iris_table(bench: Bench, count: int) -> str:
    """Both irises scaled, one after the other: radius after / before as read, and what was asked.

    Both, since the reader tells one radius for two eyes.
    """
    ways: dict[str, Callable[[Pair, str, float], np.ndarray]] = {
        "pixels scaled, no model": _pasted,
        "`move_part`, `fast`": lambda pair, eye, factor: _edited(bench, pair, eye, factor),
    }
    lines = [
        "| Irises | scaled by | radius as read, mean | absolute error, mean | n |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, way in ways.items():
        for factor in FACTORS:
            ratios = _ratios(bench, way, factor, count)
            wrong = np.abs(ratios - factor).mean()
            lines.append(
                f"| {name} | {factor} | {ratios.mean():.2f} | {wrong:.2f} | {len(ratios)} |"
            )
    return "\n".join(lines)


def _ratios(
    bench: Bench, way: Callable[[Pair, str, float], np.ndarray], factor: float, count: int
) -> np.ndarray:
    ratios = []
    for number in range(count):
        pair = Pair.of(number)
        before, pixels = bench.read(pair, pair.before.pixels), pair.before.pixels
        for eye in ("left_eye", "right_eye"):
            now = replace(pair, before=replace(pair.before, pixels=pixels))
            pixels = way(now, eye, factor)
        after = bench.read(pair, pixels)
        if before.left_iris is not None and after.left_iris is not None:
            ratios.append(after.left_iris.radius / before.left_iris.radius)
    return np.array(ratios)


@dataclass(frozen=True)
class _Scaling:
    """An iris of the pair's first face: its middle and selection, in the crop, and the crop with it scaled."""

    middle: tuple[float, float]
    iris: Selection
    warped: np.ndarray

    @classmethod
    def of(cls, pair: Pair, name: str, factor: float) -> _Scaling:
        eye: EyeLandmarks = getattr(pair.before.landmarks, name)
        x, y = eye.iris_center[0] - pair.box.left, eye.iris_center[1] - pair.box.top
        rx, ry = _ROUND_IRIS * eye.iris_radius, _ROUND_IRIS * eye.iris_height
        side = Size(pair.box.width, pair.box.width)
        iris, crop = ellipse_selection([x - rx, y - ry, x + rx, y + ry], side), Picture(pair.crop)
        warped = apply_patch(crop, scale_under(crop, iris, factor, factor)).pixels
        return cls((x, y), iris, warped)


def _edited(bench: Bench, pair: Pair, name: str, factor: float) -> np.ndarray:
    """The picture with an iris scaled and its eye redrawn."""
    scaling, preset = _Scaling.of(pair, name, factor), PRESETS["fast"]["move"]
    eye = Box(*pair.before.part_boxes[name]).shifted(-pair.box.left, -pair.box.top)
    selection = np.zeros(pair.crop.shape[:2], np.uint8)
    selection[eye.slices] = 255
    method = guided_method("fast", pair.words, "move", origin=scaling.middle, scale=factor)
    part = scaling.iris.within(Size(pair.box.width, pair.box.width).box)
    return bench.edit(
        pair,
        method,
        crop=scaling.warped,
        source=pair.crop,
        part=part,
        selection=selection,
        steps=preset.steps,
        strength=preset.strength,
        guidance_scale=min(bench.models.card.guidance_scale, preset.guidance_scale),
        control_end=preset.control_end,
    ).pixels


def _pasted(pair: Pair, name: str, factor: float) -> np.ndarray:
    """The picture with an iris scaled."""
    pixels, warped = pair.before.pixels.copy(), _Scaling.of(pair, name, factor).warped
    seen = pair.box & Box(0, 0, SIZE_PX, SIZE_PX)
    pixels[seen.slices] = warped[seen.shifted(-pair.box.left, -pair.box.top).slices]
    return pixels
