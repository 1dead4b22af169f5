"""Liquify: what moves, what stays, and that nothing folds."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expressedit_mcp.errors import InputError
from expressedit_mcp.imaging import (
    Move,
    Picture,
    Selection,
    Size,
    Swell,
    apply_patch,
    box_selection,
    ellipse_selection,
    liquify_under,
    outside_unchanged,
    polygon_selection,
)
from expressedit_mcp.imaging.warp import Stroke, Warp, sample_bicubic

SIZE = Size(90, 70)
WHOLE = box_selection(SIZE.box.as_list(), SIZE)
SELECTIONS = {
    "whole": WHOLE,
    "box": box_selection((20, 15, 70, 55), SIZE),
    "ellipse": ellipse_selection((10.5, 12, 80, 60), SIZE),
    "star": polygon_selection([(45, 2), (52, 60), (8, 20), (84, 24), (30, 66)], SIZE),
    "one row": box_selection((5, 30, 85, 31), SIZE),
}
STROKES: dict[str, list[Stroke]] = {
    "short": [Move((45, 35), (48, 33), 20)],
    "long": [Move((20, 30), (75, 40), 12)],
    "bloat": [Swell((45, 35), 25, 2)],
    "pucker": [Swell((45, 35), 25, 0.5)],
    "several": [
        Move((45, 35), (60, 35), 14),
        Swell((50, 35), 20, 1.7),
        Move((50, 40), (30, 20), 18),
        Swell((35, 25), 15, 0.5),
    ],
}


def noise(channels: int = 3, dtype: type = np.uint8, size: Size = SIZE) -> Picture:
    top = np.iinfo(dtype).max
    shape = (*size.shape, channels)
    return Picture(np.random.default_rng(5).integers(0, top, shape, dtype, True))


def centres(size: Size = SIZE) -> np.ndarray:
    y, x = np.mgrid[: size.height, : size.width] + 0.5
    return np.stack([x.ravel(), y.ravel()])


points = st.tuples(st.floats(-10, 100), st.floats(-10, 80))
moves = st.builds(Move, points, points, st.floats(1, 60)).filter(
    lambda m: np.hypot(*np.subtract(m.end, m.start)) <= 8 * m.radius_px
)
swells = st.builds(Swell, points, st.floats(1, 60), st.floats(0.5, 2))


@settings(deadline=None, max_examples=40)
@given(
    st.lists(moves | swells, min_size=1, max_size=3),
    st.sampled_from(list(SELECTIONS)),
    st.sampled_from([1, 3, 4]),
    st.sampled_from([np.uint8, np.uint16]),
)
def test_nothing_outside_the_selection_changes(strokes, name, channels, dtype):
    before, selection = noise(channels, dtype), SELECTIONS[name]
    try:
        patch = liquify_under(before, selection, strokes)
    except InputError:
        return
    after = apply_patch(before, patch)
    outside = selection.within(SIZE.box) == 0
    assert outside_unchanged(before, after, patch)
    assert np.array_equal(after.pixels[outside], before.pixels[outside])
    assert np.array_equal(after.pixels[..., 3:], before.pixels[..., 3:])
    assert patch.pixels.dtype == dtype
    assert patch.pixels.shape == (*patch.box.size.shape, min(channels, 3))


@settings(deadline=None, max_examples=40)
@given(st.lists(moves | swells, min_size=1, max_size=3), st.sampled_from(list(SELECTIONS)))
def test_no_displacement_is_longer_than_its_strokes(strokes, name):
    try:
        warp = Warp.of(SELECTIONS[name], strokes)
    except InputError:
        return
    at = centres()
    moved = np.hypot(*(warp.sources(at) - at))
    longest = sum(
        np.hypot(*np.subtract(s.end, s.start))
        if isinstance(s, Move)
        else s.radius_px * abs(1 - max(s.factor, 1 / s.factor))
        for s in strokes
    )
    assert moved.max() <= longest + 1e-9


@pytest.mark.parametrize("strokes", STROKES.values(), ids=STROKES)
@pytest.mark.parametrize("name", SELECTIONS)
def test_nothing_folds_over(strokes, name):
    warp = Warp.of(SELECTIONS[name], strokes)
    at, small = centres() - 0.21, 1e-5
    here = warp.sources(at)
    right = (warp.sources(at + np.array([[small], [0]])) - here) / small
    down = (warp.sources(at + np.array([[0], [small]])) - here) / small
    jacobian = right[0] * down[1] - right[1] * down[0]
    assert jacobian.min() > 0


@pytest.mark.parametrize(
    "stroke",
    [Move((12, 35), (40, 35), 20), Move((45, 50), (45, 20), 18), Swell((22, 20), 25, 0.5)],
    ids=["in from beside it", "in from below", "pucker at its corner"],
)
def test_nothing_crosses_the_border_of_the_selection(stroke):
    selection = SELECTIONS["box"]
    inside = centres()[:, (selection.within(SIZE.box) > 0).ravel()]
    x, y = Warp.of(selection, [stroke]).sources(inside)
    assert x.min() >= 20 and x.max() <= 70
    assert y.min() >= 15 and y.max() <= 55
    # and the picture is not torn there
    assert np.hypot(*(np.stack([x, y]) - inside)[:, inside[0] < 21]).max() < 1


@pytest.mark.parametrize("way", [(6, 0), (-5.25, 3.5), (0.3, -0.6), (25, 12)])
def test_the_core_of_a_moved_disc_arrives_as_it_was(way):
    start, radius = np.array([35.0, 30.0]), 18
    warp = Warp.of(WHOLE, [Move(tuple(start), tuple(start + way), radius)])
    turn = np.linspace(0, 2 * np.pi, 24)
    core = (start + way)[:, None] + np.stack([np.cos(turn), np.sin(turn)]) * radius * 0.499
    assert np.abs(warp.sources(core) - (core - np.reshape(way, (2, 1)))).max() < 1e-9


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.25, 2.0])
def test_a_swell_scales_by_its_factor_at_its_centre(factor):
    warp = Warp.of(WHOLE, [Swell((45, 35), 30, factor)])
    at = np.array([[45.1, 45, 44.9], [35, 35.1, 35]])
    centre = np.array([[45], [35]])
    assert np.allclose(warp.sources(at) - centre, (at - centre) / factor)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("way", [(3, 0), (2.37, -1.81), (0.5, 0.25)])
def test_a_gradient_moves_exactly_by_parts_of_a_pixel(way, dtype):
    step = np.iinfo(dtype).max / 300

    def gradient(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 20 * step + step * x + 1.5 * step * y

    x, y = np.arange(SIZE.width) + 0.5, np.arange(SIZE.height)[:, None] + 0.5
    before = Picture(np.rint(gradient(x, y)).astype(dtype)[..., None])
    exact = gradient(x - way[0], y - way[1])
    end = 45 + way[0], 35 + way[1]
    after = apply_patch(before, liquify_under(before, WHOLE, [Move((45, 35), end, 24)]))
    core = np.hypot(x - end[0], y - end[1]) < 12
    # two roundings: of the picture that moves, and of the one it becomes
    assert np.abs(after.pixels[..., 0][core] - exact[core]).max() <= 1.2


def test_a_move_by_whole_pixels_copies_the_core() -> None:
    before = noise()
    after = apply_patch(before, liquify_under(before, WHOLE, [Move((40, 35), (47, 31), 20)]))
    assert np.array_equal(after.pixels[24:38, 40:54], before.pixels[28:42, 33:47])


def test_strokes_are_made_in_their_order() -> None:
    first, second = Move((30, 35), (40, 35), 16), Move((40, 35), (40, 45), 16)
    core = np.array([[40.0], [45.0]])
    assert np.allclose(Warp.of(WHOLE, [first, second]).sources(core), [[30], [35]])
    assert not np.allclose(Warp.of(WHOLE, [second, first]).sources(core), [[30], [35]])


@pytest.mark.parametrize(
    "strokes",
    [[Move((45, 35), (45, 35), 20)], [Move((5, 5), (8, 5), 4)], [Swell((45, 35), 20, 1)]],
    ids=["no way", "beside the region", "factor 1"],
)
def test_strokes_that_move_nothing_are_refused_in_words(strokes):
    with pytest.raises(InputError, match=r"move no pixel of the region"):
        liquify_under(noise(), SELECTIONS["box"], strokes)


def test_only_what_moved_is_written() -> None:
    patch = liquify_under(noise(), WHOLE, [Move((45, 35), (49, 35), 10)])
    assert patch.box.left >= 35 and patch.box.right <= 59
    assert patch.box.top >= 25 and patch.box.bottom <= 45


def test_a_soft_selection_is_written_as_softly() -> None:
    alpha = np.tile(np.arange(1, 91, dtype=np.uint8), (70, 1))
    soft = Selection(SIZE, SIZE.box, alpha)
    patch = liquify_under(noise(), soft, [Move((45, 35), (49, 35), 10)])
    written = patch.alpha > 0
    assert np.array_equal(patch.alpha[written], alpha[patch.box.slices][written])


def test_a_large_picture_costs_what_its_region_costs() -> None:
    size = Size(30_000, 30_000)
    picture = Picture(np.broadcast_to(np.uint8(200), (*size.shape, 3)))
    selection = box_selection((20_000, 20_000, 20_060, 20_050), size)
    tracemalloc.start()
    patch = liquify_under(picture, selection, [Move((20_030, 20_025), (20_034, 20_025), 20)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert patch.box & selection.box == patch.box
    assert peak < 5_000_000


def test_work_stops_when_it_is_told_to() -> None:
    class Stopped(Exception):
        pass

    def between() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        liquify_under(noise(), WHOLE, STROKES["short"], between)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_sampling_at_pixel_centres_gives_the_pixels(dtype):
    picture = noise(3, dtype)
    assert np.array_equal(
        sample_bicubic(picture.pixels, centres()).reshape(picture.pixels.shape), picture.pixels
    )
