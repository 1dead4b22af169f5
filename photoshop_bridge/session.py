"""One authenticated document host: its documents, what it is asked and what it may ask."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from photoshop_bridge.admission import Admitted
from photoshop_bridge.errors import BridgeError, ConnectionLost
from photoshop_bridge.messages import Json, parse_params
from photoshop_bridge.outbox import MAX_LISTED, Outbox
from photoshop_bridge.peer import Peer, Socket
from photoshop_bridge.transfers import Receiving
from photoshop_bridge.values import (
    Ack,
    DocInfo,
    DocumentList,
    Fetch,
    JobId,
    JobStart,
    ReadResult,
    Ready,
    Rect,
    Search,
    SelfTest,
)

READ_WAIT_S = 120.0
ASK_WAIT_S = 10.0


@dataclass(frozen=True)
class ReadRequest:
    """What is wanted of an open document. `doc` None is the active one; `rect` may be in words."""

    rect: Rect | str = "selection"
    doc: int | None = None
    include: Rect | None = None
    pad_px: int = 0
    want: tuple[str, ...] = ("pixels", "selection")


@dataclass(frozen=True)
class Reading:
    """What was read: pixels (3 or 4 components) and selection (1), bytes that fill `rect`; None if unasked."""

    document: DocInfo
    session: str
    rect: Rect
    components: int
    pixels: bytearray | None
    selection: bytearray | None
    active_layer: int | None


class Panel(Protocol):
    """What the server does for the panel: search, jobs and the self-test's report."""

    async def search(self, query: str, limit: int) -> Mapping[str, Any]: ...
    def start(self, job: JobStart) -> str: ...
    def cancel(self, job: str) -> bool: ...
    def keep_report(self, report: Mapping[str, Any]) -> str: ...
    def placed(self) -> None: ...


