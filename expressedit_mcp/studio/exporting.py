"""A version and the edits that made it as a layered Photoshop document."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from expressedit_mcp.errors import InputError
from expressedit_mcp.images import ImageStore, Roots, Version
from expressedit_mcp.studio.photoshop import layer_mask, layer_name
from photoshop_bridge import BridgeError

_MIB = 1 << 20


def export_psd(
    images: ImageStore,
    roots: Roots,
    image_id: str,
    *,
    path: str | None,
    add_to: str | None,
    overwrite: bool,
    max_file_mb: int,
) -> Path:
    """Writes the PSD of a version and returns its path. Raises InputError.

    Lowest lies the opened picture; each edit that led to the version is one masked layer above it.
    With `add_to` the layers go on top of an existing PSD of the same size instead, whose own layers
    keep every byte.
    """
    from photoshop_bridge.psd import PsdBase, append_layers, write_psd

    lineage = images.lineage(image_id)
    target = _target(roots, lineage, path)
    layers = _layers(images, lineage)
    root = images.load(lineage[0].image_id)
    try:
        if add_to is None:
            base = PsdBase(lineage[0].source or "Picture", root.pixels, root.icc, root.dpi)
            data = write_psd(base, layers, images.load(image_id).pixels)
        else:
            under = _existing(roots, add_to, root.size.width, root.size.height, max_file_mb)
            data = append_layers(under, layers)
    except BridgeError as error:
        raise InputError(str(error)) from error
    _write(target, data, overwrite)
    return target


def _layers(images: ImageStore, lineage: Sequence[Version]) -> list:
    from photoshop_bridge.psd import PsdLayer

    layers = []
    for version in lineage[1:]:
        patch = images.load_patch(version.image_id)
        assert patch is not None
        mask = layer_mask(patch, images.load(version.image_id))
        box = patch.box
        layers.append(PsdLayer(layer_name(version), box.left, box.top, patch.pixels, mask))
    return layers


def _target(roots: Roots, lineage: Sequence[Version], path: str | None) -> Path:
    """Where the file goes: the path, or in the first allowed folder a name made of source and id."""
    if path is None:
        name = f"{Path(lineage[0].source).stem or 'picture'}-{lineage[-1].image_id[4:12]}.psd"
        path = str(roots.allowed[0] / name)
    target = roots.new(path)
    if target.suffix.lower() != ".psd":
        raise InputError(f"{target.name} does not end in .psd.")
    return target


def _existing(roots: Roots, path: str, width: int, height: int, max_file_mb: int) -> bytes:
    from photoshop_bridge.psd import psd_size

    source = roots.existing(path)
    if source.stat().st_size > max_file_mb * _MIB:
        raise InputError(
            f"{source} has more than {max_file_mb} MB, the limit (EXPRESSEDIT_MAX_FILE_MB)."
        )
    data = source.read_bytes()
    size = psd_size(data)
    if size != (width, height):
        found = f"{size[0]} x {size[1]} pixels" if size else "no PSD"
        raise InputError(
            f"{source.name} is {found}; the picture that was edited is {width} x {height}. Layers can only "
            "be added to the document of that picture."
        )
    return data


def _write(target: Path, data: bytes, overwrite: bool) -> None:
    partial = target.with_name(f".{target.name}.partial")
    try:
        if target.exists() and not overwrite:
            raise InputError(
                f"{target} exists and was left as it is. Choose another name, or pass overwrite=true."
            )
        partial.write_bytes(data)
        os.replace(partial, target)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InputError(f"{target} could not be written: {error.strerror}.") from error
