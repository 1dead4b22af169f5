"""Nothing outside a selection changes: any size, mode, region; and after a hundred edits."""

from __future__ import annotations

from collections.abc import Iterator

import icc_profiles
import numpy as np
import pytest
import tiny_sdxl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from expressedit_mcp.images import ImageStore
from expressedit_mcp.imaging import Picture
from expressedit_mcp.regions import BoxRegion, EllipseRegion, PolygonRegion
from expressedit_mcp.settings import Settings
from expressedit_mcp.strokes import BrushStroke, MoveStroke, SwellStroke
from expressedit_mcp.studio import BrushCommand, EditCommand, LiquifyCommand, ScaleCommand, Studio


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


PROFILES = {
    "none": None,
    "Adobe RGB": icc_profiles.rgb_profile(icc_profiles.ADOBE_RGB, icc_profiles.gamma(2.2)),
    "grey": icc_profiles.grey_profile(icc_profiles.gamma(1.8)),
    "not computed": icc_profiles.profile(b"RGB ", {}),
}


def noise(
    height: int, width: int, channels: int, dtype: type = np.uint8, seed: int = 0
) -> np.ndarray:
    top = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, top, (height, width, channels), dtype, True)


def check(
    studio: Studio,
    pixels: np.ndarray,
    region: object,
    profile: str = "none",
    **changes: object,
) -> None:
    """Edits and compares every value where the stored alpha is 0."""
    parent = studio.images.add(Picture(pixels.copy(), PROFILES[profile]), "made")
    command = EditCommand(parent.image_id, region, tags=("smile",), quality="draft", **changes)  # type: ignore[arg-type]
    version = studio.edit(command)[0].version
    _compare(studio, pixels, version.image_id)


def _compare(studio: Studio, before: np.ndarray, image_id: str) -> None:
    after = ImageStore(studio.images.folder).load(image_id).pixels
    patch = studio.images.load_patch(image_id)
    assert patch is not None
    alpha = np.zeros(before.shape[:2], np.uint8)
    alpha[patch.box.slices] = patch.alpha
    assert after.dtype == before.dtype
    assert np.array_equal(before[alpha == 0], after[alpha == 0])
    if before.shape[2] == 4:
        assert np.array_equal(before[..., 3], after[..., 3])


def test_variations_of_one_batch(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("expressedit_mcp.engine.memory.at_once", lambda *memory: 3)
    home, said = tmp_path_factory.mktemp("batch"), list[str]()
    tiny_sdxl.save(home / "model")
    studio = Studio.open(
        Settings(home=home / "home", roots=(home,), model=home / "model", device="cpu")
    )
    pixels = noise(90, 70, 4, np.uint16)
    parent = studio.images.add(Picture(pixels.copy()), "made")
    command = EditCommand(
        parent.image_id,
        EllipseRegion(ellipse=[12, 9, 55.5, 61]),
        tags=("smile",),
        quality="draft",
        variations=3,
        feather_px=4,
    )
    outcomes = studio.edit(command, lambda done, total, what: said.append(what))
    studio.close()
    assert any(what.startswith("variations 1-3 of 3: denoising") for what in said)
    assert len({outcome.version.image_id for outcome in outcomes}) == 3
    for outcome in outcomes:
        _compare(studio, pixels, outcome.version.image_id)


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, object, str, dict[str, float]]:
    width, height = draw(st.integers(1, 150)), draw(st.integers(1, 150))
    channels = draw(st.sampled_from([1, 3, 4]))
    seed = draw(st.integers(0, 2**32 - 1))
    dtype = draw(st.sampled_from([np.uint8, np.uint16]))
    pixels = noise(height, width, channels, dtype, seed)
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
    changes = {
        "grow_px": draw(st.sampled_from([0, 3])),
        "preserve_structure": draw(st.sampled_from([0, 0.5, 1])),
        "preserve_color": draw(st.sampled_from([0, 0.5, 1])),
    }
    return pixels, region, draw(st.sampled_from(list(PROFILES))), changes


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(cases())
def test_any_size_mode_depth_profile_and_box(tiny_studio: Studio, case: tuple) -> None:
    pixels, region, profile, changes = case
    check(tiny_studio, pixels, region, profile, **changes)


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
    check(tiny_studio, noise(height, width, channels), region)


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bits_in_every_profile(tiny_studio: Studio, channels: int, profile: str) -> None:
    pixels = noise(90, 120, channels, np.uint16)
    pixels[0, 0] = 12345
    region = EllipseRegion(ellipse=[40, 30, 90, 80])
    check(tiny_studio, pixels, region, profile)
    check(tiny_studio, pixels, BoxRegion(box=[0, 0, 120, 90]), profile)


