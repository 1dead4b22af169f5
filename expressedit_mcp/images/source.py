"""Reads the bytes behind an image reference that is no image id."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import unquote_to_bytes

from expressedit_mcp.errors import InputError
from expressedit_mcp.images.roots import Roots

_MIB = 1 << 20


def read_source(
    source: str, roots: Roots, *, max_file_mb: int, max_data_uri_mb: int
) -> tuple[bytes, str]:
    """The bytes of a path inside the roots or of a data: URI, and a name for it. Raises InputError."""
    if source[:5].lower() == "data:":
        return _data_uri(source, max_data_uri_mb), "the data: URI"
    if "://" in source[:12]:
        raise InputError(
            f"{source.split('://', 1)[0]}:// addresses are not opened. Download the picture and give "
            "its path, or pass it as a data: URI."
        )
    path = roots.existing(source)
    size = path.stat().st_size
    if size > max_file_mb * _MIB:
        raise InputError(
            f"{path} has {size / _MIB:.0f} MB; the limit is {max_file_mb} (EXPRESSEDIT_MAX_FILE_MB)."
        )
    try:
        return path.read_bytes(), path.name
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}. Check its permissions."
        ) from error


def _data_uri(uri: str, max_mb: int) -> bytes:
    head, comma, body = uri.partition(",")
    if not comma:
        raise InputError(
            "The data: URI has no comma. It reads data:image/png;base64,<base64 of the file>."
        )
    if len(body) > max_mb * _MIB * 4 / 3 + 4:
        raise InputError(
            f"The data: URI is larger than {max_mb} MB. Save the picture and give its path."
        )
    if head.lower().endswith(";base64"):
        try:
            data = base64.b64decode("".join(body.split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise InputError(
                "The data: URI is not valid base64; it was probably altered on the way. Give the "
                "picture's path instead."
            ) from error
    else:
        data = unquote_to_bytes(body)
    if not data:
        raise InputError("The data: URI holds 0 bytes. Give a PNG, JPEG or WebP picture.")
    return data
