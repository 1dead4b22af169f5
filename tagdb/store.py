"""The tag store: look a tag up, complete its name, search by a story line."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterable
from difflib import SequenceMatcher
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict

from tagdb.english import NEGATORS, content_words
from tagdb.errors import TagdbError, UnknownTagError
from tagdb.names import Mention, NameIndex
from tagdb.normalize import is_cjk, name_key, normalize
from tagdb.records import ExpressionTag, load_typed_words

if TYPE_CHECKING:
    from tagdb.fts import FullTextIndex

MAX_QUERY_CHARS = 4000
_BM25_QUERY_CHARS = 600  # the cost of BM25 grows with the query, what it adds does not
_EXACT_SHARE, _BM25_SHARE, _BM25_BESIDE_EXACT = 0.95, 0.6, 0.3
_DENSITY_HALF = 4.0
# Lines without an expression stay below, most misspelt or unlisted wordings of one lie above.
WEAK_DENSITY = 2.2
_CJK_CHAR = 0.6  # scores per character are that much lower in CJK than in Latin writing


class Hit(BaseModel):
    """One found tag. `score` 0..1 ranks hits of one search; it is no probability.

    `matched` holds the words of the query that name the tag; empty for a hit by BM25 alone.
    """

    model_config = ConfigDict(frozen=True)

    tag: ExpressionTag
    score: float
    matched: tuple[str, ...] = ()


class SearchResult(BaseModel):
    """The hits of a search, best first.

    `no_expression` says that the text seems to name no expression; see `TagStore.search`.
    """

    model_config = ConfigDict(frozen=True)

    hits: tuple[Hit, ...]
    no_expression: bool


class TagStore:
    """The expression tags behind five verbs: get, complete, nearest, search, close.

    All but `search` answer from memory. The first search imports LanceDB and opens or builds the
    index in `cache_dir`; without one, in a temporary folder that `close` removes. Thread-safe.
    """

    def __init__(self, records: Iterable[ExpressionTag], cache_dir: Path | None = None) -> None:
        ordered = sorted(records, key=lambda tag: (-tag.post_count, tag.tag))
        self._tags = {record.tag: record for record in ordered}
        if not self._tags:
            raise TagdbError("A tag store needs at least one tag; load_tags() gives the shipped.")
        self._rank = {tag: rank for rank, tag in enumerate(self._tags)}
        self._names = NameIndex(ordered, load_typed_words())
        self._cache_dir = cache_dir
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._index: FullTextIndex | None = None
        self._lock = threading.Lock()
        self._closed = False

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
    ) -> SearchResult:
        """The tags that fit a story line or words in English, Japanese, Chinese or Korean.

        `text_en` is an optional English gloss of the query; both are searched. Names that the text
        mentions come first (longer names count more), BM25 over names and definitions fills up.
        Ties go to the more frequent tag. Nothing negated ("did not smile") counts as mentioned.

        `no_expression` is True when no name is mentioned and the best BM25 score is below
        `WEAK_DENSITY` per character searched (a CJK character counts as 0.6). A paraphrase that
        shares no wording with any name ("radiant with merriment") is missed by this rule.

        Raises TagdbError for an empty query, one over 4000 characters, a limit below 1 or an
        unknown category.
        """
        texts = self._checked(query, text_en, limit, category)
        mentions = _strongest(self._names.find(text) for text in texts)
        density: dict[str, float] = {}
        for text in texts:
            for tag, value in self._densities(text).items():
                density[tag] = max(density.get(tag, 0.0), value)
        hits = [
            Hit(
                tag=self._tags[tag],
                score=_fuse(mentions.get(tag), density.get(tag, 0.0)),
                matched=mentions[tag].matched if tag in mentions else (),
            )
            for tag in self._tags
            if (tag in mentions or tag in density)
            and (category is None or self._tags[tag].category == category)
        ]
        hits.sort(key=lambda hit: (-hit.score, self._rank[hit.tag.tag]))
        weak = max(density.values(), default=0.0) < WEAK_DENSITY
        return SearchResult(hits=tuple(hits[:limit]), no_expression=not mentions and weak)

    def close(self) -> None:
        """Lets the index go and removes the temporary folder, if there is one."""
        with self._lock:
            self._closed = True
            self._index = None
            if self._temporary is not None:
                self._temporary.cleanup()
                self._temporary = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _by_rank(self, tags: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(set(tags), key=self._rank.__getitem__))

    def _checked(
        self, query: str, text_en: str | None, limit: int, category: str | None
    ) -> tuple[str, ...]:
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
        if category is not None and category not in self.categories:
            known = ", ".join(self.categories)
            raise TagdbError(f"Unknown category {category!r}. Categories: {known}.")
        return texts

    def _full_text(self) -> FullTextIndex:
        with self._lock:
            if self._closed:
                raise TagdbError("The tag store is closed; make another one to search.")
            if self._index is None:
                # lancedb takes over a second to import, so the first search pays, not start-up.
                from tagdb.fts import FullTextIndex, tag_document

                folder = self._cache_dir
                if folder is None:
                    self._temporary = tempfile.TemporaryDirectory(
                        prefix="tagdb-", ignore_cleanup_errors=True
                    )
                    folder = Path(self._temporary.name)
                documents = {name: tag_document(tag) for name, tag in self._tags.items()}
                self._index = FullTextIndex(documents, folder)
            return self._index

    def _densities(self, text: str) -> dict[str, float]:
        """BM25 scores per character searched, by tag."""
        asked, size = _bm25_query(text)
        return {tag: score / size for tag, score in self._full_text().search(asked).items()}


def _bm25_query(text: str) -> tuple[str, float]:
    """The text reduced to what BM25 should weigh, and its size in Latin characters."""
    form = normalize(text)
    words = content_words(form)
    asserted = (w.surface for w in words if not w.negated and w.surface not in NEGATORS)
    latin = [word for word in dict.fromkeys(asserted) if len(word) > 2]
    cjk = "".join(char for char in form if is_cjk(char))
    asked = " ".join([*latin, cjk]).strip() if words or cjk else form
    asked = asked[:_BM25_QUERY_CHARS]
    size = sum(_CJK_CHAR if is_cjk(char) else 1.0 for char in asked if not char.isspace())
    return asked, max(1.0, size)


def _strongest(found: Iterable[dict[str, Mention]]) -> dict[str, Mention]:
    merged: dict[str, Mention] = {}
    for mentions in found:
        for tag, mention in mentions.items():
            before = merged.get(tag, Mention(0.0, ()))
            words = tuple(dict.fromkeys((*before.matched, *mention.matched)))
            merged[tag] = Mention(max(before.strength, mention.strength), words)
    return merged


def _fuse(mention: Mention | None, density: float) -> float:
    """The score 0..1 of a tag: either kind of evidence raises it, a mention more than BM25."""
    exact = _EXACT_SHARE * mention.strength if mention else 0.0
    lexical = _BM25_SHARE * density**2 / (density**2 + _DENSITY_HALF**2)
    if mention:
        lexical *= _BM25_BESIDE_EXACT
    return round(1.0 - (1.0 - exact) * (1.0 - lexical), 4)


def _likeness(a: str, b: str) -> float:
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() > 0.3 else 0.0
