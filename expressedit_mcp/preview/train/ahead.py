"""What a training step needs, made by worker processes before its turn comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import cv2
from torch.utils.data import DataLoader, Dataset

T = TypeVar("T")

_PER_WORKER = 4  # steps that each worker may be ahead


def made_ahead(
    make: Callable[[int], T], first: int, steps: int, workers: int, pinned: bool = False
) -> Iterator[T]:
    """make(first), make(first + 1), … make(steps - 1), in this order, by `workers` processes or (0) this one.

    The workers are forked: where processes cannot be, ask for none. Large arrays travel fastest as tensors.
    `pinned` calls `pin_memory()` of what is made, so that it travels to a GPU while that computes.
    """
    if not workers:
        return map(make, range(first, steps))
    # a child of a process whose OpenCV has run on several threads would wait for these for ever
    cv2.setNumThreads(1)
    loader: DataLoader[T] = DataLoader(
        _Steps(make),
        batch_size=None,
        sampler=range(first, steps),
        num_workers=workers,
        prefetch_factor=_PER_WORKER,
        pin_memory=pinned,
        collate_fn=_as_made,
        multiprocessing_context="fork",
    )
    return iter(loader)


class _Steps(Dataset[T], Generic[T]):
    def __init__(self, make: Callable[[int], T]) -> None:
        self._make = make

    def __getitem__(self, step: int) -> T:
        return self._make(step)


def _as_made(made: T) -> T:
    return made
