"""The table of texts: which of them are nearest to a query, by meaning or by words."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tagdb.normalize import normalize
from tagdb.records import Language, Text
from tagdb.tables import CachedTable, TableSource

IN_MEMORY_ROWS = 100_000
"""Up to this many, vectors are held and compared in memory, which is the faster by ten times."""
_COLUMNS = ["tag", "kind", "lang", "text"]


class Neighbour(NamedTuple):
    """A text near a query; `likeness` is a cosine, or a BM25 score where words were compared."""

    tag: str
    kind: str
    lang: Language
    text: str
    likeness: float


class TextTable:
    """A LanceDB table of texts: vectors of some languages, a BM25 index over n-grams of the others.

    `vectors` gives unit vectors (n, dim) for the texts whose language is in `embedded`, in order;
    it is called only when the table must be built. `encoder_id` says whose vectors they are.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[], Sequence[Text]],
        encoder_id: str,
        embedded: Sequence[Language],
        vectors: Callable[[Sequence[str]], np.ndarray],
        cache_dir: Path,
    ) -> None:
        def rows() -> Any:
            return _arrow(read(), embedded, vectors)

        digest, count, self._worded = _survey(read(), embedded)
        basis = [encoder_id, list(embedded), digest]
        column = "form" if self._worded else None
        self._table = CachedTable(TableSource(name, basis, count, rows, column), cache_dir)
        self._rows: Any = None
        if count <= IN_MEMORY_ROWS:
            self._rows = self._table.run(_read)

    def nearest(self, vector: np.ndarray, count: int) -> list[Neighbour]:
        """The texts of the highest cosine with a unit vector (dim,), best first."""
        if self._rows is not None:
            matrix, table = self._rows
            likeness = matrix @ vector
            best = _highest(likeness, count)
            rows = table.take(best).to_pylist()
            return [_neighbour(row, value) for row, value in zip(rows, likeness[best], strict=True)]
        found = self._table.run(
            lambda table: (
                table.search(vector, vector_column_name="vector")
                .distance_type("dot")
                .select([*_COLUMNS, "_distance"])
                .limit(count)
                .to_list()
            )
        )
        # LanceDB's dot distance is 1 - a.b
        return [_neighbour(row, 1.0 - row["_distance"]) for row in found]

    def sample(self) -> tuple[np.ndarray, list[str]]:
        """Vectors (n, dim) of the texts and their tags; of none where they are not in memory."""
        if self._rows is None:
            return np.zeros((0, 0), np.float32), []
        matrix, table = self._rows
        return matrix, table["tag"].to_pylist()

    def by_words(self, text: str, language: Language, count: int) -> list[Neighbour]:
        """The texts of a language without vectors that share n-grams with this, by falling BM25."""
        form = normalize(text)
        if not form or language not in self._worded:
            return []
        found = self._table.run(
            lambda table: (
                table.search(form, query_type="fts")
                .where(f"lang = '{language}'")
                .select([*_COLUMNS, "_score"])
                .limit(count)
                .to_list()
            )
        )
        return [_neighbour(row, row["_score"]) for row in found]


def _highest(values: np.ndarray, count: int) -> np.ndarray:
    """The places of the `count` highest values, highest first, the first of equals first."""
    if count < len(values):
        limit = np.partition(values, -count)[-count]
        places = np.flatnonzero(values >= limit)
    else:
        places = np.arange(len(values))
    return places[np.argsort(-values[places], kind="stable")][:count]


def _neighbour(row: dict[str, Any], likeness: float) -> Neighbour:
    return Neighbour(row["tag"], row["kind"], row["lang"], row["text"], float(likeness))


def _survey(
    texts: Sequence[Text], embedded: Sequence[Language]
) -> tuple[str, int, frozenset[Language]]:
    """A digest of the texts, their number, and the languages of those without a vector."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.model_dump_json().encode("utf-8"))
    languages: frozenset[Language] = frozenset(
        text.lang for text in texts if text.lang not in embedded
    )
    return digest.hexdigest(), len(texts), languages


def _arrow(
    texts: Sequence[Text],
    embedded: Sequence[Language],
    vectors: Callable[[Sequence[str]], np.ndarray],
) -> Any:
    import pyarrow as pa

    values = vectors([text.text for text in texts if text.lang in embedded])
    made = iter(values)
    column = [next(made) if text.lang in embedded else None for text in texts]
    width = values.shape[1]
    return pa.table(
        {
            "tag": [text.tag for text in texts],
            "kind": [text.kind for text in texts],
            "lang": [text.lang for text in texts],
            "text": [text.text for text in texts],
            # indexed for those that are not found by meaning
            "form": pa.array(
                [None if text.lang in embedded else normalize(text.text) for text in texts],
                pa.string(),
            ),
            "vector": pa.array(column, pa.list_(pa.float32(), width)),
        }
    )


def _read(table: Any) -> tuple[np.ndarray, Any]:
    """The vectors (n, dim) and, row for row, the other columns."""
    having = table.search().where("vector IS NOT NULL").select([*_COLUMNS, "vector"])
    rows = having.limit(table.count_rows()).to_arrow().combine_chunks()
    vectors = rows["vector"].combine_chunks()
    matrix = vectors.flatten().to_numpy(zero_copy_only=False)
    return matrix.reshape(-1, vectors.type.list_size), rows.select(_COLUMNS)
