"""The training loop of every stage: optimisers, averaged weights, checkpoints, log."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from .muon import Muon
from .team import Team

Losses = dict[str, Tensor]
LossAt = Callable[[int], Losses]
"""Step to its losses; the one named "loss" is descended, the others are logged."""

_WARM_UP_STEPS = 50
_CLIP_NORM = 1.0
_CHECKPOINT_S = 120.0


class Trainer:
    """Trains modules together and keeps an exponential moving average of their weights.

    Parameters that ask for no gradient stay as they are.

    `matrices` says which parameters, by name, Muon takes; AdamW takes the rest. The learning rates
    fall as a cosine to 0 at `steps`, or after `seconds` of this process (0: however long it takes) if
    these end first. `folder` holds the checkpoint, written every two minutes.
    """

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        team: Team,
        folder: Path,
        *,
        steps: int,
        muon_lr: float,
        adam_lr: float,
        matrices: Callable[[str, Tensor], bool],
        averaging: float = 0.998,
        muon_dtype: torch.dtype = torch.float32,
        seconds: float = 0.0,
    ) -> None:
        if seconds and team.size > 1:
            raise ValueError("the members of a team do not end at one time: give them steps alone")
        self.modules = nn.ModuleDict(modules).to(team.device)
        self.team, self.folder, self.steps = team, folder, steps
        self.params = {n: p for n, p in self.modules.named_parameters() if p.requires_grad}
        chosen = [p for name, p in self.params.items() if p.ndim > 1 and matrices(name, p)]
        ids = {id(p) for p in chosen}
        rest = [p for p in self.params.values() if id(p) not in ids]
        self._optimizers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(rest, adam_lr, betas=(0.9, 0.98), weight_decay=1e-3, foreach=True)
        ]
        if chosen:
            muon = Muon(chosen, muon_lr, weight_decay=0.01, dtype=muon_dtype, team=team)
            self._optimizers.append(muon)
        self._rates = [adam_lr, muon_lr]
        self._averaging = averaging
        self.averages = {name: p.detach().clone() for name, p in self.params.items()}
        self.step = 0
        self._seconds, self._started = seconds, time.monotonic()

    @property
    def progress(self) -> float:
        """How much of the training is done, 0 to 1 and, by its time, a little over."""
        share = self.step / self.steps
        if not self._seconds:
            return share
        return max(share, (time.monotonic() - self._started) / self._seconds)

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.safetensors"

    def run(
        self, losses_at: LossAt, every: int = 0, on_step: Callable[[], None] = lambda: None
    ) -> None:
        """Trains from the current step to the last; on_step is called by the leader each `every` steps."""
        log = _Log(self.folder / "log.jsonl", self.steps) if self.team.leads else None
        self._started = saved = time.monotonic()
        while self.progress < 1:
            losses = self.update(losses_at)
            if log:
                log.add(self.step, losses)
                if every and self.step % every == 0:
                    on_step()
                if time.monotonic() - saved > _CHECKPOINT_S:
                    self.save()
                    saved = time.monotonic()
        if self.team.leads:
            self.save()
        self.team.wait()

    def update(self, losses_at: LossAt) -> Losses:
        """One step of descent."""
        factor = min(1.0, (self.step + 1) / _WARM_UP_STEPS)
        factor *= 0.5 * (1 + math.cos(math.pi * min(1.0, self.progress)))
        for optimizer, rate in zip(self._optimizers, self._rates, strict=False):
            optimizer.param_groups[0]["lr"] = rate * factor
            optimizer.zero_grad(set_to_none=True)
        torch.manual_seed(1_000_003 * self.step + self.team.rank)
        losses = losses_at(self.step)
        losses["loss"].backward()
        params = list(self.params.values())
        self.team.mean_gradients(params)
        nn.utils.clip_grad_norm_(params, _CLIP_NORM)
        for optimizer in self._optimizers:
            optimizer.step()
        self.step += 1
        # young averages forget faster, so that they do not hold the start
        share = 1 - min(self._averaging, self.step / (self.step + 20))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.averages.values()), params, share)  # type: ignore[attr-defined]
        return {name: value.detach() for name, value in losses.items()}

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside, the modules hold their averaged weights."""
        trained = {name: p.detach().clone() for name, p in self.params.items()}
        self.use_averages()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, param in self.params.items():
                    param.copy_(trained[name])

    def use_averages(self) -> None:
        """Gives the modules their averaged weights; the trained ones are lost."""
        with torch.no_grad():
            for name, param in self.params.items():
                param.copy_(self.averages[name])

    def save(self) -> None:
        """Writes the checkpoint, whole or not at all."""
        tensors = {f"param.{name}": p.detach() for name, p in self.params.items()}
        tensors |= {f"average.{name}": value for name, value in self.averages.items()}
        for number, optimizer in enumerate(self._optimizers):
            for index, state in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer.{number}.{index}.{key}": v for key, v in state.items()}
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.checkpoint.with_suffix(".part")
        tensors = {name: value.contiguous() for name, value in tensors.items()}
        save_file(tensors, part, metadata={"step": str(self.step)})
        part.replace(self.checkpoint)

    def resume(self) -> bool:
        """Goes on from the checkpoint; False when there is none."""
        if not self.checkpoint.is_file():
            return False
        tensors = load_file(self.checkpoint, device=str(self.team.device))
        self.step = _step_of(self.checkpoint)
        states: list[dict[int, dict[str, Tensor]]] = [{} for _ in self._optimizers]
        with torch.no_grad():
            for name, value in tensors.items():
                kind, _, rest = name.partition(".")
                if kind == "param":
                    self.params[rest].copy_(value)
                elif kind == "average":
                    self.averages[rest].copy_(value)
                else:
                    number, index, key = rest.split(".")
                    states[int(number)].setdefault(int(index), {})[key] = value
        for optimizer, state in zip(self._optimizers, states, strict=True):
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": state, "param_groups": groups})
        return True


class _Log:
    """Means of the losses over some steps, to the screen and to a file."""

    def __init__(self, path: Path, steps: int, every: int = 25) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._steps, self._every = path, steps, every
        self._sums: dict[str, Tensor] = {}
        self._count = 0
        self._started = time.monotonic(), time.process_time()

    def add(self, step: int, losses: Losses) -> None:
        for name, value in losses.items():
            # still on its device: nothing waits until it is told
            self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value
        self._count += 1
        if step % self._every and step != self._steps:
            return
        row = {name: round(float(total) / self._count, 5) for name, total in self._sums.items()}
        row |= {
            "step": step,
            "wall_s": round(time.monotonic() - self._started[0], 1),
            "core_s": round(time.process_time() - self._started[1], 1),
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{step}/{self._steps} " + " ".join(f"{k} {v}" for k, v in row.items()), flush=True)
        self._sums, self._count = {}, 0


def _step_of(checkpoint: Path) -> int:
    from safetensors import safe_open

    with safe_open(checkpoint, framework="pt") as file:
        return int(file.metadata()["step"])
