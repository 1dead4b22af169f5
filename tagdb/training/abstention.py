"""Fits the abstention model: python -m tagdb.training.abstention

1. n-grams: a logistic regression per language by full-batch Adam, classes balanced.
2. the probe: a logistic regression on the fine-tuned encoder's vectors of English texts.
3. the arms: a logistic regression over both and the English classifier's "none", on texts that none of
   these has seen: the calibration texts, and texts without an expression scored in five-fold
   cross-validation (of the English ones those that the classifier was not trained on). The bias is
   moved so that 95 % of the calibration texts with an expression are kept.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tagdb.abstention import BUCKETS, MODEL_FILE, counts, features, none_log_odds
from tagdb.english_classifier import EnglishClassifier
from tagdb.names import NameIndex
from tagdb.records import LANGUAGES, load_calibration, load_tags, load_texts, load_typed_words
from tagdb.training.english import NONE_TEXTS

_STEPS, _RATE, _DECAY, _FOLDS, _KEPT = 300, 0.3, 3e-5, 5, 0.95
_PROBE_DECAY, _ARM_DECAY = 5e-3, 1.0


class _Unseen(NamedTuple):
    """Scores of texts that a model was not fitted on, by text."""

    words: dict[str, float]
    probe: dict[str, float]
    none: dict[str, float]


def main() -> None:
    """Fits, prints what is abstained in cross-validation, writes the model."""
    tensors, words = _fit_words()
    probe, by_probe, none = _fit_probe()
    tensors["probe"] = probe
    unseen = _Unseen(words, by_probe, none)
    for name, (rows, shown) in _arms(unseen).items():
        scores = _cross_validated(rows, shown)
        limit = np.quantile(scores[shown == 1], 1 - _KEPT)
        abstained = (scores[shown == 0] <= limit).mean()
        print(
            f"{name}: kept {_KEPT} of {shown.sum():.0f}, abstained {abstained:.3f} of {(1 - shown).sum():.0f}"
        )
        arm = _logistic(rows, shown, _ARM_DECAY)
        arm[-1] -= np.quantile((rows @ arm[:-1] + arm[-1])[shown == 1], 1 - _KEPT)
        tensors[f"arm.{name}"] = arm.astype(np.float32)
    _save(tensors)


def _fit_words() -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """The n-gram models, and their scores of calibration texts and, held out, of texts of kind none."""
    weights, idfs = np.zeros((len(LANGUAGES), BUCKETS)), np.zeros((len(LANGUAGES), BUCKETS))
    biases = np.zeros(len(LANGUAGES))
    unseen: dict[str, float] = {}
    for index, language in enumerate(LANGUAGES):
        texts, labels = _examples(language)
        seen = np.zeros(BUCKETS)
        for text in texts:
            seen[list(counts(text))] += 1
        idfs[index] = np.log((1 + len(texts)) / (1 + seen)) + 1
        rows = [features(text, idfs[index]) for text in texts]
        order = np.random.default_rng(0).permutation(len(rows)) % _FOLDS
        for fold in range(_FOLDS):
            train = np.flatnonzero(order != fold)
            model = _fit([rows[i] for i in train], labels[train])
            for i in np.flatnonzero((order == fold) & (labels == 0)):
                unseen[texts[i]] = _score(rows[i], *model)
        weights[index], biases[index] = model = _fit(rows, labels)
        for row in load_calibration():
            for text in ((row.text,) if row.lang == language else ()) + (
                (row.gloss,) if row.gloss and language == "en" else ()
            ):
                unseen[text] = _score(features(text, idfs[index]), *model)
    tensors = {
        "weights": weights.astype(np.float16),
        "idf": idfs.astype(np.float16),
        "biases": biases.astype(np.float32),
    }
    return tensors, unseen


def _fit_probe() -> tuple[np.ndarray, dict[str, float], dict[str, float]]:
    """The probe (dim + 1,), and the unseen texts' scores by it and by the classifier's "none"."""
    classifier = EnglishClassifier()
    names = NameIndex(load_tags(), load_typed_words())
    english = [text for text in load_texts() if text.lang == "en"]
    vectors = classifier.encoder.embed([names.asserted(text.text) for text in english])
    labels = np.array([float(text.kind != "none") for text in english])
    later = np.flatnonzero(labels == 0)[NONE_TEXTS:]
    fold_of = np.full(len(english), -1)
    fold_of[later] = np.random.default_rng(0).permutation(len(later)) % _FOLDS
    by_probe: dict[str, float] = {}
    for fold in range(_FOLDS):
        train, test = fold_of != fold, np.flatnonzero(fold_of == fold)
        model = _logistic(vectors[train], labels[train], _PROBE_DECAY)
        by_probe |= {english[i].text: vectors[i] @ model[:-1] + model[-1] for i in test}
    model = _logistic(vectors, labels, _PROBE_DECAY)
    calibration = [row.gloss or row.text for row in load_calibration()]
    shown = [names.asserted(text) for text in calibration]
    theirs = classifier.encoder.embed(shown)
    by_probe |= dict(zip(calibration, theirs @ model[:-1] + model[-1], strict=True))
    asked = [english[i].text for i in later] + calibration
    chances = np.exp(classifier.log_probabilities([names.asserted(text) for text in asked])[:, -1])
    none = {text: none_log_odds(float(chance)) for text, chance in zip(asked, chances, strict=True)}
    return model.astype(np.float32), by_probe, none


def _arms(unseen: _Unseen) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By arm the features (n, k) of unseen texts and whether each shows an expression (n,)."""
    calibration = load_calibration()
    native = [(row.text, float(bool(row.tags))) for row in calibration if row.lang != "en"]
    native += [(t.text, 0.0) for t in load_texts() if t.kind == "none" and t.lang != "en"]
    english = [(row.text, float(bool(row.tags))) for row in calibration if row.lang == "en"]
    none = [t.text for t in load_texts() if t.kind == "none" and t.lang == "en"]
    english += [(text, 0.0) for text in none[NONE_TEXTS:]]
    glossed = [(r.text, r.gloss, float(bool(r.tags))) for r in calibration if r.gloss]

    def meaning(text: str) -> list[float]:
        return [unseen.probe[text], unseen.none[text]]

    return {
        "words": _table([([unseen.words[text]], label) for text, label in native]),
        "english": _table(
            [([unseen.words[text], *meaning(text)], label) for text, label in english]
        ),
        "glossed": _table(
            [
                ([unseen.words[text], unseen.words[gloss], *meaning(gloss)], label)
                for text, gloss, label in glossed
            ]
        ),
    }


