"""Muon: momentum, orthogonalised by a Newton-Schulz iteration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor

# quintic coefficients of Keller Jordan, "Muon: An optimizer for hidden layers" (2024)
_A, _B, _C = 3.4445, -4.7750, 2.0315
_ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised, for matrices and convolutions of hidden layers.

    A convolution counts as a matrix (out, in * kh * kw). Matrices of one shape are iterated
    together, which on a CPU costs a small part of a backward pass. The update's size is that of
    Moonlight (arXiv 2502.16982, Eq. 4): 0.2 * sqrt(max(rows, columns)).
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, defaults)
        self._dtype = dtype

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            by_shape: dict[tuple[int, int], list[Tensor]] = defaultdict(list)
            for param in group["params"]:
                if param.grad is not None:
                    by_shape[param.shape[0], param[0].numel()].append(param)
            for params in by_shape.values():
                self._step_alike(params, group)

    def _step_alike(self, params: list[Tensor], group: dict) -> None:
        lr, momentum = group["lr"], group["momentum"]
        matrices = []
        for param in params:
            gradient = param.grad
            assert gradient is not None
            state = self.state[param]
            if "momentum" not in state:
                state["momentum"] = torch.zeros_like(param)
            state["momentum"].lerp_(gradient, 1 - momentum)
            ahead = gradient.lerp(state["momentum"], momentum)
            matrices.append(ahead.reshape(param.shape[0], -1))
        updates = orthogonalised(torch.stack(matrices).to(self._dtype))
        size = 0.2 * max(matrices[0].shape) ** 0.5
        for param, update in zip(params, updates, strict=True):
            param.mul_(1 - lr * group["weight_decay"])
            param.add_(update.reshape(param.shape).to(param.dtype), alpha=-lr * size)


def orthogonalised(matrices: Tensor) -> Tensor:
    """Matrices (B, m, n) with their singular values brought near 1."""
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C), x, beta=_A)
    return x.mT if tall else x
