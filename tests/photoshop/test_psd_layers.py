"""Layered PSDs, re-opened by psd-tools and compared pixel by pixel, and the export of a lineage."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image, ImageCms
from psd_tools import PSDImage
from psd_tools.constants import ColorMode, Resource

from expressedit_mcp.cli import main
from expressedit_mcp.errors import InputError
from expressedit_mcp.regions import BoxRegion
from expressedit_mcp.studio import ScaleCommand, Studio
from photoshop_bridge import BridgeError
from photoshop_bridge.psd import PsdBase, PsdLayer, append_layers, psd_size, write_psd

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
EYES = BoxRegion(box=[60, 100, 190, 155])
DTYPES = [np.uint8, np.uint16]


def noise(*shape: int, dtype: Any = np.uint8, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


def opened(data: bytes) -> PSDImage:
    return PSDImage.open(io.BytesIO(data))


def pixel_layers(document: PSDImage) -> list[Any]:
    return [layer for layer in document.descendants() if layer.kind == "pixel"]


def stored(layer: Any, channel: Any, dtype: Any = np.uint8) -> np.ndarray:
    return np.rint(layer.numpy(channel) * np.iinfo(dtype).max).astype(dtype)


def planes(document: PSDImage) -> np.ndarray:
    """The merged image as it is stored."""
    header = document._record.header
    data = document._record.image_data.get_data(header, split=False)
    assert isinstance(data, bytes)
    dtype = np.uint8 if header.depth == 8 else np.dtype(">u2")
    shape = (header.channels, header.height, header.width)
    return np.moveaxis(np.frombuffer(data, dtype).reshape(shape), 0, 2)


@pytest.mark.parametrize("edit_dtype", DTYPES, ids=["edit in 8 bit", "edit in 16 bit"])
@pytest.mark.parametrize("dtype", DTYPES, ids=["8 bit", "16 bit"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_what_is_written_is_read_again(channels: int, dtype: Any, edit_dtype: Any) -> None:
    """Odd sizes, a layer at an odd offset, a name that is not ASCII."""
    base = noise(97, 131, channels, dtype=dtype)
    merged = noise(97, 131, channels, dtype=dtype, seed=1)
    if channels == 4:
        merged[..., 3] = np.iinfo(dtype).max
    colour = noise(31, 23, min(channels, 3), dtype=edit_dtype, seed=2)
    layer = PsdLayer("表情: 笑顔", 33, 44, colour, noise(31, 23, seed=3))
    document = opened(write_psd(PsdBase("página", base, ICC, (300, 150)), [layer], merged))
    assert document.size == (131, 97)
    assert document.depth == np.iinfo(dtype).bits
    assert document.image_resources.get_data(Resource.ICC_PROFILE) == ICC
    resolution = document.image_resources.get_data(Resource.RESOLUTION_INFO)
    assert (resolution.horizontal / 65536, resolution.vertical / 65536) == (300, 150)
    assert [(each.name, each.kind) for each in document] == [
        ("página", "pixel"),
        ("Expressions", "group"),
    ]
    lowest, made = pixel_layers(document)
    assert np.array_equal(stored(lowest, None, dtype)[..., :channels], base)
    assert made.name == layer.name
    assert made.bbox == (33, 44, 56, 75)
    exact = colour / np.iinfo(edit_dtype).max * np.iinfo(dtype).max
    assert np.abs(stored(made, "color", dtype) - exact).max() <= 0.5
    assert (stored(made, "shape") == 255).all()
    assert np.array_equal(stored(made, "mask")[..., 0], layer.mask)
    assert made.mask.background_color == 0
    assert np.array_equal(planes(document), merged)


@pytest.mark.parametrize("channels", [1, 3])
def test_another_reader_sees_the_merged_image(channels: int) -> None:
    """Pillow's own PSD reader, which shares no code with psd-tools."""
    base, merged = noise(97, 131, channels), noise(97, 131, channels, seed=1)
    layer = PsdLayer("new", 5, 6, noise(20, 20, channels), noise(20, 20))
    data = write_psd(PsdBase("base", base, ICC, (300, 300)), [layer], merged)
    with Image.open(io.BytesIO(data)) as seen:
        assert np.array_equal(np.atleast_3d(np.asarray(seen)), merged)
        assert seen.info["icc_profile"] == ICC


