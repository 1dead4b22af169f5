"""The remote back end: edits computed by an `expressedit-mcp engine` elsewhere, over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from expressedit_mcp.engine import wire
from expressedit_mcp.engine.backend import (
    EditRequest,
    EditResult,
    Located,
    LocateRequest,
    OnResult,
    OnStep,
    Stop,
    edit_once,
)
from expressedit_mcp.engine.card import Card
from expressedit_mcp.engine.learning.frames import learn_frames
from expressedit_mcp.engine.learning.request import LearnRequest
from expressedit_mcp.engine.tokenizer import PromptTokenizer
from expressedit_mcp.errors import Cancelled, ModelError

# the server sends a heartbeat several times a second
_TIMEOUT = httpx.Timeout(10.0, connect=5.0)


class RemoteEngine:
    """Speaks to one engine server. Nothing is sent before the first use."""

    def __init__(self, url: str, token: str = "") -> None:
        self._url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(base_url=self._url, headers=headers, timeout=_TIMEOUT)

    @cached_property
    def _model(self) -> dict[str, Any]:
        with self._reached():
            answer = self._client.get("/v1/model")
            self._accepted(answer)
            return answer.json()

    @property
    def card(self) -> Card:
        return Card.model_validate(self._model["card"])

    @property
    def tokenizer(self) -> PromptTokenizer:
        return self._tokenizer

    @cached_property
    def _tokenizer(self) -> PromptTokenizer:
        return wire.tokenizer_from_json(self._model["tokenizer"])

    @property
    def fingerprint(self) -> str:
        return self._model["fingerprint"]

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
        request = replace(request, seed=seeds[0])
        body = wire.request_frames(request, batch, seeds)
        answers = self._answers("/v1/edits", body, len(seeds), on_step, stop)
        for at, (facts, rgb) in enumerate(answers):
            on_result(at, EditResult(rgb=rgb, **facts))

    def locate(self, request: LocateRequest, on_step: OnStep, stop: Stop) -> Located:
        body = wire.locate_frames(request)
        ((facts, mask),) = self._answers("/v1/masks", body, 1, on_step, stop)
        return Located(mask, tuple(facts["found"]))

    def learn(self, request: LearnRequest, folder: Path, on_step: OnStep, stop: Stop) -> bytes:
        path = folder / "checkpoint.safetensors"

        def keep(checkpoint: bytes) -> None:
            folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_bytes(checkpoint)
            part.replace(path)

        known = path.read_bytes() if path.is_file() else None
        try:
            ((_, file),) = self._answers(
                "/v1/learnings", learn_frames(request, known), 1, on_step, stop, keep
            )
        except Cancelled:
            raise Cancelled(
                "The learning was stopped; resume goes on from its last checkpoint."
            ) from None
        return file

    def close(self) -> None:
        self._client.close()

    def _answers(
        self,
        path: str,
        body: bytes,
        count: int,
        on_step: OnStep,
        stop: Stop,
        on_checkpoint: Callable[[bytes], None] = lambda data: None,
    ) -> Iterator[tuple[dict[str, Any], Any]]:
        """The facts, and picture or file, that a request is answered with, as they come."""
        expected = {"X-Model-Fingerprint": self.fingerprint}
        with (
            self._reached(),
            self._client.stream("POST", path, content=body, headers=expected) as answer,
        ):
            self._accepted(answer)
            frames = wire.frames(answer.iter_raw())
            for frame in frames:
                # leaving the block closes the connection, which stops the edit over there
                if stop():
                    raise Cancelled("The edit was cancelled; the picture is as it was.")
                if "error" in frame:
                    wire.raise_error(frame)
                if "result" in frame:
                    yield frame["result"], next(frames)
                    count -= 1
                    if not count:
                        return
                if "checkpoint" in frame:
                    on_checkpoint(next(frames))
                if "step" in frame:
                    on_step(*frame["step"])
        raise ModelError(f"The engine at {self._url} ended the edit without a result; try again.")

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (httpx.HTTPError, wire.WireError, StopIteration) as error:
            raise ModelError(
                f"The engine at {self._url} cannot be used ({error or type(error).__name__}). Start it with "
                "`expressedit-mcp engine`, or unset EXPRESSEDIT_ENGINE to edit in this process."
            ) from error

    def _accepted(self, answer: httpx.Response) -> None:
        if answer.status_code == 200:
            return
        answer.read()
        if answer.status_code in (401, 403):
            raise ModelError(
                f"The engine at {self._url} does not accept the token. Set EXPRESSEDIT_ENGINE_TOKEN to the one "
                "that `expressedit-mcp engine` shows at its start."
            )
        if answer.status_code in (400, 404):
            raise ModelError(
                f"The engine at {self._url} does not understand the request ({answer.text[:300]}). Most likely it "
                "is an older expressedit-mcp: update it to the version that runs here and start it again."
            )
        if answer.status_code == 409:
            # it runs another model by now; what was read of the old one is void
            self.__dict__.pop("_model", None)
            self.__dict__.pop("_tokenizer", None)
        raise ModelError(
            f"The engine at {self._url} answered {answer.status_code}: {answer.text[:300]}"
        )
