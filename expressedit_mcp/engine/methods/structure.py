"""The x0 projection that keeps the source's lines and colours within the loop (SPL and CPL, M. Gong et al., WACV
2026)."""

from __future__ import annotations

from functools import cache

import numpy as np
from torch import Tensor

from expressedit_mcp.engine.methods.method import Projection
from expressedit_mcp.engine.models import ModelSet
from expressedit_mcp.engine.pixels import decode, encode
from expressedit_mcp.engine.sampling import X0Hook
from expressedit_mcp.engine.schedule import Step
from expressedit_mcp.imaging import Size, preserve, window_radius_px


def projections(
    wanted: Projection, models: ModelSet, source: Tensor, selected: np.ndarray, steps: int
) -> tuple[X0Hook, ...]:
    """The hook of a method's projection; none when it asks for nothing.

    x0 is decoded and held against the decoded `source` (1, C, h, w) where `selected` (H, W) is above 0; what that
    changes is encoded.
    """
    if wanted.structure <= 0 and wanted.color <= 0:
        return ()
    size = Size(selected.shape[1], selected.shape[0])

    @cache
    def reference() -> np.ndarray:
        # the source as the VAE shows it, so that its losses are not taken for changes
        return decode(models, source)

    def project(x0: Tensor, step: Step, index: int) -> Tensor:
        if not wanted.when.on(index, steps):
            return x0
        seen = decode(models, x0)
        held = preserve(
            seen,
            reference(),
            selected,
            structure=wanted.structure,
            color=wanted.color,
            radius_px=window_radius_px(size, size),
        )
        # the difference alone, so that what is not held loses nothing in the VAE
        return x0 + (encode(models, held) - encode(models, seen))

    return (project,)
