"""The tag store: look a tag up, complete its name, search by a story line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import BaseModel, ConfigDict

from tagdb.encoder import Encoder
from tagdb.errors import TagdbError, UnknownTagError
from tagdb.filters import TagFilter
from tagdb.matches import Match
from tagdb.names import Mention, NameIndex
from tagdb.normalize import name_key
from tagdb.ranking import Evidence, clauses, fuse
from tagdb.records import ExpressionTag, load_typed_words
from tagdb.resources import Resources
from tagdb.retriever import Retriever

MAX_QUERY_CHARS = 4000


class Hit(BaseModel):
    """One found tag. `score` 0..1 is its share of the evidence; the scores of all tags sum to 1.

    `matches` says why it is there: names in the text, and the nearest text of the tag.
    """

    model_config = ConfigDict(frozen=True)

    tag: ExpressionTag
    score: float
    matches: tuple[Match, ...] = ()


class SearchResult(BaseModel):
    """The hits of a search, best first.

    `no_expression` says that the text seems to name no expression; see `TagStore.search`.
    """

    model_config = ConfigDict(frozen=True)

    hits: tuple[Hit, ...]
    no_expression: bool


class TagStore:
    """The expression tags behind five verbs: get, complete, nearest, search, close.

    All but `search` answer from memory. The first search loads the sentence encoder and LanceDB and
    opens or builds the index in `cache_dir`; without one, in a temporary folder that `close`
    removes. Thread-safe.
    """

    def __init__(
        self,
        records: Iterable[ExpressionTag],
        cache_dir: Path | None = None,
        *,
        encoder: Encoder | None = None,
    ) -> None:
        ordered = sorted(records, key=lambda tag: (-tag.post_count, tag.tag))
        self._tags = {record.tag: record for record in ordered}
        if not self._tags:
            raise TagdbError("A tag store needs at least one tag; load_tags() gives the shipped.")
        self._rank = {tag: rank for rank, tag in enumerate(self._tags)}
        self._names = NameIndex(ordered, load_typed_words())
        self._resources = Resources(cache_dir, encoder)
        self._retriever = Retriever(ordered, self._names, self._resources)

    @property
    def tags(self) -> tuple[ExpressionTag, ...]:
        """All tags, by falling post count, then by name."""
        return tuple(self._tags.values())

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories of the tags, sorted."""
        return tuple(sorted({tag.category for tag in self._tags.values()}))

    def get(self, name: str) -> ExpressionTag:
        """The tag of this name: underscored, spaced, an alias, or a name in any language.

        Raises UnknownTagError, with the nearest tags, where no tag or several go by the name.
        """
        tags = self._names.lookup(name)
        if len(tags) == 1:
            return self._tags[tags[0]]
        if tags:
            raise UnknownTagError(name, tags, ambiguous=True)
        raise UnknownTagError(name, self.nearest(name))

    def nearest(self, name: str, limit: int = 5) -> tuple[str, ...]:
        """The tags whose names look most like this one, best first."""
        key = name_key(name)
        best: dict[str, float] = {}
        for known, tags in self._names.known():
            likeness = _likeness(key, known)
            for tag in tags:
                best[tag] = max(best.get(tag, 0.0), likeness)
        ranked = sorted(best, key=lambda tag: (-best[tag], self._rank[tag]))
        return tuple(ranked[:limit])

    def complete(self, prefix: str, limit: int = 100) -> tuple[str, ...]:
        """The tags whose name starts with the prefix, then those with another such name."""
        key = name_key(prefix)
        own: list[str] = []
        other: list[str] = []
        for known, tags in self._names.known():
            if known.startswith(key):
                for tag in tags:
                    (own if name_key(tag).startswith(key) else other).append(tag)
        return tuple(dict.fromkeys((*self._by_rank(own), *self._by_rank(other))))[:limit]

    def search(
        self,
        query: str,
        *,
        text_en: str | None = None,
        limit: int = 12,
        category: str | None = None,
        part: str | None = None,
        transform: str | None = None,
    ) -> SearchResult:
        """The tags that fit a story line or words in English, Japanese, Chinese or Korean.

        `text_en` is an optional English gloss of a query in another language; both are searched.
        Names in the text, the fine-tuned English encoder, native n-grams and BM25 are fused
        (`tagdb.ranking`). What is denied ("did not smile") is pushed down.

        `no_expression` is True when nothing is named and the text reads as one without any
        expression (`tagdb.abstention`, and the English classifier's own "none").

        `category`, `part` (of the face) and `transform` (none, advised, needed) narrow the hits.

        Raises TagdbError for an empty query, one over 4000 characters, a limit below 1 or an
        unknown category, part or transform.
        """
        wanted = TagFilter(category, part, transform)
        wanted.check(self.tags)
        texts = _checked(query, text_en, limit)
        mentions = _strongest(self._names.find(text) for text in texts)
        evidence = self._retriever.evidence(texts, mentions)
        chances = fuse(evidence)
        hits = [
            Hit(
                tag=tag,
                score=round(float(chance), 4),
                matches=mentions[tag.tag].matched if tag.tag in mentions else (),
            )
            for tag, chance in zip(self.tags, chances, strict=True)
            if wanted.keeps(tag)
        ]
        hits.sort(key=lambda hit: (-hit.score, self._rank[hit.tag.tag]))
        only_denied = bool(evidence.denied.any()) and not any(map(clauses, texts))
        empty = not mentions and (
            only_denied or not self._retriever.shows_expression(texts, evidence)
        )
        return SearchResult(hits=self._explained(texts, hits[:limit]), no_expression=empty)

    def evidence(self, query: str, text_en: str | None = None) -> Evidence:
        """What each channel says of a query, by tag in the order of `tags`; for measuring."""
        texts = _checked(query, text_en, 1)
        mentions = _strongest(self._names.find(text) for text in texts)
        return self._retriever.evidence(texts, mentions)

    def close(self) -> None:
        """Lets the index and the models go and removes the temporary folder, if there is one."""
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _explained(self, texts: Sequence[str], hits: Sequence[Hit]) -> tuple[Hit, ...]:
        """The hits with the nearest text of each, unless the query is nothing but a name."""
        if all(map(self._names.lookup, texts)):
            return tuple(hits)
        nearest = self._retriever.reasons(texts, {hit.tag.tag for hit in hits})
        return tuple(
            hit.model_copy(update={"matches": (*hit.matches, nearest[hit.tag.tag])})
            if hit.tag.tag in nearest
            else hit
            for hit in hits
        )

    def _by_rank(self, tags: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(set(tags), key=self._rank.__getitem__))


def _checked(query: str, text_en: str | None, limit: int) -> tuple[str, ...]:
    if not query.strip():
        raise TagdbError("The query is empty; give a story line or a few words.")
    texts = (query, text_en) if text_en and text_en.strip() else (query,)
    longest = max(map(len, texts))
    if longest > MAX_QUERY_CHARS:
        raise TagdbError(
            f"The query has {longest} characters, the limit is {MAX_QUERY_CHARS}; "
            "give the sentences about the face."
        )
    if limit < 1:
        raise TagdbError(f"limit must be at least 1, not {limit}.")
    return texts


def _strongest(found: Iterable[dict[str, Mention]]) -> dict[str, Mention]:
    merged: dict[str, Mention] = {}
    for mentions in found:
        for tag, mention in mentions.items():
            before = merged.get(tag, Mention(0.0, ()))
            words = tuple(dict.fromkeys((*before.matched, *mention.matched)))
            merged[tag] = Mention(max(before.strength, mention.strength), words)
    return merged


def _likeness(a: str, b: str) -> float:
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() > 0.3 else 0.0
