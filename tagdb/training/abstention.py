"""Fits the abstention model: python -m tagdb.training.abstention

Logistic regression, full-batch Adam, classes balanced; the bias is moved so that 95 % of texts with an
expression are kept in five-fold cross-validation.
"""

from __future__ import annotations

import numpy as np

from tagdb.abstention import BUCKETS, MODEL_FILE, counts, features
from tagdb.records import load_tags, load_texts

_STEPS, _RATE, _DECAY, _FOLDS, _KEPT = 300, 0.3, 3e-5, 5, 0.95


def main() -> None:
    """Fits, prints the cross-validated figures by language, writes the model."""
    texts, labels, languages = _examples()
    seen = np.zeros(BUCKETS, np.float32)
    for text in texts:
        seen[list(counts(text))] += 1
    idf = np.log((1 + len(texts)) / (1 + seen)) + 1
    rows = [features(text, idf) for text in texts]
    order = np.random.default_rng(0).permutation(len(rows)) % _FOLDS
    scores = np.zeros(len(rows))
    for fold in range(_FOLDS):
        train, test = np.flatnonzero(order != fold), np.flatnonzero(order == fold)
        weights, bias = _fit([rows[i] for i in train], labels[train])
        scores[test] = [
            values @ weights[buckets] + bias for buckets, values in (rows[i] for i in test)
        ]
    limit = np.quantile(scores[labels == 1], 1 - _KEPT)
    for language in ("en", "ja", "zh", "ko"):
        here = languages == language
        kept = (scores[here & (labels == 1)] > limit).mean()
        abstained = (scores[here & (labels == 0)] <= limit).mean()
        print(f"{language}: kept {kept:.3f}, abstained {abstained:.3f}")
    weights, bias = _fit(rows, labels)
    _save(weights, idf, bias - limit)


def _examples() -> tuple[list[str], np.ndarray, np.ndarray]:
    """Stories, cues, definitions and names show an expression; the texts of kind none do not."""
    found = [(t.text, float(t.kind != "none"), str(t.lang)) for t in load_texts()]
    for tag in load_tags():
        for language, names in tag.names.items():
            found.append((tag.definition[language], 1.0, language))
            found += [(name, 1.0, language) for name in names if len(name) > 3]
    texts, labels, languages = zip(*found, strict=True)
    return list(texts), np.array(labels), np.array(languages)


def _fit(rows: list[tuple[np.ndarray, np.ndarray]], labels: np.ndarray) -> tuple[np.ndarray, float]:
    buckets = np.concatenate([row[0] for row in rows])
    values = np.concatenate([row[1] for row in rows]).astype(np.float64)
    owner = np.repeat(np.arange(len(rows)), [len(row[0]) for row in rows])
    share = np.where(labels == 1, 0.5 / labels.sum(), 0.5 / (1 - labels).sum())
    weights, bias = np.zeros(BUCKETS), 0.0
    first, second = np.zeros(BUCKETS), np.zeros(BUCKETS)
    for step in range(1, _STEPS + 1):
        logits = np.bincount(owner, values * weights[buckets], len(rows)) + bias
        error = share * (1 / (1 + np.exp(-logits)) - labels)
        gradient = np.bincount(buckets, values * error[owner], BUCKETS) + _DECAY * weights
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        corrected = np.sqrt(second / (1 - 0.999**step)) + 1e-8
        weights -= _RATE * first / (1 - 0.9**step) / corrected
        bias -= 5.0 * error.sum()
    return weights, float(bias)


def _save(weights: np.ndarray, idf: np.ndarray, bias: float) -> None:
    from safetensors.numpy import save_file

    tensors = {
        "weights": weights.astype(np.float16),
        "idf": idf.astype(np.float16),
        "bias": np.array([bias], np.float32),
    }
    MODEL_FILE.parent.mkdir(exist_ok=True)
    save_file(tensors, MODEL_FILE)


if __name__ == "__main__":
    main()
