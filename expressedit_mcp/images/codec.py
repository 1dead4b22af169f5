"""Picture files to pixels and back, without loss of a value."""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from expressedit_mcp.errors import InputError
from expressedit_mcp.imaging import Picture

_FORMATS = ("PNG", "JPEG", "WEBP")
_PROMOTED = {"LA": "RGBA", "1": "L"}
# Pillow reads no larger profile from a PNG, and pictures are stored as PNG
_MAX_ICC_BYTES = PngImagePlugin.MAX_TEXT_CHUNK
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
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
    palette pictures become RGB(A). Raises InputError.
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
    if _is_16_bit(image, data):
        raise InputError(
            f"{name} has 16 bits per channel, which this version cannot keep. Save an 8-bit copy "
            "and edit that."
        )
    notes = []
    try:
        image.load()
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        raise InputError(
            f"{name} is damaged or cut short ({error}). Export the picture again."
        ) from error
    icc = image.info.get("icc_profile")
    if icc and len(icc) > _MAX_ICC_BYTES:
        icc = None
        notes.append("left out its colour profile, which is larger than 1 MB")
    dpi = image.info.get("dpi")
    if image.format == "PNG" and image.mode in ("L", "1") and "transparency" in image.info:
        # Pillow widens 1-, 2- and 4-bit grey to 8 bits, but not the level that is transparent
        top = 2 ** data[24] - 1
        image.info["transparency"] = min(image.info["transparency"], top) * 255 // top
    turn = _turn(image)
    if turn is not None:
        image = image.transpose(turn)
        notes.append(
            "turned upright as its EXIF orientation says; coordinates are of the upright picture"
        )
    wanted = _wanted_mode(image, name)
    if wanted != image.mode:
        notes.append(f"converted from {image.mode} to {wanted}, values unchanged")
        image = image.convert(wanted)
    pixels = np.array(image)
    picture = Picture(
        pixels[..., None] if pixels.ndim == 2 else pixels,
        icc=icc if isinstance(icc, bytes) else None,
        dpi=(float(dpi[0]), float(dpi[1])) if dpi else None,
    )
    return Opened(picture, tuple(notes))


def encode_png(picture: Picture, level: int = 1) -> bytes:
    """The picture as PNG bytes with its profile and resolution; level is zlib's, 0..9."""
    pixels = picture.pixels
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    out = io.BytesIO()
    extra = {"dpi": picture.dpi} if picture.dpi else {}
    image.save(out, "PNG", compress_level=level, icc_profile=picture.icc, **extra)
    return out.getvalue()


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


def _is_16_bit(image: Image.Image, data: bytes) -> bool:
    """True for 16-bit PNG, which Pillow would cut to 8 bits in silence."""
    return image.mode.startswith("I") or (image.format == "PNG" and data[24] == 16)


def _turn(image: Image.Image) -> Image.Transpose | None:
    """What turns the picture upright as its EXIF orientation says; None when it is upright."""
    try:
        return _UPRIGHT.get(image.getexif().get(0x0112, 1))
    except Exception:  # whatever Pillow trips over in broken EXIF, the pixels are sound
        return None


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
        f"{name} is in {mode} colour. Accepted are 8-bit RGB, RGBA and grey; convert it with its colour "
        "profile in an image editor first."
    )


def _too_large(name: str, size: str, limits: DecodeLimits) -> InputError:
    return InputError(
        f"{name} is {size} pixels; the limit is {limits.max_pixels} in all. Crop or shrink it, or raise "
        "EXPRESSEDIT_MAX_PIXELS."
    )
