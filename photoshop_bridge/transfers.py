"""Pixel data as a sequence of frames, cut and put together again. No I/O.

docs/photoshop_protocol.md, section 5.
"""

from __future__ import annotations

from collections.abc import Iterator

from photoshop_bridge.errors import BridgeError, ProtocolViolation
from photoshop_bridge.frames import DATA, Frame
from photoshop_bridge.values import MAX_PIXELS, MAX_TRANSFER_BYTES, TransferSpec

CHUNK_BYTES = 262_144
CHUNK_BYTES_BASE64 = 131_072
WINDOW = 8
LIMITS = {
    "chunk_bytes": CHUNK_BYTES,
    "chunk_bytes_base64": CHUNK_BYTES_BASE64,
    "window": WINDOW,
    "transfer_bytes": MAX_TRANSFER_BYTES,
    "pixels": MAX_PIXELS,
}


def check_spec(spec: TransferSpec) -> None:
    """Raises BridgeError for a transfer that is too large or contradicts itself."""
    pixels = spec.width * spec.height
    if pixels > MAX_PIXELS or spec.bytes > MAX_TRANSFER_BYTES:
        raise BridgeError(
            "too_large",
            f"{spec.width} x {spec.height} pixels are more than the {MAX_PIXELS} that travel at once.",
            "Select a smaller part of the document.",
        )
    if spec.bytes != pixels * spec.components:
        raise BridgeError(
            "bad_request",
            f"{spec.bytes} bytes are not {spec.width} x {spec.height} x {spec.components}.",
        )


class Receiving:
    """A transfer that is coming in. Memory is reserved once, after `check_spec`."""

    def __init__(self, spec: TransferSpec) -> None:
        check_spec(spec)
        self.spec = spec
        self.data = bytearray(spec.bytes)
        self.received_bytes = 0
        self._seq = 0

    @property
    def is_complete(self) -> bool:
        return self.received_bytes == self.spec.bytes

    def add(self, frame: Frame) -> None:
        """Takes the next frame. Raises ProtocolViolation for any other."""
        end = self.received_bytes + len(frame.payload)
        if (
            frame.seq != self._seq
            or frame.offset != self.received_bytes
            or frame.total != self.spec.bytes
            or end > self.spec.bytes
        ):
            raise ProtocolViolation(
                f"frame {frame.seq} at {frame.offset} of transfer {self.spec.transfer} out of order"
            )
        self.data[self.received_bytes : end] = frame.payload
        self.received_bytes = end
        self._seq += 1


def frames_of(transfer: int, data: bytes | memoryview, chunk_bytes: int) -> Iterator[Frame]:
    """The DATA frames of a transfer, in order; their payloads are views of `data`."""
    view = memoryview(data)
    for seq, offset in enumerate(range(0, len(data), chunk_bytes)):
        payload = view[offset : offset + chunk_bytes]
        yield Frame(DATA, transfer, seq, offset, len(data), payload)
