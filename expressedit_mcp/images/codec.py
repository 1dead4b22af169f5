"""Picture files to pixels and back, without loss of a value."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageCms, PngImagePlugin, UnidentifiedImageError

from expressedit_mcp.errors import InputError
from expressedit_mcp.images import png
from expressedit_mcp.imaging import Picture, profile_note

_FORMATS = ("PNG", "JPEG", "WEBP")
_PROMOTED = {"LA": "RGBA", "1": "L"}
# Pillow reads no larger profile from a PNG, and pictures are stored as PNG
_MAX_ICC_BYTES = PngImagePlugin.MAX_TEXT_CHUNK
# every version of a picture carries its text
_MAX_TEXT_BYTES = 1 << 20
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_TURNED = "turned upright as its EXIF orientation says; coordinates are of the upright picture"
_SIGNATURES = (
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"8BPS", "a Photoshop document"),
    (b"%PDF", "a PDF"),
    (b"<svg", "an SVG"),
    (b"\0\0\0", "a video or HEIC/AVIF file"),
)


@dataclass(frozen=True)
class DecodeLimits:
    """The largest picture that is decoded."""

    max_pixels: int


@dataclass(frozen=True)
class Opened:
    """A decoded picture and what was done to it on the way, in words."""

    picture: Picture
    notes: tuple[str, ...]


def decode(data: bytes, name: str, limits: DecodeLimits) -> Opened:
    """The picture in PNG, JPEG or WebP bytes; `name` stands for it in errors.

    Size and kind are judged from the header before anything is decoded. EXIF orientation is applied,
    palette pictures become RGB(A), CMYK with a profile becomes sRGB; 16-bit PNG stays 16-bit.
    Raises InputError.
    """
    if not data:
        raise InputError(f"{name} is empty (0 bytes). Give a PNG, JPEG or WebP picture.")
    image = _open(data, name)
    width, height = image.size
    if width * height > limits.max_pixels:
        raise _too_large(name, f"{width} x {height}", limits)
    # a multi-picture JPEG holds a depth or gain map beside its picture, no animation
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise InputError(f"{name} is animated. Save the frame to edit as a picture of its own.")
    chunks = png.read_chunks(data) if image.format == "PNG" else []
    try:
        deep = bool(chunks) and png.depth_and_colour(chunks)[0] == 16
        read = _read_16_bit if deep else _read_8_bit
        notes: list[str] = []
        picture = read(image, chunks, name, notes)
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise InputError(
            f"{name} is damaged or cut short ({error}). Export the picture again."
        ) from error
    if picture.icc and len(picture.icc) > _MAX_ICC_BYTES:
        picture = replace(picture, icc=None)
        notes.append("left out its colour profile, which is larger than 1 MB")
    text = tuple(chunk for chunk in chunks if chunk[0] in png.TEXT_CHUNKS)
    if sum(len(body) for _, body in text) > _MAX_TEXT_BYTES:
        notes.append("left out its text, which is larger than 1 MB")
    else:
        picture = replace(picture, text=text)
    unhandled = profile_note(picture)
    return Opened(picture, (*notes, unhandled) if unhandled else tuple(notes))


def encode_png(picture: Picture, level: int = 1) -> bytes:
    """The picture as PNG bytes with its depth, profile, resolution and text; level is zlib's, 0..9."""
    return png.encode(
        picture.pixels, icc=picture.icc, dpi=picture.dpi, text=picture.text, level=level
    )


def _read_8_bit(
    image: Image.Image, chunks: Sequence[png.Chunk], name: str, notes: list[str]
) -> Picture:
    """What Pillow reads; `notes` grows by what was done."""
    image.load()
    icc = _profile(image)
    if image.format == "PNG" and image.mode in ("L", "1") and "transparency" in image.info:
        # Pillow widens 1-, 2- and 4-bit grey to 8 bits, but not the level that is transparent
        top = 2 ** png.depth_and_colour(chunks)[0] - 1
        image.info["transparency"] = min(image.info["transparency"], top) * 255 // top
    turn = _turn(image)
    if turn is not None:
        image = image.transpose(turn)
        notes.append(_TURNED)
    if image.mode == "CMYK":
        image, icc = _cmyk_to_srgb(image, icc, name), None
        notes.append("converted from CMYK to sRGB through its colour profile")
    wanted = _wanted_mode(image, name)
    if wanted != image.mode:
        notes.append(f"converted from {image.mode} to {wanted}, values unchanged")
        image = image.convert(wanted)
    pixels = np.array(image)
    return Picture(pixels[..., None] if pixels.ndim == 2 else pixels, icc, _resolution(image))


