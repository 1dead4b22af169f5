"""The plugin's JavaScript against the real server over real sockets, broken at every message."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from bridge_setup import RecordingService, wait_until
from plugin_process import Look, PluginProcess, plugin_process

from photoshop_bridge import Bridge, BridgeError, Layer, ReadRequest
from photoshop_bridge.transfers import CHUNK_BYTES, CHUNK_BYTES_BASE64

RECT = (40, 90, 190, 210)


@pytest.fixture
def plugin() -> Iterator[PluginProcess]:
    with plugin_process() as process:
        yield process


@pytest.fixture
def page() -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (237, 211, 3), dtype=np.uint8)


def layer_for(
    bridge: Bridge, doc: int, rect: tuple[int, int, int, int] = RECT, *, number: int = 0
) -> Layer:
    """A layer of noise, its mask partly zero, for an open document."""
    noise = np.random.default_rng(number)
    height, width = rect[3] - rect[1], rect[2] - rect[0]
    rgba = noise.integers(0, 256, (height, width, 4), dtype=np.uint8)
    rgba[..., 3] = 255
    mask = noise.integers(0, 256, (height, width), dtype=np.uint8)
    mask[:10], mask[:, -12:] = 0, 0
    session, documents = bridge.documents()
    info = next(each for each in documents if each.doc == doc)
    return Layer(
        image_id=f"img_{number}",
        name=f"smile {number}",
        rect=rect,
        pixels=rgba.tobytes(),
        mask=mask.tobytes(),
        document=info.ref(session),
    )


def expected(page: np.ndarray, layer: Layer) -> np.ndarray:
    """What a person should see: the layer's colour over the page, blended once by its mask."""
    left, top, right, bottom = layer.rect
    shape = (bottom - top, right - left)
    rgb = np.frombuffer(layer.pixels, np.uint8).reshape(*shape, 4)[..., :3]
    cover = np.frombuffer(layer.mask, np.uint8).reshape(*shape, 1) / 255
    seen = page.copy()
    under = page[top:bottom, left:right]
    seen[top:bottom, left:right] = np.floor(rgb * cover + under * (1 - cover) + 0.5)
    return seen


def assert_placed_once(look: Look, page: np.ndarray, layer: Layer) -> None:
    """One layer with just these bytes, one history state, and not a pixel changed outside the mask."""
    assert len(look.layers) == 1
    (made,) = look.layers
    assert tuple(made["rect"]) == layer.rect
    assert base64.b64decode(made["rgba"]) == layer.pixels
    assert base64.b64decode(made["mask"]) == layer.mask
    left, top, right, bottom = layer.rect
    mask = np.zeros(page.shape[:2], np.uint8)
    mask[top:bottom, left:right] = np.frombuffer(layer.mask, np.uint8).reshape(
        bottom - top, right - left
    )
    assert np.array_equal(look.pixels[mask == 0][:, :3], page[mask == 0])
    assert np.abs(look.pixels[..., :3].astype(int) - expected(page, layer)).max() <= 1
    assert (look.pixels[..., 3] == 255).all()


def test_pairing_by_the_code_that_the_server_shows(
    bridge: Bridge, plugin: PluginProcess, page: np.ndarray
) -> None:
    plugin.start(bridge, pair=False)
    plugin.ask("connect")
    plugin.wait_for("pairing")
    code = bridge.open_code().code
    plugin.ask("pair", code=f"{code[:4]}-{code[4:]}".lower())
    state = plugin.wait_for("ready")
    assert state["mode"] == "binary"
    assert bridge.status().paired == 1
    plugin.ask("click")
    plugin.wait_for("ready")


def test_a_wrong_code_and_a_wrong_token(bridge: Bridge, plugin: PluginProcess) -> None:
    plugin.start(bridge, pair=False)
    bridge.open_code()
    plugin.ask("pair", code="ZZZZ-2222")
    state = plugin.wait_for("pairing")
    assert "left" in state["connection"]["text"] + state["connection"]["advice"]
    plugin.start(bridge, token="ab" * 32)
    plugin.ask("connect")
    plugin.wait_for("pairing")
    assert bridge.status().host is None


@pytest.mark.parametrize("binary", ["works", "throws", "blob"])
def test_a_layer_lands_at_the_exact_pixel(
    bridge: Bridge, plugin: PluginProcess, page: np.ndarray, binary: str
) -> None:
    plugin.start(bridge, binary=binary)
    doc = plugin.open(page)
    plugin.ask("connect")
    state = plugin.wait_for("ready")
    assert state["mode"] == ("binary" if binary == "works" else "base64")
    layer = layer_for(bridge, doc)
    placing = bridge.place(layer)
    assert placing.obstacle is None
    assert (placing.waiting.state, placing.waiting.mask) == ("placed", "user")
    assert placing.waiting.verified
    look = plugin.look(doc, page.shape)
    assert_placed_once(look, page, layer)
    assert look.history == ["Open", f"Expression: {layer.name}"]
    assert placing.waiting.layer == look.layers[0]["id"]


