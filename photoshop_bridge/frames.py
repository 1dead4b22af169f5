"""Binary frames of the wire protocol: 32 bytes of header and a payload. No I/O.

docs/photoshop_protocol.md, section 5.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from dataclasses import dataclass

from photoshop_bridge.errors import ProtocolViolation

DATA, PROBE = 1, 2
HEADER_BYTES = 32
MAX_PAYLOAD_BYTES = 512 * 1024
MAX_FRAME_BYTES = HEADER_BYTES + MAX_PAYLOAD_BYTES
PROBE_BYTES = 65536

_MAGIC = b"FXB1"
_HEADER = struct.Struct("<4sBBHIIIII")
_CRC = struct.Struct("<I")


@dataclass(frozen=True)
class Frame:
    """One frame; `seq`, `offset` and `total` place the payload in its transfer's data, in bytes."""

    type: int
    transfer: int
    seq: int
    offset: int
    total: int
    payload: bytes | memoryview


def encode_frame(frame: Frame) -> bytes:
    """The frame's bytes."""
    header = _HEADER.pack(
        _MAGIC,
        frame.type,
        0,
        0,
        frame.transfer,
        frame.seq,
        frame.offset,
        frame.total,
        len(frame.payload),
    )
    crc = zlib.crc32(frame.payload, zlib.crc32(header))
    return b"".join((header, _CRC.pack(crc), frame.payload))


def decode_frame(data: bytes) -> Frame:
    """The frame in bytes; its payload is a view, not a copy. Raises ProtocolViolation."""
    if not HEADER_BYTES < len(data) <= MAX_FRAME_BYTES:
        raise ProtocolViolation(f"a binary frame of {len(data)} bytes")
    magic, kind, flags, reserved, transfer, seq, offset, total, length = _HEADER.unpack_from(data)
    if magic != _MAGIC:
        raise ProtocolViolation("a binary frame without the magic FXB1")
    if kind not in (DATA, PROBE) or flags or reserved:
        raise ProtocolViolation(
            f"a binary frame of type {kind}, flags {flags}, reserved {reserved}"
        )
    view = memoryview(data)
    payload = view[HEADER_BYTES:]
    if length != len(payload):
        raise ProtocolViolation(f"a frame of {len(payload)} bytes that says {length}")
    if kind == PROBE and (transfer, seq, offset, total) != (0, 0, 0, length):
        raise ProtocolViolation("a probe with fields of a transfer")
    crc = zlib.crc32(payload, zlib.crc32(view[: _HEADER.size]))
    if crc != _CRC.unpack_from(data, _HEADER.size)[0]:
        raise ProtocolViolation(f"a wrong checksum in frame {seq} of transfer {transfer}")
    return Frame(kind, transfer, seq, offset, total, payload)


def probe_frame(size: int = PROBE_BYTES) -> Frame:
    """The frame that finds out whether binary frames come through whole."""
    return Frame(PROBE, 0, 0, 0, size, bytes((i * 31 + 7) & 255 for i in range(size)))


def to_base64(frame: bytes) -> str:
    """An encoded frame as text, for hosts without binary frames."""
    return base64.b64encode(frame).decode("ascii")


def from_base64(text: str) -> Frame:
    """The frame in base64. Raises ProtocolViolation."""
    try:
        return decode_frame(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        raise ProtocolViolation("xfer.data that is not base64") from error