def _table(rows: list[tuple[list[float], float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([row for row, _ in rows]), np.array([label for _, label in rows])


def _cross_validated(rows: np.ndarray, labels: np.ndarray) -> np.ndarray:
    order = np.random.default_rng(0).permutation(len(rows)) % _FOLDS
    scores = np.zeros(len(rows))
    for fold in range(_FOLDS):
        model = _logistic(rows[order != fold], labels[order != fold], _ARM_DECAY)
        scores[order == fold] = rows[order == fold] @ model[:-1] + model[-1]
    return scores


def _logistic(rows: np.ndarray, labels: np.ndarray, decay: float) -> np.ndarray:
    """Weights and bias (k + 1,) of a logistic regression, classes balanced, by Newton's method."""
    x = np.column_stack([rows, np.ones(len(rows))]).astype(np.float64)
    share = np.where(labels == 1, 0.5 / labels.mean(), 0.5 / (1 - labels).mean())
    penalty = np.append(np.full(rows.shape[1], decay), 1e-6)
    model = np.zeros(x.shape[1])
    for _ in range(25):
        chance = 1 / (1 + np.exp(-np.clip(x @ model, -30, 30)))
        gradient = x.T @ (share * (chance - labels)) + penalty * model
        curvature = share * np.maximum(chance * (1 - chance), 1e-6)
        model -= np.linalg.solve((x * curvature[:, None]).T @ x + np.diag(penalty), gradient)
    return model


def _examples(language: str) -> tuple[list[str], np.ndarray]:
    """Stories, cues, definitions and names show an expression; the texts of kind none do not."""
    found = [(t.text, float(t.kind != "none")) for t in load_texts() if t.lang == language]
    for tag in load_tags():
        found += [(t, 1.0) for lang, t in tag.definition.items() if lang == language]
        names = (name for lang, group in tag.names.items() if lang == language for name in group)
        found += [(name, 1.0) for name in names if len(name) > 3]
    texts, labels = zip(*found, strict=True)
    return list(texts), np.array(labels)


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


def _score(row: tuple[np.ndarray, np.ndarray], weights: np.ndarray, bias: float) -> float:
    buckets, values = row
    return float(values @ weights[buckets] + bias)


def _save(tensors: dict[str, np.ndarray]) -> None:
    from safetensors.numpy import save_file

    MODEL_FILE.parent.mkdir(exist_ok=True)
    save_file(tensors, MODEL_FILE)


if __name__ == "__main__":
    main()
