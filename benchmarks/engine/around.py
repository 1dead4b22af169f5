"""What an edit takes besides the model: pixels, hashes, the preview, files. No torch."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import TypeVar

import cv2
import numpy as np

from expressedit_mcp.images import DecodeLimits, decode, encode_png, make_preview
from expressedit_mcp.images.store import derived_id
from expressedit_mcp.imaging import (
    CropPlan,
    Patch,
    Picture,
    Selection,
    Size,
    apply_patch,
    box_selection,
    canny_hint,
    correct_rim,
    feather,
    outside_unchanged,
    plan_crop,
    resize,
    restore,
    srgb_crop,
)

T = TypeVar("T")

SELECTION_PX = 512
NATIVE_PX = 1024
FILES = ("read the file", "store it as it is", "compress it, after the answer")


class Phases:
    """Seconds by name, of the processor's time unless another clock is given: others may use the machine too."""

    def __init__(self, clock: Callable[[], float] = time.process_time) -> None:
        self._clock = clock
        self.seconds: dict[str, float] = {}

    def time(self, name: str, work: Callable[[], T]) -> T:
        started = self._clock()
        result = work()
        self.seconds[name] = self.seconds.get(name, 0.0) + self._clock() - started
        return result


def page(size: Size, seed: int = 0) -> Picture:
    """A picture of soft shapes with outlines and grain, about as hard to compress as a coloured comic page."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 240, (size.height // 96 + 2, size.width // 96 + 2, 3), dtype=np.uint8)
    soft = cv2.resize(coarse, (size.width, size.height), interpolation=cv2.INTER_CUBIC)
    flat = (soft // 32) * 32 + 16
    edges = cv2.Canny(flat, 10, 20)
    flat[cv2.dilate(edges, np.ones((3, 3), np.uint8)) > 0] = 20
    grain = rng.integers(-2, 3, flat.shape, dtype=np.int16)
    return Picture(np.clip(flat + grain, 0, 255).astype(np.uint8))


def plan(picture: Picture, native_px: int) -> tuple[Selection, CropPlan]:
    """A feathered square selection in the middle of a picture, and its crop."""
    middle = picture.size.width / 2, picture.size.height / 2
    edges = [edge + way * SELECTION_PX / 2 for way in (-1, 1) for edge in middle]
    selection = feather(box_selection(edges, picture.size), round(0.08 * SELECTION_PX))
    crop = plan_crop(picture.size, selection.box, native_px=native_px, margin=0.25)
    return selection, crop


def edit_without_model(picture: Picture) -> dict[str, float]:
    """Seconds per phase of an edit whose model changes nothing but the colours a little."""
    phases = Phases()
    selection, crop = phases.time("selection, crop plan", lambda: plan(picture, NATIVE_PX))

    pixels = srgb_crop(picture, crop.box)
    phases.time("key of the latents' cache", lambda: hashlib.sha256(pixels.data).digest())

    def enlarge() -> tuple[np.ndarray, np.ndarray]:
        rgb = resize(pixels.astype(np.float32) / 255, crop.model_size)
        np.clip(rgb, 0, 1, out=rgb)
        alpha = selection.within(crop.box).astype(np.float32) / 255
        return rgb, resize(alpha, crop.model_size)

    rgb, selected = phases.time("crop to the model's size", enlarge)
    phases.time("Canny hint", lambda: canny_hint(rgb, 100, 200, selected))
    generated = np.clip(rgb * 1.03 + 0.01, 0, 1)
    corrected = phases.time("rim correction", lambda: correct_rim(generated, rgb, selected))

    def back() -> Patch:
        deep = np.rint(restore(corrected, crop) * 65535).astype(np.uint16)
        return Patch.of(deep, crop.box, selection, picture)

    patch = phases.time("back to the crop's size, patch", back)
    after = phases.time("composite", lambda: apply_patch(picture, patch))
    phases.time("compare the outside", lambda: outside_unchanged(picture, after, patch))
    phases.time("id of the version", lambda: derived_id("img_0", "0", patch))
    phases.time("preview", lambda: make_preview(after.pixels))
    phases.time(FILES[1], lambda: encode_png(after, level=0))
    data = phases.time(FILES[2], lambda: encode_png(after))
    phases.time(FILES[0], lambda: decode(data, "page", DecodeLimits(1 << 40)))
    return phases.seconds
