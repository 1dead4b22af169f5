"""The guided filter in float64 against windows written out one by one, and masks brought up along edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expressedit_mcp.imaging import guided_upsample
from expressedit_mcp.imaging.guided import guided_filter


def by_windows(guide: np.ndarray, image: np.ndarray, radius: int, eps: float) -> np.ndarray:
    """The filter with the ridge regression of every window, and the mean of those that hold a pixel."""
    height, width = image.shape
    channels = guide.reshape(height, width, -1)

    def window(y: int, x: int) -> tuple[slice, slice]:
        return slice(max(y - radius, 0), y + radius + 1), slice(max(x - radius, 0), x + radius + 1)

    fits = np.empty((height, width, channels.shape[2] + 1))
    for y, x in np.ndindex(height, width):
        seen = channels[window(y, x)].reshape(-1, channels.shape[2])
        wanted = image[window(y, x)].ravel()
        away = seen - seen.mean(axis=0)
        sigma = away.T @ away / len(seen) + eps * np.eye(channels.shape[2])
        gain = np.linalg.solve(sigma, away.T @ (wanted - wanted.mean()) / len(seen))
        fits[y, x] = [*gain, wanted.mean() - gain @ seen.mean(axis=0)]
    return np.array(
        [
            [
                fits[window(y, x)].mean(axis=(0, 1)) @ [*channels[y, x], 1.0]
                for x in range(width)
            ]
            for y in range(height)
        ]
    )  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 10),
    st.integers(1, 10),
    st.sampled_from([(), (1,), (3,)]),
    st.integers(0, 4),
    st.sampled_from([1e-1, 1e-3]),
    st.integers(0, 2**16),
)
def test_the_filter_is_the_papers(
    height: int, width: int, channels: tuple[int, ...], radius: int, eps: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    guide, image = rng.random((height, width, *channels)), rng.random((height, width))
    difference = guided_filter(guide, image, radius, eps) - by_windows(guide, image, radius, eps)
    assert np.abs(difference).max() < 1e-12


@pytest.mark.parametrize("channels", [(), (3,)])
def test_a_constant_stays(channels: tuple[int, ...]) -> None:
    guide = np.random.default_rng(0).random((20, 30, *channels))
    assert np.abs(guided_filter(guide, np.full((20, 30), 0.3), 3, 1e-4) - 0.3).max() < 1e-13


def test_a_large_flat_guide_leaves_the_mean() -> None:
    flat = np.full((1024, 1024), 0.7315)
    assert np.abs(guided_filter(flat, flat, 5, 1e-4) - flat).max() < 1e-9


def test_an_image_that_guides_itself_stays_without_eps() -> None:
    image = np.random.default_rng(1).random((24, 17))
    assert np.abs(guided_filter(image, image, 2, 1e-12) - image).max() < 1e-9


@pytest.mark.parametrize("colour", [False, True], ids=["grey", "colour"])
@pytest.mark.parametrize("edge", [96, 101, 115, 127])
def test_a_boundary_comes_to_the_guides_edge(edge: int, colour: bool) -> None:
    """A mask of 16 cells, the boundary of which lies somewhere inside a cell, at 256 pixels."""
    guide = np.full((256, 256), 0.2)
    guide[:, edge:] = 0.8
    guide = np.stack([guide, 1 - guide, guide], axis=2) if colour else guide
    exact = (np.arange(256) >= edge).astype(float)
    coarse = np.tile(exact.reshape(16, 16).mean(axis=1), (16, 1))
    fine = guided_upsample(coarse, guide)
    assert fine.min() >= 0
    assert fine.max() <= 1
    found = (fine > 0.5).argmax(axis=1)
    assert np.abs(found - edge).max() <= 1
    assert (np.diff((fine > 0.5).astype(int), axis=1) >= 0).all()


@pytest.mark.parametrize("shape", [(16, 16), (20, 48), (9, 7), (1, 1), (700, 900), (1500, 1100)])
def test_a_mask_of_any_size_fits_a_guide_of_any_size(shape: tuple[int, int]) -> None:
    guide = np.linspace(0, 1, shape[0] * shape[1] * 3).reshape(*shape, 3).astype(np.float32)
    fine = guided_upsample(np.full((16, 16), 0.5), guide)
    assert fine.shape == shape
    assert np.abs(fine - 0.5).max() < 1e-3


def test_beyond_the_working_size_edges_stay_within_a_pixel_of_it() -> None:
    """Above 1024 pixels the fit is enlarged: 2 pixels of the picture are one of the fit."""
    guide = np.full((64, 2048), 0.2, np.float32)
    guide[:, 1001:] = 0.8
    coarse = np.tile((np.arange(32) >= 15.6).astype(float), (4, 1))
    found = (guided_upsample(coarse, guide) > 0.5).argmax(axis=1)
    assert np.abs(found - 1001).max() <= 2
