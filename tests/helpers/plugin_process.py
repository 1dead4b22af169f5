"""The plugin in the fake Photoshop, as a process that the tests of the server speak to."""

from __future__ import annotations

import base64
import json
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from bridge_setup import paired, wait_until
from plugin_node import HERE, node

from photoshop_bridge import Bridge


@dataclass(frozen=True)
class Look:
    """A document as a person sees it, (H, W, 4) uint8, and the layers in the group, topmost first."""

    pixels: np.ndarray
    layers: list[dict[str, Any]]
    history: list[str]


class PluginProcess:
    """Owns the process; one command at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [node(), "plugin_host.js"],
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self._id = 0

    def ask(self, command: str, **params: Any) -> dict[str, Any]:
        """The answer to a command of plugin_host.js."""
        assert self._process.stdin and self._process.stdout
        self._id += 1
        self._process.stdin.write(json.dumps({"id": self._id, "command": command, **params}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"failed": "the process ended"}')
        assert "failed" not in answer, answer["failed"]
        return answer

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def open(self, pixels: np.ndarray, path: str = "/comics/page.psd") -> int:
        """Opens an 8-bit RGB document of these pixels, (H, W, 3); returns its id."""
        height, width = pixels.shape[:2]
        data = base64.b64encode(pixels.tobytes()).decode()
        return self.ask("open", width=width, height=height, pixels=data, path=path)["doc"]

    def look(self, doc: int, shape: tuple[int, ...]) -> Look:
        """The document; `shape` is (H, W, …)."""
        seen = self.ask("look", doc=doc)
        flat = np.frombuffer(base64.b64decode(seen["pixels"]), np.uint8)
        return Look(flat.reshape(*shape[:2], 4), seen["layers"], seen["history"])

    def wait_for(self, state: str) -> dict[str, Any]:
        """The plugin's state, once its connection is in the named one."""
        wait_until(lambda: self.ask("state")["connection"]["name"] == state)
        return self.ask("state")

    def start(self, bridge: Bridge, *, pair: bool = True, **options: Any) -> None:
        """Starts the plugin towards a bridge, paired with it unless told otherwise."""
        known = {}
        if pair:
            storage = paired(bridge)
            assert storage.token
            known = {"install": storage.install, "token": storage.token.hex()}
        session = str(uuid.uuid4())
        self.ask("start", **{"port": bridge.status().port, "session": session, **known, **options})


@contextmanager
def plugin_process() -> Iterator[PluginProcess]:
    """A process without a started plugin; at its end, what the fake forbids must not have happened."""
    process = PluginProcess()
    try:
        yield process
        seen = process.ask("state")
        assert (seen["violations"], seen["liveImages"]) == ([], 0)
    finally:
        process.close()
