"""Matrix/TRC colour profiles read from their bytes (ICC.1:2022): tone curves and primaries, nothing else."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

LEVELS = 65536
_TRACE = 1e-6
_PARAMETERS = {0: "g", 1: "gab", 2: "gabc", 3: "gabcd", 4: "gabcdef"}


class UnsupportedProfile(ValueError):
    """A profile that is no matrix/TRC profile of RGB or grey, or is damaged."""


@dataclass(frozen=True)
class MatrixProfile:
    """Tone curves (1 or 3, LEVELS) float64, rising from 0 to 1: linear light at each 16-bit device level.

    `primaries` (3, 3) holds the XYZ (D50) of red, green and blue as columns; None for grey.
    """

    curves: np.ndarray
    primaries: np.ndarray | None


def read_icc(icc: bytes) -> MatrixProfile:
    """The tone curves and primaries of an RGB or grey profile. Raises UnsupportedProfile."""
    try:
        space, connection = icc[16:20], icc[20:24]
        tags = _tags(icc)
        if connection != b"XYZ ":
            raise UnsupportedProfile(f"its connection space is {_name(connection)}, not XYZ")
        if space == b"GRAY":
            return MatrixProfile(np.stack([_curve(tags[b"kTRC"])]), None)
        if space != b"RGB ":
            raise UnsupportedProfile(f"it describes {_name(space)} colour")
        curves = np.stack([_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC")])
        columns = [_xyz(tags[name]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    except KeyError as error:
        raise UnsupportedProfile(f"it has no {_name(error.args[0])} tag") from error
    except (struct.error, ZeroDivisionError) as error:
        raise UnsupportedProfile("it is damaged") from error
    return MatrixProfile(curves, np.stack(columns, axis=1))


def _tags(icc: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", icc, 128)
    entries = (struct.unpack_from(">4sII", icc, 132 + 12 * i) for i in range(min(count, 256)))
    return {name: icc[offset : offset + size] for name, offset, size in entries}


def _xyz(tag: bytes) -> np.ndarray:
    return np.array(struct.unpack_from(">3i", tag, 8)) / 65536


def _curve(tag: bytes) -> np.ndarray:
    """A curveType (10.6) or parametricCurveType (10.18), shifted and scaled to run from 0 to 1.

    Black at 0 is what black point compensation does for such profiles.
    """
    x = np.linspace(0, 1, LEVELS)
    with np.errstate(all="ignore"):
        y = _parametric(tag, x) if tag[:4] == b"para" else _sampled(tag, x)
        y = np.clip(y, 0, 1)
        y = (y - y[0]) / (y[-1] - y[0])
    if not np.isfinite(y).all() or (np.diff(y) < 0).any():
        raise UnsupportedProfile("one of its tone curves does not rise from black to white")
    # a trace of the straight line, so that flat stretches can be inverted: black stays black
    return y + _TRACE * (x - y)


def _sampled(tag: bytes, x: np.ndarray) -> np.ndarray:
    if tag[:4] != b"curv":
        raise UnsupportedProfile(f"one of its tone curves is of type {_name(tag[:4])}")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return x
    if count == 1:
        return x ** (struct.unpack_from(">H", tag, 12)[0] / 256)
    packed = tag[12 : 12 + 2 * count]
    if len(packed) != 2 * count:
        raise UnsupportedProfile("it is damaged")
    return np.interp(x, np.linspace(0, 1, count), np.frombuffer(packed, ">u2") / 65535)


def _parametric(tag: bytes, x: np.ndarray) -> np.ndarray:
    (kind,) = struct.unpack_from(">H", tag, 8)
    if kind not in _PARAMETERS:
        raise UnsupportedProfile(f"one of its tone curves is of the unknown kind {kind}")
    names = _PARAMETERS[kind]
    numbers = struct.unpack_from(f">{len(names)}i", tag, 12)
    p = dict.fromkeys("abcdefg", 0.0) | {"a": 1.0}
    p |= {name: number / 65536 for name, number in zip(names, numbers, strict=True)}
    power = np.maximum(p["a"] * x + p["b"], 0) ** p["g"]
    if kind < 3:
        start = -p["b"] / p["a"] if kind else 0.0
        return np.where(x >= start, power + p["c"], p["c"])
    return np.where(x >= p["d"], power + p["e"], p["c"] * x + p["f"])


def _name(signature: bytes) -> str:
    return signature.decode("ascii", "replace").strip() or "no"
