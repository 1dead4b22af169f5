"""Embeds the shipped English texts with the shipped encoder: python -m tagdb.training.vectors

Writes tagdb/data/model/text_vectors.safetensors with the encoder's id; run it after the texts or
the encoder changed. About two minutes of one CPU core. Without it a store embeds what is missing at
its first search.
"""

from __future__ import annotations

from tagdb.english_classifier import EnglishClassifier
from tagdb.resources import shipped_texts
from tagdb.vectors import SHIPPED_VECTORS, text_key, write_vectors

_BATCH = 64


def main() -> None:
    encoder = EnglishClassifier().encoder
    texts = [text.text for text in shipped_texts() if text.lang == "en"]
    vectors = {}
    for start in range(0, len(texts), _BATCH):
        part = texts[start : start + _BATCH]
        vectors |= zip(map(text_key, part), encoder.embed(part), strict=True)
        print(f"{len(vectors)} of {len(texts)}", end="\r", flush=True)
    write_vectors(SHIPPED_VECTORS, encoder.id, vectors)
    size = SHIPPED_VECTORS.stat().st_size / 1e6
    print(f"{len(vectors)} vectors of {encoder.id}, {size:.2f} MB: {SHIPPED_VECTORS}")


if __name__ == "__main__":
    main()
