"""Several one-thread processes that train one model, or one process with a GPU.

On a CPU that others use too, two processes with one thread each waste nothing, while two OpenMP
threads wait for each other.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.multiprocessing.spawn import spawn


@dataclass(frozen=True)
class Team:
    """One member's place in a team of `size` processes, and where it computes."""

    rank: int = 0
    size: int = 1
    device: torch.device = torch.device("cpu")  # noqa: RUF009 - immutable

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Every tensor replaced by its sum over the team, in one message. All have one dtype."""
        if self.size == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(flat)
        for tensor, part in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def mean_gradients(self, params: Sequence[Tensor]) -> None:
        """Every gradient replaced by its mean over the team, in one message."""
        if self.size == 1:
            return
        for param in params:
            param.grad = torch.zeros_like(param) if param.grad is None else param.grad
        grads = [param.grad for param in params if param.grad is not None]
        self.add_up(grads)
        for grad in grads:
            grad /= self.size

    def wait(self) -> None:
        """Returns when every member has come here."""
        if self.size > 1:
            dist.barrier()


def run_team(work: Callable[..., None], args: tuple[Any, ...], size: int, device: str) -> None:
    """Runs work(team, *args) in `size` processes; in this one when size is 1."""
    if size == 1:
        torch.set_num_threads(1)
        work(Team(device=torch.device(device)), *args)
        return
    with tempfile.TemporaryDirectory() as folder:
        meeting = (Path(folder) / "meeting").as_uri()
        spawn(_member, (work, args, size, device, meeting), nprocs=size)


def _member(
    rank: int, work: Callable[..., None], args: tuple, size: int, device: str, meeting: str
) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=meeting, rank=rank, world_size=size)
    try:
        work(Team(rank, size, torch.device(device)), *args)
    finally:
        dist.destroy_process_group()
