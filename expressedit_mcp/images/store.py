"""The versions of pictures on disk: immutable, content-addressed, each with its parent and its patch."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from expressedit_mcp.errors import ExpressEditError, InputError
from expressedit_mcp.images.codec import DecodeLimits, decode, encode_png
from expressedit_mcp.images.recent import RecentPictures
from expressedit_mcp.imaging import Box, Patch, Picture, apply_patch, outside_unchanged

ID_PATTERN = re.compile(r"img_[0-9a-f]{20}")
_NO_LIMIT = DecodeLimits(max_pixels=1 << 40)
# what is edited next is mostly what was just made; decoding a comic page again takes longer than a small edit
_KEPT_BYTES = 128 << 20
_LEFT_OVER_S = 3600.0


class Version(BaseModel):
    """One stored picture. `request` is what made it from `parent`; empty for an opened picture."""

    model_config = ConfigDict(frozen=True)

    image_id: str
    operation: str
    parent: str | None
    source: str
    width: int
    height: int
    mode: str
    created: float
    changed_box: tuple[int, int, int, int] | None = None
    request: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    notes: tuple[str, ...] = ()

    @property
    def uri(self) -> str:
        """The MCP resource of this version."""
        return f"expressedit://images/{self.image_id}"


def request_key(request: Mapping[str, Any]) -> str:
    """A hash that is the same for the same request, whatever the order of its keys."""
    text = json.dumps(request, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def derived_id(parent_id: str, key: str, patch: Patch) -> str:
    """The id of what a patch makes of a version for a request of that key; its pixels follow from these."""
    digest = hashlib.sha256(f"{parent_id}:{key}:{patch.box.as_list()}".encode())
    digest.update(np.ascontiguousarray(patch.pixels).data)
    digest.update(np.ascontiguousarray(patch.alpha).data)
    return "img_" + digest.hexdigest()[:20]


class ImageStore:
    """Owns a folder of versions: `<id>.png`, `<id>.json`, and for an edit its patch and alpha as PNG.

    Files are written under another name and renamed, the JSON last, so that several servers may
    share the folder and a killed one leaves no half version. Pixels are written as they are, which is as fast as
    copying them, and each file is compressed afterwards, beside what goes on.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._recent = RecentPictures(_KEPT_BYTES)
        self._compressor = ThreadPoolExecutor(1, "compress")

    def add(self, picture: Picture, source: str, notes: tuple[str, ...] = ()) -> Version:
        """The version of an opened picture; the same pixels give the same version."""
        image_id = "img_" + _digest(picture).hexdigest()[:20]
        self._recent.put(image_id, picture)
        known = self._whole(image_id)
        if known:
            return known
        version = Version(
            image_id=image_id,
            operation="open",
            parent=None,
            source=source,
            width=picture.size.width,
            height=picture.size.height,
            mode=picture.mode,
            created=time.time(),
            notes=notes,
        )
        self._write(version, {"": picture})
        return version

    def derive(
        self,
        parent: Version,
        before: Picture,
        patch: Patch,
        operation: str,
        request: Mapping[str, Any],
        facts: Mapping[str, Any] | None = None,
        notes: tuple[str, ...] = (),
    ) -> Version:
        """The version that a patch makes of its parent, whose pixels are `before`.

        The outside is compared before anything is written. The same request with the same result
        gives the version that is there, unchanged.
        """
        after = apply_patch(before, patch)
        if not outside_unchanged(before, after, patch):
            raise AssertionError("pixels outside the selection changed")
        key = request_key(request)
        version = Version(
            image_id=derived_id(parent.image_id, key, patch),
            operation=operation,
            parent=parent.image_id,
            source=parent.source,
            width=parent.width,
            height=parent.height,
            mode=parent.mode,
            created=time.time(),
            changed_box=(patch.box.left, patch.box.top, patch.box.right, patch.box.bottom),
            request=dict(request),
            facts=dict(facts or {}),
            notes=notes,
        )
        stem = version.image_id
        self._recent.put(stem, after)
        known = self._whole(stem)
        if known:
            return known
        own, alpha = Picture(patch.pixels.copy()), Picture(patch.alpha[..., None].copy())
        self._write(version, {"": after, ".patch": own, ".alpha": alpha})
        return version

    def get(self, image_id: str) -> Version:
        """The version with this id. Raises InputError."""
        version = self._read(image_id) if ID_PATTERN.fullmatch(image_id) else None
        if version is None:
            raise InputError(
                f"There is no image {image_id!r}. list_images() shows the known ones; open_image(source) "
                "opens a file."
            )
        return version

    def find(self, request: Mapping[str, Any]) -> Version | None:
        """The version that the same request made before."""
        try:
            image_id = (self.folder / "requests" / request_key(request)).read_text("ascii")
        except (OSError, ValueError):
            return None
        return self._whole(image_id)

    def path(self, image_id: str) -> Path:
        """The absolute path of a version's PNG."""
        return self.folder / f"{image_id}.png"

    def compressed(self, image_id: str) -> Path:
        """The absolute path of a version's PNG, once it is compressed. Raises InputError."""
        path = self.path(self.get(image_id).image_id)
        self.settle()
        return path

    def settle(self) -> None:
        """Waits until the files of what was made so far are compressed."""
        self._compressor.submit(lambda: None).result()

    def load(self, image_id: str) -> Picture:
        """The pixels of a version. Raises InputError when its file is gone."""
        path = self.path(image_id)
        kept = self._recent.get(image_id)
        if kept is not None and path.exists():
            return kept
        try:
            picture = decode(path.read_bytes(), path.name, _NO_LIMIT).picture
        except OSError as error:
            raise InputError(f"The file of {image_id} is gone; open the picture again.") from error
        self._recent.put(image_id, picture)
        return picture

    def load_patch(self, image_id: str) -> Patch | None:
        """The patch that made a version; None for an opened picture. Raises InputError when it is gone."""
        version = self.get(image_id)
        if version.changed_box is None:
            return None
        try:
            colour, alpha = (
                decode((self.folder / name).read_bytes(), name, _NO_LIMIT).picture.pixels
                for name in (f"{image_id}.patch.png", f"{image_id}.alpha.png")
            )
        except OSError as error:
            raise InputError(f"The patch of {image_id} is gone; make the edit again.") from error
        return Patch(Box(*version.changed_box), colour, alpha[..., 0])

    def lineage(self, image_id: str) -> list[Version]:
        """A version and all it was made from, the opened picture first. Raises InputError."""
        line = [self.get(image_id)]
        while (parent := line[-1].parent) is not None:
            line.append(self.get(parent))
        return line[::-1]

    def versions(self) -> list[Version]:
        """All versions, the newest first."""
        found = (self._read(path.stem) for path in self.folder.glob("img_*.json"))
        return sorted((v for v in found if v), key=lambda v: (v.created, v.image_id), reverse=True)

    def used_bytes(self) -> int:
        """Bytes of all stored files."""
        return sum(size for _, size in self._files())

    def prune(
        self, *, max_bytes: int | None = None, older_than_s: float | None = None
    ) -> list[str]:
        """Removes versions, the oldest first, until what is left fits; returns their ids.

        What writers left that were killed goes too.
        """
        self._remove_left_over()
        removed = []
        sizes: dict[str, int] = {}
        for name, size in self._files():
            stem = name.split(".", 1)[0]
            sizes[stem] = sizes.get(stem, 0) + size
        used = sum(sizes.values())
        for version in reversed(self.versions()):
            too_old = older_than_s is not None and time.time() - version.created > older_than_s
            too_much = max_bytes is not None and used > max_bytes
            if not (too_old or too_much):
                continue
            self._remove(version)
            used -= sizes.get(version.image_id, 0)
            removed.append(version.image_id)
        return removed

    def _remove(self, version: Version) -> None:
        # the JSON first: without it the version does not exist
        (self.folder / f"{version.image_id}.json").unlink(missing_ok=True)
        for path in self.folder.glob(f"{version.image_id}.*"):
            path.unlink(missing_ok=True)
        if version.request:
            (self.folder / "requests" / request_key(version.request)).unlink(missing_ok=True)

    def _remove_left_over(self) -> None:
        """Removes temporary files that nobody is writing any more."""
        for path in self.folder.glob(".tmp-*"):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime > _LEFT_OVER_S:
                    path.unlink()

    def _files(self) -> Iterator[tuple[str, int]]:
        """Names and sizes of the versions' files."""
        if not self.folder.is_dir():
            return
        with os.scandir(self.folder) as entries:
            for entry in entries:
                try:
                    if entry.name.startswith("img_"):
                        yield entry.name, entry.stat().st_size
                except OSError:
                    continue

    def _read(self, image_id: str) -> Version | None:
        try:
            text = (self.folder / f"{image_id}.json").read_text("utf-8")
            return Version.model_validate_json(text)
        except (OSError, ValidationError, ValueError):
            return None

    def _whole(self, image_id: str) -> Version | None:
        """The version when all its files are there; None when it has to be written."""
        version = self._read(image_id)
        if version is None:
            return None
        kinds = ("", ".patch", ".alpha") if version.changed_box else ("",)
        there = all((self.folder / f"{image_id}{kind}.png").exists() for kind in kinds)
        return version if there else None

    def _write(self, version: Version, pictures: Mapping[str, Picture]) -> None:
        """Writes a version's pictures, by what their files' names end in, and its record."""
        image_id = version.image_id
        files = {f"{image_id}{kind}.png": picture for kind, picture in pictures.items()}
        try:
            (self.folder / "requests").mkdir(parents=True, exist_ok=True)
            for name, picture in files.items():
                _write_atomic(self.folder / name, encode_png(picture, level=0))
            if version.request:
                key = request_key(version.request)
                _write_atomic(self.folder / "requests" / key, image_id.encode())
            record = version.model_dump_json(indent=1).encode()
            _write_atomic(self.folder / f"{image_id}.json", record)
        except OSError as error:
            raise ExpressEditError(
                f"The picture could not be stored in {self.folder}: {error.strerror or error}. Free some "
                "space or set EXPRESSEDIT_HOME to another folder; nothing was changed."
            ) from error
        self._compressor.submit(self._compress, image_id, files)

    def _compress(self, image_id: str, files: Mapping[str, Picture]) -> None:
        """Writes files of a version again, smaller; one that cannot be written stays as it is, which is whole."""
        for name, picture in files.items():
            path = self.folder / name
            with suppress(OSError):
                _write_atomic(path, encode_png(picture))
                # it may have been removed meanwhile, and its record goes first
                if self._read(image_id) is None:
                    path.unlink()


def _digest(picture: Picture) -> Any:
    digest = hashlib.sha256(f"{picture.mode} {picture.size} {picture.dpi} ".encode())
    digest.update(picture.icc or b"")
    for name, body in picture.text:
        digest.update(name + body)
    digest.update(np.ascontiguousarray(picture.pixels).data)
    return digest


def _write_atomic(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
