"""The pixel stage after an edit: what it holds, what it leaves, and that tiles show no seams."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expressedit_mcp.imaging import Size
from expressedit_mcp.imaging.preservation import (
    by_tiles,
    hold_structure,
    preserve,
    window_radius_px,
)
from expressedit_mcp.imaging.structure import box_mean, structure_loss

RADIUS_PX = 6


def face(mouth: str = "closed", shift: int = 0, blush: float = 0.0) -> np.ndarray:
    """A drawn mouth below a chin line, (96, 96, 3) float32; `shift` moves the lines down."""
    x = np.arange(96)[None, :]
    rgb = np.full((96, 96, 3), (0.95, 0.8, 0.72), np.float32)
    rgb -= 0.1 * (x[..., None] / 96).astype(np.float32)
    rgb += blush * np.array([0, -1, -1], np.float32) * np.exp(-(((x - 60) / 25) ** 2))[..., None]
    if mouth == "open":
        cv2.ellipse(rgb, (48, 40 + shift), (20, 14), 0, 0, 360, (0.55, 0.1, 0.15), -1, cv2.LINE_AA)
    else:
        cv2.line(rgb, (28, 40 + shift), (68, 40 + shift), (0.3, 0.15, 0.15), 3, cv2.LINE_AA)
    cv2.ellipse(rgb, (48, 30 + shift), (40, 45), 0, 20, 160, (0.25, 0.15, 0.15), 3, cv2.LINE_AA)
    return np.clip(rgb, 0, 1).astype(np.float32)


def everything() -> np.ndarray:
    return np.full((96, 96), 255, np.uint8)


def held(
    edited: np.ndarray,
    source: np.ndarray,
    selected: np.ndarray,
    *,
    structure: float = 0.0,
    color: float = 0.0,
) -> np.ndarray:
    return preserve(edited, source, selected, structure=structure, color=color, radius_px=RADIUS_PX)


def away(a: np.ndarray, b: np.ndarray, part: Any = ...) -> float:
    """Mean difference of a part of two pictures, in levels of 255."""
    return float(np.abs(a - b)[part].mean() * 255)


MOUTH, CHIN = slice(24, 58), slice(66, 84)


def test_nothing_asked_for_returns_the_same_array() -> None:
    edited = face("open")
    assert held(edited, face(), everything()) is edited
    assert held(edited, face(), np.zeros((96, 96), np.uint8), structure=1.0, color=1.0) is edited


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(0, 2**16),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_outside_nothing_changes_and_colour_stays_in_range(
    width: int, height: int, seed: int, structure: float, color: float
) -> None:
    rng = np.random.default_rng(seed)
    edited, source = rng.random((2, height, width, 3), np.float32)
    selected = np.where(rng.random((height, width)) < 0.6, 200, 0).astype(np.uint8)
    out = held(edited, source, selected, structure=structure, color=color)
    assert (out.dtype, out.shape) == (np.float32, edited.shape)
    assert np.array_equal(out[selected == 0], edited[selected == 0])
    assert np.isfinite(out).all()
    assert out.min() >= 0
    assert out.max() <= 1


def test_at_1_all_lines_are_the_sources_and_a_blush_stays() -> None:
    source, edited = face(), face(shift=2, blush=0.15)
    out = held(edited, source, everything(), structure=1.0)
    before, after = (structure_loss(source.mean(2), p.mean(2)) for p in (edited, out))
    assert after < before / 10
    cheek = np.s_[4:20, 50:70]
    assert away(source, edited, cheek) > 15
    assert away(out, edited, cheek) < away(source, edited, cheek) / 4


def test_at_a_half_a_moved_line_goes_back_and_a_changed_feature_stays() -> None:
    source, edited = (
        p.mean(axis=2, keepdims=True).repeat(3, axis=2) for p in (face(), face("open", shift=1))
    )
    out = held(edited, source, everything(), structure=0.5)
    assert away(out, source, CHIN) < away(edited, source, CHIN) * 0.6
    assert away(out, edited, MOUTH) < 2
    assert away(held(edited, source, everything(), structure=1.0), edited, MOUTH) > 10


def test_colour_at_1_is_the_sources_and_at_a_half_a_mouths_own_stays() -> None:
    tint = np.array([0.02, -0.01, -0.01], np.float32)
    source, edited = face(), np.clip(face("open") + tint, 0, 1)
    whole = held(edited, source, everything(), color=1.0)

    def chroma(p: np.ndarray) -> np.ndarray:
        return p - p.mean(2, keepdims=True)

    assert np.abs(chroma(whole) - chroma(source)).max() < 1e-6
    half = held(edited, source, everything(), color=0.5)
    assert away(chroma(half), chroma(source), CHIN) < away(chroma(edited), chroma(source), CHIN) / 2
    assert away(chroma(half)[36:44, 40:56], chroma(edited)[36:44, 40:56]) < 1


def test_structure_and_colour_do_not_touch_each_other() -> None:
    source, edited = 0.3 + 0.4 * face(), 0.3 + 0.4 * face("open", shift=1)
    both = held(edited, source, everything(), structure=0.7, color=0.7)
    in_turn = held(
        held(edited, source, everything(), structure=0.7), source, everything(), color=0.7
    )
    turned = held(
        held(edited, source, everything(), color=0.7), source, everything(), structure=0.7
    )
    assert np.abs(both - in_turn).max() < 1e-5
    assert np.abs(both - turned).max() < 1e-5
    lines = held(edited, source, everything(), structure=0.7)
    blue = cv2.cvtColor(lines - edited, cv2.COLOR_RGB2YCrCb)[..., 1:] - 0.5
    assert np.abs(blue).max() < 1e-5


def test_an_unchanged_picture_stays() -> None:
    out = held(face(), face(), everything(), structure=1.0, color=1.0)
    assert np.abs(out - face()).max() < 1e-6


@pytest.mark.parametrize("tile_px", [17, 40])
@pytest.mark.parametrize("amount", [0.5, 1.0])
def test_tiles_give_what_the_whole_gives(tile_px: int, amount: float) -> None:
    source, edited = (p.mean(axis=2).astype(np.float64) for p in (face(), face("open", shift=1)))
    inside = np.ones(source.shape, bool)
    whole, tiled = (
        hold_structure(edited, source, inside, amount, RADIUS_PX, tile_px=px)
        for px in (4096, tile_px)
    )
    assert np.abs(whole - edited).max() > 0.1
    assert np.abs(tiled - whole).max() < 1e-10


def test_what_is_far_from_the_selection_does_not_matter() -> None:
    """The same selection in a larger crop gives the same pixels."""
    source, edited = face(), face("open", shift=1)
    selected = np.zeros((96, 96), np.uint8)
    selected[30:60, 20:70] = 255
    out = held(edited, source, selected, structure=0.6, color=0.6)
    wide = [np.pad(p, ((60, 50), (40, 70), (0, 0)), mode="reflect") for p in (edited, source)]
    pad = np.pad(selected, ((60, 50), (40, 70)))
    inner = held(wide[0], wide[1], pad, structure=0.6, color=0.6)[60:156, 40:136]
    assert np.abs(inner - out).max() < 1e-5


@pytest.mark.parametrize(
    ("crop", "model", "radius_px"),
    [
        (Size(40, 40), Size(96, 96), 2),
        (Size(345, 345), Size(96, 96), 7),
        (Size(512, 384), Size(1024, 768), 5),
        (Size(768, 1024), Size(768, 1024), 10),
        (Size(4096, 4096), Size(1024, 1024), 40),
    ],
)
def test_windows_fit_the_crop_and_the_models_pixels(
    crop: Size, model: Size, radius_px: int
) -> None:
    assert window_radius_px(crop, model) == radius_px


def test_a_picture_twice_as_large_is_held_alike() -> None:
    """The result at twice the size, with windows twice as wide, is the result enlarged."""
    source, edited = face(), face("open", shift=2)

    def enlarged(image: np.ndarray) -> np.ndarray:
        return cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)

    small = held(edited, source, everything(), structure=0.6)
    large = preserve(
        enlarged(edited),
        enlarged(source),
        np.full((192, 192), 255, np.uint8),
        structure=0.6,
        color=0.0,
        radius_px=2 * RADIUS_PX,
    )
    moved = away(small, edited)
    assert away(large, enlarged(small)) < moved / 4


def test_a_colour_step_at_the_rim_does_not_grow() -> None:
    source = face()
    edited = np.clip(source + np.float32(0.03), 0, 1)
    selected = np.zeros((96, 96), np.uint8)
    selected[20:60, 20:70] = 255
    out = held(edited, source, selected, structure=1.0)
    rim = np.s_[20:60, 20]
    assert np.abs(out - source)[rim].mean() < 0.5 * np.abs(edited - source)[rim].mean()


def test_it_can_be_stopped_between_passes() -> None:
    class Stopped(Exception):
        pass

    seen: list[int] = []

    def before_pass(done: int) -> None:
        seen.append(done)
        if done == 2:
            raise Stopped

    amounts = {"structure": 1.0, "color": 0.0, "radius_px": RADIUS_PX}
    with pytest.raises(Stopped):
        preserve(face("open"), face(), everything(), **amounts, before_pass=before_pass)  # type: ignore[arg-type]
    assert seen == [0, 1, 2]


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 20), st.integers(0, 4))
def test_a_filter_in_tiles_is_the_filter(width: int, height: int, tile: int, radius: int) -> None:
    image = np.random.default_rng(width).random((height, width))
    tiled = by_tiles(lambda part: box_mean(part, radius), (image,), radius, tile)
    assert np.abs(tiled - box_mean(image, radius)).max() < 1e-13
