"""Who is let in, over real sockets: hosts, origins, macs, codes, replays, limits, and one host at a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from bridge_setup import layer_for, paired, wait_until
from document_host import Document, DocumentHost, Refused, Storage, running
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from photoshop_bridge import Bridge, BridgeError, ReadRequest
from photoshop_bridge.frames import MAX_FRAME_BYTES, encode_frame, probe_frame
from photoshop_bridge.timing import Timing

pytestmark = pytest.mark.anyio


def uri(bridge: Bridge) -> str:
    return f"ws://127.0.0.1:{bridge.status().port}/"


async def admitted(bridge: Bridge, storage: Storage) -> DocumentHost:
    """A host after its handshake, with nobody reading its socket."""
    host = DocumentHost(bridge.status().port, storage, [])
    host.socket = await connect(uri(bridge), compression=None, max_size=None)
    await host.handshake()
    return host


async def closed(socket: ClientConnection) -> tuple[int, str]:
    """The close code and reason, after whatever still comes."""
    with pytest.raises(ConnectionClosed) as caught:
        async with asyncio.timeout(20):
            while True:
                await socket.recv()
    assert caught.value.rcvd is not None
    return caught.value.rcvd.code, caught.value.rcvd.reason


async def heard(socket: ClientConnection, key: str, value: object) -> dict[str, Any]:
    """The next message with this value; others are passed over."""
    async with asyncio.timeout(20):
        while (message := json.loads(await socket.recv())).get(key) != value:
            pass
    return message


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]"])
async def test_the_loopback_names_are_served(bridge: Bridge, name: str) -> None:
    async with connect(f"ws://{name}:{bridge.status().port}/"):
        pass


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "localhost"}, 403),
        ({"Host": "localhost:1"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "https://localhost"}, 403),
        ({"Origin": "HTTP://127.0.0.1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "file://"}, 101),
        ({"Origin": "uxp://plugin"}, 101),
    ],
)
async def test_web_pages_are_refused_before_the_upgrade(
    bridge: Bridge, headers: dict[str, str], status: int
) -> None:
    lines = {"Host": f"localhost:{bridge.status().port}", **headers}
    reader, writer = await asyncio.open_connection("127.0.0.1", bridge.status().port)
    request = "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    request += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    request += "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write((request + "\r\n").encode())
    answer = await reader.readline()
    assert answer.split()[1] == str(status).encode()
    writer.close()


async def test_another_path_is_not_there(bridge: Bridge) -> None:
    with pytest.raises(InvalidStatus, match="404"):
        await connect(uri(bridge) + "mcp")


async def test_compression_is_never_agreed_on(bridge: Bridge) -> None:
    async with connect(uri(bridge)) as socket:
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers


async def test_few_strangers_at_a_time(bridge: Bridge) -> None:
    strangers = [await connect(uri(bridge)) for _ in range(4)]
    with pytest.raises(InvalidStatus, match="503"):
        await connect(uri(bridge))
    await strangers[0].close()
    await until(lambda: connect(uri(bridge)))
    for stranger in strangers:
        await stranger.close()


async def until(attempt: Callable[[], Awaitable[ClientConnection]]) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                await (await attempt()).close()
            except InvalidStatus:
                await asyncio.sleep(0.01)
            else:
                return


async def test_who_says_nothing_is_closed(open_bridge: Callable[..., Bridge]) -> None:
    bridge = open_bridge(timing=Timing(auth_s=0.2))
    await asyncio.to_thread(wait_until, lambda: bridge.status().state == "listening")
    async with connect(uri(bridge)) as socket:
        assert await closed(socket) == (4003, "not authenticated in time")


async def test_a_code_pairs_once_and_the_token_lets_in(
    bridge: Bridge, document: Document, tmp_path: Path
) -> None:
    storage = Storage()
    code = bridge.open_code().code
    with running(DocumentHost(bridge.status().port, storage, [document]), code):
        assert bridge.status().host is not None
    assert storage.token is not None
    assert bridge.status().paired == 1
    with running(DocumentHost(bridge.status().port, storage, [document])):
        assert bridge.status().host is not None
    other = DocumentHost(bridge.status().port, Storage(), [])
    with pytest.raises(Refused, match="code_expired"):
        await other.run(code)
    secret = tmp_path / "bridge" / "paired.json"
    assert storage.token.hex() in secret.read_text("utf-8")


async def test_wrong_codes_use_a_code_up(bridge: Bridge) -> None:
    code = bridge.open_code().code
    wrong = "2" * 8 if code != "2" * 8 else "3" * 8
    kinds = []
    for offered in [wrong] * 5 + [code]:
        with pytest.raises(Refused) as caught:
            await DocumentHost(bridge.status().port, Storage(), []).run(offered)
        kinds.append(caught.value.kind)
    assert kinds == ["wrong_code"] * 5 + ["code_expired"]
    assert bridge.status().paired == 0


@pytest.mark.parametrize("token", [None, bytes(32)], ids=["unknown install", "wrong token"])
async def test_a_wrong_token_is_refused(
    bridge: Bridge, storage: Storage, token: bytes | None
) -> None:
    known = storage if token else Storage()
    host = DocumentHost(bridge.status().port, Storage(known.install, token), [])
    async with connect(uri(bridge)) as host.socket:
        with pytest.raises(Refused, match="not_paired"):
            await host.handshake()
        assert (await closed(host.socket))[0] == 4003


async def test_a_recorded_handshake_opens_nothing(bridge: Bridge, storage: Storage) -> None:
    """The server's nonce is fresh, so the macs of an earlier connection are wrong."""
    sent: list[str] = []
    host = DocumentHost(bridge.status().port, storage, [])
    async with connect(uri(bridge)) as host.socket:
        plain = host._send

        async def recording(data: Any) -> None:
            sent.append(data)
            await plain(data)

        host._send = recording  # type: ignore[method-assign]
        await host.handshake()
    async with connect(uri(bridge)) as socket:
        await socket.send(sent[0])
        await socket.recv()
        await socket.send(sent[1])
        assert json.loads(await socket.recv())["error"]["data"]["kind"] == "not_paired"
        assert (await closed(socket))[0] == 4003


