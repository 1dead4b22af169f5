"""Measures retrieval on queries that nothing was trained on, per language and style, beside baselines."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from tagdb.records import Language
from tagdb.store import TagStore

DEPTHS = (1, 3, 5, 8, 24)
_DRAWS = 2000


class Query(BaseModel):
    """A held-out query. `gold` tags are wanted, `accept` ones would be right as well."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    lang: Language
    set: str
    style: str
    text: str
    gold: tuple[str, ...]
    accept: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    gloss: str | None = None


@dataclass(frozen=True)
class Judged:
    """A query's ranking: the rank (from 0) of the first right tag and of the first gold one."""

    query: Query
    right_rank: int
    gold_rank: int
    ndcg: float
    top: str


Ranker = Callable[[Query], Sequence[str]]
"""All tags for a query, best first."""


def load_queries(folder: Path) -> list[Query]:
    """The queries of every `<language>.jsonl` in a folder."""
    return [
        Query.model_validate(json.loads(line))
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip()
    ]


def judge(query: Query, ranked: Sequence[str]) -> Judged:
    """Where the right tags stand; gain 7 for gold and 3 for accepted in nDCG@5 (2^relevance - 1)."""
    gold, accepted = set(query.gold), set(query.accept)
    right_rank = next((i for i, tag in enumerate(ranked) if tag in gold | accepted), len(ranked))
    gold_rank = next((i for i, tag in enumerate(ranked) if tag in gold), len(ranked))

    def gain(tag: str) -> float:
        return 7.0 if tag in gold else 3.0 if tag in accepted else 0.0

    found = sum(gain(tag) / math.log2(i + 2) for i, tag in enumerate(ranked[:5]))
    ideal = sorted([7.0] * len(gold) + [3.0] * len(accepted), reverse=True)[:5]
    best = sum(value / math.log2(i + 2) for i, value in enumerate(ideal))
    return Judged(query, right_rank, gold_rank, found / best if best else 0.0, ranked[0])


def by_search(store: TagStore, *, gloss: bool) -> Ranker:
    """The shipped search, with or without an English gloss."""
    count = len(store.tags)

    def rank(query: Query) -> list[str]:
        found = store.search(query.text, text_en=query.gloss if gloss else None, limit=count)
        return [hit.tag.tag for hit in found.hits]

    return rank


def by_substring(store: TagStore) -> Ranker:
    """Baseline: tags whose own name stands in the text, longest first, then by frequency."""
    names = [(tag.tag, tag.prompt_form.lower()) for tag in store.tags]

    def rank(query: Query) -> list[str]:
        text = f"{query.text} {query.gloss or ''}".lower()
        return [tag for tag, name in sorted(names, key=lambda n: -len(n[1]) * (n[1] in text))]

    return rank


def summary(judged: Sequence[Judged]) -> dict[str, float]:
    """hit@k (gold or accepted), gold@k, MRR of gold, nDCG@5."""
    right = np.array([j.right_rank for j in judged])
    gold = np.array([j.gold_rank for j in judged])
    figures = {f"hit@{k}": float((right < k).mean()) for k in DEPTHS}
    figures |= {f"gold@{k}": float((gold < k).mean()) for k in DEPTHS}
    figures["mrr"] = float((1 / (gold + 1)).mean())
    figures["ndcg@5"] = float(np.mean([j.ndcg for j in judged]))
    return figures


def interval(judged: Sequence[Judged], depth: int = 1, seed: int = 0) -> tuple[float, float]:
    """95 % interval of hit@depth by a bootstrap over tags, since texts of one tag are alike."""
    by_tag: dict[str, list[float]] = {}
    for item in judged:
        key = item.query.gold[0] if item.query.gold else item.query.id
        by_tag.setdefault(key, []).append(float(item.right_rank < depth))
    sums = np.array([sum(values) for values in by_tag.values()])
    sizes = np.array([len(values) for values in by_tag.values()])
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(sums), (_DRAWS, len(sums)))
    means = sums[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