class HostSession:
    """Talks to one host until its connection ends."""

    def __init__(self, socket: Socket, admitted: Admitted, outbox: Outbox, panel: Panel) -> None:
        self.hello = admitted.hello
        self.documents: tuple[DocInfo, ...] = ()
        self.is_ready = False
        self._outbox, self._panel = outbox, panel
        self._captures = 0
        handlers = {
            "ready": self._on_ready,
            "search": self._after_ready(self._on_search),
            "job.start": self._after_ready(self._on_job_start),
            "job.cancel": self._after_ready(self._on_job_cancel),
            "result.fetch": self._after_ready(self._on_fetch),
            "result.ack": self._after_ready(self._on_ack),
            "selftest": self._after_ready(self._on_selftest),
        }
        self._peer = Peer(socket, handlers, {"event": self._on_event}, admitted.last_id)
        self.feed, self.close, self.notify = self._peer.feed, self._peer.close, self._peer.notify
        self.write_replies = self._peer.write_replies

    @property
    def silent_s(self) -> float:
        """Seconds since anything was heard."""
        return time.monotonic() - self._peer.heard

    @property
    def transfer(self) -> Literal["binary", "base64", "not ready"]:
        """How pixel data travels."""
        if not self.is_ready:
            return "not ready"
        return "base64" if self._peer.base64 else "binary"

    async def beat(self, every_s: float, dead_s: float) -> None:
        """Heartbeats until nothing was heard for `dead_s`."""
        while self.silent_s < dead_s:
            await self._peer.notify("hb", {"t": int(time.monotonic())})
            await asyncio.sleep(every_s)

    async def list_documents(self) -> tuple[DocInfo, ...]:
        """The open documents, asked anew. Raises BridgeError."""
        answer = await self._peer.request("doc.list", {}, ASK_WAIT_S)
        self.documents = tuple(_understood(DocumentList, answer).documents)
        return self.documents

    async def read(self, wanted: ReadRequest) -> Reading:
        """Pixels and selection of a document. Raises BridgeError."""
        self._captures += 1
        capture = f"cap{self._captures}"
        for kind in wanted.want:
            self._peer.expect(capture, kind)
        params = {
            "capture": capture,
            "doc": wanted.doc or "active",
            "rect": wanted.rect,
            "include": wanted.include,
            "pad_px": wanted.pad_px,
            "layer": "composite",
            "want": list(wanted.want),
        }
        try:
            answer = await self._peer.request("doc.read", params, READ_WAIT_S)
        finally:
            arrived = {kind: self._peer.take(capture, kind) for kind in wanted.want}
        result = _understood(ReadResult, answer)
        pixels, selection = arrived.get("pixels"), arrived.get("selection")
        _check_reading(result, wanted, arrived)
        return Reading(
            result.document,
            self.hello.session,
            result.rect,
            pixels.spec.components if pixels else 0,
            pixels.data if pixels else None,
            selection.data if selection else None,
            result.active_layer,
        )

    async def tell_outbox(self) -> None:
        """Brings the list of waiting results to the host."""
        with contextlib.suppress(ConnectionLost):
            await self._peer.notify("outbox", {"pending": self._entries()})

    def _entries(self) -> list[Json]:
        pending = self._outbox.pending()[:MAX_LISTED]
        return [waiting.entry(self.hello.install) for waiting in pending]

    def _after_ready(self, handler: Any) -> Any:
        async def answer(params: Json) -> Mapping[str, Any]:
            if not self.is_ready:
                raise BridgeError("bad_request", "`ready` comes first.")
            return await handler(params)

        return answer

    async def _on_ready(self, params: Json) -> Json:
        ready = parse_params(Ready, params)
        self._peer.base64 = ready.mode == "base64"
        self.documents = tuple(ready.documents)
        self.is_ready = True
        return {"pending": self._entries()}

    async def _on_search(self, params: Json) -> Mapping[str, Any]:
        asked = parse_params(Search, params)
        return await self._panel.search(asked.query, asked.limit)

    async def _on_job_start(self, params: Json) -> Json:
        job = parse_params(JobStart, params)
        if (job.tags is None) == (job.prompt is None):
            raise BridgeError("bad_request", "A job takes either tags or a prompt.")
        return {"job": self._panel.start(job)}

    async def _on_job_cancel(self, params: Json) -> Json:
        return {"known": self._panel.cancel(parse_params(JobId, params).job)}

    async def _on_fetch(self, params: Json) -> Json:
        asked = parse_params(Fetch, params)
        waiting, pixels, mask = self._outbox.fetch(
            asked.result, self.hello.install, force=asked.force
        )
        left, top, right, bottom = waiting.rect
        spec: dict[str, Any] = {
            "for": waiting.result,
            "width": right - left,
            "height": bottom - top,
        }
        first = await self._peer.send_data(pixels, kind="pixels", components=4, **spec)
        second = await self._peer.send_data(mask, kind="mask", components=1, **spec)
        return {"rect": waiting.rect, "name": waiting.name, "pixels": first, "mask": second}

    async def _on_ack(self, params: Json) -> Json:
        known = self._outbox.acknowledge(parse_params(Ack, params))
        self._panel.placed()
        return {"known": known}

    async def _on_selftest(self, params: Json) -> Json:
        return {"name": self._panel.keep_report(parse_params(SelfTest, params).report)}

    def _on_event(self, params: Json) -> None:
        self.documents = tuple(parse_params(DocumentList, params).documents)


def _understood(kind: Any, answer: Json) -> Any:
    """A host's answer as a value. Raises BridgeError host_error."""
    try:
        return parse_params(kind, answer)
    except BridgeError as error:
        raise BridgeError(
            "host_error",
            f"The document host's answer cannot be used ({error.message})",
            "Update the panel: `expressedit-mcp bridge package` writes the one of this version.",
        ) from error


def _check_reading(
    result: ReadResult, wanted: ReadRequest, arrived: Mapping[str, Receiving | None]
) -> None:
    """Raises BridgeError unless the transfers fill a rect inside the document's canvas."""
    left, top, right, bottom = result.rect
    inside = left < right <= result.document.width and top < bottom <= result.document.height
    for kind in wanted.want:
        receiving = arrived[kind]
        if receiving is None or not inside:
            raise BridgeError("transfer_failed", f"The {kind} did not arrive.", retryable=True)
        spec = receiving.spec
        fits = (spec.width, spec.height) == (right - left, bottom - top)
        if not fits or (spec.components == 1) != (kind == "selection"):
            raise BridgeError("host_error", f"The {kind} that came do not fill {result.rect}.")
