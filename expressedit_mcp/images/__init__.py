"""Pictures on disk: reading and writing without loss, allowed folders, versions and their lineage."""

from expressedit_mcp.images.codec import DecodeLimits, Opened, decode, encode_png
from expressedit_mcp.images.preview import Preview, make_preview
from expressedit_mcp.images.roots import Roots
from expressedit_mcp.images.source import read_source
from expressedit_mcp.images.store import ImageStore, Version, request_key

__all__ = [
    "DecodeLimits",
    "ImageStore",
    "Opened",
    "Preview",
    "Roots",
    "Version",
    "decode",
    "encode_png",
    "make_preview",
    "read_source",
    "request_key",
]
