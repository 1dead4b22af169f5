"""Frames, macs and codes against the test vectors of docs/photoshop_protocol.md, and as properties."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photoshop_bridge.errors import ProtocolViolation
from photoshop_bridge.frames import (
    DATA,
    Frame,
    decode_frame,
    encode_frame,
    from_base64,
    probe_frame,
    to_base64,
)
from photoshop_bridge.pairing import CODE_LETTERS, Nonces, mac, mask_token, pairing_key
from photoshop_bridge.transfers import Receiving, frames_of
from photoshop_bridge.values import TransferSpec

PAGE = Path(__file__).parents[2] / "docs" / "photoshop_protocol.md"
VECTORS = {
    row.split("|")[1].strip().replace("`", ""): re.findall(r"`([^`]+)`", row.split("|")[2])
    for row in PAGE.read_text("utf-8").split("## 7.")[1].splitlines()
    if row.count("|") == 3
}
NONCES = Nonces("00" * 31 + "01", "00" * 31 + "02", "0b9c2f5e-5d0f-4c39-9a5e-6f3f7f1f2a10")
TOKEN = bytes(range(32))
KEY = pairing_key("ABCD2345", NONCES)
FRAME = Frame(DATA, 7, 2, 16, 24, bytes(range(1, 9)))
u32 = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ('MAC(token, "client")', mac(TOKEN, "client", NONCES)),
        ('MAC(token, "server")', mac(TOKEN, "server", NONCES)),
        ("pairing key", KEY.hex()),
        ('MAC(key, "pair")', mac(KEY, "pair", NONCES)),
        ('MAC(key, "token")', mac(KEY, "token", NONCES)),
        ("masked token", mask_token(TOKEN, KEY, NONCES).hex()),
        ('MAC(key, "paired")', mac(KEY, "paired", NONCES)),
        (
            "DATA frame, transfer 7, seq 2, offset 16, total 24, payload 01..08",
            encode_frame(FRAME).hex(),
        ),
        ("the same in base64", to_base64(encode_frame(FRAME))),
    ],
)
def test_vectors(name: str, value: str) -> None:
    assert VECTORS[name] == [value]


def test_the_probe() -> None:
    data = encode_frame(probe_frame())
    first, crc = VECTORS["PROBE of 65,536 bytes: first 8 of the payload, crc"]
    assert data[32:40].hex() == first
    assert int.from_bytes(data[28:32], "little") == int(crc, 16)


def test_the_page_names_the_letters_of_codes() -> None:
    assert f"`{CODE_LETTERS}`" in PAGE.read_text("utf-8")
    assert len(set(CODE_LETTERS)) == 32


@given(u32, u32, u32, u32, st.binary(min_size=1, max_size=300))
def test_a_frame_comes_back(
    transfer: int, seq: int, offset: int, total: int, payload: bytes
) -> None:
    frame = Frame(DATA, transfer, seq, offset, total, payload)
    data = encode_frame(frame)
    assert replace(decode_frame(data), payload=payload) == frame
    assert bytes(decode_frame(data).payload) == payload
    assert from_base64(to_base64(data)) == decode_frame(data)


@given(st.integers(0, 39), st.integers(1, 255))
def test_any_changed_byte_is_noticed(at: int, change: int) -> None:
    data = bytearray(encode_frame(FRAME))
    data[at] ^= change
    with pytest.raises(ProtocolViolation):
        decode_frame(bytes(data))


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", "é", "RlhCMQ"])
def test_base64_that_holds_no_frame(text: str) -> None:
    with pytest.raises(ProtocolViolation):
        from_base64(text)


def received(width: int, height: int) -> Receiving:
    spec = {"transfer": 1, "for": "cap1", "kind": "selection", "width": width, "height": height}
    return Receiving(
        TransferSpec.model_validate({**spec, "components": 1, "bytes": width * height})
    )


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 500))
def test_a_transfer_is_put_together_again(width: int, height: int, chunk: int) -> None:
    data = bytes(i & 255 for i in range(width * height))
    receiving = received(width, height)
    for frame in frames_of(1, data, chunk):
        assert not receiving.is_complete
        receiving.add(decode_frame(encode_frame(frame)))
    assert receiving.is_complete
    assert receiving.data == data


@pytest.mark.parametrize(
    "change",
    [{"seq": 0}, {"seq": 2}, {"offset": 0}, {"offset": 5}, {"total": 11}, {"payload": bytes(7)}],
)
def test_frames_out_of_order_are_refused(change: dict[str, int]) -> None:
    receiving = received(2, 5)
    first, second, *_ = frames_of(1, bytes(10), 4)
    receiving.add(first)
    with pytest.raises(ProtocolViolation):
        receiving.add(replace(second, **change))
    assert receiving.received_bytes == 4


def test_the_checksum_is_zlibs() -> None:
    data = encode_frame(FRAME)
    assert int.from_bytes(data[28:32], "little") == zlib.crc32(data[:28] + data[32:])
