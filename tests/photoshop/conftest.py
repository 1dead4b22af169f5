"""Fixtures of the bridge's tests: a listening bridge and a document, alone and behind an MCP server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bridge_setup import QUICK, RecordingService, free_port, is_open, paired, wait_until
from document_host import Document, DocumentHost, Storage, running
from drawn_page import drawn_page
from mcp import Client

from expressedit_mcp.preview import Drawing
from expressedit_mcp.server import build_server
from expressedit_mcp.settings import Settings
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


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("EXPRESSEDIT_BRIDGE_PORT", str(free_port()))
    monkeypatch.setenv("EXPRESSEDIT_TOOLS", "core,photoshop,methods,characters")
    return Settings()


@pytest.fixture
def panel(settings: Settings) -> Storage:
    """A panel that was paired with the server on another day."""
    return paired(Bridge(settings.bridge_dir, mode="off"))


@pytest.fixture
def page(drawing: Drawing) -> Document:
    """A large page with a drawn character in it, its mouth selected."""
    return drawn_page(drawing.pixels[..., :3])


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[Client]:
    async with Client(build_server(settings)) as connected:
        yield connected


@pytest.fixture
def host(
    client: Client, settings: Settings, panel: Storage, page: Document
) -> Iterator[DocumentHost]:
    """The program that has the page open, connected to the client's server."""
    wait_until(lambda: is_open(settings.bridge_port))
    with running(DocumentHost(settings.bridge_port, panel, [page], kind="photoshop")) as host:
        yield host
