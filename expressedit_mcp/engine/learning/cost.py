"""What learning a token costs on a model of SDXL's size: computed, not measured."""

from __future__ import annotations

from dataclasses import dataclass

from expressedit_mcp.engine.card import Card
from expressedit_mcp.engine.learning.request import LearnSettings

SDXL_PX = 512
"""Models of this native size and above are taken for SDXL's."""
# forward, recomputed forward and the way back through SDXL's UNet at 1024 x 1024, counted on meta tensors
_TFLOP_PER_SAMPLE = 21.4
# activations that gradient checkpointing keeps (0.37 GiB counted, half precision), and room to compute in
_ACTIVATIONS_GIB, _WORKSPACE_GIB = 0.4, 1.0
_TFLOP_PER_S = 100.0


@dataclass(frozen=True)
class Cost:
    """Of a whole learning: arithmetic in TFLOP, and memory (GiB) beside the model's own weights."""

    steps: int
    tflop: float
    beside_gib: float

    @property
    def seconds(self) -> float:
        """At 100 TFLOP/s, about an RTX 4090's rate in half precision."""
        return self.tflop / _TFLOP_PER_S


def default_settings(card: Card) -> LearnSettings:
    """The shipped model's settings, or for SDXL's size smaller steps of one noise level, which are not tried."""
    if card.native_px < SDXL_PX:
        return LearnSettings()
    return LearnSettings(batch=1, token_rate=0.035, lora_rate=0.01)


def cost_of(settings: LearnSettings, native_px: int) -> Cost:
    """The cost on an SDXL of that native size."""
    area = (native_px / 1024) ** 2
    tflop = settings.steps * settings.batch * _TFLOP_PER_SAMPLE * area
    return Cost(settings.steps, tflop, _ACTIVATIONS_GIB * settings.batch * area + _WORKSPACE_GIB)


def describe_cost(card: Card, weights_gib: float) -> str:
    """The plan of learning on a model, in words."""
    settings = default_settings(card)
    if card.native_px < SDXL_PX:
        return f"{settings.steps} steps, 2 to 3 minutes of a CPU core for the shipped model"
    cost = cost_of(settings, card.native_px)
    return (
        f"{cost.steps} steps, {cost.tflop / 1000:.1f} PFLOP ({cost.seconds:.0f} s at 100 TFLOP/s), "
        f"{weights_gib + cost.beside_gib:.1f} GiB (computed, not measured)"
    )
