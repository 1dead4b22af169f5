"""Pictures, patches and versions for the tests of the image store."""

from __future__ import annotations

import numpy as np

from expressedit_mcp.images import ImageStore, Version
from expressedit_mcp.imaging import Box, Patch, Picture

REQUEST = {"operation": "edit", "prompt": [["smile", 1.0]], "seed": 7}
CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}


def from_disk(store: ImageStore) -> ImageStore:
    """The same folder's store without the pictures that this one remembers."""
    return ImageStore(store.folder)


def a_picture(seed: int = 0, mode: str = "RGB") -> Picture:
    rng = np.random.default_rng(seed)
    return Picture(rng.integers(0, 256, (20, 30, CHANNELS[mode]), np.uint8))


def a_patch(picture: Picture, seed: int = 5) -> Patch:
    rng = np.random.default_rng(seed)
    colours = min(3, picture.pixels.shape[2])
    alpha = rng.integers(0, 256, (8, 12), np.uint8)
    alpha[rng.random((8, 12)) < 0.3] = 0
    return Patch(Box(3, 5, 15, 13), rng.integers(0, 256, (8, 12, colours), np.uint8), alpha)


def derived(
    store: ImageStore, request: dict | None = None, seed: int = 0
) -> tuple[Version, Version]:
    """A parent and its child."""
    picture = a_picture(seed)
    parent = store.add(picture, "hero.png")
    child = store.derive(parent, picture, a_patch(picture), "edit", request or REQUEST)
    return parent, child


def contents(store: ImageStore) -> dict[str, tuple[bytes, int]]:
    """Every file's bytes and time of change, by name, once all is compressed."""
    store.settle()
    files = (path for path in store.folder.rglob("*") if path.is_file())
    return {str(p.relative_to(store.folder)): (p.read_bytes(), p.stat().st_mtime_ns) for p in files}


def dated(store: ImageStore, version: Version, created: float) -> Version:
    """The version as if it had been made at another time."""
    moved = version.model_copy(update={"created": created})
    (store.folder / f"{version.image_id}.json").write_text(moved.model_dump_json(), "utf-8")
    return moved


def five_versions(store: ImageStore, now: float = 0) -> list[str]:
    """The ids of five versions of about the same size, made a day apart, the oldest first."""
    versions = [store.add(a_picture(seed), f"{seed}.png") for seed in range(5)]
    store.settle()
    return [
        dated(store, version, now - 86400 * (5 - number)).image_id
        for number, version in enumerate(versions)
    ]