def _read_16_bit(
    image: Image.Image, chunks: Sequence[png.Chunk], name: str, notes: list[str]
) -> Picture:
    """A 16-bit PNG, whose pixels Pillow never sees; `notes` grows by what was done."""
    pixels = png.decode_16_bit(chunks)
    notes.append("16 bits per channel, kept")
    if pixels.shape[2] == 4 and png.depth_and_colour(chunks)[1] != png.RGBA:
        notes.append("converted to RGBA, values unchanged")
    # with this Pillow need not decode to tell the orientation
    exif = next((body for chunk, body in chunks if chunk == b"eXIf"), None)
    if exif is not None or "Raw profile type exif" not in image.info:
        image.info["exif"] = exif or b""
    turn = _turn(image)
    if turn is not None:
        pixels = np.ascontiguousarray(_turned(pixels, turn))
        notes.append(_TURNED)
    return Picture(pixels, _profile(image), _resolution(image))


def _profile(image: Image.Image) -> bytes | None:
    icc = image.info.get("icc_profile")
    return icc if isinstance(icc, bytes) else None


def _resolution(image: Image.Image) -> tuple[float, float] | None:
    dpi = image.info.get("dpi")
    return (float(dpi[0]), float(dpi[1])) if dpi else None


def _cmyk_to_srgb(image: Image.Image, icc: bytes | None, name: str) -> Image.Image:
    """Relative colorimetric with black point compensation. Raises InputError without a usable profile."""
    try:
        if not icc:
            raise ImageCms.PyCMSError("it has no colour profile")
        converted = ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(io.BytesIO(icc)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ImportError) as error:
        raise InputError(
            f"{name} is in CMYK colour and cannot be converted: {error}. Convert it to RGB with its colour "
            "profile in an image editor first."
        ) from error
    assert converted is not None
    return converted


def _open(data: bytes, name: str) -> Image.Image:
    with warnings.catch_warnings():
        # our own limit decides, and it is checked right after
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            return Image.open(io.BytesIO(data), formats=_FORMATS)
        except Image.DecompressionBombError as error:
            raise InputError(
                f"{name} is too large to open ({error}). Crop or shrink it."
            ) from error
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
            raise InputError(
                f"{name} is {_kind(data)}, not a picture that can be read. Accepted are PNG, JPEG "
                "and WebP files (judged by content, not by name)."
            ) from error


def _kind(data: bytes) -> str:
    head = data[:16]
    for signature, kind in _SIGNATURES:
        if head.lstrip().lower().startswith(signature.lower()) or head.startswith(signature):
            return kind
    if head.startswith((b"\x89PNG", b"\xff\xd8", b"RIFF")):
        return "damaged at its start"
    text = data[:512]
    return "a text file" if text.isascii() and b"\0" not in text else "of an unknown kind"


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What turns the picture upright as its EXIF orientation says; None when it is upright."""
    try:
        return _UPRIGHT.get(image.getexif().get(0x0112, 1))
    except Exception:  # whatever Pillow trips over in broken EXIF, the pixels are sound
        return None


def _turned(pixels: np.ndarray, turn: Image.Transpose) -> np.ndarray:
    """Pixels (H, W, C) transposed as Pillow transposes pictures."""
    match turn:
        case Image.Transpose.FLIP_LEFT_RIGHT:
            return pixels[:, ::-1]
        case Image.Transpose.FLIP_TOP_BOTTOM:
            return pixels[::-1]
        case Image.Transpose.TRANSPOSE:
            return pixels.swapaxes(0, 1)
        case Image.Transpose.TRANSVERSE:
            return pixels[::-1, ::-1].swapaxes(0, 1)
        case _:
            quarters = {Image.Transpose.ROTATE_90: 1, Image.Transpose.ROTATE_180: 2}
            return np.rot90(pixels, quarters.get(turn, 3))


def _wanted_mode(image: Image.Image, name: str) -> str:
    mode = image.mode
    if mode in ("P", "PA"):
        return "RGBA" if mode == "PA" or "transparency" in image.info else "RGB"
    if mode in ("RGB", "L", "1") and "transparency" in image.info:
        return "RGBA"
    if mode in ("RGB", "RGBA", "L"):
        return mode
    if mode in _PROMOTED:
        return _PROMOTED[mode]
    raise InputError(
        f"{name} is in {mode} colour. Accepted are RGB, RGBA and grey; convert it with its colour profile "
        "in an image editor first."
    )


def _too_large(name: str, size: str, limits: DecodeLimits) -> InputError:
    return InputError(
        f"{name} is {size} pixels; the limit is {limits.max_pixels} in all. Crop or shrink it, or raise "
        "EXPRESSEDIT_MAX_PIXELS."
    )
