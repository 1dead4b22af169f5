"""The guided filter, and coarse masks brought up to a picture's size along its edges.

In every window the filtered image is a linear function of the guide, so its edges lie where the guide's do (K. He,
J. Sun, X. Tang, "Guided Image Filtering", TPAMI 2013). A window is (2 radius + 1)^2 pixels about its centre, cut
off at the image's borders.
"""

from __future__ import annotations

import numpy as np

from expressedit_mcp.imaging.crop import resize
from expressedit_mcp.imaging.geometry import Size
from expressedit_mcp.imaging.structure import box_mean

UPSAMPLE_EPS = 1e-4
_WORK_PX = 1024


def guided_filter(guide: np.ndarray, image: np.ndarray, radius_px: int, eps: float) -> np.ndarray:
    """`image` (H, W) smoothed along the edges of `guide`, float64 (H, W).

    `guide` is grey (H, W) or has channels (H, W, C), 0..1; `eps` is the variance of the guide below which a window
    counts as flat. A constant image stays as it is; so does any with eps near 0 and itself as the guide.
    """
    channels = _channels(guide)
    gain, offset = _fit(channels, np.asarray(image, np.float64), radius_px, eps)
    return _applied(gain, offset, channels)


def guided_upsample(mask: np.ndarray, guide: np.ndarray, eps: float = UPSAMPLE_EPS) -> np.ndarray:
    """A coarse mask (h, w), 0..1, at the size of `guide` (H, W[, C]), float64 0..1, its edges on the guide's.

    It is doubled level by level and filtered at each with a radius that grows by a pixel (M. Gong et al., WACV
    2026, whose guide is grey and eps 1e-2). Beyond 1024 pixels the last level's fit is enlarged instead of made
    anew (K. He, J. Sun, "Fast Guided Filter", 2015).
    """
    size = Size(guide.shape[1], guide.shape[0])
    fine = np.asarray(mask, np.float64)
    gain, offset = np.zeros((*mask.shape, 1)), fine
    for radius_px, level in enumerate(_doublings(mask.shape, _at_most(size, _WORK_PX)), 1):
        seen = _channels(resize(guide, level))
        gain, offset = _fit(seen, resize(fine, level), radius_px, eps)
        fine = np.clip(_applied(gain, offset, seen), 0, 1)
    if fine.shape == size.shape:
        return fine
    # one channel at a time: large pictures need no memory for all of them
    whole = resize(offset, size)
    for one, channel in zip(np.moveaxis(gain, 2, 0), _split(guide), strict=True):
        whole += resize(np.ascontiguousarray(one), size) * channel
    return np.clip(whole, 0, 1)


def _fit(
    channels: np.ndarray, image: np.ndarray, radius_px: int, eps: float
) -> tuple[np.ndarray, np.ndarray]:
    """Gain (H, W, C) and offset (H, W) of each pixel, the means of its windows' regressions on the guide.

    Equations 19 to 21; for grey 5, 6 and 8.
    """
    mean_g, mean_p = _means(channels, radius_px), box_mean(image, radius_px)
    covariance = _means(channels * image[..., None], radius_px) - mean_g * mean_p[..., None]
    rows, columns = np.triu_indices(channels.shape[2])
    shared = _means(channels[..., rows] * channels[..., columns], radius_px)
    shared -= mean_g[..., rows] * mean_g[..., columns]
    sigma = np.empty((*channels.shape, channels.shape[2]))
    sigma[..., rows, columns] = sigma[..., columns, rows] = shared
    sigma += eps * np.eye(channels.shape[2])
    gain = np.linalg.solve(sigma, covariance[..., None])[..., 0]
    offset = mean_p - (gain * mean_g).sum(axis=2)
    return _means(gain, radius_px), box_mean(offset, radius_px)


def _applied(gain: np.ndarray, offset: np.ndarray, channels: np.ndarray) -> np.ndarray:
    return (gain * channels).sum(axis=2) + offset


def _channels(image: np.ndarray) -> np.ndarray:
    """A grey or colour image as (H, W, C) float64."""
    return np.stack(_split(np.asarray(image, np.float64)), axis=2)


def _split(image: np.ndarray) -> list[np.ndarray]:
    """The channels of a grey or colour image, (H, W) each."""
    return [image] if image.ndim == 2 else list(np.moveaxis(image, 2, 0))


def _means(channels: np.ndarray, radius_px: int) -> np.ndarray:
    """The box mean of every channel of (H, W, C)."""
    return np.stack([box_mean(one, radius_px) for one in np.moveaxis(channels, 2, 0)], axis=2)


def _at_most(size: Size, longest_px: int) -> Size:
    scale = min(1.0, longest_px / max(size.width, size.height))
    return Size(max(1, round(size.width * scale)), max(1, round(size.height * scale)))


def _doublings(start: tuple[int, ...], end: Size) -> list[Size]:
    """Sizes up to `end`, each about half of the next, the first at most twice `start` (h, w)."""
    sizes = [end]
    while sizes[0].height > 2 * start[0] or sizes[0].width > 2 * start[1]:
        sizes.insert(0, Size(-(-sizes[0].width // 2), -(-sizes[0].height // 2)))
    return sizes
