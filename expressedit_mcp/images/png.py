"""PNG files as chunks (W3C PNG, third edition): what stands beside the pixels, and 16-bit pixels.

OpenCV codes the pixels: Pillow has no 16-bit colour, and OpenCV keeps no profile, resolution or text.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence

import cv2
import numpy as np

Chunk = tuple[bytes, bytes]
"""(name of four letters, body)"""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
RGBA = 6
TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")
_INCH_M = 0.0254
_UPRIGHT_EXIF = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 1, 0, 0)
_COLOURS = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}


class DamagedPng(ValueError):
    """Pixels that cannot be unpacked."""


def read_chunks(data: bytes) -> list[Chunk]:
    """The whole chunks of a PNG in order; damaged ones are left out, and what follows a cut."""
    chunks: list[Chunk] = []
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        end = at + 8 + int.from_bytes(data[at : at + 4])
        name, body = data[at + 4 : at + 8], data[at + 8 : end]
        if zlib.crc32(body, zlib.crc32(name)) == int.from_bytes(data[end : end + 4]):
            chunks.append((name, body))
        at = end + 4
    return chunks


def depth_and_colour(chunks: Sequence[Chunk]) -> tuple[int, int]:
    """Bits per channel and PNG's colour type."""
    header = next(body for name, body in chunks if name == b"IHDR")
    return header[8], header[9]


def write_chunks(chunks: Iterable[Chunk]) -> bytes:
    """A PNG of chunks."""
    parts = [SIGNATURE]
    for name, body in chunks:
        check = zlib.crc32(body, zlib.crc32(name))
        parts += [struct.pack(">I", len(body)), name, body, struct.pack(">I", check)]
    return b"".join(parts)


def encode(
    pixels: np.ndarray,
    *,
    icc: bytes | None,
    dpi: tuple[float, float] | None,
    text: Sequence[Chunk],
    level: int,
) -> bytes:
    """Pixels (H, W, 1|3|4) uint8 or uint16 as PNG; level is zlib's, 0..9, and 0 stores them as they are."""
    bgr = pixels if pixels.shape[2] == 1 else cv2.cvtColor(pixels, _COLOURS[pixels.shape[2]])
    # choosing a filter for each row takes longer than compressing by one for all, and makes files no smaller
    row_filter = cv2.IMWRITE_PNG_FILTER_UP if level else cv2.IMWRITE_PNG_FILTER_NONE
    options = [cv2.IMWRITE_PNG_COMPRESSION, level, cv2.IMWRITE_PNG_FILTER, row_filter]
    done, data = cv2.imencode(".png", bgr, options)
    if not done:
        raise ValueError(f"pixels of shape {pixels.shape} and type {pixels.dtype} are no PNG")
    beside: list[Chunk] = []
    if icc:
        beside.append((b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc)))
    if dpi:
        per_m = [round(value / _INCH_M) for value in dpi]
        beside.append((b"pHYs", struct.pack(">IIB", *per_m, 1)))
    if text:
        # text may hold EXIF or XMP that names an orientation which has been applied already
        beside.append((b"eXIf", _UPRIGHT_EXIF))
    beside += text
    header_ends = len(SIGNATURE) + 12 + 13
    chunks = write_chunks(beside)[len(SIGNATURE) :]
    return b"".join([data[:header_ends].data, chunks, data[header_ends:].data])


def decode_16_bit(chunks: Sequence[Chunk]) -> np.ndarray:
    """The pixels (H, W, 1|3|4) uint16 of a 16-bit PNG; grey with alpha becomes RGBA. Raises DamagedPng."""
    needed = [chunk for chunk in chunks if chunk[0] in (b"IHDR", b"IDAT", b"IEND")]
    # nothing but the pixels, so that OpenCV converts nothing by what stands beside them
    data = np.frombuffer(write_chunks(needed), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if image is None:
        raise DamagedPng("its pixels end early or are broken")
    pixels = image[..., None] if image.ndim == 2 else cv2.cvtColor(image, _COLOURS[image.shape[2]])
    clear = next((body for name, body in chunks if name == b"tRNS"), None)
    colours = pixels.shape[2]
    if clear is None or colours == 4 or len(clear) != 2 * colours:
        return pixels
    opaque = (pixels != np.frombuffer(clear, ">u2")).any(axis=2, keepdims=True)
    rgb = np.repeat(pixels, 3, axis=2) if colours == 1 else pixels
    return np.concatenate([rgb, opaque * np.uint16(65535)], axis=2)
