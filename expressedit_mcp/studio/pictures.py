"""Pictures as the tools name them: opened, looked at, saved."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from expressedit_mcp.errors import InputError
from expressedit_mcp.images import (
    DecodeLimits,
    ImageStore,
    Opened,
    Preview,
    Roots,
    Version,
    decode,
    make_preview,
    read_source,
)
from expressedit_mcp.images.store import ID_PATTERN
from expressedit_mcp.imaging import Box, Picture, draw_grid, to_rgb
from expressedit_mcp.imaging.crop import extract
from expressedit_mcp.settings import Settings
from expressedit_mcp.studio.photoshop import Photoshop, is_document

_MIB = 1 << 20


class Pictures:
    """What stands behind an image reference, within the folders and limits of the settings."""

    def __init__(
        self, settings: Settings, roots: Roots, images: ImageStore, photoshop: Photoshop
    ) -> None:
        self._settings, self._roots, self._images = settings, roots, images
        self._photoshop = photoshop

    def open(self, reference: str) -> Version:
        """The stored version behind an image reference: an id, a path, a data: URI, an open document."""
        if ID_PATTERN.fullmatch(reference):
            return self._images.get(reference)
        if is_document(reference):
            return self._photoshop.read(reference, selection=False).version
        opened, name = self._decode(reference)
        return self._images.add(opened.picture, name, opened.notes)

    def load(self, reference: str) -> Picture:
        """The pixels behind an image reference; a file that was not stored before is not stored now."""
        if ID_PATTERN.fullmatch(reference) or is_document(reference):
            return self._images.load(self.open(reference).image_id)
        return self._decode(reference)[0].picture

    def view(self, image_id: str, box: Box | None, max_side: int, grid: bool) -> Preview:
        """A view of a version, or of a box of it. Raises InputError for a box outside."""
        picture = self._images.load(self._images.get(image_id).image_id)
        shown = picture.size.box if box is None else box & picture.size.box
        if shown.is_empty:
            raise InputError(
                f"The box lies outside the picture, which is {picture.size.width} wide and "
                f"{picture.size.height} high."
            )
        pixels = extract(picture.pixels, shown)
        if not grid:
            return make_preview(pixels, max_side)
        scale = max_side / max(shown.width, shown.height)
        size = (max(1, round(shown.width * scale)), max(1, round(shown.height * scale)))
        return make_preview(draw_grid(_enlarged(to_rgb(pixels), size), shown), max_side)

    def save(self, image_id: str, path: str, overwrite: bool) -> Path:
        """Copies a version's PNG to a path inside the roots; returns it. Raises InputError."""
        stored = self._images.compressed(image_id)
        target = self._roots.new(path)
        if target.suffix.lower() != ".png":
            raise InputError(f"{target.name} does not end in .png; pictures are saved as PNG.")
        if target.is_relative_to(self._settings.pictures_dir):
            raise InputError(
                "The picture store's own folder is not written to. Choose another folder."
            )
        try:
            with (
                stored.open("rb") as source,
                target.open("wb" if overwrite else "xb") as file,
            ):
                shutil.copyfileobj(source, file)
        except FileExistsError as error:
            raise InputError(
                f"{target} exists and was left as it is. Choose another name, or pass overwrite=true."
            ) from error
        except OSError as error:
            raise InputError(f"{target} could not be written: {error.strerror}.") from error
        return target

    def fullness(self) -> tuple[str, ...]:
        """A warning when the store holds more than it should."""
        used, limit = self._images.used_bytes(), self._settings.store_limit_mb * _MIB
        if used <= limit:
            return ()
        return (
            f"The picture store holds {used / _MIB:.0f} MB of the wanted {limit / _MIB:.0f}; "
            "`expressedit-mcp images prune` frees space.",
        )

    def _decode(self, reference: str) -> tuple[Opened, str]:
        data, name = read_source(
            reference,
            self._roots,
            max_file_mb=self._settings.max_file_mb,
            max_data_uri_mb=self._settings.max_data_uri_mb,
        )
        return decode(data, name, DecodeLimits(self._settings.max_pixels)), name


def _enlarged(rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))
