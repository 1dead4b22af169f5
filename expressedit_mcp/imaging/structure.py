"""Structure preservation loss (SPL) and its closed-form minimiser: an edited picture keeps the source's edges.

In every window the edited picture shall be a linear function of the source and the source one of it, so colours
and light may change and lines may not (M. Gong et al., "Edge-Aware Image Manipulation via Diffusion Models with a
Novel Structure-Preservation Loss", WACV 2026; its windows and eps are the defaults). The paper descends the
gradient with the linear functions held fixed; for fixed ones the minimum over the edited picture has a closed form,
used here.

Images are grey (H, W) floats 0..1; all is computed in float64. A window is (2 radius + 1)^2 pixels about its
centre, cut off at the image's borders.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

RADIUS_PX = 5
EPS = 1e-4


@dataclass(frozen=True)
class LocalFit:
    """The best linear functions between two images in each window, (H, W) each, and what they leave.

    forward: edited ~ gain * source + offset; backward: source ~ back_gain * edited + back_offset.
    `loss` is the sum of both mean squared residuals, `variance` that of both images' variances.
    """

    gain: np.ndarray
    offset: np.ndarray
    back_gain: np.ndarray
    back_offset: np.ndarray
    loss: np.ndarray
    variance: np.ndarray


def box_mean(image: np.ndarray, radius_px: int) -> np.ndarray:
    """The mean of each pixel's window, float64."""
    return _window_sum(image, radius_px) / _window_area(image.shape, radius_px)


def fit(
    source: np.ndarray,
    edited: np.ndarray,
    radius_px: int = RADIUS_PX,
    eps: float = EPS,
    *,
    may_invert: bool = False,
    rest_gain: float = 0.0,
) -> LocalFit:
    """The linear functions of every window. Without `may_invert` no gain is negative: dark lines stay dark.

    `eps` draws gains to `rest_gain` where a window is nearly flat: to 0 in the paper; with 1 equal images give the
    identity, so that faint shading is not flattened.
    """
    source, edited = np.asarray(source, np.float64), np.asarray(edited, np.float64)
    mean_s, mean_e = box_mean(source, radius_px), box_mean(edited, radius_px)
    # rounding can leave a tiny negative variance in flat windows
    var_s = np.maximum(box_mean(source * source, radius_px) - mean_s**2, 0)
    var_e = np.maximum(box_mean(edited * edited, radius_px) - mean_e**2, 0)
    covariance = box_mean(source * edited, radius_px) - mean_s * mean_e
    shared = covariance if may_invert else np.maximum(covariance, 0)
    shared = shared + eps * rest_gain
    gain, back_gain = shared / (var_s + eps), shared / (var_e + eps)
    forward = var_e - 2 * gain * covariance + gain**2 * var_s
    backward = var_s - 2 * back_gain * covariance + back_gain**2 * var_e
    return LocalFit(
        gain,
        mean_e - gain * mean_s,
        back_gain,
        mean_s - back_gain * mean_e,
        forward + backward,
        var_s + var_e,
    )


def structure_loss(
    source: np.ndarray, edited: np.ndarray, radius_px: int = RADIUS_PX, eps: float = EPS
) -> float:
    """SPL of two images, at least 0, symmetric: the mean over windows of what no linear function explains.

    For edited = alpha * source + beta it is at most eps (alpha^2 + alpha^-2) / 4; as eps goes to 0 it becomes the
    mean of (var S + var E) (1 - rho^2), so it does not see an inverted contrast.
    """
    return float(fit(source, edited, radius_px, eps, may_invert=True).loss.mean())


def hold_step(
    source: np.ndarray,
    edited: np.ndarray,
    start: np.ndarray,
    weight: np.ndarray,
    fidelity: float,
    fitted: LocalFit,
    radius_px: int = RADIUS_PX,
) -> np.ndarray:
    """The image E that minimises, with the linear functions of `fitted` held fixed,

    sum over windows of weight * mean[(gain S + offset - E)^2 + (back_gain E + back_offset - S)^2]
    + fidelity * sum (E - start)^2.

    `weight` (H, W) is the windows' weight, 0..1. Where both weight and `fidelity` are 0, E is `edited`. Repeating
    fit and step descends the loss (alternating least squares).
    """
    area = _window_area(source.shape, radius_px)
    back = fitted.back_gain

    def gathered(values: np.ndarray) -> np.ndarray:
        return _window_sum(weight * values / area, radius_px)

    wanted = source * gathered(fitted.gain + back)
    wanted += gathered(fitted.offset - back * fitted.back_offset) + fidelity * start
    held = gathered(1 + back**2) + fidelity
    return np.where(held > 0, wanted / np.maximum(held, 1e-12), edited)


def _window_sum(image: np.ndarray, radius_px: int) -> np.ndarray:
    side = 2 * radius_px + 1
    return cv2.boxFilter(
        np.asarray(image, np.float64),
        cv2.CV_64F,
        (side, side),
        normalize=False,
        borderType=cv2.BORDER_CONSTANT,
    )


def _window_area(shape: tuple[int, ...], radius_px: int) -> np.ndarray:
    """The number of pixels in each window, (H, W)."""

    def lengths(size: int) -> np.ndarray:
        at = np.arange(size)
        return np.minimum(at + radius_px, size - 1) - np.maximum(at - radius_px, 0) + 1.0

    return np.outer(lengths(shape[0]), lengths(shape[1]))
