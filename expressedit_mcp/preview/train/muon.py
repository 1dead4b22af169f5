"""Muon: momentum, orthogonalised by a Newton-Schulz iteration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor

from .team import Team

# quintic coefficients of Keller Jordan, "Muon: An optimizer for hidden layers" (2024)
_A, _B, _C = 3.4445, -4.7750, 2.0315
_ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """Momentum whose update is orthogonalised, for matrices and convolutions of hidden layers.

    A convolution counts as a matrix (out, in * kh * kw). Matrices of one shape are iterated
    together, each shape by one member of the team, and the updates sent to the others. The update's
    size is that of Moonlight (arXiv 2502.16982, Eq. 4): 0.2 * sqrt(max(rows, columns)).
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        dtype: torch.dtype = torch.float32,
        team: Team = Team(),  # noqa: B008 - immutable
    ) -> None:
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, defaults)
        self._dtype, self._team = dtype, team

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            by_shape: dict[tuple[int, int], list[Tensor]] = defaultdict(list)
            for param in group["params"]:
                if param.grad is not None:
                    by_shape[param.shape[0], param[0].numel()].append(param)
            shares = _shares(by_shape, self._team.size)
            aheads = {shape: self._ahead(params, group) for shape, params in by_shape.items()}
            updates = {
                shape: orthogonalised(ahead.to(self._dtype))
                if shape in shares[self._team.rank]
                else torch.zeros_like(ahead, dtype=self._dtype)
                for shape, ahead in aheads.items()
            }
            self._team.add_up(list(updates.values()))
            for shape, params in by_shape.items():
                _descend(params, updates[shape], group)

    def _ahead(self, params: list[Tensor], group: dict) -> Tensor:
        """Nesterov's momentum of parameters of one shape, as matrices (B, m, n)."""
        gradients = [param.grad for param in params if param.grad is not None]
        for param in params:
            if "momentum" not in self.state[param]:
                self.state[param]["momentum"] = torch.zeros_like(param)
        momenta = [self.state[param]["momentum"] for param in params]
        torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])  # type: ignore[attr-defined]
        aheads = torch._foreach_lerp(gradients, momenta, group["momentum"])  # type: ignore[attr-defined]
        return torch.stack([ahead.reshape(len(ahead), -1) for ahead in aheads])


def _shares(by_shape: dict[tuple[int, int], list[Tensor]], count: int) -> list[set]:
    """The shapes in `count` sets of about equal work, the same for every member."""

    def work(shape: tuple[int, int]) -> int:
        return len(by_shape[shape]) * min(shape) ** 2 * max(shape)

    shares: list[set] = [set() for _ in range(count)]
    for shape in sorted(by_shape, key=lambda shape: (-work(shape), shape)):
        min(shares, key=lambda share: sum(map(work, share))).add(shape)
    return shares


def _descend(params: list[Tensor], updates: Tensor, group: dict) -> None:
    size = 0.2 * max(updates.shape[1:]) ** 0.5
    shaped = [
        update.reshape(param.shape)
        for param, update in zip(params, updates.to(params[0]), strict=True)
    ]
    torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])  # type: ignore[attr-defined]
    torch._foreach_add_(params, shaped, alpha=-group["lr"] * size)  # type: ignore[attr-defined]


def orthogonalised(matrices: Tensor) -> Tensor:
    """Matrices (B, m, n) with their singular values brought near 1."""
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C), x, beta=_A)
    return x.mT if tall else x