def test_the_inside_of_a_16_bit_picture_has_more_than_8_bits(tiny_studio: Studio) -> None:
    parent = tiny_studio.images.add(Picture(noise(90, 120, 3, np.uint16)), "made")
    command = EditCommand(parent.image_id, BoxRegion(box=[30, 30, 90, 80]), tags=("smile",))
    version = tiny_studio.edit(command)[0].version
    patch = tiny_studio.images.load_patch(version.image_id)
    assert patch is not None
    assert len(np.unique(patch.pixels)) > 1000
    assert (patch.pixels % 257 != 0).mean() > 0.9


@pytest.mark.parametrize("alpha", [False, True])
def test_a_palette_file(tiny_studio: Studio, alpha: bool) -> None:
    image = Image.fromarray(noise(80, 70, 3)).quantize(64)
    path = tiny_studio.roots.allowed[0] / f"palette-{alpha}.png"
    if alpha:
        image.info["transparency"] = 5
    image.save(path)
    opened = tiny_studio.open_image(str(path))
    before = tiny_studio.images.load(opened.image_id).pixels
    assert np.array_equal(before, np.array(Image.open(path).convert("RGBA" if alpha else "RGB")))
    command = EditCommand(str(path), BoxRegion(box=[20, 20, 50, 50]), tags=("smile",))
    _compare(tiny_studio, before, tiny_studio.edit(command)[0].version.image_id)


def test_a_profile_that_is_not_computed_is_warned_of(tiny_studio: Studio) -> None:
    picture = Picture(noise(40, 40, 3), PROFILES["not computed"])
    parent = tiny_studio.images.add(picture, "made")
    command = EditCommand(parent.image_id, BoxRegion(box=[5, 5, 30, 30]), tags=("smile",))
    warnings = tiny_studio.edit(command)[0].warnings
    assert any("as if they were sRGB" in warning for warning in warnings)


@pytest.mark.stress
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_largest_picture(tiny_studio: Studio, dtype: type) -> None:
    pixels = noise(8192, 8192, 3, dtype)
    check(tiny_studio, pixels, BoxRegion(box=[8000, 8000, 8192, 8192]))
    check(tiny_studio, pixels, EllipseRegion(ellipse=[100, 100, 6000, 5000]))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_scaling_writes_only_its_patch(tiny_studio: Studio, dtype: type) -> None:
    pixels = noise(90, 120, 4, dtype)
    parent = tiny_studio.images.add(Picture(pixels.copy()), "made")
    for factor in (0.3, 1.0, 2.5):
        region = [EllipseRegion(ellipse=[10, 10, 40, 45]), BoxRegion(box=[80, 50, 119, 90])]
        outcome = tiny_studio.scale(ScaleCommand(parent.image_id, region, factor, factor))
        _compare(tiny_studio, pixels, outcome.version.image_id)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_strokes_write_only_their_patch(tiny_studio: Studio, dtype: type, channels: int) -> None:
    pixels = noise(90, 120, channels, dtype)
    image_id = tiny_studio.images.add(Picture(pixels.copy()), "made").image_id
    region = [EllipseRegion(ellipse=[10, 10, 40, 45]), BoxRegion(box=[80, 50, 119, 90])]
    moves = (
        MoveStroke(kind="move", start=[20, 20], end=[90, 70], radius=18),
        SwellStroke(kind="bloat", center=[100, 70], radius=30),
    )
    line = BrushStroke(points=[[0, 0], [119, 89]], width=12, color="#c03050", softness=0.5)
    for outcome in (
        tiny_studio.liquify(LiquifyCommand(image_id, region, moves)),
        tiny_studio.brush(BrushCommand(image_id, region, (line,))),
    ):
        selected = np.zeros(pixels.shape[:2], bool)
        selected[10:45, 10:40] = selected[50:90, 80:119] = True
        after = tiny_studio.images.load(outcome.version.image_id).pixels
        assert np.array_equal(after[~selected], pixels[~selected])
        assert (after != pixels).any()
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
    after = ImageStore(studio.images.folder).load(current).pixels
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
def test_any_size_mode_depth_profile_and_box_at_length(tiny_studio: Studio, case: tuple) -> None:
    pixels, region, profile, changes = case
    check(tiny_studio, pixels, region, profile, **changes)
