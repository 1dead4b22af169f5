"""A small HTTP server round an engine, so that several clients share one loaded model."""

from __future__ import annotations

import hmac
import queue
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from expressedit_mcp.engine import wire
from expressedit_mcp.engine.backend import EditResult, Engine, OnStep, Stop
from expressedit_mcp.engine.learning.frames import read_learn
from expressedit_mcp.errors import Cancelled, ExpressEditError

Tell = Callable[[bytes], None]
Work = Callable[[OnStep, Stop, Tell], None]
"""(on_step, stop, tell) -> each result told as its frames."""
_HEARTBEAT_S = 0.25
_MAX_BODY_BYTES = 1 << 28


def build_app(engine: Engine, token: str) -> Starlette:
    """The application: `GET /v1/model`, `POST /v1/edits`, `/v1/masks`, `/v1/learnings`.

    Every request carries the token as a bearer.
    """

    async def model(request: Request) -> Response:
        return await run_in_threadpool(lambda: JSONResponse(_about(engine)))

    async def edits(request: Request) -> Response:
        return await answered(request, _edit)

    async def masks(request: Request) -> Response:
        return await answered(request, _locate)

    async def learnings(request: Request) -> Response:
        return await answered(request, _learn)

    async def answered(request: Request, read: Callable[[Engine, Iterable[Any]], Work]) -> Response:
        expected = request.headers.get("x-model-fingerprint")
        if expected is not None and expected != await run_in_threadpool(lambda: engine.fingerprint):
            return PlainTextResponse("this engine runs another model now; ask again", 409)
        try:
            body = await _body(request)
            work = read(engine, wire.frames([body]))
        except wire.WireError as error:
            return PlainTextResponse(str(error), 400)
        except _TooLarge:
            return PlainTextResponse(f"more than {_MAX_BODY_BYTES} bytes", 413)
        except ClientDisconnect:
            return Response(status_code=499)
        return StreamingResponse(_run(work), media_type="application/octet-stream")

    def guarded(handler: Any) -> Any:
        async def endpoint(request: Request) -> Response:
            given = request.headers.get("authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
                return PlainTextResponse("wrong or missing token", 401)
            try:
                return await handler(request)
            except ExpressEditError as error:
                return PlainTextResponse(str(error), 500)

        return endpoint

    return Starlette(
        routes=[
            Route("/v1/model", guarded(model), methods=["GET"]),
            Route("/v1/edits", guarded(edits), methods=["POST"]),
            Route("/v1/masks", guarded(masks), methods=["POST"]),
            Route("/v1/learnings", guarded(learnings), methods=["POST"]),
        ]
    )


class _TooLarge(Exception):
    """The request's body is over the limit."""


async def _body(request: Request) -> bytes:
    """The body, given up as soon as it is too long."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise _TooLarge
    return bytes(body)


def _about(engine: Engine) -> dict[str, Any]:
    return {
        "card": engine.card.model_dump(mode="json"),
        "fingerprint": engine.fingerprint,
        "tokenizer": wire.tokenizer_to_json(engine.tokenizer),
    }


def _edit(engine: Engine, parts: Iterable[Any]) -> Work:
    wanted, batch, seeds = wire.read_request(parts)

    def work(on_step: OnStep, stop: Stop, tell: Tell) -> None:
        def on_result(at: int, result: EditResult) -> None:
            tell(wire.result_frames(result))

        engine.edit_all(wanted, seeds, on_result, on_step, stop, batch=batch)

    return work


def _locate(engine: Engine, parts: Iterable[Any]) -> Work:
    wanted = wire.read_locate(parts)
    return lambda on_step, stop, tell: tell(
        wire.located_frames(engine.locate(wanted, on_step, stop))
    )


def _learn(engine: Engine, parts: Iterable[Any]) -> Work:
    wanted, known = read_learn(parts)

    def work(on_step: OnStep, stop: Stop, tell: Tell) -> None:
        # the client keeps the checkpoints, and brings its last one along
        with tempfile.TemporaryDirectory(prefix="expressedit-learning-") as folder:
            path = Path(folder) / "checkpoint.safetensors"
            if known is not None:
                path.write_bytes(known)
            told = _written(path)

            def on_learned(done: int, total: int, what: str) -> None:
                nonlocal told
                on_step(done, total, what)
                if (written := _written(path)) != told:
                    told = written
                    checkpoint = wire.file_frame(path.read_bytes())
                    tell(wire.json_frame({"checkpoint": done}) + checkpoint)

            file = engine.learn(wanted, Path(folder), on_learned, stop)
            tell(wire.json_frame({"result": {}}) + wire.file_frame(file))

    return work


def _written(path: Path) -> int:
    """When a file was written last; 0 before."""
    return path.stat().st_mtime_ns if path.is_file() else 0


async def _run(work: Work) -> AsyncIterator[bytes]:
    """Frames of work that runs in a thread; a client that goes away stops it at its next step."""
    stop = threading.Event()
    frames: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()

    def on_step(done: int, total: int, what: str) -> None:
        frames.put(wire.json_frame({"step": [done, total, what]}))

    def run() -> None:
        try:
            work(on_step, stop.is_set, frames.put)
        except Cancelled as error:
            frames.put(wire.error_frame(error))
        except Exception as error:  # whatever it is, the client must hear of it
            known = error if isinstance(error, ExpressEditError) else ExpressEditError(repr(error))
            frames.put(wire.error_frame(known))
        finally:
            frames.put(None)

    thread = threading.Thread(target=run, name="edit", daemon=True)
    thread.start()
    try:
        while True:
            try:
                frame = await run_in_threadpool(frames.get, True, _HEARTBEAT_S)
            except queue.Empty:
                yield wire.json_frame({"alive": True})
                continue
            if frame is None:
                return
            yield frame
    finally:
        stop.set()
