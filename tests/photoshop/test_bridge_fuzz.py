"""Whatever comes over the wire: no crash, bounded memory, and an end with a reason."""

from __future__ import annotations

import asyncio
import json
import logging
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from bridge_setup import RecordingService
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from photoshop_bridge import Outbox
from photoshop_bridge.admission import Admitted
from photoshop_bridge.errors import BridgeError, ConnectionLost, ProtocolViolation
from photoshop_bridge.frames import DATA, PROBE, Frame, decode_frame, encode_frame
from photoshop_bridge.messages import parse_message
from photoshop_bridge.panel import PanelDesk
from photoshop_bridge.session import HostSession
from photoshop_bridge.values import Hello

METHODS = [
    "ready",
    "search",
    "job.start",
    "job.cancel",
    "result.fetch",
    "result.ack",
    "selftest",
    "hello",
    "auth",
    "pair",
    "event",
    "cancel",
    "hb",
    "xfer.begin",
    "xfer.ack",
    "xfer.abort",
    "xfer.data",
    "doc.read",
    "outbox",
]
FIELDS = [
    "mode",
    "documents",
    "query",
    "limit",
    "doc",
    "tags",
    "prompt",
    "strength",
    "rect",
    "result",
    "status",
    "layer",
    "report",
    "id",
    "transfer",
    "for",
    "kind",
    "width",
    "height",
    "components",
    "depth",
    "bytes",
    "next",
    "reason",
    "frame",
    "t",
]
HELLO = {
    "proto": [1],
    "client": {"kind": "fake", "plugin": "1", "host": "1"},
    "install": "0b9c2f5e-5d0f-4c39-9a5e-6f3f7f1f2a10",
    "session": "0b9c2f5e-5d0f-4c39-9a5e-6f3f7f1f2a11",
    "nonce": "0" * 64,
}
CHECKS = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
SMALL = settings(max_examples=200, deadline=None, suppress_health_check=CHECKS)
LARGE = settings(SMALL, max_examples=10_000)

numbers = st.integers(-3, 20) | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False)
leaves = st.none() | st.booleans() | numbers | st.text(max_size=20) | st.sampled_from(METHODS)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=6), inner, max_size=5)
    ),
    max_leaves=12,
)
params = st.dictionaries(st.sampled_from(FIELDS), values, max_size=8)
json_messages = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0")},
    optional={
        "id": st.integers(0, 40) | leaves,
        "method": st.sampled_from(METHODS) | leaves,
        "params": params | values,
        "result": params | values,
        "error": params | values,
    },
)
texts = json_messages.map(json.dumps) | values.map(json.dumps) | st.text(max_size=200)
frames = st.builds(
    lambda kind, transfer, seq, offset, total, payload: encode_frame(
        Frame(kind, transfer, seq, offset, total, payload)
    ),
    st.sampled_from([DATA, PROBE]),
    *[st.integers(0, 3) | st.integers(0, 2**32 - 1)] * 4,
    st.binary(min_size=1, max_size=64),
)
steps = st.lists(st.tuples(st.sampled_from(METHODS), params, st.booleans()), max_size=10)


def _spoken(steps: list[tuple[str, dict[str, Any], bool]]) -> list[str | bytes]:
    """Well-formed requests and notifications with wild params, after a good `ready`."""
    told: list[str | bytes] = []
    for number, (method, params, asks) in enumerate([("ready", {"mode": "binary"}, True), *steps]):
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        told.append(json.dumps({**message, "id": 3 + number} if asks else message))
    return told


conversations = st.builds(
    lambda steps, rest: _spoken(steps) + rest,
    steps,
    st.lists(texts | frames | st.binary(max_size=120), max_size=4),
)


class Wire:
    """A socket that takes everything and keeps nothing."""

    async def send(self, message: str | bytes) -> None:
        assert message


class Faults(logging.Handler):
    """Keeps what is logged when a handler raises something unforeseen."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(self.format(record))


def parse_text(text: str) -> None:
    try:
        parse_message(text)
    except ProtocolViolation as violation:
        assert str(violation)


def parse_bytes(data: bytes) -> None:
    try:
        frame = decode_frame(data)
    except ProtocolViolation as violation:
        assert str(violation)
    else:
        assert encode_frame(frame) == data


def converse(folder: Path, frames: list[str | bytes]) -> None:
    """A whole session takes the frames one after the other; only a violation may end it."""

    faults = Faults()

    async def run() -> None:
        desk = PanelDesk(RecordingService, folder / "reports", _ignore, lambda: None)
        admitted = Admitted(Hello.model_validate(HELLO), 2)
        session = HostSession(Wire(), admitted, Outbox(folder / "outbox"), desk)
        writer = asyncio.create_task(session.write_replies())
        reading = asyncio.create_task(session.list_documents())
        await asyncio.sleep(0)
        try:
            for frame in frames:
                session.feed(frame)
                await asyncio.sleep(0)
        except ProtocolViolation as violation:
            assert str(violation)
        await session.close(ConnectionLost())
        writer.cancel()
        with pytest.raises((BridgeError, asyncio.CancelledError)):
            await reading
            raise ConnectionLost

    log = logging.getLogger("photoshop_bridge.peer")
    log.addHandler(faults)
    asyncio.run(run())
    log.removeHandler(faults)
    assert faults.told == []


def _ignore(method: str, params: Mapping[str, Any]) -> None:
    pass


@SMALL
@given(texts)
@example("[" * 100_000)
@example('{"jsonrpc":"2.0","id":' + "9" * 5000 + ',"method":"a"}')
@example('{"jsonrpc":"2.0","id":NaN,"method":"a"}')
@example('{"jsonrpc":"2.0","id":true,"method":"a"}')
@example('{"jsonrpc":"2.0","method":"\\ud800","params":{}}')
def test_text(text: str) -> None:
    parse_text(text)


@SMALL
@given(frames | st.binary(max_size=200))
@example(b"")
def test_bytes(data: bytes) -> None:
    parse_bytes(data)


@settings(SMALL, max_examples=100)
@given(frames=conversations)
def test_conversations(tmp_path_factory: pytest.TempPathFactory, frames: list[str | bytes]) -> None:
    converse(tmp_path_factory.getbasetemp() / "fuzz", frames)


@pytest.mark.stress
@LARGE
@given(texts)
def test_much_text(text: str) -> None:
    parse_text(text)


@pytest.mark.stress
@LARGE
@given(frames | st.binary(max_size=200))
def test_many_bytes(data: bytes) -> None:
    parse_bytes(data)


@pytest.mark.stress
@settings(LARGE, max_examples=2_500)  # a whole session each
@given(frames=conversations)
def test_many_conversations(
    tmp_path_factory: pytest.TempPathFactory, frames: list[str | bytes]
) -> None:
    converse(tmp_path_factory.getbasetemp() / "fuzz", frames)


def test_what_nobody_asked_for_reserves_no_memory(tmp_path: Path) -> None:
    """Announcements of 256 MiB, frames of transfers that were never begun, answers to no request."""
    begin = {"for": "cap1", "kind": "pixels", "width": 8192, "height": 8192, "components": 4}
    lines: list[str | bytes] = [
        json.dumps(
            {
                "jsonrpc": "2.0",
                "id": 3 + n,
                "method": "xfer.begin",
                "params": {**begin, "transfer": 1 + n, "depth": 8, "bytes": 8192 * 8192 * 4},
            }
        )
        for n in range(200)
    ]
    lines += [json.dumps({"jsonrpc": "2.0", "id": n, "result": {"a": "b"}}) for n in range(200)]
    tracemalloc.start()
    converse(tmp_path, lines)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20
