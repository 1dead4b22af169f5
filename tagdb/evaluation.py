"""Measures of retrieval on held-out queries: ranks, groups, confusions, abstention, names, seconds."""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from tagdb.ranking import Evidence, fuse
from tagdb.records import ExpressionTag, Language
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
class Answer:
    """What the store says of a query: all tags, best first, and the evidence for them."""

    query: Query
    ranked: tuple[str, ...]
    evidence: Evidence


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


def ask(store: TagStore, query: Query, *, gloss: bool) -> Answer:
    """The answer of the shipped search, with or without the English gloss."""
    evidence = store.evidence(query.text, query.gloss if gloss else None)
    order = np.argsort(-fuse(evidence), kind="stable")
    tags = store.tags
    return Answer(query, tuple(tags[i].tag for i in order), evidence)


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


def group_accuracy(judged: Sequence[Judged], groups: Mapping[str, str]) -> float:
    """The share of first answers that are the gold tag or of its near-synonym group."""
    right = [
        item.top in item.query.gold
        or (bool(groups[item.top]) and groups[item.top] in {groups[tag] for tag in item.query.gold})
        for item in judged
    ]
    return float(np.mean(right))


def confusions(judged: Sequence[Judged]) -> Counter[tuple[str, str]]:
    """How often (gold tag, first answer) where the first answer is wrong."""
    wrong = (item for item in judged if item.right_rank > 0)
    return Counter((item.query.gold[0], item.top) for item in wrong)


def abstained_at(shown: np.ndarray, absent: np.ndarray, kept: float) -> float:
    """The share of `absent` below the threshold that keeps so much of `shown` (log-odds of both)."""
    return float((absent < np.quantile(shown, 1 - kept)).mean())


def area_under_roc(shown: np.ndarray, absent: np.ndarray) -> float:
    """The chance that a text with an expression has higher log-odds than one without."""
    high, low = shown[:, None], absent[None]
    return float((high > low).mean() + 0.5 * (high == low).mean())


def names_found(store: TagStore, tags: Iterable[ExpressionTag]) -> dict[str, tuple[int, list[str]]]:
    """By language how many names there are, and those whose first answer is no tag of that name."""
    bearers: dict[tuple[str, str], set[str]] = {}
    for tag in tags:
        named = {"en": (tag.tag, tag.prompt_form, *tag.aliases)}
        for language, names in (*named.items(), *tag.names.items()):
            for name in names:
                bearers.setdefault((language, name), set()).add(tag.tag)
    found: dict[str, tuple[int, list[str]]] = {}
    for (language, name), own in bearers.items():
        count, missed = found.setdefault(language, (0, []))
        if store.search(name, limit=1).hits[0].tag.tag not in own:
            missed.append(name)
        found[language] = (count + 1, missed)
    return found


def seconds_of(store: TagStore, texts: Sequence[str]) -> np.ndarray:
    """Seconds of one warm search per text."""
    spent = []
    for text in texts:
        started = time.perf_counter()
        store.search(text)
        spent.append(time.perf_counter() - started)
    return np.array(spent)
