"""Nothing outside a selection changes: any size, mode, region; and after a hundred edits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import tiny_sdxl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expressedit_mcp.imaging import Picture
from expressedit_mcp.regions import BoxRegion, EllipseRegion, PolygonRegion
from expressedit_mcp.settings import Settings
from expressedit_mcp.studio import EditCommand, ScaleCommand, Studio


@pytest.fixture(scope="module")
def tiny_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio on the tiny random model, which paints noise wherever it may."""
    home = tmp_path_factory.mktemp("outside")
    tiny_sdxl.save(home / "model")
    studio = Studio.open(
        Settings(home=home / "home", roots=(home,), model=home / "model", device="cpu")
    )
    yield studio
    studio.close()


def check(studio: Studio, pixels: np.ndarray, region: object, **changes: object) -> None:
    """Edits and compares every byte where the stored alpha is 0."""
    parent = studio.images.add(Picture(pixels.copy()), "made")
    command = EditCommand(parent.image_id, region, tags=("smile",), quality="draft", **changes)  # type: ignore[arg-type]
    version = studio.edit(command)[0].version
    _compare(studio, pixels, version.image_id)


def _compare(studio: Studio, before: np.ndarray, image_id: str) -> None:
    after = studio.images.load(image_id).pixels
    patch = studio.images.load_patch(image_id)
    assert patch is not None
    alpha = np.zeros(before.shape[:2], np.uint8)
    alpha[patch.box.slices] = patch.alpha
    assert np.array_equal(before[alpha == 0], after[alpha == 0])
    if before.shape[2] == 4:
        assert np.array_equal(before[..., 3], after[..., 3])


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, object, float]:
    width, height = draw(st.integers(1, 150)), draw(st.integers(1, 150))
    channels = draw(st.sampled_from([1, 3, 4]))
    seed = draw(st.integers(0, 2**32 - 1))
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
    left, top = draw(st.integers(-20, width - 1)), draw(st.integers(-20, height - 1))
    right = draw(st.integers(max(left, 0) + 1, width + 20))
    bottom = draw(st.integers(max(top, 0) + 1, height + 20))
    edges = [float(left), float(top), float(right), float(bottom)]
    region = draw(
        st.sampled_from(
            [
                BoxRegion(box=edges),
                [BoxRegion(box=edges), BoxRegion(box=[0, 0, 1, 1])],
            ]
        )
    )
    return pixels, region, draw(st.sampled_from([0, 3]))


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(cases())
def test_any_size_mode_and_box(tiny_studio: Studio, case: tuple) -> None:
    pixels, region, grow_px = case
    check(tiny_studio, pixels, region, grow_px=grow_px)


@pytest.mark.parametrize(
    ("size", "region"),
    [
        ((1, 1), BoxRegion(box=[0, 0, 1, 1])),
        ((1, 400), BoxRegion(box=[0, 100, 1, 200])),
        ((401, 1), BoxRegion(box=[400, 0, 401, 1])),
        ((37, 41), BoxRegion(box=[0, 0, 37, 41])),
        ((333, 257), EllipseRegion(ellipse=[300, 200, 360, 300])),
        ((333, 257), PolygonRegion(polygon=[[10, 10], [50, 15], [20, 60]])),
        ((1664, 2432), BoxRegion(box=[700, 1000, 1100, 1400])),
        ((1664, 2432), BoxRegion(box=[1600, 2400, 1664, 2432])),
    ],
    ids=str,
)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_named_sizes(
    tiny_studio: Studio, size: tuple[int, int], region: object, channels: int
) -> None:
    width, height = size
    rng = np.random.default_rng(width * height + channels)
    check(tiny_studio, rng.integers(0, 256, (height, width, channels), dtype=np.uint8), region)


def test_scaling_writes_only_its_patch(tiny_studio: Studio) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (90, 120, 4), dtype=np.uint8)
    parent = tiny_studio.images.add(Picture(pixels.copy()), "made")
    for factor in (0.3, 1.0, 2.5):
        region = [EllipseRegion(ellipse=[10, 10, 40, 45]), BoxRegion(box=[80, 50, 119, 90])]
        outcome = tiny_studio.scale(ScaleCommand(parent.image_id, region, factor, factor))
        _compare(tiny_studio, pixels, outcome.version.image_id)


def _hundred(studio: Studio, pixels: np.ndarray, count: int) -> None:
    """Edits one area again and again; the outside keeps its hash."""
    current = studio.images.add(Picture(pixels.copy()), "made").image_id
    free = np.zeros(pixels.shape[:2], bool)
    rng = np.random.default_rng(9)
    for index in range(count):
        x, y = (int(v) for v in rng.integers(60, 90, 2))
        free[y : y + 40, x : x + 50] = True
        command = EditCommand(
            current,
            BoxRegion(box=[x, y, x + 50, y + 40]),
            tags=("smile",),
            quality="draft",
            seed=index,
        )
        current = studio.edit(command)[0].version.image_id
    after = studio.images.load(current).pixels
    assert np.array_equal(after[~free], pixels[~free])
    assert (after[free] != pixels[free]).any()
    assert _depth(studio, current) == count


def _depth(studio: Studio, image_id: str) -> int:
    """Number of edits between a version and the opened picture."""
    version, depth = studio.images.get(image_id), 0
    while version.parent:
        version, depth = studio.images.get(version.parent), depth + 1
    return depth


def test_after_a_hundred_overlapping_edits(tiny_studio: Studio) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (200, 211, 3), dtype=np.uint8)
    _hundred(tiny_studio, pixels, 100)


@pytest.mark.stress
def test_after_a_hundred_edits_of_a_large_picture(tiny_studio: Studio) -> None:
    pixels = np.random.default_rng(6).integers(0, 256, (2432, 1664, 4), dtype=np.uint8)
    _hundred(tiny_studio, pixels, 100)


@pytest.mark.stress
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(cases())
def test_any_size_mode_and_box_at_length(tiny_studio: Studio, case: tuple) -> None:
    pixels, region, grow_px = case
    check(tiny_studio, pixels, region, grow_px=grow_px)
