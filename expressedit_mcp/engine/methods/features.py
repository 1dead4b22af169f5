"""What the UNet's decoder sees in latents: the features that energies compare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from expressedit_mcp.engine.denoise import Condition
from expressedit_mcp.engine.methods.attention import processors

Features = Sequence[Tensor]
"""One map (B, C, h, w) per tapped block, float32."""


class _Seen(Exception):
    """Ends a UNet call once its last tapped block has answered."""


@dataclass(frozen=True)
class FeatureTap:
    """Reads the outputs of decoder blocks of a UNet: conditional prompt, no ControlNet, `processors` for attention.

    `processors` are the UNet's own, so that what a method does in the attention is not in the features
    (DragonDiffusion, C. Mou et al., 2024, uses the same features). With `checkpointing` activations are computed
    again in the backward pass instead of kept.
    """

    unet: Any
    blocks: Sequence[int]
    condition: Condition
    processors: Mapping[str, Any]
    checkpointing: bool = False

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Inside, the UNet is as its features are read, in the backward pass too; afterwards it is as before."""
        change = self.checkpointing and not self.unet.is_gradient_checkpointing
        if change:
            self.unet.enable_gradient_checkpointing()
        try:
            with processors(self.unet, self.processors):
                yield
        finally:
            if change:
                self.unet.disable_gradient_checkpointing()

    def read(self, z: Tensor, t: float) -> Features:
        """The features of z (B, C, h, w) at timestep t; to be called inside `installed`."""
        found: dict[int, Tensor] = {}
        last = max(self.blocks)

        def keep(number: int, output: Tensor) -> None:
            found[number] = output.float()
            if number == last:
                raise _Seen

        hooks = [
            self.unet.up_blocks[number].register_forward_hook(
                lambda module, args, output, number=number: keep(number, output)
            )
            for number in self.blocks
        ]
        try:
            at = torch.tensor(t, device=z.device, dtype=torch.float32)
            self.unet(z, at, return_dict=False, **_rows(self.condition, len(z)))
        except _Seen:
            pass
        finally:
            for hook in hooks:
                hook.remove()
        return [found[number] for number in self.blocks]


def similarity(a: Tensor, b: Tensor) -> Tensor:
    """(cos + 1) / 2 over the channels, axis 1: 0..1, whatever the features' scale."""
    return (functional.cosine_similarity(a, b, dim=1) + 1) / 2


def sampled(features: Tensor, at: Tensor) -> Tensor:
    """Features (1, C, N) of a map (1, C, h, w) at points (N, 2), x and y as shares 0..1 of its sides; bilinear.

    Beyond the border the border's features are repeated.
    """
    grid = (2 * at - 1)[None, None].to(features)
    found = functional.grid_sample(
        features, grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    return found[:, :, 0]


def _rows(condition: Condition, count: int) -> dict[str, Any]:
    """A UNet call's keyword arguments with the conditional row for each of `count` latents."""
    rows = condition.rows(False)
    return {
        "encoder_hidden_states": rows["encoder_hidden_states"].expand(count, -1, -1),
        "added_cond_kwargs": {
            name: part.expand(count, -1) for name, part in rows["added_cond_kwargs"].items()
        },
    }
