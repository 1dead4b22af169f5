"""Colour profiles written by hand (ICC.1:2022): matrix profiles of RGB, grey ones, a table of CMYK."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np

# XYZ of red, green and blue, adapted to D50, as the published profiles have them
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141))
DISPLAY_P3 = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
PROPHOTO = ((0.7977, 0.2880, 0.0), (0.1352, 0.7119, 0.0), (0.0313, 0.0001, 0.8249))
D50 = (0.9642, 1.0, 0.8249)


def fixed(*values: float) -> bytes:
    """s15Fixed16 numbers."""
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def xyz(values: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + fixed(*values)


def gamma(value: float) -> bytes:
    """A curve of one exponent."""
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


def table(values: Sequence[float]) -> bytes:
    """A sampled curve of values 0..1."""
    levels = (round(value * 65535) for value in values)
    return b"curv\0\0\0\0" + struct.pack(f">I{len(values)}H", len(values), *levels)


def parametric(kind: int, *numbers: float) -> bytes:
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + fixed(*numbers)


SRGB_CURVE = parametric(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def profile(space: bytes, tags: Mapping[bytes, bytes], pcs: bytes = b"XYZ ") -> bytes:
    """A version 2.4 profile of a colour space with these tags."""
    text = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78)
    whole = {b"desc": text, b"cprt": b"text\0\0\0\0none\0", b"wtpt": xyz(D50), **tags}
    at = 132 + 12 * len(whole)
    directory, bodies = struct.pack(">I", len(whole)), b""
    for name, body in whole.items():
        directory += struct.pack(">4sII", name, at + len(bodies), len(body))
        bodies += body + bytes(-len(body) % 4)
    kind = b"prtr" if space == b"CMYK" else b"mntr"
    head = struct.pack(">I4sI4s4s4s", at + len(bodies), bytes(4), 0x02400000, kind, space, pcs)
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + fixed(*D50)
    return head.ljust(128, b"\0") + directory + bodies


def rgb_profile(primaries: Sequence[Sequence[float]], curve: bytes) -> bytes:
    """A matrix profile with one curve for all channels."""
    names = zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    return profile(b"RGB ", {name: xyz(values) for name, values in names} | curves)


def grey_profile(curve: bytes) -> bytes:
    return profile(b"GRAY", {b"kTRC": curve})


def cmyk_profile() -> bytes:
    """A profile whose inks only darken: L* falls with all four, and a* and b* stay 0 (lut8Type)."""
    identity = bytes(range(256))
    ink = np.stack(np.meshgrid(*[[0, 1]] * 4, indexing="ij"), axis=-1).reshape(-1, 4)
    lightness = 255 * np.prod(1 - ink * np.array([0.3, 0.3, 0.2, 1.0]), axis=1)
    lab = np.stack([lightness, np.full(16, 128), np.full(16, 128)], axis=1)
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    lut += identity * 4 + np.rint(lab).astype(np.uint8).tobytes() + identity * 3
    return profile(b"CMYK", {b"A2B0": lut, b"A2B1": lut}, pcs=b"Lab ")
