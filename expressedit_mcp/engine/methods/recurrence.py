"""The filling of the recurrence slot: time travel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

from expressedit_mcp.engine.methods.method import Travel
from expressedit_mcp.engine.methods.solvers import inverse_transition
from expressedit_mcp.engine.sampling import Denoiser, direction, predict_x0
from expressedit_mcp.engine.schedule import Step


@dataclass(frozen=True)
class TimeTravel:
    """Makes some steps again from where they began (DiffEditor, C. Mou et al., 2024, Algorithm 1).

    The way back is DDIM's step backwards along the noise that `denoise`, of the edit's conditional row alone,
    sees at the level arrived at; the other rows' clean latents `known` (B - 1, C, h, w) need no model, or are those
    of the `path` that they walk. `plain` is entered round its call. The last step, which ends without noise, is
    made once.
    """

    plan: Travel
    schedule: Sequence[Step]
    denoise: Denoiser
    prediction: str
    known: Tensor
    plain: Callable[[], AbstractContextManager[None]]
    path: Sequence[Tensor] | None = None

    def repeats(self, index: int) -> int:
        steps = len(self.schedule)
        return self.plan.repeats if index < steps - 1 and self.plan.steps.on(index, steps) else 1

    def back(self, z: Tensor, step: Step, index: int) -> Tensor:
        arrived, a = self.schedule[index + 1], step.alpha_bar_next
        with self.plain():
            output = self.denoise(z[:1], arrived, index + 1)
        x0 = torch.cat([predict_x0(output, z[:1], a, self.prediction), self.known])
        before = inverse_transition(z, direction(z, x0, a), a, step.alpha_bar)
        return torch.cat([before[:1], self.path[index]]) if self.path else before
