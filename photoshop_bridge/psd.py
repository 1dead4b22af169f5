"""Layered Photoshop documents, written with psd-tools: a base picture and masked layers in a group."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from psd_tools import PSDImage
from psd_tools.api.layers import Group
from psd_tools.constants import ColorMode, Resource
from psd_tools.psd.image_resources import ImageResource, ResoulutionInfo
from psd_tools.psd.layer_and_mask import LayerInfo

from photoshop_bridge.errors import BridgeError
from photoshop_bridge.values import GROUP

MAX_SIDE_PX = 30_000
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_PER_INCH = 1


@dataclass(frozen=True)
class PsdBase:
    """The lowest layer: pixels (H, W, 1|3|4) uint8 or uint16, straight alpha, profile and dots per inch."""

    name: str
    pixels: np.ndarray
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None


@dataclass(frozen=True)
class PsdLayer:
    """A layer at (left, top): opaque colour (h, w, 1|3) uint8 or uint16, unblended, and its mask (h, w) uint8.

    Colour of another depth than the document's is converted to it.
    """

    name: str
    left: int
    top: int
    pixels: np.ndarray
    mask: np.ndarray


def write_psd(base: PsdBase, layers: Sequence[PsdLayer], merged: np.ndarray) -> bytes:
    """A document of the base and, in a group above it, the layers, the first one lowest.

    `merged` (H, W, channels as the base's) is what programs show that read no layers. The depth is that of the
    base's pixels. Raises BridgeError for more than 30,000 pixels a side, the format's limit.
    """
    height, width, channels = base.pixels.shape
    if max(height, width) > MAX_SIDE_PX:
        raise BridgeError(
            "too_large",
            f"{width} x {height} pixels do not fit into a PSD, which takes {MAX_SIDE_PX} a side.",
            "Crop the picture first.",
        )
    document = PSDImage.new(
        _MODES[channels], (width, height), depth=8 if base.pixels.dtype == np.uint8 else 16
    )
    # names are set after the creation, where non-ASCII ones cannot be written
    document.create_pixel_layer_from_array(base.pixels).name = base.name
    _add_group(document, layers)
    if channels == 4:
        _layer_info(document).layer_count *= -1
        merged = _on_white(merged)
    if base.icc is not None:
        key = Resource.ICC_PROFILE
        document.image_resources[key] = ImageResource(key=key, data=base.icc)
    if base.dpi is not None:
        x, y = (round(dpi * 65536) for dpi in base.dpi)
        resolution = ResoulutionInfo(x, _PER_INCH, _PER_INCH, y, _PER_INCH, _PER_INCH)
        key = Resource.RESOLUTION_INFO
        document.image_resources[key] = ImageResource(key=key, data=resolution.tobytes())
    return _bytes(document, merged)


def append_layers(psd: bytes, layers: Sequence[PsdLayer]) -> bytes:
    """The document with the layers in a group on top; every old layer keeps its bytes.

    The merged image gets the layers blended in where the document has one. Raises BridgeError for what
    is no RGB or grey document of 8 or 16 bits.
    """
    try:
        document = PSDImage.open(io.BytesIO(psd))
    # psd-tools raises whatever a broken file leads it to
    except Exception as error:
        raise BridgeError(
            "unsupported_document",
            f"The PSD cannot be read ({error}).",
            "Save it anew in Photoshop.",
        ) from error
    if document.color_mode not in (ColorMode.RGB, ColorMode.GRAYSCALE) or document.depth not in (
        8,
        16,
    ):
        raise BridgeError(
            "unsupported_document",
            f"The PSD is in {document.color_mode.name} colour with {document.depth} bits.",
            "Convert a copy to RGB with 8 or 16 bits.",
        )
    merged = _merged(document)
    has_alpha = _layer_info(document).layer_count < 0
    for layer in layers:
        _blend(merged, layer, has_alpha)
    _add_group(document, layers)
    return _bytes(document, merged)


def psd_size(psd: bytes) -> tuple[int, int] | None:
    """(width, height) from the header; None for what is no PSD."""
    if len(psd) < 26 or psd[:6] != b"8BPS\0\1":
        return None
    return int.from_bytes(psd[18:22], "big"), int.from_bytes(psd[14:18], "big")


def _add_group(document: PSDImage, layers: Sequence[PsdLayer]) -> None:
    if not layers:
        return
    group: Group = document.create_group(name=GROUP)
    colours = 1 if document.color_mode == ColorMode.GRAYSCALE else 3
    dtype = np.dtype(np.uint8 if document.depth == 8 else np.uint16)
    for layer in layers:
        colour = _at_depth(_as_colours(layer.pixels, colours), dtype)
        opaque = np.dstack([colour, np.full(layer.mask.shape, np.iinfo(dtype).max, dtype)])
        made = group.create_pixel_layer_from_array(opaque, top=layer.top, left=layer.left)
        made.name = layer.name
        made.create_mask(Image.fromarray(layer.mask), top=layer.top, left=layer.left)


def _as_colours(pixels: np.ndarray, colours: int) -> np.ndarray:
    """Grey repeated to three channels; colour as grey by its mean."""
    if pixels.shape[2] == colours:
        return pixels
    if colours == 3:
        return np.repeat(pixels, 3, axis=2)
    return np.rint(pixels.mean(axis=2, keepdims=True)).astype(pixels.dtype)


def _at_depth(pixels: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The pixels as uint8 or uint16; 255 is 65535, and 16 bits are rounded to the nearest level of 8."""
    if pixels.dtype == dtype:
        return pixels
    if dtype == np.uint16:
        return pixels.astype(np.uint16) * np.uint16(257)
    return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _layer_info(document: PSDImage) -> LayerInfo:
    """The list of layers; a negative count says that the merged image's first extra channel is alpha."""
    info = document._record._get_layer_info()
    return info if info is not None else LayerInfo()


def _on_white(pixels: np.ndarray) -> np.ndarray:
    """Straight alpha (H, W, 4) as a merged image holds it: colour over white, alpha beside it."""
    most = np.iinfo(pixels.dtype).max
    alpha = pixels[..., 3:].astype(np.int64)
    colour = (pixels[..., :3] * alpha + most * (most - alpha) + most // 2) // most
    return np.concatenate([colour.astype(pixels.dtype), pixels[..., 3:]], axis=2)


def _merged(document: PSDImage) -> np.ndarray:
    """The merged image (H, W, channels) uint8 or uint16."""
    header = document._record.header
    data = document._record.image_data.get_data(header, split=False)
    assert isinstance(data, bytes)
    stored = np.frombuffer(data, np.uint8 if header.depth == 8 else ">u2")
    planes = stored.reshape(header.channels, header.height, header.width)
    return np.moveaxis(planes, 0, 2).astype(np.uint8 if header.depth == 8 else np.uint16)


def _blend(merged: np.ndarray, layer: PsdLayer, has_alpha: bool) -> None:
    """Puts a layer over the merged image, cut to its canvas: round(old + mask / 255 * (new - old))."""
    height, width = layer.mask.shape
    top, left = max(layer.top, 0), max(layer.left, 0)
    bottom = min(layer.top + height, merged.shape[0])
    right = min(layer.left + width, merged.shape[1])
    if top >= bottom or left >= right:
        return
    inside = np.s_[top - layer.top : bottom - layer.top, left - layer.left : right - layer.left]
    colours = 1 if merged.shape[2] < 3 else 3
    new = _at_depth(_as_colours(layer.pixels[inside], colours), merged.dtype).astype(np.int64)
    alpha = layer.mask[inside][..., None].astype(np.int64)
    if has_alpha:
        colours, most = colours + 1, np.iinfo(merged.dtype).max
        new = np.concatenate([new, np.full_like(alpha, most)], axis=2)
    old = merged[top:bottom, left:right, :colours]
    old[:] = (old * (255 - alpha) + new * alpha + 127) // 255


def _bytes(document: PSDImage, merged: np.ndarray) -> bytes:
    """The file with this merged image. Not `save`, which would render another one."""
    record = document._record
    stored = merged.astype(">u2") if merged.dtype == np.uint16 else merged
    planes = [stored[..., channel].tobytes() for channel in range(merged.shape[2])]
    record.image_data.set_data(planes, record.header)
    out = io.BytesIO()
    record.write(out)
    return out.getvalue()
