"""What a model drew, and what makes colours of a crop of it. No torch: the device is free for others by then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from expressedit_mcp.engine.backend import EditRequest, OnStep, Stop
from expressedit_mcp.errors import Cancelled
from expressedit_mcp.imaging import (
    STRUCTURE_PASSES,
    CropPlan,
    Size,
    correct_rim,
    preserve,
    restore,
    window_radius_px,
)


@dataclass(frozen=True)
class Drawn:
    """What the model drew for a request: `rows` (H, W, 3) float32 0..1 at the model's size, one per seed.

    `source` (H, W, 3) and `selected` (H, W), float32 0..1, are the crop and its selection at that size.
    """

    request: EditRequest
    source: np.ndarray
    selected: np.ndarray
    rows: Sequence[np.ndarray]
    calls: int
    controlled: int

    def finished(self, row: int, on_step: OnStep, stop: Stop) -> np.ndarray:
        """The colour (h, w, 3) float32 0..1 of a row at the crop's size: its rim corrected, the source's lines and
        colours held as far as was asked for. Needs no model. Raises Cancelled.
        """
        stop_if(stop)
        request, count, passes = self.request, len(self.rows), passes_of(self.request)
        crop = Size(request.crop.shape[1], request.crop.shape[0])
        generated = correct_rim(self.rows[row], self.source, self.selected)
        rgb = restore(generated, CropPlan(crop.box, request.model_size))
        if request.preserve_structure <= 0 and request.preserve_color <= 0:
            return rgb

        def before_pass(done: int) -> None:
            stop_if(stop)
            at = row * passes + done + 1
            what = f"keeping the lines, pass {at} of {count * passes}"
            on_step(count * self.calls + at, count * (self.calls + passes), what)

        return preserve(
            rgb,
            request.crop.astype(np.float32) / np.iinfo(request.crop.dtype).max,
            request.selection,
            structure=request.preserve_structure,
            color=request.preserve_color,
            radius_px=window_radius_px(crop, request.model_size),
            before_pass=before_pass,
        )


def passes_of(request: EditRequest) -> int:
    """How many passes of structure preservation follow the model calls."""
    return STRUCTURE_PASSES if request.preserve_structure > 0 else 0


def stop_if(stop: Stop) -> None:
    """Raises Cancelled when the edit shall stop."""
    if stop():
        raise Cancelled("The edit was cancelled; the picture is as it was.")
