"""A picture's colours as sRGB for a model, and generated sRGB as a picture's colours.

Matrix/TRC profiles are computed here in float: relative colorimetric with black point compensation.
Colours that sRGB cannot hold are clipped to it. Colours under any other profile are taken as sRGB.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from expressedit_mcp.imaging.crop import extract
from expressedit_mcp.imaging.geometry import Box
from expressedit_mcp.imaging.icc import LEVELS, MatrixProfile, UnsupportedProfile, read_icc
from expressedit_mcp.imaging.picture import Picture, to_8_bit

# XYZ of sRGB's primaries as columns, adapted to D50 by Bradford (IEC 61966-2-1; ICC.1:2022, annex E)
_SRGB_PRIMARIES = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)
_LUMINANCE = _SRGB_PRIMARIES[1]
_SAME = 1e-3


@dataclass(frozen=True)
class _Transform:
    """Tone curves (1 or 3, LEVELS) to linear light and the matrix from there to linear sRGB."""

    curves: np.ndarray
    matrix: np.ndarray

    def to_srgb(self, device: np.ndarray) -> np.ndarray:
        """(..., 3) or, for grey, (..., 1) uint16 device levels as (..., 3) float32 sRGB 0..1."""
        channels = [curve[device[..., i]] for i, curve in enumerate(self.curves)]
        linear = np.stack(channels, axis=-1).astype(np.float32)
        return _encode(linear @ self.matrix.T.astype(np.float32))

    def from_srgb(self, rgb: np.ndarray) -> np.ndarray:
        """(..., 3) float sRGB 0..1 as device values (..., 3) or, for grey, (..., 1), float 0..1."""
        linear = _decode(rgb)
        if len(self.curves) == 1:
            linear = (linear @ _LUMINANCE)[..., None]
        else:
            linear = linear @ np.linalg.inv(self.matrix).T
        levels = np.linspace(0, 1, LEVELS)
        channels = [np.interp(linear[..., i], c, levels) for i, c in enumerate(self.curves)]
        return np.stack(channels, axis=-1)


def srgb_crop(picture: Picture, box: Box) -> np.ndarray:
    """The colours of a box, which may reach over the border, as (h, w, 3) sRGB for a model.

    uint8 or uint16 as they are where the picture is in sRGB (or taken as such), else uint16.
    """
    pixels = extract(picture.pixels, box)[..., :3]
    transform = _transform(picture)
    if transform is None:
        return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
    device = pixels if pixels.dtype == np.uint16 else pixels.astype(np.uint16) * 257
    return np.rint(transform.to_srgb(device) * 65535).astype(np.uint16)


def from_srgb(rgb: np.ndarray, picture: Picture) -> np.ndarray:
    """Generated sRGB (h, w, 3), uint16 or float32 0..1, as the picture's colour channels.

    These are (h, w, 1 or 3) of its dtype, rounded. Grey without a profile takes BT.601 luma, the grey of PNG
    and JPEG tools.
    """
    transform = _transform(picture)
    if rgb.dtype == np.uint16:
        if transform is None and picture.pixels.shape[2] > 1:
            return rgb.copy() if picture.pixels.dtype == np.uint16 else to_8_bit(rgb)
        rgb = rgb.astype(np.float32) / 65535
    if transform is not None:
        rgb = transform.from_srgb(rgb)
    elif picture.pixels.shape[2] == 1:
        rgb = cv2.cvtColor(np.ascontiguousarray(rgb, np.float32), cv2.COLOR_RGB2GRAY)[..., None]
    dtype = picture.pixels.dtype
    top = np.iinfo(dtype).max
    levels = rgb * float(top)
    np.rint(levels, out=levels)
    return np.clip(levels, 0, top, out=levels).astype(dtype)


def profile_note(picture: Picture) -> str | None:
    """What to tell of a picture whose profile cannot be computed with; None when all is well."""
    try:
        _transform_of(picture)
    except UnsupportedProfile as error:
        return (
            f"its colour profile is kept, but its colours are edited as if they were sRGB: {error}"
        )
    return None


def _transform(picture: Picture) -> _Transform | None:
    """The way to sRGB; None where the picture is in sRGB or has to be taken as such."""
    try:
        return _transform_of(picture)
    except UnsupportedProfile:
        return None


def _transform_of(picture: Picture) -> _Transform | None:
    if picture.icc is None:
        return None
    profile = read_icc(picture.icc)
    grey = picture.pixels.shape[2] == 1
    if profile.primaries is None and not grey:
        raise UnsupportedProfile("it describes grey, and the picture has colour")
    transform = _grey(profile) if grey else _colour(profile)
    return None if _is_srgb(transform) else transform


def _grey(profile: MatrixProfile) -> _Transform:
    """Grey of an RGB profile is red, green and blue alike; green's curve stands for all."""
    curve = profile.curves[len(profile.curves) // 2]
    return _Transform(curve[None], np.ones((3, 1)))


def _colour(profile: MatrixProfile) -> _Transform:
    assert profile.primaries is not None
    matrix = np.linalg.solve(_SRGB_PRIMARIES, profile.primaries)
    white = matrix.sum(axis=1, keepdims=True)
    if (white <= 0.5).any() or abs(np.linalg.det(matrix)) < 1e-3:
        raise UnsupportedProfile("its primaries do not make white")
    # rounding in the profile must not tint grey
    return _Transform(profile.curves, matrix / white)


def _is_srgb(transform: _Transform) -> bool:
    """True for sRGB up to the rounding that profiles of it differ by."""
    curve = _decode(np.linspace(0, 1, LEVELS))
    same_matrix = len(transform.curves) == 1 or np.allclose(transform.matrix, np.eye(3), atol=_SAME)
    return bool(same_matrix and np.abs(transform.curves - curve).max() < _SAME)


def _encode(linear: np.ndarray) -> np.ndarray:
    """Linear light to sRGB, clipped to 0..1 (IEC 61966-2-1)."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def _decode(srgb: np.ndarray) -> np.ndarray:
    srgb = np.clip(srgb, 0, 1).astype(np.float64)
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