@pytest.mark.parametrize("binary", ["works", "throws"])
def test_the_open_document_is_read(bridge: Bridge, plugin: PluginProcess, binary: str) -> None:
    page = np.random.default_rng(1).integers(0, 256, (620, 700, 3), dtype=np.uint8)
    mask = np.random.default_rng(2).integers(1, 256, (600, 650), dtype=np.uint8)
    plugin.start(bridge, binary=binary)
    doc = plugin.open(page)
    rect, data = [20, 10, 670, 610], base64.b64encode(mask.tobytes()).decode()
    plugin.ask("select", doc=doc, rect=rect, mask=data)
    plugin.ask("connect")
    plugin.wait_for("ready")
    reading = bridge.read(ReadRequest(rect="selection", pad_px=7))
    left, top, right, bottom = reading.rect
    assert reading.rect == (13, 3, 677, 617)
    assert reading.components == 3
    assert reading.pixels is not None and reading.selection is not None
    shape = (bottom - top, right - left)
    pixels = np.frombuffer(reading.pixels, np.uint8).reshape(*shape, 3)
    assert np.array_equal(pixels, page[top:bottom, left:right])
    selection = np.frombuffer(reading.selection, np.uint8).reshape(shape)
    assert np.array_equal(selection[7:-7, 7:-7], mask)
    assert selection.sum() == mask.sum(dtype=int)


def test_what_cannot_be_read_says_why(
    bridge: Bridge, plugin: PluginProcess, page: np.ndarray
) -> None:
    plugin.start(bridge)
    plugin.ask("connect")
    plugin.wait_for("ready")
    with pytest.raises(BridgeError) as without:
        bridge.read(ReadRequest(rect="canvas", want=("pixels",)))
    assert without.value.kind == "no_document"
    plugin.open(page)
    with pytest.raises(BridgeError) as unselected:
        bridge.read(ReadRequest())
    assert unselected.value.kind == "no_selection"


def broken_at_each(
    bridge: Bridge,
    plugin: PluginProcess,
    page: np.ndarray,
    recover: Callable[[int, int], int] = lambda at, doc: doc,
    *,
    rect: tuple[int, int, int, int] = (3, 5, 203, 225),
) -> int:
    """Cuts the connection at message 1, 2, … of a placement until one passes uncut; returns how many."""
    for at in range(1, 200):
        doc = plugin.open(page, path=f"/comics/{at}.psd")
        plugin.wait_for("ready")
        wait_until(lambda doc=doc: any(d.doc == doc for d in bridge.documents()[1]))
        layer = layer_for(bridge, doc, rect, number=at)
        plugin.ask("cut", at=at)
        bridge.outbox.put(layer)
        wait_until(lambda: not bridge.outbox.pending() or plugin.ask("state")["cuts"])
        doc = recover(at, doc)
        wait_until(lambda: not bridge.outbox.pending())
        assert_placed_once(plugin.look(doc, page.shape), page, layer)
        plugin.ask("shut", doc=doc)
        if plugin.ask("state")["cuts"] == 0:
            return at
    raise AssertionError("it was cut each time")


