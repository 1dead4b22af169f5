"""Previews fit into a chat whatever the picture."""

import io

import numpy as np
import pytest
from PIL import Image

from expressedit_mcp.images import Preview, make_preview


def noise(width: int, height: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)


def shown(preview: Preview) -> Image.Image:
    return Image.open(io.BytesIO(preview.data))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(
    ("width", "height"),
    [(1, 1), (1, 9000), (3, 5000), (5000, 3), (767, 769), (768, 768), (2000, 1500), (60, 4001)],
)
def test_noise_of_any_shape_stays_within_bytes_and_side(width, height, channels):
    preview = make_preview(noise(width, height, channels))
    image = shown(preview)
    assert len(preview.data) <= 75_000
    assert max(image.size) <= 768
    assert min(image.size) >= 1
    assert image.size == (preview.width, preview.height)
    assert Image.MIME[image.format or ""] == preview.mime_type


@pytest.mark.parametrize(("max_side", "max_bytes"), [(64, 75_000), (768, 9_000), (2000, 30_000)])
def test_other_limits_are_kept(max_side, max_bytes):
    preview = make_preview(noise(1200, 900), max_side, max_bytes)
    assert len(preview.data) <= max_bytes
    assert max(preview.width, preview.height) <= max_side


def test_a_small_picture_is_shown_exactly_as_png():
    pixels = noise(40, 30)
    preview = make_preview(pixels)
    assert preview.mime_type == "image/png"
    assert np.array_equal(np.array(shown(preview)), pixels)


def test_a_16_bit_picture_is_shown_at_its_nearest_8_bit_levels():
    deep = np.random.default_rng(1).integers(0, 65536, (30, 40, 4), np.uint16)
    deep[..., 3] = 65535
    image = np.array(shown(make_preview(deep)))
    assert np.array_equal(image, np.rint(deep[..., :3] / 257))


def test_a_small_picture_is_not_enlarged():
    preview = make_preview(noise(40, 30), max_side=768)
    assert (preview.width, preview.height) == (40, 30)


@pytest.mark.parametrize(("width", "height"), [(2000, 1500), (900, 1800), (1600, 1600)])
def test_the_aspect_ratio_is_kept(width, height):
    preview = make_preview(noise(width, height))
    assert preview.width / preview.height == pytest.approx(width / height, rel=0.01)


def test_what_does_not_fit_as_png_becomes_jpeg():
    assert make_preview(noise(700, 700)).mime_type == "image/jpeg"


def test_transparency_lies_on_white():
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[:2] = (200, 0, 0, 255)
    image = np.array(shown(make_preview(pixels)))
    assert (image[:2] == (200, 0, 0)).all()
    assert (image[2:] == 255).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_half_transparent_colour_is_half_way_to_white(dtype):
    top = np.iinfo(dtype).max
    pixels = np.full((8, 8, 4), (0, top // 5, top, top // 5 * 2), dtype)
    assert (np.array(shown(make_preview(pixels))) == (153, 173, 255)).all()


@pytest.mark.parametrize("side", [1100, 1537, 2999])
def test_stripes_too_fine_for_the_preview_become_their_mean(side):
    pixels = np.zeros((side, side, 3), np.uint8)
    pixels[::2] = 200
    image = np.array(shown(make_preview(pixels, max_side=400)))
    assert np.abs(image.astype(int) - 100).max() <= 4
    assert image.mean() == pytest.approx(100, abs=1)


def test_the_picture_given_stays_as_it_was():
    pixels = noise(900, 900, 4)
    make_preview(pixels)
    assert np.array_equal(pixels, noise(900, 900, 4))
