"""Fixtures of the bridge's tests: a listening bridge and a document."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bridge_setup import QUICK, RecordingService, paired, wait_until
from document_host import Document, Storage

from photoshop_bridge import Bridge


@pytest.fixture
def service() -> RecordingService:
    return RecordingService()


@pytest.fixture
def open_bridge(tmp_path: Path, service: RecordingService) -> Iterator[Callable[..., Bridge]]:
    """Opens bridges over one folder; they are closed at the end."""
    opened: list[Bridge] = []

    def open_one(**options: Any) -> Bridge:
        options = {"mode": "on", "port": 0, "timing": QUICK, "version": "0", **options}
        bridge = Bridge(tmp_path / "bridge", lambda: service, **options)
        opened.append(bridge)
        bridge.start()
        return bridge

    yield open_one
    for bridge in opened:
        bridge.close()


@pytest.fixture
def bridge(open_bridge: Callable[..., Bridge]) -> Bridge:
    opened = open_bridge()
    wait_until(lambda: opened.status().state == "listening")
    return opened


@pytest.fixture
def document() -> Document:
    """A page of odd size with a soft selection."""
    noise = np.random.default_rng(7)
    pixels = noise.integers(0, 256, (487, 641, 3), dtype=np.uint8)
    selection = np.zeros((487, 641), np.uint8)
    selection[101:200, 51:180] = noise.integers(1, 256, (99, 129), dtype=np.uint8)
    return Document(pixels, selection=selection)


@pytest.fixture
def storage(bridge: Bridge) -> Storage:
    """An installation that is paired already."""
    return paired(bridge)
