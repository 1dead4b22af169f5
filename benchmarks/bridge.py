"""Seconds for pixels between the bridge and a document host in another process, over loopback.

Beside the bare websockets library in the same run. Three ways: binary frames as shipped, base64 (for
hosts without binary frames), and binary frames with the websocket's deflate, which the bridge never agrees on.
Run: python -m benchmarks.bridge
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import secrets
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from benchmarks.machine import describe, spread
from photoshop_bridge import Bridge, Layer, ReadRequest, server
from photoshop_bridge.transfers import CHUNK_BYTES

# the document host of the tests
sys.path.append(str(Path(__file__).parent.parent / "tests" / "helpers"))
from bridge_setup import paired, wait_until
from document_host import Document, DocumentHost, Storage

RUNS = 10
SLOW_RUNS = 3
SIDE = 4096  # x 4096 x RGBA are 64 MiB
ROWS = 3276  # x 4096 x (RGBA and mask) are 64 MiB
PATCH = 1024
WAYS = ("binary", "base64", "deflate")
SPAWN = multiprocessing.get_context("spawn")


class TimedHost(DocumentHost):
    """Sends the seconds of each fetch through a pipe, and forgets what it placed."""

    pipe: Connection

    async def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        started = time.perf_counter()
        answer = await super().ask(method, params)
        if method == "result.fetch":
            self.pipe.send(time.perf_counter() - started)
        if method == "result.ack":
            self.documents[0].layers.clear()
        return answer


def host_process(port: int, install: str, token: bytes, way: str, pipe: Connection) -> None:
    """A host with one document of noise, until the server ends."""
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 4), dtype=np.uint8)
    options = {"compression": "deflate" if way == "deflate" else None, "close_timeout": 1}
    storage = Storage(install, token)
    host = TimedHost(port, storage, [Document(pixels)], binary=way != "base64", options=options)
    host.pipe = pipe
    with contextlib.suppress(ConnectionClosed):
        asyncio.run(host.run())


def plain_sender(port: int, pipe: Connection) -> None:
    """Sends 64 MiB in frames of 256 KiB, and nothing else, each time it is told to."""

    async def run() -> None:
        chunk = secrets.token_bytes(CHUNK_BYTES)
        async with connect(f"ws://127.0.0.1:{port}/", compression=None) as socket:
            while pipe.recv():
                for _ in range(64 * 4):
                    await socket.send(chunk)

    asyncio.run(run())


def measure_plain() -> list[float]:
    """Seconds for 64 MiB from one process to another over websockets alone."""

    async def run() -> list[float]:
        taken = []

        async def take(connection: ServerConnection) -> None:
            for _ in range(RUNS):
                started = time.perf_counter()
                near.send(True)
                for _ in range(64 * 4):
                    await connection.recv()
                taken.append(time.perf_counter() - started)
            near.send(False)
            done.set()

        done = asyncio.Event()
        async with server.serve(take, "127.0.0.1", 0, compression=None) as listening:
            port = listening.sockets[0].getsockname()[1]
            process = SPAWN.Process(target=plain_sender, args=(port, far), daemon=True)
            process.start()
            await done.wait()
        return taken

    near, far = multiprocessing.Pipe()
    return asyncio.run(run())


def measure(way: str) -> dict[str, list[float]]:
    """Seconds by what was measured."""
    plain = server.serve
    if way == "deflate":
        server.serve = lambda *a, **k: plain(*a, **{**k, "compression": "deflate"})  # type: ignore
    rows: dict[str, list[float]] = {"64 MiB up": [], "64 MiB down": [], "1024 x 1024 placed": []}
    with tempfile.TemporaryDirectory() as folder:
        bridge = Bridge(Path(folder), mode="on", port=0)
        bridge.start()
        wait_until(lambda: bridge.status().state == "listening")
        storage = paired(bridge)
        near, far = multiprocessing.Pipe()
        process = SPAWN.Process(
            target=host_process,
            args=(bridge.status().port, storage.install, storage.token, way, far),
            daemon=True,
        )
        process.start()
        wait_until(lambda: (facts := bridge.status().host) and facts.documents, 120)
        for _ in range(SLOW_RUNS if way == "deflate" else RUNS):
            started = time.perf_counter()
            bridge.read(ReadRequest(rect="canvas", want=("pixels",)))
            rows["64 MiB up"].append(time.perf_counter() - started)
            bridge.place(noise_layer(bridge, SIDE, ROWS))
            rows["64 MiB down"].append(near.recv())
            layer = noise_layer(bridge, PATCH, PATCH)
            started = time.perf_counter()
            placing = bridge.place(layer)
            rows["1024 x 1024 placed"].append(time.perf_counter() - started)
            assert placing.waiting.state == "placed"
            near.recv()
        bridge.close()
        process.kill()
    server.serve = plain
    return rows


def noise_layer(bridge: Bridge, width: int, height: int) -> Layer:
    session, documents = bridge.documents()
    return Layer(
        image_id=secrets.token_hex(8),
        name="noise",
        rect=(0, 0, width, height),
        pixels=secrets.token_bytes(width * height * 4),
        mask=secrets.token_bytes(width * height),
        document=documents[0].ref(session),
    )


def main() -> None:
    print(describe("websockets", "numpy"))
    plain = measure_plain()
    print(
        f"| baseline: 64 MiB up, websockets alone | {spread(plain, 3)} | {len(plain)} |", flush=True
    )
    for way in WAYS:
        for what, values in measure(way).items():
            print(f"| {what}, {way} | {spread(values, 3)} | {len(values)} |", flush=True)


if __name__ == "__main__":
    main()
