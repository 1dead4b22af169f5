"""Results reach the document exactly once, bit for bit, wherever the connection or a process ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bridge_setup import layer_for, paired, wait_until
from document_host import Document, DocumentHost, Refused, Storage, running

from photoshop_bridge import Bridge, Layer


def assert_placed_once(document: Document, before: np.ndarray, *layers: Layer) -> None:
    """The document holds just these layers, in this order, and its own pixels are untouched."""
    assert np.array_equal(document.pixels, before)
    assert [placed.name for placed in document.layers] == [layer.name for layer in layers]
    for placed, layer in zip(document.layers, layers, strict=True):
        assert tuple(placed.rect) == layer.rect
        assert placed.group == "Expressions"
        assert placed.rgba.tobytes() == layer.pixels
        assert placed.mask.tobytes() == layer.mask


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "base64"])
def test_a_layer_is_placed_while_the_host_is_connected(
    bridge: Bridge, storage: Storage, document: Document, binary: bool
) -> None:
    before = document.pixels.copy()
    host = DocumentHost(bridge.status().port, storage, [document], binary=binary)
    with running(host):
        layer = layer_for(host)
        placing = bridge.place(layer)
    assert placing.obstacle is None
    assert (placing.waiting.state, placing.waiting.layer) == ("placed", 1)
    assert placing.waiting.verified
    assert_placed_once(document, before, layer)
    assert bridge.outbox.pending() == []


def test_what_waits_is_placed_in_order_after_a_connection(
    bridge: Bridge, storage: Storage, document: Document
) -> None:
    before = document.pixels.copy()
    host = DocumentHost(bridge.status().port, storage, [document])
    layers = [layer_for(host, number=n) for n in range(5)]
    for layer in layers:
        placing = bridge.place(layer)
        assert placing.obstacle is not None
        assert "Open the ExpressEdit panel" in str(placing.obstacle)
    with running(host):
        wait_until(lambda: not bridge.outbox.pending())
    assert_placed_once(document, before, *layers)


def test_asking_twice_places_once_and_again_places_anew(
    bridge: Bridge, storage: Storage, document: Document
) -> None:
    before = document.pixels.copy()
    host = DocumentHost(bridge.status().port, storage, [document])
    with running(host):
        layer = layer_for(host)
        first, second = bridge.place(layer), bridge.place(layer)
        assert first.waiting == second.waiting
        third = bridge.place(layer, again=True)
    assert third.waiting.result != first.waiting.result
    assert_placed_once(document, before, layer, layer)


# a placement of one layer of 1 MiB takes about thirty frames from the handshake to the last answer
KILLS = range(40)


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "base64"])
@pytest.mark.parametrize("kill_at", KILLS)
def test_the_socket_breaks_at_every_frame(
    bridge: Bridge, storage: Storage, document: Document, kill_at: int, binary: bool
) -> None:
    """The panel goes on in the same program run: it reconnects with the same storage and session."""
    before = document.pixels.copy()
    host = DocumentHost(bridge.status().port, storage, [document], binary=binary, kill_at=kill_at)
    layer = layer_for(host, rect=(3, 5, 515, 425))
    bridge.outbox.put(layer)
    with running(host):
        wait_until(lambda: host.stopped or not bridge.outbox.pending())
    after = DocumentHost(bridge.status().port, storage, [document], binary=binary)
    after.session = host.session
    with running(after):
        wait_until(lambda: not bridge.outbox.pending())
    assert_placed_once(document, before, layer)


@pytest.mark.parametrize("kill_at", range(4, 30, 5))
def test_the_host_program_is_started_anew(
    bridge: Bridge, storage: Storage, document: Document, kill_at: int
) -> None:
    """Another session, so the document is found again by its file."""
    before = document.pixels.copy()
    host = DocumentHost(bridge.status().port, storage, [document], kill_at=kill_at)
    layer = layer_for(host, rect=(3, 5, 515, 425))
    bridge.outbox.put(layer)
    with running(host):
        wait_until(lambda: host.stopped or not bridge.outbox.pending())
    other = Document(document.pixels[:100].copy(), name="other.psd", path="/comics/other.psd")
    with running(DocumentHost(bridge.status().port, storage, [other, document])):
        wait_until(lambda: not bridge.outbox.pending())
    assert_placed_once(document, before, layer)
    assert other.layers == []


@pytest.mark.parametrize("kill_at", range(4, 30, 5))
def test_the_server_is_started_anew(
    open_bridge: Callable[..., Bridge], document: Document, kill_at: int
) -> None:
    before = document.pixels.copy()
    first = open_bridge()
    wait_until(lambda: first.status().state == "listening")
    storage = paired(first)
    host = DocumentHost(first.status().port, storage, [document], kill_at=kill_at)
    layer = layer_for(host, rect=(3, 5, 515, 425))
    first.outbox.put(layer)
    with running(host):
        wait_until(lambda: host.stopped or not first.outbox.pending())
        first.close()
    second = open_bridge()
    wait_until(lambda: second.status().state == "listening")
    after = DocumentHost(second.status().port, storage, [document])
    after.session = host.session
    with running(after):
        wait_until(lambda: not second.outbox.pending())
    assert_placed_once(document, before, layer)


def test_an_acknowledgement_that_got_lost_is_repeated(
    bridge: Bridge, storage: Storage, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The layer lies there, the server does not know: the next connection tells, and places nothing."""
    before = document.pixels.copy()
    plain = DocumentHost.ask

    async def ask(self: DocumentHost, method: str, params: dict[str, object]) -> object:
        if method == "result.ack":
            self.kill_at = self.frames
        return await plain(self, method, params)  # type: ignore[arg-type]

    host = DocumentHost(bridge.status().port, storage, [document])
    layer = layer_for(host)
    bridge.outbox.put(layer)
    with monkeypatch.context() as patched:
        patched.setattr(DocumentHost, "ask", ask)
        with running(host):
            wait_until(lambda: host.stopped)
    assert len(document.layers) == 1
    assert len(bridge.outbox.pending()) == 1
    with running(DocumentHost(bridge.status().port, storage, [document])):
        wait_until(lambda: not bridge.outbox.pending())
    assert_placed_once(document, before, layer)


