"""Reading an open document over a real socket: exact pixels, the selection, and each way to fail."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest
from bridge_setup import free_port, wait_until
from document_host import Document, DocumentHost, Storage, running

from photoshop_bridge import Bridge, BridgeError, ReadRequest


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "base64"])
@pytest.mark.parametrize("components", [3, 4])
def test_the_canvas_comes_bit_for_bit(
    bridge: Bridge, storage: Storage, document: Document, binary: bool, components: int
) -> None:
    document.pixels = np.dstack([document.pixels, document.pixels[..., 0]])[..., :components]
    host = DocumentHost(bridge.status().port, storage, [document], binary=binary)
    with running(host):
        facts = bridge.status().host
        reading = bridge.read(ReadRequest(rect="canvas"))
    assert facts is not None
    assert facts.transfer == ("binary" if binary else "base64")
    assert reading.rect == (0, 0, 641, 487)
    assert reading.components == components
    assert reading.pixels == document.pixels.tobytes()
    assert document.selection is not None
    assert reading.selection == document.selection.tobytes()


@pytest.mark.parametrize(
    ("pad_px", "include", "rect"),
    [
        (0, None, (51, 101, 180, 200)),
        (10, None, (41, 91, 190, 210)),
        (1000, None, (0, 0, 641, 487)),
        (0, (0, 150, 60, 300), (0, 101, 180, 300)),
    ],
)
def test_the_selection_is_read_with_what_surrounds_it(
    bridge: Bridge,
    storage: Storage,
    document: Document,
    pad_px: int,
    include: tuple[int, int, int, int] | None,
    rect: tuple[int, int, int, int],
) -> None:
    with running(DocumentHost(bridge.status().port, storage, [document])):
        reading = bridge.read(ReadRequest(pad_px=pad_px, include=include))
    left, top, right, bottom = rect
    assert reading.rect == rect
    assert reading.pixels == document.pixels[top:bottom, left:right].tobytes()
    assert document.selection is not None
    assert reading.selection == document.selection[top:bottom, left:right].tobytes()


def test_readings_follow_one_another(bridge: Bridge, storage: Storage, document: Document) -> None:
    with running(DocumentHost(bridge.status().port, storage, [document])):
        first = bridge.read(ReadRequest(want=("pixels",)))
        document.pixels[120, 60] ^= 255
        second = bridge.read(ReadRequest(want=("pixels",)))
    assert first.selection is None
    assert first.pixels != second.pixels


@pytest.mark.parametrize("kind", ["no_document", "no_selection", "host_busy"])
def test_what_the_host_refuses_is_told_with_its_advice(
    bridge: Bridge, storage: Storage, document: Document, kind: str
) -> None:
    host = DocumentHost(bridge.status().port, storage, [document])
    with running(host):
        host.error = {"kind": kind, "message": "Not now."}
        with pytest.raises(BridgeError, match=r"Not now\. Do something") as caught:
            bridge.read(ReadRequest())
    assert caught.value.kind == kind


def test_reading_without_a_host_says_how_to_connect(bridge: Bridge) -> None:
    with pytest.raises(BridgeError, match="Open the ExpressEdit panel") as caught:
        bridge.read(ReadRequest())
    assert caught.value.kind == "not_connected"


@pytest.mark.parametrize(
    ("mode", "words"), [("off", "EXPRESSEDIT_BRIDGE"), ("auto", "photoshop_status")]
)
def test_reading_before_anything_listens_says_why(
    open_bridge: Callable[..., Bridge], mode: str, words: str
) -> None:
    with pytest.raises(BridgeError, match=words):
        open_bridge(mode=mode).read(ReadRequest())


def test_the_port_stays_closed_until_there_is_somebody_to_pair_with(
    open_bridge: Callable[..., Bridge],
) -> None:
    bridge = open_bridge(mode="auto", port=free_port())
    assert bridge.status().state == "idle"
    bridge.open_code()
    wait_until(lambda: bridge.status().state == "listening")


@pytest.mark.parametrize("kill_at", range(6, 22))
def test_a_reading_that_breaks_ends_with_a_reason(
    bridge: Bridge, storage: Storage, document: Document, kill_at: int
) -> None:
    """Wherever the socket breaks: never half a picture, never a wait without end."""
    host = DocumentHost(bridge.status().port, storage, [document], kill_at=kill_at)
    with running(host):
        try:
            whole = bridge.read(ReadRequest(rect="canvas"))
        except BridgeError as error:
            assert error.kind in ("connection_lost", "not_connected", "transfer_failed")
        else:
            assert whole.pixels == document.pixels.tobytes()
    with running(DocumentHost(bridge.status().port, storage, [document])):
        assert bridge.read(ReadRequest(rect="canvas")).pixels == document.pixels.tobytes()


def test_a_reading_can_be_stopped(
    bridge: Bridge, storage: Storage, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()

    async def never(self: DocumentHost, params: object) -> dict[str, object]:
        import asyncio

        asked.set()
        return await asyncio.Future()

    monkeypatch.setattr(DocumentHost, "_read", never)
    with (
        running(DocumentHost(bridge.status().port, storage, [document])),
        pytest.raises(BridgeError) as caught,
    ):
        bridge.read(ReadRequest(), asked.is_set)
    assert caught.value.kind == "cancelled_by_user"
