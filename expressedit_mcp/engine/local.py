"""The local back end: one model in this process, loaded at its first edit, one edit at a time."""

from __future__ import annotations

import threading
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from expressedit_mcp.engine.backend import EditRequest, EditResult, OnStep, Stop
from expressedit_mcp.engine.card import Card
from expressedit_mcp.engine.model_source import ModelSource, find_source
from expressedit_mcp.engine.tokenizer import PromptTokenizer, load_tokenizer
from expressedit_mcp.errors import Cancelled

if TYPE_CHECKING:
    from expressedit_mcp.engine.edit import Editor


class LocalEngine:
    """Owns the loaded model. Edits from several threads wait for each other.

    `model` is a path as `find_source` takes it, read at the first use; `device` is `auto`, `cpu`, `cuda`,
    `cuda:1` or `mps`.
    """

    def __init__(self, model: Path, device: str = "auto") -> None:
        self._path = model
        self._device = device
        self._editor: Editor | None = None
        self._busy = threading.Lock()

    @cached_property
    def source(self) -> ModelSource:
        """The model's files."""
        return find_source(self._path)

    @property
    def card(self) -> Card:
        return self.source.card

    @cached_property
    def tokenizer(self) -> PromptTokenizer:
        return load_tokenizer(self.source.tokenizer)

    @cached_property
    def fingerprint(self) -> str:
        return self.source.fingerprint

    def edit(self, request: EditRequest, on_step: OnStep, stop: Stop) -> EditResult:
        started = time.perf_counter()
        while not self._busy.acquire(timeout=0.2):
            if stop():
                raise Cancelled("The edit was cancelled while it waited for another one.")
            on_step(0, 1, "waiting for another edit to finish")
        try:
            editor = self._loaded(on_step)
            rgb, calls, controlled = editor.edit(request, on_step, stop)
        finally:
            self._busy.release()
        return EditResult(rgb, calls, controlled, time.perf_counter() - started)

    def close(self) -> None:
        self._editor = None

    def _loaded(self, on_step: OnStep) -> Editor:
        if self._editor is None:
            on_step(0, 1, "loading the model")
            from expressedit_mcp.engine.edit import Editor
            from expressedit_mcp.engine.models import choose_device, choose_dtype, load_models

            device = choose_device(self._device)
            self._editor = Editor(load_models(self.source, device, choose_dtype(device)))
        return self._editor
