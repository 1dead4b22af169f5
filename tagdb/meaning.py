"""From the texts nearest to a query to how likely each tag is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tagdb.text_table import Neighbour

NEIGHBOURS = 300
"""Texts looked at of a query; a tag without one among them is no candidate by meaning."""
_BEST = 3
# The user's texts against the shipped encoder's: of twenty tags that neither encoder nor head had
# seen, with five cues each, these explained the tags' other texts and those of the rest best.
_OWN_TEMPERATURE, _OWN_BONUS = 0.05, 0.1
_TEMPERATURES = np.geomspace(0.008, 0.4, 24)
_FITTED_ON = 400


def pool(owners: np.ndarray, likeness: np.ndarray, tags: int, floor: float) -> np.ndarray:
    """Scores (tags,): the mean of a tag's three highest likenesses, a missing one being `floor`.

    `owners` (n,) are the tags' numbers, `likeness` (n,) falls.
    """
    scores = np.full((tags, _BEST), floor, np.float32)
    taken = np.zeros(tags, np.int64)
    for owner, value in zip(owners.tolist(), likeness.tolist(), strict=True):
        if taken[owner] < _BEST:
            scores[owner, taken[owner]] = value
            taken[owner] += 1
    return scores.mean(axis=1)


def tag_scores(neighbours: Sequence[Neighbour], order: Mapping[str, int]) -> np.ndarray:
    """Pooled likeness (tags,) of the tags to a query; `order` numbers the tags."""
    known = [near for near in neighbours if near.tag in order]
    if not known:
        return np.zeros(len(order), np.float32)
    owners = np.array([order[near.tag] for near in known])
    likeness = np.array([near.likeness for near in known], np.float32)
    return pool(owners, likeness, len(order), float(likeness.min()))


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log-probabilities (n,) of logits (n,)."""
    shifted = logits - logits.max()
    return shifted - np.log(np.exp(shifted).sum())


def fit_temperature(vectors: np.ndarray, owners: np.ndarray, tags: int) -> float:
    """The temperature at which the pooled scores of texts, each left out in turn, fit best.

    `vectors` (n, dim) unit, `owners` (n,) the texts' tags. By maximum likelihood on a grid, over a
    sample of the texts (C. Guo et al., 2017); encoders differ much in how far apart they set texts.
    """
    rng = np.random.default_rng(0)
    sample = rng.permutation(len(vectors))[:_FITTED_ON]
    scores, gold = [], owners[sample]
    for i in sample:
        likeness = vectors @ vectors[i]
        likeness[i] = -np.inf
        best = np.argsort(-likeness)[:NEIGHBOURS]
        best = best[np.isfinite(likeness[best])]
        if best.size:
            scores.append(pool(owners[best], likeness[best], tags, float(likeness[best].min())))
        else:
            scores.append(np.zeros(tags, np.float32))
    stacked = np.stack(scores)

    def loss(temperature: float) -> float:
        logits = stacked / temperature
        logits -= logits.max(axis=1, keepdims=True)
        chosen = logits[np.arange(len(gold)), gold] - np.log(np.exp(logits).sum(axis=1))
        return -float(chosen.mean())

    return float(min(_TEMPERATURES, key=loss))


def mix(
    meaning: np.ndarray,
    shipped: np.ndarray,
    own: Sequence[Neighbour],
    order: Mapping[str, int],
) -> np.ndarray:
    """Log-probabilities (tags,) of a classifier, mixed with those of texts that it never saw.

    The tags of the user's own texts stand against the shipped tags by pooled likeness (`shipped`
    (tags,), see `tag_scores`); what they take of that softmax is theirs, the rest is shared out as
    the classifier says: p(t) = (1 - sum of own) meaning(t) + own(t).
    """
    likeness: dict[int, list[float]] = {}
    for near in own:
        if near.tag in order:
            likeness.setdefault(order[near.tag], []).append(near.likeness)
    if not likeness:
        return meaning
    tags = np.array(list(likeness))
    best = np.array([np.mean(sorted(values)[-_BEST:]) for values in likeness.values()])
    logits = np.concatenate([shipped, best + _OWN_BONUS]) / _OWN_TEMPERATURE
    share = np.exp(log_softmax(logits)[len(shipped) :])
    mixed = meaning + np.log(max(1e-6, 1.0 - float(share.sum())))
    mixed[tags] = np.logaddexp(mixed[tags], np.log(share + 1e-12))
    return mixed