# Messages of a placement: notice of the result, request and answer of its fetching, beginning and acceptance of two
# transfers, each of their chunks with its acknowledgement, and the acknowledgement of the layer with its answer.
def messages_of(rect: tuple[int, int, int, int], chunk_bytes: int) -> int:
    pixels = (rect[2] - rect[0]) * (rect[3] - rect[1])
    chunks = -(-4 * pixels // chunk_bytes) + -(-pixels // chunk_bytes)
    return 1 + 2 + 4 + 2 * chunks + 2


@pytest.mark.parametrize(
    ("binary", "chunk"), [("works", CHUNK_BYTES), ("throws", CHUNK_BYTES_BASE64)]
)
def test_the_connection_is_cut_at_every_message(
    bridge: Bridge, plugin: PluginProcess, page: np.ndarray, binary: str, chunk: int
) -> None:
    plugin.start(bridge, binary=binary)
    plugin.ask("connect")
    rect = (3, 5, 203, 225)  # in base64 mode two chunks of pixels
    assert broken_at_each(bridge, plugin, page, rect=rect) > messages_of(rect, chunk)


@pytest.mark.stress
def test_a_large_layer_is_cut_at_every_message(bridge: Bridge, plugin: PluginProcess) -> None:
    """More chunks than the window holds, so the sender waits for acknowledgements as well."""
    large = np.random.default_rng(6).integers(0, 256, (750, 750, 3), dtype=np.uint8)
    plugin.start(bridge)
    plugin.ask("connect")
    rect = (7, 3, 747, 743)
    assert broken_at_each(bridge, plugin, large, rect=rect) > messages_of(rect, CHUNK_BYTES)


def test_photoshop_is_restarted_at_every_message(
    bridge: Bridge, plugin: PluginProcess, page: np.ndarray
) -> None:
    """The picture was saved with what was placed; another session, so it is found again by its file."""
    plugin.start(bridge)
    plugin.ask("connect")

    def restart(at: int, doc: int) -> int:
        (again,) = plugin.ask("restart", session=str(uuid.uuid4()), saved=True)["docs"]
        return again

    assert broken_at_each(bridge, plugin, page, restart) > 8


def test_photoshop_crashes_before_the_picture_is_saved(
    bridge: Bridge, plugin: PluginProcess, page: np.ndarray
) -> None:
    """Cut at its acknowledgement the layer is known to be placed, but its picture is gone: a click brings it."""
    plugin.start(bridge)
    doc = plugin.open(page)
    plugin.ask("connect")
    plugin.wait_for("ready")
    layer = layer_for(bridge, doc)
    for at in range(1, 200):
        plugin.ask("cut", at=at)
        bridge.outbox.put(layer)
        wait_until(lambda: not bridge.outbox.pending() or plugin.ask("state")["cuts"])
        if len(plugin.look(doc, page.shape).layers) == 1:
            break
        plugin.wait_for("ready")
        assert plugin.ask("state")["cuts"], "it was never cut after the placement"
    if bridge.outbox.pending():
        (doc,) = plugin.ask("restart", session=str(uuid.uuid4()), saved=False)["docs"]
        plugin.wait_for("ready")
        (waiting,) = bridge.outbox.pending()
        wait_until(lambda: "restarted" in json.dumps(plugin.ask("state")["waiting"]))
        plugin.ask("place", result=waiting.result)
        wait_until(lambda: not bridge.outbox.pending())
    assert_placed_once(plugin.look(doc, page.shape), page, layer)


def test_the_server_is_restarted(
    open_bridge: Callable[..., Bridge], plugin: PluginProcess, page: np.ndarray
) -> None:
    first = open_bridge()
    wait_until(lambda: first.status().state == "listening")
    port = first.status().port
    plugin.start(first)
    doc = plugin.open(page)
    plugin.ask("connect")
    plugin.wait_for("ready")
    layer = layer_for(first, doc)
    first.close()
    plugin.wait_for("waiting")
    first.outbox.put(layer)
    second = open_bridge(port=port)
    plugin.wait_for("ready")
    wait_until(lambda: not second.outbox.pending())
    assert_placed_once(plugin.look(doc, page.shape), page, layer)


def test_of_two_hosts_one_is_active_and_results_land_once(
    bridge: Bridge, plugin: PluginProcess, page: np.ndarray
) -> None:
    plugin.start(bridge)
    doc = plugin.open(page)
    plugin.ask("connect")
    plugin.wait_for("ready")
    layer = layer_for(bridge, doc)
    with plugin_process() as second:
        second.start(bridge)
        same = second.open(page)
        second.ask("connect")
        refused = second.wait_for("waiting")
        assert "is connected already" in refused["connection"]["text"]
        assert bridge.place(layer).waiting.state == "placed"
        plugin.ask("stop")
        wait_until(lambda: bridge.status().host is None)
        second.ask("click")
        second.wait_for("ready")
        assert second.look(same, page.shape).layers == []
    assert_placed_once(plugin.look(doc, page.shape), page, layer)


def test_a_newer_connection_of_the_same_installation_takes_over(
    bridge: Bridge, plugin: PluginProcess, page: np.ndarray
) -> None:
    plugin.start(bridge, install="0b9c2f5e-5d0f-4c39-9a5e-6f3f7f1f2a10", pair=False)
    code = bridge.open_code().code
    plugin.ask("pair", code=code)
    plugin.wait_for("ready")
    with plugin_process() as newer:
        newer.start(bridge, install="0b9c2f5e-5d0f-4c39-9a5e-6f3f7f1f2a10", pair=False)
        newer.ask("pair", code=bridge.open_code().code)
        newer.wait_for("ready")
        replaced = plugin.wait_for("standby")
        assert "took over" in replaced["connection"]["text"]
        assert newer.ask("state")["connection"]["name"] == "ready"


def test_the_panel_searches_edits_and_reports(
    bridge: Bridge,
    plugin: PluginProcess,
    page: np.ndarray,
    service: RecordingService,
    tmp_path: Path,
) -> None:
    plugin.start(bridge)
    doc = plugin.open(page)
    data = base64.b64encode(bytes([255]) * 100).decode()
    plugin.ask("select", doc=doc, rect=[5, 5, 15, 15], mask=data)
    plugin.ask("connect")
    plugin.wait_for("ready")
    assert plugin.ask("search", query="a grin")["hits"][0]["definition"] == "a grin"
    plugin.ask("generate", tags=["smile"], strength=0.6)
    wait_until(lambda: plugin.ask("state")["jobs"][-1]["text"] == "Done. a warning")
    assert service.jobs[0].tags == ["smile"]
    assert (service.jobs[0].doc, service.jobs[0].strength) == (doc, 0.6)
    steps = plugin.ask("selftest")["report"]["steps"]
    assert [step for step in steps if not step["ok"]] == []
    (kept,) = (tmp_path / "bridge" / "reports").glob("selftest-*.json")
    assert json.loads(kept.read_text(encoding="utf-8"))["steps"] == steps