@pytest.mark.parametrize("repeated", [1, 2, 3])
async def test_a_replayed_request_ends_the_connection_and_is_not_carried_out(
    bridge: Bridge, storage: Storage, document: Document, repeated: int
) -> None:
    host = await admitted(bridge, storage)
    pending = bridge.outbox.put(layer_for(DocumentHost(0, storage, [document])))
    await host._send_json({"id": 3, "method": "ready", "params": {"mode": "binary"}})
    ack = {"result": pending.result, "status": "discarded"}
    await host._send_json({"id": repeated, "method": "result.ack", "params": ack})
    code, reason = await closed(host.socket)
    assert code == 4005
    assert f"request id {repeated} is not larger than 3" in reason
    assert [waiting.result for waiting in bridge.outbox.pending()] == [pending.result]


@pytest.mark.parametrize(
    ("frame", "code", "words"),
    [
        ("x" * 262_145, 1009, "262144"),
        ("é" * 131_073, 1009, "262144"),
        (bytes(MAX_FRAME_BYTES + 1), 1009, ""),
        (b"FXB1", 4005, "4 bytes"),
        (bytes(64), 4005, "magic"),
        (encode_frame(probe_frame(64))[:-1] + b"\0", 4005, "checksum"),
        ("[]", 4005, "JSON-RPC"),
        ("{", 4005, "not JSON"),
        ('{"jsonrpc":"2.0","id":9,"method":"no.such"}', None, "unknown_method"),
        ('{"jsonrpc":"2.0","id":9,"method":"search","params":{"query":"a"}}', None, "bad_request"),
        ('{"jsonrpc":"2.0","id":9,"method":"ready","params":{"mode":"x"}}', None, "bad_request"),
    ],
)
async def test_broken_frames(
    bridge: Bridge, storage: Storage, frame: str | bytes, code: int | None, words: str
) -> None:
    """What breaks the protocol ends the connection with a reason; a wrong request is only answered."""
    host = await admitted(bridge, storage)
    await host.socket.send(frame)
    if code is not None:
        got, reason = await closed(host.socket)
        assert got == code
        assert words in reason
        return
    answer = await heard(host.socket, "id", 9)
    assert answer["error"]["data"]["kind"] == words
    await host.socket.close()


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"bytes": 13}, "bad_request"),
        ({"width": 70_000, "height": 70_000, "bytes": 2**31 - 1}, "too_large"),
        ({"width": 10_000, "height": 10_000, "components": 4, "bytes": 400_000_000}, "too_large"),
        ({"for": "another"}, "bad_request"),
        ({"kind": "mask"}, "bad_request"),
        ({"components": 2}, "bad_request"),
        ({"depth": 16}, "bad_request"),
        ({"width": 0, "bytes": 0}, "bad_request"),
    ],
)
async def test_a_transfer_is_judged_before_memory_is_reserved(
    bridge: Bridge, storage: Storage, change: dict[str, Any], kind: str
) -> None:
    host = await admitted(bridge, storage)
    await host._send_json({"id": 3, "method": "ready", "params": {"mode": "binary"}})
    assert (await heard(host.socket, "id", 3))["result"] == {"pending": []}
    reading = asyncio.create_task(
        asyncio.to_thread(bridge.read, ReadRequest(rect="canvas", want=("pixels",)))
    )
    asked = await heard(host.socket, "method", "doc.read")
    spec = {"transfer": 1, "for": asked["params"]["capture"], "kind": "pixels"}
    spec |= {"width": 2, "height": 2, "components": 3, "depth": 8, "bytes": 12, **change}
    await host._send_json({"id": 4, "method": "xfer.begin", "params": spec})
    answer = await heard(host.socket, "id", 4)
    assert answer["error"]["data"]["kind"] == kind
    await host.socket.close()
    with pytest.raises(BridgeError):
        await reading


