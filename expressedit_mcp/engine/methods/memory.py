"""Known pictures' keys and values in the decoder's self-attention, an attention filling."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from expressedit_mcp.engine.denoise import Layout
from expressedit_mcp.engine.methods.attention import Place
from expressedit_mcp.engine.methods.method import Memory


@dataclass(frozen=True)
class KnownTokens:
    """What the edit's rows attend to in the self-attention of the decoder (DragonDiffusion, C. Mou et al., 2024).

    The known rows run in the same call, so their tokens are of the same noise level and nothing is stored.
    `mask` (1, 1, h, w) is the selection in latent cells, `of_reference` the reference's; `steps` is how many the
    edit has. The unconditional row sees what the conditional one does.
    """

    plan: Memory
    mask: Tensor
    of_reference: Tensor | None
    steps: int

    def tokens(
        self, place: Place, q: Tensor, k: Tensor, v: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The attention slot's TokenEdit."""
        if not self._on(place):
            return q, k, v
        return q, self._seen(place.layout, k), self._seen(place.layout, v)

    def bias(self, place: Place, queries: int, keys: int) -> Tensor | None:
        """The attention slot's Bias: hides what `masked` leaves out."""
        if self.plan.kind != "masked" or self.of_reference is None or not self._on(place):
            return None
        grid = token_grid(queries, self.mask)
        outside = 1 - functional.adaptive_avg_pool2d(self.mask.float(), grid).ceil()
        inside = functional.adaptive_max_pool2d(self.of_reference.float(), grid).ceil()
        shown = torch.cat([outside.flatten(), inside.flatten()]) > 0
        rows = sum(1 + (row is not None) for row in place.layout.unconditional)
        bias = self.mask.new_zeros(rows, 1, 1, keys)
        bias[edit_rows(place.layout)] = torch.where(shown, 0.0, -torch.inf).to(bias)
        return bias

    def _on(self, place: Place) -> bool:
        return (
            place.part == "up" and not place.is_cross and self.plan.steps.on(place.step, self.steps)
        )

    def _seen(self, layout: Layout, own: Tensor) -> Tensor:
        """The tokens (B, heads, m, d) that each row sees; the known ones their own."""
        rows = edit_rows(layout)
        source = own[layout.conditional[1]]
        if self.plan.kind == "replace":
            seen = own.clone()
            seen[rows] = source
            return seen
        # rows of a batch have one length: their own tokens twice change nothing for the known ones
        first, second = own.clone(), own.clone()
        if self.plan.kind == "masked":
            first[rows], second[rows] = source, own[layout.conditional[2]]
        else:
            second[rows] = source
        return torch.cat([first, second], 2)


def token_grid(count: int, mask: Tensor) -> tuple[int, int]:
    """(rows, columns) of a self-attention layer with `count` tokens, each level half the latents of the mask."""
    rows, columns = mask.shape[-2:]
    while rows * columns > count:
        rows, columns = -(-rows // 2), -(-columns // 2)
    return rows, columns


def edit_rows(layout: Layout) -> list[int]:
    """The rows of the edit in a batch: the unconditional one, if it has one, and the conditional one."""
    free = layout.unconditional[0]
    return [layout.conditional[0]] if free is None else [free, layout.conditional[0]]
