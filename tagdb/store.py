"""The tag store: look a tag up, complete its name, search by a story line."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from tagdb.catalogue import Catalogue
from tagdb.encoder import Encoder
from tagdb.errors import TagdbError, UnknownTagError
from tagdb.filters import TagFilter
from tagdb.matches import Match
from tagdb.names import Mention
from tagdb.normalize import name_key
from tagdb.pictures import PictureSet, PictureTable
from tagdb.ranking import Evidence, fuse
from tagdb.records import ExpressionTag
from tagdb.resources import Resources
from tagdb.user_tags import UserTags, merge

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
    """The expression tags behind six verbs: get, complete, nearest, search, search_picture, close.

    All but `search` answer from memory. The first search loads the sentence encoder and LanceDB and
    opens or builds the tables in `cache_dir`; without one, in a temporary folder that `close`
    removes. `encoder` takes the place of the shipped English one, for texts of all languages
    (`tagdb.encoders`); the store closes it. `own_tags` is the folder of the user's additions
    (`tagdb.user_tags`), seen as soon as they are made, also by another process. `pictures` makes
    `search_picture` work. Thread-safe.
    """

    def __init__(
        self,
        records: Iterable[ExpressionTag],
        cache_dir: Path | None = None,
        *,
        encoder: Encoder | None = None,
        own_tags: Path | None = None,
        pictures: PictureSet | None = None,
    ) -> None:
        self._records = tuple(records)
        if not self._records:
            raise TagdbError("A tag store needs at least one tag; load_tags() gives the shipped.")
        self._resources = Resources(cache_dir, encoder)
        self._own = UserTags(own_tags, self._records) if own_tags is not None else None
        self._version = (0, 0)
        self._catalogue = Catalogue.of(self._records, (), self._resources)
        self._pictures = pictures
        self._picture_table: PictureTable | None = None
        self._lock = threading.Lock()

    @property
    def tags(self) -> tuple[ExpressionTag, ...]:
        """All tags, by falling post count, then by name; the user's own ones last."""
        return tuple(self._now().tags.values())

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories of the tags, sorted."""
        return tuple(sorted({tag.category for tag in self.tags}))

    def get(self, name: str) -> ExpressionTag:
        """The tag of this name: underscored, spaced, an alias, or a name in any language.

        Raises UnknownTagError, with the nearest tags, where no tag or several go by the name.
        """
        now = self._now()
        tags = now.names.lookup(name)
        if len(tags) == 1:
            return now.tags[tags[0]]
        if tags:
            raise UnknownTagError(name, tags, ambiguous=True)
        raise UnknownTagError(name, self.nearest(name))

    def nearest(self, name: str, limit: int = 5) -> tuple[str, ...]:
        """The tags whose names look most like this one, best first."""
        now, key = self._now(), name_key(name)
        best: dict[str, float] = {}
        for known, tags in now.names.known():
            likeness = _likeness(key, known)
            for tag in tags:
                best[tag] = max(best.get(tag, 0.0), likeness)
        ranked = sorted(best, key=lambda tag: (-best[tag], now.rank[tag]))
        return tuple(ranked[:limit])

    def complete(self, prefix: str, limit: int = 100) -> tuple[str, ...]:
        """The tags whose name starts with the prefix, then those with another such name."""
        now, key = self._now(), name_key(prefix)
        own: list[str] = []
        other: list[str] = []
        for known, tags in now.names.known():
            if known.startswith(key):
                for tag in tags:
                    (own if name_key(tag).startswith(key) else other).append(tag)
        ordered = (tag for tags in (own, other) for tag in sorted(tags, key=now.rank.__getitem__))
        return tuple(dict.fromkeys(ordered))[:limit]

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

        `no_expression` is True when the text reads as one without any expression, or only denies
        some (`tagdb.abstention`).

        `category`, `part` (of the face) and `transform` (none, advised, needed) narrow the hits.

        Raises TagdbError for an empty query, one over 4000 characters, a limit below 1 or an
        unknown category, part or transform.
        """
        now = self._now()
        wanted = TagFilter(category, part, transform)
        wanted.check(now.tags.values())
        texts = _checked(query, text_en, limit)
        mentions = _strongest(now.names.find(text) for text in texts)
        evidence = now.retriever.evidence(texts, mentions)
        chances = fuse(evidence)
        hits = [
            Hit(
                tag=tag,
                score=round(float(chance), 4),
                matches=mentions[tag.tag].matched if tag.tag in mentions else (),
            )
            for tag, chance in zip(now.tags.values(), chances, strict=True)
            if wanted.keeps(tag)
        ]
        # by what they were before rounding: far down, tags that a text denies would tie with others
        likely = dict(zip(now.tags, chances, strict=True))
        hits.sort(key=lambda hit: -likely[hit.tag.tag])
        shown = _explained(now, texts, hits[:limit])
        return SearchResult(hits=shown, no_expression=evidence.shown <= 0)

    def search_picture(self, rgb: np.ndarray, *, limit: int = 12) -> SearchResult:
        """The shipped tags whose example pictures look most like a face crop (H, W, 3) uint8.

        Raises TagdbError without a picture reader, for other pixels or for a limit below 1.
        """
        _check_limit(limit)
        chances, nearest = self._pictures_of_faces().search(rgb)
        ordered = sorted(self._records, key=lambda tag: (-chances[tag.tag], tag.tag))
        hits = [
            Hit(
                tag=tag,
                score=round(chances[tag.tag], 4),
                matches=(nearest[tag.tag],) if tag.tag in nearest else (),
            )
            for tag in ordered[:limit]
        ]
        return SearchResult(hits=tuple(hits), no_expression=False)

    def evidence(self, query: str, text_en: str | None = None) -> Evidence:
        """What each channel says of a query, by tag in the order of `tags`; for measuring."""
        now, texts = self._now(), _checked(query, text_en, 1)
        return now.retriever.evidence(texts, _strongest(now.names.find(text) for text in texts))

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

    def _pictures_of_faces(self) -> PictureTable:
        if self._pictures is None:
            raise TagdbError(
                "Search by picture needs a picture reader, and there is none; describe the face in "
                "words and search for those."
            )
        with self._lock:
            if self._picture_table is None:
                self._picture_table = PictureTable(
                    self._pictures,
                    [record.tag for record in self._records],
                    self._resources.folder(),
                )
            return self._picture_table

    def _now(self) -> Catalogue:
        """The catalogue with the user's additions as they are, whoever made them."""
        if self._own is None:
            return self._catalogue
        with self._lock:
            version = self._own.version()
            if version != self._version:
                merged = merge(self._records, self._own.rows())
                self._catalogue = Catalogue.of(merged.records, merged.texts, self._resources)
                self._version = version
            return self._catalogue


def _explained(now: Catalogue, texts: Sequence[str], hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """The hits with the nearest text of each, unless the query is nothing but a name."""
    if all(map(now.names.lookup, texts)):
        return tuple(hits)
    nearest = now.retriever.reasons(texts, {hit.tag.tag for hit in hits})
    return tuple(
        hit.model_copy(update={"matches": (*hit.matches, nearest[hit.tag.tag])})
        if hit.tag.tag in nearest
        else hit
        for hit in hits
    )


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
    _check_limit(limit)
    return texts


def _check_limit(limit: int) -> None:
    if limit < 1:
        raise TagdbError(f"limit must be at least 1, not {limit}.")


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
