"""A bridge, a paired installation and layers for the bridge's tests."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from document_host import DocumentHost, Storage

from photoshop_bridge import Bridge, Edited, JobStart, Layer, ServiceError
from photoshop_bridge.pairing import Nonces, mac, pairing_key
from photoshop_bridge.timing import Timing
from photoshop_bridge.values import DocInfo

QUICK = Timing(auth_s=5, heartbeat_s=0.2, outbox_look_s=0.05, port_look_s=0.05)


class RecordingService:
    """Answers searches, and puts nothing anywhere; edits wait until they are told to go on."""

    def __init__(self) -> None:
        self.jobs: list[JobStart] = []
        self.go_on = True
        self.error: str | None = None

    def search(self, query: str, limit: int) -> Mapping[str, Any]:
        hit = {"tag": "smile", "prompt_form": "smile", "definition": query, "score": 1.0}
        return {"hits": [{**hit, "advice": ""}][:limit], "no_expression": False}

    def edit(
        self, job: JobStart, on_step: Callable[[int, int, str], None], stop: Callable[[], bool]
    ) -> Edited:
        self.jobs.append(job)
        on_step(1, 2, "half")
        while not self.go_on and not stop():
            time.sleep(0.01)
        if self.error:
            raise ServiceError(self.error)
        return Edited(("res_1",), ("a warning",))


def paired(bridge: Bridge) -> Storage:
    """An installation that has a token of the bridge."""
    storage = Storage()
    nonces = Nonces("0" * 64, "1" * 64, storage.install)
    key = pairing_key(bridge.pairings.open_code().code, nonces)
    storage.token, _ = bridge.pairings.pair(mac(key, "pair", nonces), nonces, "test")
    return storage


def layer_for(
    host: DocumentHost,
    *,
    number: int = 0,
    rect: tuple[int, int, int, int] = (40, 90, 190, 210),
    known: bool = True,
) -> Layer:
    """A layer of noise for the host's first document, or for none that is known."""
    noise = np.random.default_rng(number)
    height, width = rect[3] - rect[1], rect[2] - rect[0]
    rgba = noise.integers(0, 256, (height, width, 4), dtype=np.uint8)
    rgba[..., 3] = 255
    mask = noise.integers(0, 256, (height, width), dtype=np.uint8)
    info = DocInfo.model_validate(host.infos()[0])
    return Layer(
        image_id=f"img_{number}",
        name=f"Expression: smile {number}",
        rect=rect,
        pixels=rgba.tobytes(),
        mask=mask.tobytes(),
        document=info.ref(host.session) if known else None,
    )


def wait_until(is_true: Callable[[], object], within_s: float = 20) -> None:
    """Returns when it is true; fails when it does not become so."""
    end = time.monotonic() + within_s
    while not is_true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
