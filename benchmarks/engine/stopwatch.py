"""Where a pipeline's time goes, read from hooks on its modules: the same instrument for every pipeline."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

Marks = list[tuple[Any, Any]]


class Stopwatch:
    """Seconds and calls of named groups of modules, from entering the block to leaving it.

    On CUDA the times are the device's own, from events, so that nothing waits for the measurement; on a CPU they
    are the processor's, which others on the machine do not lengthen.
    """

    def __init__(self, groups: Mapping[str, Sequence[Any]], device: torch.device) -> None:
        self._groups, self._device = groups, device
        self._marks: dict[str, Marks] = {name: [] for name in groups}
        self._hooks: list[Any] = []

    def __enter__(self) -> Self:
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)
        for name, modules in self._groups.items():
            for module in modules:
                self._watch(self._marks[name], module)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for hook in self._hooks:
            hook.remove()
        synchronise(self._device)

    @property
    def peak_gib(self) -> float:
        """The most GPU memory that was taken; 0 on a CPU."""
        if self._device.type != "cuda":
            return 0.0
        return torch.cuda.max_memory_allocated(self._device) / (1 << 30)

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds per group; read after the block."""
        return {name: sum(_between(a, b) for a, b in marks) for name, marks in self._marks.items()}

    @property
    def calls(self) -> dict[str, int]:
        return {name: len(marks) for name, marks in self._marks.items()}

    def _watch(self, marks: Marks, module: Any) -> None:
        started: list[Any] = []

        def before(*_: Any) -> None:
            started.append(self._now())

        def after(*_: Any) -> None:
            marks.append((started.pop(), self._now()))

        self._hooks += [
            module.register_forward_pre_hook(before),
            module.register_forward_hook(after),
        ]

    def _now(self) -> Any:
        if self._device.type != "cuda":
            return time.process_time()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event


def clock(device: torch.device) -> Callable[[], float]:
    """The clock for what runs beside a device: the wall's for a GPU, the processor's for a CPU."""
    return time.perf_counter if device.type == "cuda" else time.process_time


def synchronise(device: torch.device) -> None:
    """Waits until the device has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def count_tflop(run: Callable[[], Any]) -> float:
    """TFLOP of one run (a multiplication and an addition are two), counted by torch."""
    # the counter knows matrix products, and a CPU's fused attention hides its own
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() / 1e12


def matmul_tflops(device: torch.device, dtype: torch.dtype, runs: int = 10) -> float:
    """The best rate (TFLOP/s) of a large square matrix product: what the machine can do at most."""
    side = 8192 if device.type == "cuda" else 1536
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    now = clock(device)
    best = float("inf")
    for _ in range(runs):
        synchronise(device)
        started = now()
        torch.mm(a, b)
        synchronise(device)
        best = min(best, now() - started)
    return 2 * side**3 / best / 1e12


def _between(start: Any, end: Any) -> float:
    return end - start if isinstance(start, float) else start.elapsed_time(end) / 1e3
