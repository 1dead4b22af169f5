"""Which part of a picture the model sees, and the way there and back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expressedit_mcp.imaging import (
    Box,
    CropPlan,
    Size,
    aspect_buckets,
    extract,
    plan_crop,
    resize,
    restore,
)

PICTURE = Size(400, 300)


@st.composite
def boxes_in(draw, size: Size):
    left, top = draw(st.integers(0, size.width - 1)), draw(st.integers(0, size.height - 1))
    right = draw(st.integers(left + 1, size.width))
    return Box(left, top, right, draw(st.integers(top + 1, size.height)))


@st.composite
def plans(draw):
    size = Size(draw(st.integers(1, 300)), draw(st.integers(1, 300)))
    selection = draw(boxes_in(size))
    context = draw(st.none() | boxes_in(size))
    plan = plan_crop(
        size,
        selection,
        native_px=draw(st.sampled_from([64, 128, 1024])),
        context=context,
        margin=draw(st.floats(0, 3)),
        min_side_px=draw(st.integers(1, 200)),
        buckets=draw(st.sampled_from([(), aspect_buckets(64), aspect_buckets(1024)])),
    )
    return size, selection, context, plan


def blob(size: Size, x: float, y: float, sigma: float) -> np.ndarray:
    """A bright spot about (x, y) in continuous coordinates, (H, W, 3) float32 0..1."""
    dx = np.arange(size.width) + 0.5 - x
    dy = (np.arange(size.height) + 0.5 - y)[:, None]
    spot = np.exp(-(dx * dx + dy * dy) / (2 * sigma * sigma))
    return np.repeat(spot[..., None], 3, axis=2).astype(np.float32)


def centroid(image: np.ndarray) -> np.ndarray:
    """(x, y) of the brightness, in continuous coordinates."""
    weight = image[..., 0].astype(np.float64)
    x, y = np.arange(weight.shape[1]) + 0.5, np.arange(weight.shape[0]) + 0.5
    return np.array([(weight.sum(0) * x).sum(), (weight.sum(1) * y).sum()]) / weight.sum()


def smooth(size: Size, seed: int = 0) -> np.ndarray:
    """Colour that changes slowly, (H, W, 3) float32 0.1..0.9."""
    phase = np.random.default_rng(seed).uniform(0, 6, (3, 3))
    y, x = np.mgrid[0 : size.height, 0 : size.width] / 40
    channels = [np.sin(x + a) * np.cos(y + b) * np.sin((x + y) / 2 + c) for a, b, c in phase]
    return (0.5 + 0.4 * np.stack(channels, axis=2)).astype(np.float32)


@pytest.mark.parametrize(
    ("selection", "options", "box"),
    [
        (Box(100, 100, 140, 120), {}, Box(100, 90, 140, 130)),
        (Box(100, 100, 120, 140), {"margin": 0.5}, Box(70, 80, 150, 160)),
        (Box(100, 100, 110, 110), {"margin": 0.33}, Box(96, 96, 113, 113)),
        (Box(100, 100, 110, 110), {"min_side_px": 64}, Box(73, 73, 137, 137)),
        (Box(0, 0, 10, 10), {"margin": 1}, Box(0, 0, 30, 30)),
        (Box(390, 290, 400, 300), {"margin": 1}, Box(370, 270, 400, 300)),
        (Box(395, 5, 400, 10), {"min_side_px": 50}, Box(350, 0, 400, 50)),
        (Box(100, 0, 120, 300), {}, Box(0, 0, 300, 300)),
        (Box(0, 0, 400, 300), {}, Box(0, -50, 400, 350)),
        (Box(0, 0, 400, 300), {"margin": 0.25}, Box(-100, -150, 500, 450)),
        (Box(10, 10, 20, 20), {"context": Box(0, 0, 100, 80)}, Box(0, 0, 100, 100)),
        (Box(10, 10, 20, 20), {"context": Box(0, 0, 100, 100), "margin": 9}, Box(0, 0, 100, 100)),
        (Box(10, 10, 20, 20), {"context": Box(200, 200, 210, 210)}, Box(10, 10, 210, 210)),
        (
            Box(100, 100, 110, 110),
            {"context": Box(90, 90, 120, 120), "min_side_px": 64},
            Box(73, 73, 137, 137),
        ),
    ],
    ids=[
        "inside",
        "margin",
        "margin of part of a pixel",
        "min side",
        "top left corner",
        "bottom right corner",
        "min side in a corner",
        "as high as the picture",
        "whole picture",
        "wider than the picture",
        "context",
        "context instead of margin",
        "context beside the selection",
        "context and min side",
    ],
)
def test_the_crop_of_a_selection(selection, options, box):
    plan = plan_crop(PICTURE, selection, native_px=1024, **options)
    assert plan == CropPlan(box, Size(1024, 1024))


PAGE = Size(1664, 2432)


@pytest.mark.parametrize(
    ("selection", "options", "box", "model"),
    [
        (Box(0, 0, 1664, 2432), {}, Box(0, 0, 1664, 2432), Size(832, 1216)),
        (Box(100, 1000, 1600, 1400), {}, Box(100, 888, 1600, 1513), Size(1536, 640)),
        (Box(700, 100, 900, 2300), {}, Box(340, 96, 1260, 2304), Size(640, 1536)),
        (Box(0, 1200, 1600, 2432), {"margin": 0.25}, Box(0, 768, 1664, 2432), Size(1024, 1024)),
        (Box(100, 100, 1124, 300), {}, Box(100, 0, 1124, 1024), Size(1024, 1024)),
        (Box(100, 900, 700, 1000), {"margin": 0.3}, Box(0, 470, 960, 1430), Size(1024, 1024)),
        (
            Box(10, 10, 20, 20),
            {"context": Box(0, 0, 1664, 1000), "margin": 9},
            Box(-43, 0, 1707, 1000),
            Size(1344, 768),
        ),
    ],
    ids=[
        "whole page",
        "wide",
        "high",
        "nearly square",
        "of native length",
        "smaller than native",
        "context",
    ],
)
def test_a_crop_larger_than_native_takes_the_nearest_bucket(selection, options, box, model):
    plan = plan_crop(PAGE, selection, native_px=1024, buckets=aspect_buckets(1024), **options)
    assert (plan.box, plan.model_size) == (box, model)


@pytest.mark.parametrize("native_px", [512, 768, 1024, 1536])
def test_buckets_have_about_native_pixels_and_fit_the_latents(native_px):
    buckets = aspect_buckets(native_px)
    assert buckets[0] == Size(native_px, native_px)
    for bucket in buckets:
        assert 0.88 < bucket.width * bucket.height / native_px**2 < 1.06
        assert bucket.width % 32 == bucket.height % 32 == 0


@settings(deadline=None)
@given(plans())
def test_the_crop_holds_selection_and_context(case):
    _, selection, context, plan = case
    assert plan.box & selection == selection
    assert context is None or plan.box & context == context


@settings(deadline=None)
@given(plans())
def test_the_crop_has_the_aspect_ratio_of_the_model_size(case):
    *_, plan = case
    assert plan.box.width * plan.model_size.height == plan.box.height * plan.model_size.width
    assert plan.scale == plan.model_size.width / plan.box.width


@settings(deadline=None)
@given(plans())
def test_the_edges_of_the_crop_are_integers(case):
    *_, plan = case
    assert all(type(edge) is int for edge in plan.box.as_list())


@settings(deadline=None)
@given(plans())
def test_the_crop_leaves_the_picture_only_where_the_picture_is_too_small(case):
    size, *_, plan = case
    held = plan.box & size.box
    assert held.width == min(plan.box.width, size.width)
    assert held.height == min(plan.box.height, size.height)


@settings(deadline=None)
@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.sampled_from([(), (1,), (3,), (4,)]),
    st.tuples(*[st.integers(0, 20)] * 4),
    st.data(),
)
def test_extract_repeats_the_border_pixels_outside_the_picture(width, height, rest, reach, data):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, *rest), np.uint8)
    inner = data.draw(boxes_in(Size(width, height)))
    box = Box(
        inner.left - reach[0], inner.top - reach[1], inner.right + reach[2], inner.bottom + reach[3]
    )
    rows = np.clip(np.arange(box.top, box.bottom), 0, height - 1)
    columns = np.clip(np.arange(box.left, box.right), 0, width - 1)
    assert np.array_equal(extract(pixels, box), pixels[rows][:, columns])


@pytest.mark.parametrize("model_px", [37, 53, 64, 90, 100, 101, 173, 256, 333, 1024])
@pytest.mark.parametrize(("x", "y"), [(50, 50), (41.3, 55.8)])
def test_resizing_there_and_back_keeps_pixel_centres(model_px, x, y):
    picture = Size(100, 100)
    before = blob(picture, x, y, sigma=6)
    plan = CropPlan(picture.box, Size(model_px, model_px))
    seen = resize(before, plan.model_size)
    back = restore(seen, plan)
    assert np.abs(centroid(seen) / plan.scale - centroid(before)).max() < 0.05
    assert np.abs(centroid(back) - centroid(before)).max() < 0.05


@pytest.mark.parametrize("model_px", [128, 129, 200, 311, 512])
def test_a_smooth_picture_survives_the_way_there_and_back(model_px):
    picture = Size(128, 128)
    before = smooth(picture)
    plan = CropPlan(picture.box, Size(model_px, model_px))
    back = restore(resize(before, plan.model_size), plan)
    assert back.shape == before.shape
    assert np.abs(back - before).max() * 255 < 1


@pytest.mark.parametrize("shape", [(10, 12), (10, 12, 1), (10, 12, 3)])
@pytest.mark.parametrize("size", [Size(5, 4), Size(12, 10), Size(31, 17)])
def test_resizing_keeps_the_channel_axis(shape, size):
    assert resize(np.zeros(shape, np.float32), size).shape == size.shape + shape[2:]


@pytest.mark.parametrize("size", [Size(3, 5), Size(64, 64), Size(200, 90)])
def test_a_flat_image_stays_flat(size):
    image = np.full((40, 50, 3), 0.3, np.float32)
    assert np.abs(resize(image, size) - 0.3).max() < 1e-5


def test_restored_values_stay_within_0_and_1():
    stripes = np.zeros((32, 32, 3), np.float32)
    stripes[:, ::4] = 1
    plan = CropPlan(Box(0, 0, 77, 77), Size(32, 32))
    assert resize(stripes, plan.box.size).max() > 1
    back = restore(stripes, plan)
    assert back.min() >= 0
    assert back.max() <= 1