async def test_a_newer_connection_of_the_same_panel_replaces_the_older(
    bridge: Bridge, storage: Storage
) -> None:
    first = await admitted(bridge, storage)
    second = await admitted(bridge, storage)
    assert (await closed(first.socket))[0] == 4000
    await second._send_json({"id": 3, "method": "ready", "params": {"mode": "binary"}})
    answer = await heard(second.socket, "id", 3)
    assert answer["result"] == {"pending": []}
    await second.socket.close()


async def test_a_second_panel_is_told_of_the_first(bridge: Bridge, storage: Storage) -> None:
    other = await asyncio.to_thread(paired, bridge)
    first = await admitted(bridge, storage)
    second = DocumentHost(bridge.status().port, other, [])
    async with connect(uri(bridge)) as second.socket:
        with pytest.raises(Refused, match="is connected already") as caught:
            await second.handshake()
        assert caught.value.kind == "another_host"
        assert (await closed(second.socket))[0] == 4004
    await first.socket.close()


async def test_a_silent_panel_gives_way_and_is_closed(open_bridge: Callable[..., Bridge]) -> None:
    timing = Timing(heartbeat_s=0.05, silent_s=0.2, dead_s=0.4)
    bridge = open_bridge(timing=timing)
    await asyncio.to_thread(wait_until, lambda: bridge.status().state == "listening")
    first_storage, second_storage = paired(bridge), paired(bridge)
    first = await admitted(bridge, first_storage)
    assert (await closed(first.socket))[0] == 4002
    first = await admitted(bridge, first_storage)
    await asyncio.to_thread(
        wait_until, lambda: (facts := bridge.status().host) and not facts.responsive
    )
    second = await admitted(bridge, second_storage)
    assert (await closed(first.socket))[0] in (4000, 4002)
    await second.socket.close()


async def test_no_version_in_common(bridge: Bridge) -> None:
    host = DocumentHost(bridge.status().port, Storage(), [])
    hello = {"proto": [2], "client": {"kind": "k", "plugin": "1", "host": "1"}}
    hello |= {"install": host.storage.install, "session": host.session, "nonce": "0" * 64}
    async with connect(uri(bridge)) as socket:
        await socket.send(
            json.dumps({"jsonrpc": "2.0", "id": 1, "method": "hello", "params": hello})
        )
        assert (await closed(socket))[0] == 4001


async def test_the_handshake_comes_first(bridge: Bridge) -> None:
    async with connect(uri(bridge)) as socket:
        await socket.send('{"jsonrpc":"2.0","id":1,"method":"ready","params":{"mode":"binary"}}')
        assert (await closed(socket))[0] == 4005
