"""Structure preservation loss and its closed-form step, in float64 against windows written out one by one."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expressedit_mcp.imaging.structure import (
    EPS,
    box_mean,
    fit,
    hold_step,
    structure_loss,
)


def picture(height: int = 48, width: int = 40, seed: int = 0) -> np.ndarray:
    """A drawing: soft shading, a dark line, a flat disc; with a little grain from `seed` on."""
    y, x = np.mgrid[0:height, 0:width]
    image = 0.6 + 0.1 * np.sin(x / 9) * np.cos(y / 7)
    image[:, width // 3 : width // 3 + 2] = 0.1
    image[(x - width * 0.7) ** 2 + (y - height * 0.5) ** 2 < (width / 6) ** 2] = 0.9
    return image + 0.01 * np.random.default_rng(seed).standard_normal(image.shape)


def windows(shape: tuple[int, ...], radius: int) -> list[tuple[slice, slice]]:
    return [
        (slice(max(y - radius, 0), y + radius + 1), slice(max(x - radius, 0), x + radius + 1))
        for y in range(shape[0])
        for x in range(shape[1])
    ]


def loss_by_windows(source: np.ndarray, edited: np.ndarray, radius: int, eps: float) -> float:
    """The paper's loss with every window's regression and residuals written out."""
    total = 0.0
    for window in windows(source.shape, radius):
        s, e = source[window].ravel(), edited[window].ravel()
        covariance = ((s - s.mean()) * (e - e.mean())).mean()
        for x, y in ((s, e), (e, s)):
            gain = covariance / (x.var() + eps)
            total += ((gain * x + y.mean() - gain * x.mean() - y) ** 2).mean()
    return total / source.size


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 6), st.integers(0, 2**16))
def test_a_box_mean_is_the_mean_of_its_window(
    height: int, width: int, radius: int, seed: int
) -> None:
    image = np.random.default_rng(seed).random((height, width))
    by_hand = [image[window].mean() for window in windows(image.shape, radius)]
    assert np.abs(box_mean(image, radius).ravel() - by_hand).max() < 1e-14


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_large_flat_image_has_no_variance(dtype: type) -> None:
    flat = np.full((1024, 1024), 0.7315, dtype)
    assert fit(flat, flat).variance.max() < 1e-12


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 11), st.integers(1, 11), st.integers(1, 6), st.integers(0, 2**16))
def test_the_loss_is_the_papers(height: int, width: int, radius: int, seed: int) -> None:
    source, edited = np.random.default_rng(seed).random((2, height, width))
    assert structure_loss(source, edited, radius) == pytest.approx(
        loss_by_windows(source, edited, radius, EPS), abs=1e-14
    )


@settings(max_examples=30, deadline=None)
@given(st.floats(0.2, 4), st.floats(-0.5, 0.5), st.sampled_from([1e-8, 1e-6, 1e-4, 1e-2]))
def test_another_light_costs_next_to_nothing(gain: float, offset: float, eps: float) -> None:
    source = picture()
    loss = structure_loss(source, gain * source + offset, eps=eps)
    assert -1e-15 <= loss <= eps * (gain**2 + gain**-2) / 4


def test_the_loss_is_symmetric_and_does_not_see_offsets_or_inversion() -> None:
    source, edited = picture(), cv2.GaussianBlur(picture(), (0, 0), 2)
    loss = structure_loss(source, edited)
    assert structure_loss(edited, source) == pytest.approx(loss, rel=1e-12)
    assert structure_loss(source, edited + 0.1) == pytest.approx(loss, rel=1e-9)
    assert structure_loss(source, 1 - edited) == pytest.approx(loss, rel=1e-9)


def test_without_eps_the_loss_is_what_the_correlation_leaves() -> None:
    source, edited = picture(), np.roll(picture(), 2, axis=1)
    expected = []
    for window in windows(source.shape, 5):
        s, e = source[window], edited[window]
        rho = ((s - s.mean()) * (e - e.mean())).mean() / (s.std() * e.std())
        expected.append((s.var() + e.var()) * (1 - rho**2))
    assert structure_loss(source, edited, eps=1e-14) == pytest.approx(np.mean(expected), rel=1e-6)


def new_line(image: np.ndarray) -> np.ndarray:
    drawn = image.copy()
    drawn[20:22] = 0.1
    return drawn


@pytest.mark.parametrize(
    "edited",
    [
        cv2.GaussianBlur(picture(), (0, 0), 1.5),
        np.roll(picture(), 2, axis=1),
        new_line(picture()),
        np.full(picture().shape, 0.6),
    ],
    ids=["blurred", "moved by 2 px", "a new line", "flattened"],
)
def test_other_lines_cost_much(edited: np.ndarray) -> None:
    assert structure_loss(picture(), edited) > 40 * structure_loss(picture(), picture())


def test_light_that_varies_smoothly_costs_little() -> None:
    source = picture()
    light = 1 + 0.1 * np.sin(np.arange(source.shape[1]) / 20)
    assert structure_loss(source, source * light) < structure_loss(source, new_line(source)) / 40


def test_a_step_is_the_minimum_of_its_quadratic() -> None:
    """The gradient of the documented sum, by its definition over windows, vanishes."""
    rng = np.random.default_rng(3)
    source, edited, start, weight = picture(14, 11), *rng.random((3, 14, 11))
    fitted = fit(source, edited, 2)
    made = hold_step(source, edited, start, weight, 0.05, fitted, 2)
    gradient = 0.05 * (made - start)
    for number, window in enumerate(windows(source.shape, 2)):
        at = np.unravel_index(number, source.shape)
        a, b = fitted.gain[at], fitted.offset[at]
        c, d = fitted.back_gain[at], fitted.back_offset[at]
        forward = made[window] - a * source[window] - b
        backward = c * (c * made[window] + d - source[window])
        gradient[window] += weight[at] * (forward + backward) / forward.size
    assert np.abs(gradient).max() < 1e-12


@pytest.mark.parametrize("may_invert", [True, False])
def test_steps_descend_the_loss(may_invert: bool) -> None:
    source = picture()
    held = np.roll(picture(seed=1), 2, axis=1)
    weight = np.ones(source.shape)
    losses = []
    for _ in range(12):
        fitted = fit(source, held, eps=1e-12, may_invert=may_invert)
        losses.append(fitted.loss.mean())
        held = hold_step(source, held, held, weight, 0.0, fitted)
    assert all(b <= a * (1 + 1e-9) for a, b in pairwise(losses))
    assert losses[-1] < losses[0] / 5


def test_equal_images_stay_when_gains_rest_at_1() -> None:
    source = picture()
    fitted = fit(source, source, rest_gain=1.0)
    made = hold_step(source, source, source, np.ones(source.shape), 0.0, fitted)
    assert np.abs(made - source).max() < 1e-13


def test_no_weight_and_no_fidelity_leave_the_image() -> None:
    source, edited = picture(), picture(seed=1)
    weight = np.zeros(source.shape)
    fitted = fit(source, edited)
    assert np.array_equal(hold_step(source, edited, source, weight, 0.0, fitted), edited)


@pytest.mark.parametrize(("may_invert", "inverted"), [(True, True), (False, False)])
def test_dark_lines_stay_dark_unless_they_may_invert(may_invert: bool, inverted: bool) -> None:
    source = picture()
    held = 1 - source
    for _ in range(20):
        fitted = fit(source, held, may_invert=may_invert)
        held = hold_step(source, held, held, np.ones(source.shape), 0.0, fitted)
    line, beside = np.s_[:, 13:15], np.s_[:, 8:10]
    assert (held[line].mean() > held[beside].mean() + 0.02) == inverted
