"""The evaluation as tables and a plot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from tagdb.evaluation import (
    Judged,
    Query,
    by_search,
    by_substring,
    interval,
    judge,
    load_queries,
    summary,
)
from tagdb.ranking import fuse
from tagdb.records import LANGUAGES, load_tags
from tagdb.store import TagStore

_COLUMNS = ("hit@1", "hit@3", "hit@8", "hit@24", "gold@1", "gold@8", "gold@24", "mrr", "ndcg@5")
_ARMS = {"en": (False,), "ja": (True, False), "zh": (True, False), "ko": (True, False)}


def report(queries_dir: Path, out: Path | None) -> None:
    """Prints the report; with `out` also writes it there, and a plot beside it as PNG."""
    queries = load_queries(queries_dir)
    with TagStore(load_tags()) as store:
        arms = {
            (language, gloss): [
                judge(query, by_search(store, gloss=gloss)(query))
                for query in queries
                if query.lang == language and query.set == "single"
            ]
            for language in LANGUAGES
            for gloss in _ARMS[language]
        }
        lines = [*_single(arms), *_styles(arms), *_baselines(store, queries)]
        lines += [*_aliases(store, queries), *_several(store, queries), *_none(store, queries)]
    text = "\n".join(lines)
    print(text)
    if out is not None:
        head = out.read_text(encoding="utf-8").split("<!-- figures -->")[0] if out.exists() else ""
        out.write_text(f"{head}<!-- figures -->\n\n{text}\n", encoding="utf-8", newline="\n")
        _plot(arms, out.with_suffix(".png"))


def _single(arms: dict[tuple[str, bool], list[Judged]]) -> Iterator[str]:
    yield "## One expression\n"
    yield f"| queries | n | {' | '.join(_COLUMNS)} | hit@1, 95 % |"
    yield "| --- " * (len(_COLUMNS) + 3) + "|"
    for (language, gloss), judged in arms.items():
        low, high = interval(judged)
        yield f"| {_arm(language, gloss)} | {_row(judged)} | {low:.2f}-{high:.2f} |"
    yield ""


def _styles(arms: dict[tuple[str, bool], list[Judged]]) -> Iterator[str]:
    yield "## By style: hit@1 / hit@8\n"
    styles = ("story", "descriptive", "instruction", "slang")
    yield f"| queries | {' | '.join(styles)} |"
    yield "| --- " * (len(styles) + 1) + "|"
    for (language, gloss), judged in arms.items():
        cells = []
        for style in styles:
            figures = summary([j for j in judged if j.query.style == style])
            cells.append(f"{figures['hit@1']:.2f} / {figures['hit@8']:.2f}")
        yield f"| {_arm(language, gloss)} | {' | '.join(cells)} |"
    yield ""


def _baselines(store: TagStore, queries: Sequence[Query]) -> Iterator[str]:
    yield "## Baselines, all single queries with their gloss\n"
    yield f"| ranker | n | {' | '.join(_COLUMNS)} |"
    yield "| --- " * (len(_COLUMNS) + 2) + "|"
    single = [query for query in queries if query.set == "single"]
    frequent = [tag.tag for tag in store.tags]
    rng = np.random.default_rng(0)
    evidence = {q.id: store.evidence(q.text, q.gloss) for q in single}
    substring = by_substring(store)

    def channel(name: str) -> Callable[[Query], Sequence[str]]:
        def rank(query: Query) -> list[str]:
            values = getattr(evidence[query.id], name)
            values = np.zeros(len(frequent)) if values is None else values
            return [frequent[i] for i in np.argsort(-values, kind="stable")]

        return rank

    rankers: dict[str, Callable[[Query], Sequence[str]]] = {
        "random": lambda query: list(rng.permutation(frequent)),
        "most frequent tag first": lambda query: frequent,
        "tag name in the text": substring,
        "full text alone (BM25)": channel("bm25"),
        "native n-grams alone": channel("native"),
        "English classifier alone": channel("english"),
        "names alone": channel("mention"),
        "all fused (what ships)": lambda query: [
            frequent[i] for i in np.argsort(-fuse(evidence[query.id]), kind="stable")
        ],
    }
    for name, ranker in rankers.items():
        yield f"| {name} | {_row([judge(query, ranker(query)) for query in single])} |"
    yield ""


def _aliases(store: TagStore, queries: Sequence[Query]) -> Iterator[str]:
    yield "## Words and emoticons typed alone\n"
    yield "| language | n | hit@1 | hit@8 |"
    yield "| --- | --- | --- | --- |"
    rank = by_search(store, gloss=False)
    for language in LANGUAGES:
        asked = [q for q in queries if q.set == "alias" and q.lang == language]
        if asked:
            figures = summary([judge(query, rank(query)) for query in asked])
            cells = f"{figures['hit@1']:.2f} | {figures['hit@8']:.2f}"
            yield f"| {language} | {len(asked)} | {cells} |"
    yield ""


def _several(store: TagStore, queries: Sequence[Query]) -> Iterator[str]:
    yield "## Several expressions in one text: share of gold tags in the first k\n"
    yield "| queries | n | k = 3 | k = 8 | k = 12 |"
    yield "| --- | --- | --- | --- | --- |"
    for language in LANGUAGES:
        for gloss in _ARMS[language]:
            rank = by_search(store, gloss=gloss)
            asked = [q for q in queries if q.set == "multi" and q.lang == language]
            if not asked:
                continue
            ranked = [(set(q.gold), list(rank(q))) for q in asked]
            cells = [
                f"{np.mean([len(gold & set(tags[:k])) / len(gold) for gold, tags in ranked]):.2f}"
                for k in (3, 8, 12)
            ]
            yield f"| {_arm(language, gloss)} | {len(asked)} | {' | '.join(cells)} |"
    yield ""


def _none(store: TagStore, queries: Sequence[Query]) -> Iterator[str]:
    yield "## No expression, and what is denied\n"
    yield "| queries | abstains where there is none | kept where there is one | a denied tag is in the first 3 |"
    yield "| --- | --- | --- | --- |"
    for language in LANGUAGES:
        for gloss in _ARMS[language]:
            here = [q for q in queries if q.lang == language]

            def share(wanted: str, test: Callable[[Query], bool], here: list[Query] = here) -> str:
                asked = [query for query in here if query.set == wanted]
                return f"{np.mean([test(query) for query in asked]):.2f}" if asked else "-"

            def abstains(query: Query, gloss: bool = gloss) -> bool:
                found = store.search(query.text, text_en=query.gloss if gloss else None, limit=1)
                return found.no_expression

            def harmed(query: Query, gloss: bool = gloss) -> bool:
                found = store.search(query.text, text_en=query.gloss if gloss else None, limit=3)
                return any(hit.tag.tag in query.denied for hit in found.hits)

            kept = share("single", lambda query, no=abstains: not no(query))
            yield (
                f"| {_arm(language, gloss)} | {share('none', abstains)} | {kept} "
                f"| {share('negation', harmed)} |"
            )
    yield ""


def _arm(language: str, gloss: bool) -> str:
    return language if language == "en" else f"{language}, {'with' if gloss else 'no'} gloss"


def _row(judged: Sequence[Judged]) -> str:
    figures = summary(judged)
    return " | ".join([str(len(judged)), *(f"{figures[name]:.2f}" for name in _COLUMNS)])


def _plot(arms: dict[tuple[str, bool], list[Judged]], path: Path) -> None:
    """hit@k over k for each arm, drawn with OpenCV-free NumPy and Pillow."""
    from PIL import Image, ImageDraw, ImageFont

    width, height, left, top, right, bottom = 900, 520, 60, 30, 210, 50
    image = Image.new("RGB", (width, height), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(14)
    depths = np.arange(1, 25)
    colours = ["#222222", "#c0392b", "#e59866", "#1f618d", "#7fb3d5", "#1e8449", "#82c99a"]

    def place(depth: float, value: float) -> tuple[float, float]:
        x = left + (depth - 1) / 23 * (width - left - right)
        return x, height - bottom - value * (height - top - bottom)

    for tenth in range(0, 11, 2):
        x, y = place(1, tenth / 10)
        pen.line([(x, y), place(24, tenth / 10)], fill="#dddddd")
        pen.text((x - 34, y - 8), f"{tenth / 10:.1f}", fill="#444444", font=font)
    for depth in (1, 3, 8, 12, 24):
        x, y = place(depth, 0)
        pen.text((x - 6, y + 8), str(depth), fill="#444444", font=font)
    pen.text((left + 180, height - 24), "first k tags of the answer", fill="#444444", font=font)
    for index, ((language, gloss), judged) in enumerate(arms.items()):
        ranks = np.array([item.right_rank for item in judged])
        line = [place(float(k), float((ranks < k).mean())) for k in depths]
        pen.line(line, fill=colours[index], width=3)
        y = top + 24 * index
        pen.line(
            [(width - right + 16, y + 9), (width - right + 40, y + 9)], fill=colours[index], width=4
        )
        pen.text((width - right + 48, y), _arm(language, gloss), fill="#222222", font=font)
    image.save(path)
