"""A document host for tests: speaks docs/photoshop_protocol.md over a real socket, holds documents as arrays.

It is written from that page and shares only the frame codec and the keyed hash with the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from photoshop_bridge.frames import (
    DATA,
    Frame,
    decode_frame,
    encode_frame,
    from_base64,
    probe_frame,
    to_base64,
)
from photoshop_bridge.pairing import Nonces, mac, mask_token, new_nonce, pairing_key


class Refused(Exception):
    """The server answered with an error of this kind."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class Killed(Exception):
    """The fault that was asked for has struck."""


@dataclass
class Layer:
    """A pixel layer with its mask."""

    number: int
    name: str
    group: str
    rect: list[int]
    rgba: np.ndarray
    mask: np.ndarray


@dataclass
class Document:
    """Pixels (H, W, 3|4) uint8; a document outlives the program that has it open."""

    pixels: np.ndarray
    name: str = "page.psd"
    path: str | None = "/comics/page.psd"
    selection: np.ndarray | None = None
    layers: list[Layer] = field(default_factory=list)

    def info(self, number: int, active: bool) -> dict[str, Any]:
        height, width = self.pixels.shape[:2]
        file = hashlib.sha256(self.path.encode()).hexdigest() if self.path else None
        return {
            "doc": number,
            "name": self.name,
            "width": width,
            "height": height,
            "mode": "rgb",
            "depth": 8,
            "profile": "sRGB IEC61966-2.1",
            "ppi": 300,
            "active": active,
            "saved": True,
            "file": file,
            "fingerprint": f"{width}x{height}|rgb|8|sRGB IEC61966-2.1",
            "selection": self.bounds(),
        }

    def bounds(self) -> list[int] | None:
        if self.selection is None or not self.selection.any():
            return None
        rows = np.flatnonzero(self.selection.any(axis=1))
        columns = np.flatnonzero(self.selection.any(axis=0))
        return [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]

    def flattened(self) -> np.ndarray:
        """What the document looks like with its layers."""
        if not self.layers:
            return self.pixels
        flat = self.pixels.copy()
        for layer in self.layers:
            left, top, right, bottom = layer.rect
            under = flat[top:bottom, left:right, :3]
            alpha = layer.mask[..., None].astype(np.int32)
            mixed = under.astype(np.int32) * (255 - alpha) + layer.rgba[..., :3].astype(int) * alpha
            under[:] = ((mixed + 127) // 255).astype(np.uint8)
        return flat


@dataclass
class Storage:
    """What an installation keeps when its program ends."""

    install: str = field(default_factory=lambda: str(uuid.uuid4()))
    token: bytes | None = None
    placed: dict[str, dict[str, Any]] = field(default_factory=dict)


class DocumentHost:
    """One run of the program. `kill_at` breaks the socket at that frame sent or received, from 0."""

    def __init__(
        self,
        port: int,
        storage: Storage,
        documents: list[Document],
        *,
        binary: bool = True,
        kill_at: int | None = None,
        kind: str = "fake",
        options: dict[str, Any] | None = None,
    ) -> None:
        self.port, self.storage, self.documents = port, storage, documents
        self.binary, self.kill_at, self.kind = binary, kill_at, kind
        self.session = str(uuid.uuid4())
        self.frames = 0
        self.reads = 0
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self.error: dict[str, str] | None = None
        self.advice = "Do something."
        self.failing: dict[str, str] | None = None
        self.stopped = False
        self._options = options or {"compression": None}
        self._next_id = 1
        self._transfer = 1
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._incoming: dict[int, tuple[dict[str, Any], bytearray]] = {}
        self._acked: dict[int, int] = {}
        self._moved = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._placing = asyncio.Lock()
        self._probed, self.ready = asyncio.Event(), asyncio.Event()
        self.socket: ClientConnection
        self.loop: asyncio.AbstractEventLoop

    # connection

    async def run(self, code: str | None = None) -> None:
        """Connects, authenticates and serves until the connection ends."""
        uri = f"ws://127.0.0.1:{self.port}/"
        async with connect(uri, max_size=None, **self._options) as self.socket:
            await self.handshake(code)
            await self.serve()

    async def serve(self) -> None:
        start = self._spawn(self._start())
        try:
            async for data in self.socket:
                self._count()
                if isinstance(data, bytes):
                    await self._on_frame(decode_frame(data))
                else:
                    await self._on_text(json.loads(data))
        finally:
            start.cancel()
            for task in list(self._tasks):
                task.cancel()

    async def handshake(self, code: str | None = None) -> None:
        """Proves itself by token, or by the code of a person. Raises Refused."""
        nonce = new_nonce()
        hello = await self._dialogue(
            "hello",
            {
                "proto": [1],
                "client": {"kind": self.kind, "plugin": "1.0.0", "host": "27.8.0"},
                "install": self.storage.install,
                "session": self.session,
                "nonce": nonce,
                "caps": {"binary": self.binary, "selection": True, "mask": True, "events": False},
            },
        )
        nonces = Nonces(nonce, hello["nonce"], self.storage.install)
        if code is not None:
            key = pairing_key(code.replace("-", ""), nonces)
            answer = await self._dialogue("pair", {"mac": mac(key, "pair", nonces)})
            assert answer["mac"] == mac(key, "paired", nonces)
            self.storage.token = mask_token(bytes.fromhex(answer["token"]), key, nonces)
        else:
            token = self.storage.token or bytes(32)
            answer = await self._dialogue("auth", {"mac": mac(token, "client", nonces)})
            assert answer["mac"] == mac(token, "server", nonces)
        self.limits = answer["limits"]

    async def _dialogue(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        await self._send_json({"id": self._take_id(), "method": method, "params": params})
        return _result(json.loads(await self.socket.recv()))

    async def _start(self) -> None:
        if self.binary:
            await self._send(encode_frame(probe_frame()))
            await self._probed.wait()
        mode = "binary" if self.binary else "base64"
        answer = await self.ask("ready", {"mode": mode, "documents": self.infos()})
        self.ready.set()
        listed = {entry["result"] for entry in answer["pending"]}
        self.storage.placed = {k: v for k, v in self.storage.placed.items() if k in listed}
        await self._deliver(answer["pending"])

    # messages

    async def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The server's answer. Raises Refused."""
        number = self._take_id()
        future = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._send_json({"id": number, "method": method, "params": params})
        return await future

    async def tell(self, method: str, params: dict[str, Any]) -> None:
        await self._send_json({"method": method, "params": params})

    async def _on_text(self, message: dict[str, Any]) -> None:
        method = message.get("method")
        if method is None:
            future = self._answers.pop(message["id"])
            try:
                future.set_result(_result(message))
            except Refused as refused:
                future.set_exception(refused)
        elif method == "xfer.data":
            await self._on_frame(from_base64(message["params"]["frame"]))
        elif method == "xfer.ack":
            self._acked[message["params"]["transfer"]] = message["params"]["next"]
            self._moved.set()
        elif method == "xfer.begin":
            spec = message["params"]
            self._incoming[spec["transfer"]] = (spec, bytearray())
            await self._send_json({"id": message["id"], "result": {}})
        elif method == "outbox":
            self._spawn(self._deliver(message["params"]["pending"]))
        elif "id" in message:
            self._spawn(self._answer(message))
        else:
            self.notes.append((method, message["params"]))

    async def _answer(self, message: dict[str, Any]) -> None:
        answer: dict[str, Any]
        try:
            answer = {"result": await self._do(message["method"], message["params"])}
        except Refused as refused:
            data = {"kind": refused.kind, "retryable": False, "advice": self.advice}
            answer = {"error": {"code": -32000, "message": str(refused), "data": data}}
        await self._send_json({"id": message["id"], **answer})

    async def _do(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        if self.error is not None:
            raise Refused(**self.error)
        if method == "doc.list":
            return {"documents": self.infos()}
        assert method == "doc.read", method
        self.reads += 1
        return await self._read(params)

    def infos(self) -> list[dict[str, Any]]:
        return [document.info(i + 1, i == 0) for i, document in enumerate(self.documents)]

    async def _read(self, params: dict[str, Any]) -> dict[str, Any]:
        if not self.documents:
            raise Refused("no_document", "No document is open.")
        number = 1 if params["doc"] == "active" else params["doc"]
        document = self.documents[number - 1]
        height, width = document.pixels.shape[:2]
        rect = params["rect"]
        if rect == "canvas":
            rect = [0, 0, width, height]
        if rect == "selection":
            bounds = document.bounds()
            if bounds is None:
                raise Refused("no_selection", "Nothing is selected.")
            more = params["include"] or bounds
            pad = params["pad_px"]
            rect = [
                min(bounds[0], more[0]) - pad,
                min(bounds[1], more[1]) - pad,
                max(bounds[2], more[2]) + pad,
                max(bounds[3], more[3]) + pad,
            ]
        rect = [max(rect[0], 0), max(rect[1], 0), min(rect[2], width), min(rect[3], height)]
        left, top, right, bottom = rect
        sent: dict[str, Any] = {"pixels": None, "selection": None}
        if "pixels" in params["want"]:
            sent["pixels"] = await self._transfer_out(
                document.flattened()[top:bottom, left:right], "pixels", params["capture"]
            )
        if "selection" in params["want"]:
            if document.selection is None:
                raise Refused("no_selection", "Nothing is selected.")
            cut = document.selection[top:bottom, left:right, None]
            sent["selection"] = await self._transfer_out(cut, "selection", params["capture"])
        info = document.info(number, number == 1)
        return {"document": info, "rect": rect, "active_layer": 1, **sent}

    async def _transfer_out(self, pixels: np.ndarray, kind: str, capture: str) -> int:
        transfer, self._transfer = self._transfer, self._transfer + 1
        height, width, components = pixels.shape
        data = np.ascontiguousarray(pixels).data.cast("B")
        spec = {"transfer": transfer, "for": capture, "kind": kind, "width": width}
        spec |= {"height": height, "components": components, "depth": 8, "bytes": len(data)}
        await self.ask("xfer.begin", {**spec, "profile": "sRGB"})
        chunk = self.limits["chunk_bytes" if self.binary else "chunk_bytes_base64"]
        self._acked[transfer] = 0
        for seq, offset in enumerate(range(0, len(data), chunk)):
            while offset - self._acked[transfer] >= self.limits["window"] * chunk:
                self._moved.clear()
                await self._moved.wait()
            payload = data[offset : offset + chunk]
            frame = encode_frame(Frame(DATA, transfer, seq, offset, len(data), payload))
            if self.binary:
                await self._send(frame)
            else:
                await self.tell("xfer.data", {"frame": to_base64(frame)})
        while self._acked[transfer] < len(data):
            self._moved.clear()
            await self._moved.wait()
        return transfer

    # results

    async def _deliver(self, pending: list[dict[str, Any]]) -> None:
        async with self._placing:
            for entry in pending:
                number = self._match(entry)
                if entry["auto"] and number is not None:
                    await self.place(entry, number)

    def _match(self, entry: dict[str, Any]) -> int | None:
        ref = entry["document"]
        found = [
            info["doc"]
            for info in self.infos()
            if ref
            and info["fingerprint"] == ref["fingerprint"]
            and (
                (ref["session"] == self.session and ref["doc"] == info["doc"])
                or (ref["file"] is not None and ref["file"] == info["file"])
            )
        ]
        return found[0] if len(found) == 1 else None

    async def place(self, entry: dict[str, Any], number: int, *, force: bool = False) -> None:
        """Fetches, places and acknowledges one entry; acknowledges again what is placed already."""
        result = entry["result"]
        if self.failing is not None:
            failed = {"result": result, "status": "failed", "error": {**self.failing, "advice": ""}}
            await self.ask("result.ack", failed)
            return
        if result not in self.storage.placed:
            try:
                fetched = await self.ask("result.fetch", {"result": result, "force": force})
            except Refused as refused:
                if refused.kind in ("unknown_result", "taken"):
                    return
                raise
            layers = self.documents[number - 1].layers
            rgba, mask = self._image(fetched["pixels"]), self._image(fetched["mask"])
            layer = Layer(
                len(layers) + 1, entry["name"], entry["group"], entry["rect"], rgba, mask[..., 0]
            )
            layers.append(layer)
            # written before the server is told
            self.storage.placed[result] = {"doc": number, "layer": layer.number}
        where = self.storage.placed[result]
        ack = {"result": result, "status": "placed", "mask": "user", "verified": True, **where}
        await self.ask("result.ack", ack)

    def _image(self, transfer: int) -> np.ndarray:
        spec, data = self._incoming.pop(transfer)
        assert len(data) == spec["bytes"]
        shape = (spec["height"], spec["width"], spec["components"])
        return np.frombuffer(data, np.uint8).reshape(shape)

    async def _on_frame(self, frame: Frame) -> None:
        if frame.type != DATA:
            assert frame == probe_frame(len(frame.payload))
            self._probed.set()
            return
        data = self._incoming[frame.transfer][1]
        assert frame.offset == len(data)
        data += frame.payload
        await self.tell("xfer.ack", {"transfer": frame.transfer, "next": len(data)})

    # wire

    def _take_id(self) -> int:
        number, self._next_id = self._next_id, self._next_id + 1
        return number

    async def _send_json(self, message: dict[str, Any]) -> None:
        await self._send(json.dumps({"jsonrpc": "2.0", **message}))

    async def _send(self, data: str | bytes) -> None:
        self._count()
        await self.socket.send(data)

    def _count(self) -> None:
        if self.frames == self.kill_at:
            self.socket.transport.abort()
            raise Killed
        self.frames += 1

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        async def quietly() -> None:
            with contextlib.suppress(Killed, ConnectionClosed):
                await work

        task = asyncio.create_task(quietly())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _result(message: dict[str, Any]) -> dict[str, Any]:
    if "error" in message:
        raise Refused(message["error"]["data"]["kind"], message["error"]["message"])
    return message["result"]


@contextlib.contextmanager
def running(host: DocumentHost, code: str | None = None) -> Iterator[DocumentHost]:
    """The host in a thread of its own until the block ends, or its connection does."""
    settled = threading.Event()

    async def run() -> None:
        host.loop = asyncio.get_running_loop()
        watch = asyncio.create_task(_set_when_ready(host, settled))
        with contextlib.suppress(Killed, ConnectionClosed):
            await host.run(code)
        watch.cancel()

    def thread() -> None:
        try:
            asyncio.run(run())
        finally:
            host.stopped = True
            settled.set()

    worker = threading.Thread(target=thread, daemon=True)
    worker.start()
    assert settled.wait(20)
    try:
        yield host
    finally:
        # a loop that has ended by itself takes no more work
        with contextlib.suppress(RuntimeError):
            host.loop.call_soon_threadsafe(lambda: host.loop.create_task(host.socket.close()))
        worker.join(20)
        assert not worker.is_alive()


async def _set_when_ready(host: DocumentHost, settled: threading.Event) -> None:
    await host.ready.wait()
    settled.set()