def test_a_transparent_picture_is_merged_over_white_with_its_alpha() -> None:
    base = noise(9, 7, 4)
    merged = planes(opened(write_psd(PsdBase("b", base), [], base)))
    alpha = base[..., 3:] / 255
    assert np.array_equal(merged[..., 3], base[..., 3])
    assert np.abs(merged[..., :3] - (base[..., :3] * alpha + 255 * (1 - alpha))).max() <= 0.5


def test_no_layers_make_no_group() -> None:
    document = opened(write_psd(PsdBase("b", noise(9, 7, 3)), [], noise(9, 7, 3)))
    assert [layer.name for layer in document] == ["b"]


def test_what_a_psd_cannot_hold() -> None:
    wide = np.zeros((1, 30_001, 1), np.uint8)
    with pytest.raises(BridgeError, match="30000 a side"):
        write_psd(PsdBase("b", wide), [], wide)


@pytest.mark.parametrize("dtype", DTYPES, ids=["8 bit", "16 bit"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_appending_keeps_every_old_byte_of_the_layers(channels: int, dtype: Any) -> None:
    base = noise(60, 50, channels, dtype=dtype)
    old = write_psd(
        PsdBase("base", base, ICC, (72, 72)),
        [PsdLayer("old", 5, 6, noise(20, 20, min(channels, 3)), noise(20, 20))],
        base,
    )
    layer = PsdLayer("new", -3, 50, noise(20, 30, 3, seed=5), noise(20, 30, seed=6))
    before, after = opened(old), opened(append_layers(old, [layer]))
    kept, grown = pixel_layers(before), pixel_layers(after)
    assert [each.name for each in grown] == ["base", "old", "new"]
    for a, b in zip(kept, grown, strict=False):
        assert [channel.data for channel in a._channels] == [
            channel.data for channel in b._channels
        ]
        blocks = [(str(key), block.tobytes()) for key, block in a.tagged_blocks.items()]
        assert blocks == [(str(key), block.tobytes()) for key, block in b.tagged_blocks.items()]
    assert after.image_resources.get_data(Resource.ICC_PROFILE) == ICC
    assert grown[-1].bbox == (-3, 50, 27, 70)
    outside = np.ones((60, 50), bool)
    outside[50:, :27] = False
    assert np.array_equal(planes(after)[outside], planes(before)[outside])
    assert not np.array_equal(planes(after), planes(before))


@pytest.mark.parametrize("dtype", DTYPES, ids=["8 bit", "16 bit"])
def test_appending_blends_into_the_merged_image(dtype: Any) -> None:
    base = noise(10, 10, 3, dtype=dtype)
    old = write_psd(PsdBase("base", base), [], base)
    colour, mask = noise(10, 10, 3, dtype=dtype, seed=1), noise(10, 10, seed=2)
    grown = planes(opened(append_layers(old, [PsdLayer("new", 0, 0, colour, mask)])))
    alpha = mask[..., None] / 255
    assert np.abs(grown - (base * (1 - alpha) + colour * alpha)).max() <= 0.5


@pytest.mark.parametrize(
    "data", [b"", b"8BPS\0\1" + bytes(40), b"not a PSD at all, but long enough"]
)
def test_what_is_no_psd_is_told(data: bytes) -> None:
    with pytest.raises(BridgeError, match="cannot be read"):
        append_layers(data, [])


def test_documents_of_other_colour_are_refused() -> None:
    out = io.BytesIO()
    PSDImage.new("CMYK", (4, 4)).save(out)
    assert PSDImage.open(io.BytesIO(out.getvalue())).color_mode == ColorMode.CMYK
    with pytest.raises(BridgeError, match="Convert a copy to RGB"):
        append_layers(out.getvalue(), [])


def test_sizes_are_read_from_the_header() -> None:
    assert psd_size(write_psd(PsdBase("b", noise(9, 7, 3)), [], noise(9, 7, 3))) == (7, 9)
    assert psd_size(b"8BPS") is None
    assert psd_size(bytes(100)) is None


@pytest.fixture
def edited(studio: Studio, pictures_dir: Path, drawing: Any) -> tuple[str, Path]:
    """A character that was scaled twice, opened from a file with a profile and 300 dpi."""
    path = pictures_dir / "hero.png"
    Image.fromarray(drawing.pixels).save(path, icc_profile=ICC, dpi=(300, 300))
    first = studio.scale(ScaleCommand(str(path), EYES, 0.5, 0.5))
    second = studio.scale(ScaleCommand(first.version.image_id, EYES, 1.5, 1.5))
    return second.version.image_id, path


def test_a_version_becomes_a_layer_for_each_edit(
    studio: Studio, edited: tuple[str, Path], pictures_dir: Path
) -> None:
    image_id, source = edited
    target = studio.export_psd(image_id, str(pictures_dir / "out.psd"))
    document = opened(target.read_bytes())
    base, *layers = pixel_layers(document)
    assert base.name == "hero.png"
    root = np.asarray(Image.open(source))
    assert np.array_equal(stored(base, None)[..., : root.shape[2]], root)
    assert [layer.name for layer in layers] == [
        "Expression: scaled to 50% x 50%",
        "Expression: scaled to 150% x 150%",
    ]
    final = np.asarray(Image.open(studio.images.path(image_id)))
    assert np.array_equal(planes(document), final)
    assert document.image_resources.get_data(Resource.ICC_PROFILE) == ICC
    flat = root[..., :3].astype(int)
    for layer in layers:
        left, top, right, bottom = layer.bbox
        mask = stored(layer, "mask").astype(int)
        under = flat[top:bottom, left:right]
        mixed = under * (255 - mask) + stored(layer, "color").astype(int) * mask
        flat[top:bottom, left:right] = (mixed + 127) // 255
    assert np.array_equal(flat, final[..., :3])


def test_edits_go_on_top_of_the_artist_s_own_file(
    studio: Studio, edited: tuple[str, Path], pictures_dir: Path, drawing: Any
) -> None:
    own = PsdBase("line art", drawing.pixels)
    (pictures_dir / "own.psd").write_bytes(write_psd(own, [], drawing.pixels))
    target = studio.export_psd(edited[0], str(pictures_dir / "new.psd"), add_to="own.psd")
    names = [layer.name for layer in pixel_layers(opened(target.read_bytes()))]
    assert names[0] == "line art"
    assert len(names) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"path": "out.png"}, "does not end in .psd"),
        ({"path": "/somewhere/out.psd"}, "outside the allowed folders"),
        ({"path": "out.psd", "add_to": "hero.png"}, "is no PSD"),
        ({"path": "out.psd", "add_to": "small.psd"}, "4 x 4 pixels; the picture that was edited"),
        ({"path": "there.psd"}, "exists and was left as it is"),
    ],
)
def test_exports_that_cannot_be(
    studio: Studio, edited: tuple[str, Path], pictures_dir: Path, arguments: dict, message: str
) -> None:
    small = noise(4, 4, 3)
    (pictures_dir / "small.psd").write_bytes(write_psd(PsdBase("b", small), [], small))
    (pictures_dir / "there.psd").write_bytes(b"mine")
    with pytest.raises(InputError, match=message):
        studio.export_psd(edited[0], **arguments)
    assert (pictures_dir / "there.psd").read_bytes() == b"mine"
    assert not (pictures_dir / "out.psd").exists()


def test_the_command_line_writes_one_too(edited: tuple[str, Path], pictures_dir: Path) -> None:
    done = CliRunner().invoke(main, ["psd", edited[0]])
    assert done.exit_code == 0, done.output
    (written,) = pictures_dir.glob("hero-*.psd")
    assert str(written) in done.output
    again = CliRunner().invoke(main, ["psd", edited[0]])
    assert again.exit_code == 1
    assert CliRunner().invoke(main, ["psd", edited[0], "--overwrite"]).exit_code == 0
