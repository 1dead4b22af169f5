"""Tags by a drawn example: the pictures whose faces are nearest, and what a reader says itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from tagdb.errors import TagdbError
from tagdb.matches import Match
from tagdb.meaning import NEIGHBOURS, fit_temperature, log_softmax, pool
from tagdb.tables import CachedTable, TableSource

_COLUMNS = ["tag", "character"]


class PictureReading(NamedTuple):
    """What a reader sees in a face: a vector (dim,), and chances of tags, empty if it names none.

    The vectors of like expressions have a high cosine. A chance is 0..1; tags may be left out.
    """

    vector: np.ndarray
    chances: Mapping[str, float] = {}


class PictureReader(Protocol):
    """Reads faces. `id` names its weights: vectors of another id do not compare."""

    @property
    def id(self) -> str: ...

    @property
    def dim(self) -> int: ...

    def read(self, rgb: np.ndarray) -> PictureReading:
        """The reading of a face crop (H, W, 3) uint8."""
        ...


class Example(NamedTuple):
    """An example picture: the tag it shows, whose face it is, its vector (dim,) as the reader reads it."""

    tag: str
    character: str
    vector: np.ndarray


@dataclass(frozen=True)
class PictureSet:
    """A reader and the example pictures it is to compare with.

    `examples` is called only when the table must be built; `source` names the set and its version,
    so it changes when the pictures do.
    """

    reader: PictureReader
    source: str
    examples: Callable[[], Iterable[Example]]


class PictureTable:
    """The LanceDB table `pictures` (tag, character, vector, source) of one set."""

    def __init__(
        self,
        pictures: PictureSet,
        order: Sequence[str],
        cache_dir: Path,
    ) -> None:
        self._reader = pictures.reader
        self._order = {tag: i for i, tag in enumerate(order)}

        def rows() -> Any:
            return _arrow(pictures, self._order.keys())

        basis = [pictures.reader.id, pictures.source, sorted(order)]
        table = CachedTable(TableSource("pictures", basis, None, rows), cache_dir)
        self._vectors, tags, self._characters = table.run(_read)
        self._owners = np.array([self._order[tag] for tag in tags], np.int64)
        self._temperature = fit_temperature(self._vectors, self._owners, len(self._order))

    def search(self, rgb: np.ndarray) -> tuple[dict[str, float], dict[str, Match]]:
        """Chances by tag that sum to 1, and the nearest example of each tag that has one.

        The mean of the pooled likeness of the examples, at the temperature that fits the examples
        themselves, and of the reader's own chances where it has any.
        """
        reading = self._reader.read(check_rgb(rgb))
        likeness = self._vectors @ _unit(reading.vector)
        best = np.argsort(-likeness, kind="stable")[:NEIGHBOURS]
        owners, tags = self._owners[best], list(self._order)
        nearest: dict[str, Match] = {}
        for row, owner in zip(best.tolist(), owners.tolist(), strict=True):
            nearest.setdefault(tags[owner], Match("picture", self._characters[row], ""))
        scores = pool(owners, likeness[best], len(tags), float(likeness[best].min()))
        chances = np.exp(log_softmax(scores / self._temperature))
        own = np.array([reading.chances.get(tag, 0.0) for tag in tags])
        if own.sum() > 0:
            chances = (chances + own / own.sum()) / 2
        return dict(zip(tags, chances.tolist(), strict=True)), nearest


def check_rgb(rgb: np.ndarray) -> np.ndarray:
    """The picture as it is. Raises TagdbError for anything but (H, W, 3) uint8 pixels."""
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or 0 in rgb.shape:
        raise TagdbError(
            f"A face must be RGB pixels (H, W, 3) uint8, not {rgb.shape} {rgb.dtype}; crop the face "
            "out of the picture and drop its alpha."
        )
    return rgb


def _unit(vector: np.ndarray) -> np.ndarray:
    values = np.asarray(vector, np.float32)
    return values / max(float(np.linalg.norm(values)), 1e-12)


def _arrow(pictures: PictureSet, known: Collection[str]) -> Any:
    import pyarrow as pa

    tags, characters, vectors = [], [], []
    for example in pictures.examples():
        if example.tag not in known:
            raise TagdbError(
                f"An example picture of {pictures.source!r} shows the unknown tag {example.tag!r}; "
                "give the tag's underscored name."
            )
        tags.append(example.tag)
        characters.append(example.character)
        vectors.append(_unit(example.vector))
    if not tags:
        raise TagdbError(f"The picture set {pictures.source!r} holds no example pictures.")
    return pa.table(
        {
            "tag": tags,
            "character": characters,
            "source": [pictures.source] * len(tags),
            "vector": pa.array(vectors, pa.list_(pa.float32(), pictures.reader.dim)),
        }
    )


def _read(table: Any) -> tuple[np.ndarray, list[str], list[str]]:
    rows = table.to_arrow().combine_chunks()
    vectors = rows["vector"].combine_chunks()
    matrix = vectors.flatten().to_numpy(zero_copy_only=False)
    return (
        matrix.reshape(-1, vectors.type.list_size),
        rows["tag"].to_pylist(),
        rows["character"].to_pylist(),
    )
