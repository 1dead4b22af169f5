"""The local back end: one model in this process, loaded at its first edit, one edit at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from expressedit_mcp.engine.backend import (
    EditRequest,
    EditResult,
    Located,
    LocateRequest,
    OnResult,
    OnStep,
    Stop,
    edit_once,
    part_of,
)
from expressedit_mcp.engine.card import Card
from expressedit_mcp.engine.device_queue import DeviceQueue
from expressedit_mcp.engine.drawn import Drawn
from expressedit_mcp.engine.learning.request import LearnRequest
from expressedit_mcp.engine.model_source import ModelSource, find_source
from expressedit_mcp.engine.tokenizer import PromptTokenizer, load_tokenizer
from expressedit_mcp.errors import Cancelled, ModelError

if TYPE_CHECKING:
    from expressedit_mcp.engine.edit import Editor
    from expressedit_mcp.engine.learning.learner import Learner
    from expressedit_mcp.engine.memory import Plan

T = TypeVar("T")


class LocalEngine:
    """Owns the loaded model. Edits from several threads take turns.

    `model` is a path as `find_source` takes it, read at the first use; `device` is `auto`, `cpu`, `cuda`,
    `cuda:1` or `mps`. After `idle_s` seconds without an edit the model is freed; 0 keeps it.
    """

    def __init__(self, model: Path, device: str = "auto", *, idle_s: float = 0.0) -> None:
        self._path = model
        self._device = device
        self._idle_s = idle_s
        self._editor: Editor | None = None
        self._plan: Plan | None = None
        self._at_once = 1
        self._queue = DeviceQueue()
        self._idle: threading.Timer | None = None

    @cached_property
    def source(self) -> ModelSource:
        """The model's files."""
        return find_source(self._path)

    @property
    def card(self) -> Card:
        return self.source.card

    @property
    def tokenizer(self) -> PromptTokenizer:
        return self._tokenizer

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @cached_property
    def _tokenizer(self) -> PromptTokenizer:
        return load_tokenizer(self.source.tokenizer)

    @cached_property
    def _fingerprint(self) -> str:
        return self.source.fingerprint

    @property
    def plan(self) -> str | None:
        """How the loaded model lies in memory; None while it is not loaded."""
        return self._plan.name if self._editor is not None and self._plan else None

    def edit(
        self, request: EditRequest, on_step: OnStep, stop: Stop, *, batch: bool = False
    ) -> EditResult:
        return edit_once(self, request, on_step, stop, batch=batch)

    def edit_all(
        self,
        request: EditRequest,
        seeds: Sequence[int],
        on_result: OnResult,
        on_step: OnStep,
        stop: Stop,
        *,
        batch: bool = False,
    ) -> None:
        done = 0

        def draw(editor: Editor) -> tuple[Drawn, OnStep]:
            """As many of those that are left as there is room for, and what tells of them."""
            from torch import OutOfMemoryError

            while True:
                count = 1 if request.method.samples_alone else min(self._at_once, len(seeds) - done)
                report = part_of(on_step, done, count, len(seeds))
                try:
                    return editor.draw(request, seeds[done : done + count], report, stop), report
                except OutOfMemoryError:
                    if count == 1:
                        raise
                    self._at_once = count // 2
                on_step(0, 1, f"memory ran out; going on with {self._at_once} at once")

        while done < len(seeds):
            started = time.perf_counter()
            drawn, report = self._in_turn(draw, on_step, stop, batch=batch)
            for row in range(len(drawn.rows)):
                colour = np.rint(drawn.finished(row, report, stop) * 65535).astype(np.uint16)
                elapsed_s = time.perf_counter() - started
                on_result(done, EditResult(colour, drawn.calls, drawn.controlled, elapsed_s))
                done, started = done + 1, time.perf_counter()

    def locate(self, request: LocateRequest, on_step: OnStep, stop: Stop) -> Located:
        return self._in_turn(
            lambda editor: editor.locate(request, on_step, stop), on_step, stop, batch=False
        )

    def learn(self, request: LearnRequest, folder: Path, on_step: OnStep, stop: Stop) -> bytes:
        steps = request.settings.steps

        def on_wait(ahead: int, seconds: float | None) -> None:
            on_step(0, steps, f"waiting: {ahead} ahead")

        with self._queue.turn(batch=True, stop=stop, on_wait=on_wait):
            if self._idle is not None:
                self._idle.cancel()
            learner = self._learner(request, folder, on_step)
        try:
            while not learner.finished:
                if stop():
                    raise Cancelled("The learning was stopped; resume goes on from its last step.")
                # each step is a turn of its own, so that an edit never waits for more than one
                with self._queue.turn(batch=True, stop=stop, on_wait=lambda ahead, seconds: None):
                    learner.step()
                on_step(learner.done, steps, f"learning, step {learner.done} of {steps}")
        except Cancelled:
            learner.save()
            raise
        finally:
            self._start_idling()
        return learner.file(self.fingerprint)

    def close(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._editor = None

    def _in_turn(
        self, work: Callable[[Editor], T], on_step: OnStep, stop: Stop, *, batch: bool
    ) -> T:
        """What `work` gives, once the device is free for it."""

        def on_wait(ahead: int, seconds: float | None) -> None:
            about = f", about {seconds:.0f} s" if seconds is not None else ""
            edits = "1 edit is" if ahead == 1 else f"{ahead} edits are"
            on_step(0, 1, f"waiting: {edits} ahead{about}")

        with self._queue.turn(batch=batch, stop=stop, on_wait=on_wait):
            if self._idle is not None:
                self._idle.cancel()
            try:
                return self._fitted(work, on_step)
            finally:
                self._start_idling()

    def _fitted(self, work: Callable[[Editor], T], on_step: OnStep) -> T:
        """The work, on the next smaller memory plan where the device's memory runs out."""
        while True:
            editor = self._loaded(on_step)
            from torch import OutOfMemoryError

            try:
                return work(editor)
            except OutOfMemoryError as error:
                from expressedit_mcp.engine.memory import smaller

                assert self._plan is not None
                self._plan = smaller(self._plan)
                del editor
                self._free()
                if self._plan is None:
                    raise ModelError(
                        "The device has too little memory for this model. Close other programs that use it, "
                        "or set EXPRESSEDIT_DEVICE=cpu."
                    ) from error
                on_step(0, 1, f"memory ran out; going on with: {self._plan.name}")

    def _learner(self, request: LearnRequest, folder: Path, on_step: OnStep) -> Learner:
        from expressedit_mcp.engine.learning.learner import Learner

        models = self._loaded(on_step).models
        on_step(0, request.settings.steps, "reading the pictures")
        return Learner(models, request, folder)

    def _loaded(self, on_step: OnStep) -> Editor:
        if self._editor is None:
            on_step(0, 1, "loading the model")
            import torch

            from expressedit_mcp.engine.edit import Editor
            from expressedit_mcp.engine.memory import (
                at_once,
                choose_plan,
                footprint,
                free_gib,
                placed,
            )
            from expressedit_mcp.engine.models import choose_device, choose_dtype, load_models

            device = choose_device(self._device)
            models = load_models(self.source, torch.device("cpu"), choose_dtype(device))
            size, free = footprint(models), free_gib(device)
            self._plan = self._plan or choose_plan(size, free)
            self._at_once = at_once(size, self._plan, free)
            self._editor = Editor(placed(models, self._plan, device))
        return self._editor

    def _start_idling(self) -> None:
        if self._idle_s:
            self._idle = threading.Timer(self._idle_s, self._free_when_idle)
            self._idle.daemon = True
            self._idle.start()

    def _free_when_idle(self) -> None:
        with self._queue.turn_if_free() as free:
            if free:
                self._free()

    def _free(self) -> None:
        self._editor = None
        import gc

        import torch

        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
