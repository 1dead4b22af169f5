"""From a text to how likely each tag is: evidence of several kinds, fused.

log p(tag) is, up to a constant, a weighted sum (a conditional logit model, D. McFadden, 1974) of
the English classifier's log-probability, the native classifier's, log(1 + BM25 per character) and
the strength of a mention by name. The first three weights were fitted by maximum likelihood on
authored texts that the classifiers had not seen; a mention's were set by hand: in a line it weighs as
much as clear meaning, in a story half of that (the calibration texts,
`tagdb.records.load_calibration`, asked for less), and a name typed alone wins over anything else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tagdb.normalize import is_cjk

ENGLISH_WEIGHTS = {"english": 1.0, "bm25": 2.3, "mention": 7.0}
NATIVE_WEIGHTS = {"native": 1.3, "bm25": 6.9, "mention": 7.0}
WHOLE_NAME_WEIGHT = 20.0
DENIED_PENALTY = 8.0
CLAUSE_SHARE = 0.5
"""How much a clause alone counts beside the whole text."""
_MAX_CLAUSES = 6
_CLAUSE = re.compile(r"[.;:!?\n]+|,\s+|\s+(?:and|but|while|then|yet)\s+")


@dataclass(frozen=True)
class Evidence:
    """What is known of a text, by tag in the store's order; None where a channel did not run.

    `denied` is 1 where a text denies the tag, less where it denies a near-synonym; `shown` the
    log-odds that the text shows any expression (`tagdb.abstention`).
    """

    english: np.ndarray | None
    native: np.ndarray | None
    bm25: np.ndarray
    mention: np.ndarray
    whole_name: np.ndarray
    denied: np.ndarray
    shown: float


def is_native(text: str) -> bool:
    """True for a text with Japanese, Chinese or Korean characters."""
    return any(map(is_cjk, text))


def clauses(text: str) -> list[str]:
    """The clauses of an English text that are long enough to mean something; none for one clause."""
    parts = [part.strip() for part in _CLAUSE.split(text)]
    long_enough = [part for part in parts if len(part.split()) >= 3]
    return long_enough[:_MAX_CLAUSES] if len(long_enough) > 1 else []


def pool_clauses(whole: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Log-probabilities of a text of several clauses: the whole's, raised by a clause's own.

    `whole` (tags,), `parts` (clauses, tags).
    """
    if not len(parts):
        return whole
    best = parts.max(axis=0) + np.log(CLAUSE_SHARE)
    return np.maximum(whole, best)


def fuse(evidence: Evidence) -> np.ndarray:
    """Probabilities (tags,) that sum to 1."""
    logits = WHOLE_NAME_WEIGHT * evidence.whole_name - DENIED_PENALTY * evidence.denied
    if evidence.english is not None:
        logits = logits + ENGLISH_WEIGHTS["english"] * evidence.english
    if evidence.native is not None:
        logits = logits + NATIVE_WEIGHTS["native"] * evidence.native
    # beside the classifier, full text and names add little; without it, they are most there is
    weights = NATIVE_WEIGHTS if evidence.english is None else ENGLISH_WEIGHTS
    logits = logits + weights["bm25"] * np.log1p(evidence.bm25)
    logits = logits + weights["mention"] * evidence.mention
    logits -= logits.max()
    chances = np.exp(logits)
    return chances / chances.sum()


def in_order(values: Mapping[str, float], tags: Sequence[str]) -> np.ndarray:
    """Values by tag as an array in the order of the tags; 0 where there is none."""
    return np.array([values.get(tag, 0.0) for tag in tags], np.float32)