@pytest.mark.parametrize(
    "changed",
    [
        lambda d: replace(d, path="/comics/other.psd"),
        lambda d: replace(d, path=None),
        lambda d: replace(d, pixels=d.pixels[:-1]),
    ],
    ids=["another file", "not saved", "another size"],
)
def test_into_another_document_it_goes_only_by_a_click(
    bridge: Bridge,
    storage: Storage,
    document: Document,
    changed: Callable[[Document], Document],
) -> None:
    layer = layer_for(DocumentHost(0, storage, [document]))
    other = replace(changed(document), layers=[])
    host = DocumentHost(bridge.status().port, storage, [other])
    with running(host):
        placing = bridge.place(layer)
        assert placing.obstacle is not None
        assert "page.psd is not open as it was" in str(placing.obstacle)
        assert other.layers == []
        entry = placing.waiting.entry(storage.install)
        asyncio.run_coroutine_threadsafe(host.place(entry, 1), host.loop).result(20)
    assert [placed.name for placed in other.layers] == [layer.name]
    assert bridge.outbox.pending() == []


def test_the_same_document_open_twice_is_not_guessed(
    bridge: Bridge, storage: Storage, document: Document
) -> None:
    layer = layer_for(DocumentHost(0, storage, [document]))
    with running(DocumentHost(bridge.status().port, storage, [document, document])):
        placing = bridge.place(layer)
    assert "more than once" in str(placing.obstacle)
    assert document.layers == []


def test_a_result_without_a_document_waits_for_a_click(
    bridge: Bridge, storage: Storage, document: Document
) -> None:
    host = DocumentHost(bridge.status().port, storage, [document])
    with running(host):
        placing = bridge.place(layer_for(host, known=False))
    assert "Click the result in the panel" in str(placing.obstacle)
    assert document.layers == []


def test_what_the_host_could_not_place_stays_and_waits_for_a_click(
    bridge: Bridge, storage: Storage, document: Document
) -> None:
    host = DocumentHost(bridge.status().port, storage, [document])
    with running(host):
        layer = layer_for(host)
        host.failing = {"kind": "mask_failed", "message": "The mask came back changed."}
        placing = bridge.place(layer)
        assert "The mask came back changed." in str(placing.obstacle)
        host.failing = None
        (waiting,) = bridge.outbox.pending()
        assert not waiting.auto
        entry = waiting.entry(storage.install)
        asyncio.run_coroutine_threadsafe(host.place(entry, 1), host.loop).result(20)
    assert len(document.layers) == 1
    assert bridge.outbox.pending() == []


def test_a_result_that_another_panel_fetched_is_not_placed_by_itself(
    bridge: Bridge, storage: Storage, document: Document
) -> None:
    """It may lie in the other panel's document already; only a click can know."""
    layer = layer_for(DocumentHost(0, storage, [document]))
    waiting = bridge.outbox.put(layer)
    bridge.outbox.fetch(waiting.result, "another install", force=False)
    host = DocumentHost(bridge.status().port, storage, [document])
    with running(host):
        entry = bridge.outbox.pending()[0].entry(storage.install)
        assert not entry["auto"]
        with pytest.raises(Refused, match="taken"):
            asyncio.run_coroutine_threadsafe(
                host.ask("result.fetch", {"result": waiting.result}), host.loop
            ).result(20)
        assert document.layers == []
        placing = host.place(entry, 1, force=True)
        asyncio.run_coroutine_threadsafe(placing, host.loop).result(20)
    assert len(document.layers) == 1


def test_a_second_server_puts_its_results_through_the_first(
    open_bridge: Callable[..., Bridge], document: Document
) -> None:
    before = document.pixels.copy()
    first = open_bridge()
    wait_until(lambda: first.status().state == "listening")
    port = first.status().port
    second = open_bridge(port=port)
    wait_until(lambda: second.status().state == "port_taken")
    host = DocumentHost(port, paired(first), [document])
    with running(host):
        wait_until(lambda: (facts := second.status().host) and facts.documents)
        layer = layer_for(host)
        placing = second.place(layer)
        assert placing.waiting.state == "placed"
        with pytest.raises(Exception, match="held by another program"):
            second.documents()
    assert_placed_once(document, before, layer)
    first.close()
    wait_until(lambda: second.status().state == "listening")


def test_the_files_are_gone_when_a_result_is_placed(
    bridge: Bridge, storage: Storage, document: Document, tmp_path: Path
) -> None:
    host = DocumentHost(bridge.status().port, storage, [document])
    with running(host):
        bridge.place(layer_for(host))
    names = [path.suffix for path in (tmp_path / "bridge" / "outbox").iterdir()]
    assert names == [".json"]
