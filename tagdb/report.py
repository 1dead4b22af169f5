"""The evaluation as tables and a plot."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from tagdb.evaluation import (
    Answer,
    Judged,
    Query,
    abstained_at,
    area_under_roc,
    ask,
    by_substring,
    confusions,
    group_accuracy,
    interval,
    judge,
    load_queries,
    names_found,
    seconds_of,
    summary,
)
from tagdb.plot import plot_hits
from tagdb.records import LANGUAGES, load_tags
from tagdb.store import TagStore

_COLUMNS = (
    "hit@1", "hit@3", "hit@5", "hit@8", "hit@24", "gold@1", "gold@8", "gold@24", "mrr", "ndcg@5",
)  # fmt: skip
_STYLES = ("story", "descriptive", "instruction", "slang")
_ARMS = (
    ("en", False), ("ja", True), ("ja", False), ("zh", True), ("zh", False), ("ko", True), ("ko", False),
)  # fmt: skip
_KEPT = (0.99, 0.95, 0.9)
_PAIRS = 15
_TIMED = 100

Arm = tuple[str, bool]


def report(queries_dir: Path, out: Path | None) -> None:
    """Prints the report; with `out` also writes it there, and a plot beside it as PNG."""
    queries = load_queries(queries_dir)
    with TagStore(load_tags()) as store:
        answers: dict[Arm, list[Answer]] = {}
        for language, gloss in _ARMS:
            print(f"asking: {_arm((language, gloss))}", file=sys.stderr, flush=True)
            here = (query for query in queries if query.lang == language)
            answers[language, gloss] = [ask(store, query, gloss=gloss) for query in here]
        single = {arm: _judged(given, "single") for arm, given in answers.items()}
        groups = {tag.tag: tag.group for tag in store.tags}
        lines = [*_single(single, groups), *_styles(single), *_categories(single, store)]
        lines += [*_confusions(single), *_baselines(store, answers), *_aliases(answers)]
        lines += [*_several(answers), *_none(answers), *_names(store), *_latency(store, queries)]
    text = "\n".join(lines)
    print(text)
    if out is not None:
        head = out.read_text(encoding="utf-8").split("<!-- figures -->")[0] if out.exists() else ""
        out.write_text(f"{head}<!-- figures -->\n\n{text}\n", encoding="utf-8", newline="\n")
        plot_hits({_arm(arm): judged for arm, judged in single.items()}, out.with_suffix(".png"))


def _judged(answers: Sequence[Answer], wanted: str) -> list[Judged]:
    return [judge(answer.query, answer.ranked) for answer in answers if answer.query.set == wanted]


def _single(single: Mapping[Arm, list[Judged]], groups: Mapping[str, str]) -> Iterator[str]:
    yield "## One expression\n"
    yield from _header("queries", "n", *_COLUMNS, "group@1", "hit@1, 95 %", "hit@24, 95 %")
    for arm, judged in single.items():
        first, deep = interval(judged), interval(judged, 24)
        cells = f"{group_accuracy(judged, groups):.2f} | {first[0]:.2f}-{first[1]:.2f}"
        yield f"| {_arm(arm)} | {_row(judged)} | {cells} | {deep[0]:.2f}-{deep[1]:.2f} |"
    yield ""


def _styles(single: Mapping[Arm, list[Judged]]) -> Iterator[str]:
    yield "## By style: hit@1 / hit@8\n"
    yield from _header("queries", *_STYLES)
    for arm, judged in single.items():
        parts = ([j for j in judged if j.query.style == style] for style in _STYLES)
        yield f"| {_arm(arm)} | {' | '.join(map(_first_and_eighth, parts))} |"
    yield ""


def _categories(single: Mapping[Arm, list[Judged]], store: TagStore) -> Iterator[str]:
    yield "## By category of the wanted tag: hit@1 / hit@8\n"
    yield from _header("queries", *store.categories)
    category = {tag.tag: tag.category for tag in store.tags}
    for arm, judged in single.items():
        parts = (
            [j for j in judged if category[j.query.gold[0]] == wanted]
            for wanted in store.categories
        )
        yield f"| {_arm(arm)} | {' | '.join(map(_first_and_eighth, parts))} |"
    yield ""


def _confusions(single: Mapping[Arm, list[Judged]]) -> Iterator[str]:
    everything = [j for arm, judged in single.items() if arm[1] or arm[0] == "en" for j in judged]
    asked = sum(j.right_rank > 0 for j in everything)
    yield f"## Confused: {asked} wrong first answers of {len(everything)}, English or with a gloss\n"
    yield from _header("wanted", "answered", "times")
    for (wanted, answered), count in confusions(everything).most_common(_PAIRS):
        yield f"| `{_cell(wanted)}` | `{_cell(answered)}` | {count} |"
    yield ""


def _baselines(store: TagStore, answers: Mapping[Arm, list[Answer]]) -> Iterator[str]:
    yield "## Baselines, all single queries with their gloss\n"
    yield from _header("ranker", "n", *_COLUMNS)
    given = [a for arm in answers if arm[1] or arm[0] == "en" for a in answers[arm]]
    given = [answer for answer in given if answer.query.set == "single"]
    frequent = [tag.tag for tag in store.tags]
    rng = np.random.default_rng(0)
    substring = by_substring(store)

    def channel(name: str) -> Callable[[Answer], Sequence[str]]:
        def rank(answer: Answer) -> list[str]:
            values = getattr(answer.evidence, name)
            values = np.zeros(len(frequent)) if values is None else values
            return [frequent[i] for i in np.argsort(-values, kind="stable")]

        return rank

    rankers: dict[str, Callable[[Answer], Sequence[str]]] = {
        "random": lambda answer: list(rng.permutation(frequent)),
        "most frequent tag first": lambda answer: frequent,
        "tag name in the text": lambda answer: substring(answer.query),
        "full text alone (BM25)": channel("bm25"),
        "native n-grams alone": channel("native"),
        "English classifier alone": channel("english"),
        "names alone": channel("mention"),
        "all fused (what ships)": lambda answer: answer.ranked,
    }
    for name, ranker in rankers.items():
        yield f"| {name} | {_row([judge(a.query, ranker(a)) for a in given])} |"
    yield ""


def _aliases(answers: Mapping[Arm, list[Answer]]) -> Iterator[str]:
    yield "## Words and emoticons typed alone, held out\n"
    yield from _header("language", "n", "hit@1", "hit@8")
    for arm, given in answers.items():
        judged = _judged(given, "alias")
        if judged and not arm[1]:
            figures = summary(judged)
            yield f"| {arm[0]} | {len(judged)} | {figures['hit@1']:.2f} | {figures['hit@8']:.2f} |"
    yield ""


def _several(answers: Mapping[Arm, list[Answer]]) -> Iterator[str]:
    yield "## Several expressions in one text: share of gold tags in the first k\n"
    yield from _header("queries", "n", "k = 3", "k = 8", "k = 12")
    for arm, given in answers.items():
        asked = [(set(a.query.gold), a.ranked) for a in given if a.query.set == "multi"]
        cells = [
            f"{np.mean([len(gold & set(tags[:k])) / len(gold) for gold, tags in asked]):.2f}"
            for k in (3, 8, 12)
        ]
        yield f"| {_arm(arm)} | {len(asked)} | {' | '.join(cells)} |"
    yield ""


def _none(answers: Mapping[Arm, list[Answer]]) -> Iterator[str]:
    yield "## No expression, and what is denied\n"
    yield (
        "As it ships: what it abstains from and what it keeps. Then, with the threshold moved so that "
        "so many of the texts with an expression are kept (by these very queries), the share abstained.\n"
    )
    moved = [f"abstains, {kept} kept" for kept in _KEPT]
    yield from _header("queries", "n", "abstains", "keeps", *moved, "AUROC", "denied in first 3")
    for arm, given in answers.items():
        absent, shown = _shown(given, "none"), _shown(given, "single")
        ships = f"{(absent <= 0).mean():.2f} | {(shown > 0).mean():.2f}"
        curve = " | ".join(f"{abstained_at(shown, absent, kept):.2f}" for kept in _KEPT)
        denied = [a for a in given if a.query.set == "negation"]
        harmed = np.mean([bool(set(a.query.denied) & set(a.ranked[:3])) for a in denied])
        area = area_under_roc(shown, absent)
        yield f"| {_arm(arm)} | {len(absent)} | {ships} | {curve} | {area:.2f} | {harmed:.2f} |"
    yield ""


def _shown(answers: Sequence[Answer], wanted: str) -> np.ndarray:
    return np.array([a.evidence.shown for a in answers if a.query.set == wanted])


def _names(store: TagStore) -> Iterator[str]:
    yield "## Every name in the data, typed alone\n"
    yield from _header("language", "names", "first answer has that name", "misses")
    for language, (count, missed) in names_found(store, load_tags()).items():
        shown = ", ".join(f"`{_cell(name)}`" for name in missed[:8]) or "none"
        yield f"| {language} | {count} | {1 - len(missed) / count:.3f} | {shown} |"
    yield ""


def _latency(store: TagStore, queries: Sequence[Query]) -> Iterator[str]:
    yield "## Milliseconds of a warm search on the machine that ran this\n"
    yield from _header("queries", "n", "p50", "p99")
    for language in LANGUAGES:
        texts = [q.text for q in queries if q.lang == language and q.set == "single"][:_TIMED]
        spent = 1000 * seconds_of(store, texts)
        middle, high = np.quantile(spent, [0.5, 0.99])
        yield f"| {language}, no gloss | {len(texts)} | {middle:.0f} | {high:.0f} |"
    yield ""


def _header(*columns: str) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield "| --- " * len(columns) + "|"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _arm(arm: Arm) -> str:
    language, gloss = arm
    return language if language == "en" else f"{language}, {'with' if gloss else 'no'} gloss"


def _first_and_eighth(judged: Sequence[Judged]) -> str:
    figures = summary(judged)
    return f"{figures['hit@1']:.2f} / {figures['hit@8']:.2f}"


def _row(judged: Sequence[Judged]) -> str:
    figures = summary(judged)
    return " | ".join([str(len(judged)), *(f"{figures[name]:.2f}" for name in _COLUMNS)])
