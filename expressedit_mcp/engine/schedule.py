"""Noise schedules: which timesteps an edit visits and how noisy the latents are there.

`alpha_bar` is the cumulative product of DDPM (J. Ho et al., 2020); sigma^2 = (1 - alpha_bar) / alpha_bar.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Step:
    """One model call: at timestep `t` (real, 0..999), from noise level `alpha_bar` to `alpha_bar_next`."""

    t: float
    alpha_bar: float
    alpha_bar_next: float

    @property
    def sigma(self) -> float:
        """Noise over signal; infinite at zero terminal SNR."""
        return float(np.sqrt((1 - self.alpha_bar) / self.alpha_bar)) if self.alpha_bar else np.inf


def alphas_cumprod(config: Mapping[str, Any]) -> np.ndarray:
    """alpha_bar (train steps,) float64 from a diffusers scheduler config.

    Raises ValueError for a beta schedule other than `scaled_linear` and `linear`.
    """
    count = int(config.get("num_train_timesteps", 1000))
    start, end = float(config.get("beta_start", 0.00085)), float(config.get("beta_end", 0.012))
    kind = config.get("beta_schedule", "scaled_linear")
    if kind == "scaled_linear":
        betas = np.linspace(start**0.5, end**0.5, count) ** 2
    elif kind == "linear":
        betas = np.linspace(start, end, count)
    else:
        raise ValueError(
            f"beta_schedule {kind!r} is not supported; accepted: scaled_linear, linear"
        )
    alphas = np.cumprod(1 - betas)
    return _zero_terminal_snr(alphas) if config.get("rescale_betas_zero_snr") else alphas


def _zero_terminal_snr(alphas: np.ndarray) -> np.ndarray:
    """alpha_bar rescaled to end in pure noise (S. Lin et al., 2023, Algorithm 1)."""
    root = np.sqrt(alphas)
    return ((root - root[-1]) * root[0] / (root[0] - root[-1])) ** 2


def timesteps(
    steps: int, strength: float, spacing: str, *, train_steps: int = 1000, offset: int = 0
) -> np.ndarray:
    """The timesteps of an edit, float64, falling: the last part of a grid of `steps`.

    Spacings as diffusers names them. `linspace` keeps int(strength * steps) + 1 of a grid that
    includes both ends, as A1111 does; `trailing` and `leading` snap strength to round(strength *
    steps) of their own grid. Strength 0 gives none.
    """
    if strength <= 0:
        return np.empty(0)
    if spacing == "linspace":
        grid = np.linspace(train_steps - 1, 0, steps)
        keep = int(min(strength, 0.999) * steps) + 1
    elif spacing == "trailing":
        grid = np.round(np.arange(steps, 0, -1) * (train_steps / steps)) - 1
        keep = round(strength * steps)
    elif spacing == "leading":
        grid = np.arange(steps)[::-1] * (train_steps // steps) + float(offset)
        keep = round(strength * steps)
    else:
        raise ValueError(f"spacing {spacing!r} is not one of linspace, trailing, leading")
    return grid[-min(max(keep, 1), steps) :]


def alpha_bar_at(t: np.ndarray, alphas: np.ndarray) -> np.ndarray:
    """alpha_bar at real timesteps; between two of them log sigma is interpolated linearly."""
    floor = np.floor(t).astype(int)
    ceil = np.minimum(floor + 1, len(alphas) - 1)
    with np.errstate(divide="ignore"):
        log_odds = np.log(alphas) - np.log1p(-alphas)
    share = t - floor
    low, high = log_odds[floor], log_odds[ceil]
    with np.errstate(invalid="ignore"):
        between = (1 - share) * low + share * high
    # a level of pure noise has log odds -inf, which must not meet a share of 0
    mixed = np.where(share == 0, low, between)
    return 1 / (1 + np.exp(-mixed))


def make_schedule(ts: np.ndarray, alphas: np.ndarray) -> tuple[Step, ...]:
    """The steps that visit `ts` in order and end without noise."""
    levels = [*alpha_bar_at(ts, alphas), 1.0] if len(ts) else []
    return tuple(
        Step(float(t), float(a), float(b))
        for t, a, b in zip(ts, levels[:-1], levels[1:], strict=True)
    )
