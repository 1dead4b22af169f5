"""The texts nearest to a query: why a hit is there, and how likely tags are by them alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cached_property
from typing import Literal, cast

import numpy as np

from tagdb.checks import language_of
from tagdb.matches import Match
from tagdb.meaning import NEIGHBOURS, fit_temperature, log_softmax, mix, tag_scores
from tagdb.ranking import is_native
from tagdb.records import Text
from tagdb.resources import Resources
from tagdb.text_table import Neighbour

_BY_WORDS = 200


class NearestTexts:
    """The shipped texts and the user's own, compared with a query by the store's encoder.

    `order` is the tags that are ranked. Tables are opened or built when it is made.
    """

    def __init__(
        self, order: Sequence[str], own_texts: Sequence[Text], resources: Resources
    ) -> None:
        self._order = {tag: i for i, tag in enumerate(order)}
        self._encoder = resources.models().encoder
        self._languages = resources.languages
        self._shipped = resources.texts()
        self._own = resources.text_table("own", lambda: own_texts) if own_texts else None
        self._tables = (self._shipped, self._own) if self._own else (self._shipped,)

    def log_probabilities(self, text: str) -> np.ndarray:
        """(tags,) of the tags by their texts nearest to this one, in any language."""
        vector = self._encoder.embed([text])[0]
        near = sorted(
            (near for table in self._tables for near in table.nearest(vector, NEIGHBOURS)),
            key=lambda near: -near.likeness,
        )
        return log_softmax(tag_scores(near[:NEIGHBOURS], self._order) / self._temperature)

    def with_own_texts(self, meaning: np.ndarray, text: str) -> np.ndarray:
        """Log-probabilities (tags,) with the share that the user's own texts have; see `mix`."""
        if self._own is None:
            return meaning
        vector = self._encoder.embed([text])[0]
        shipped = tag_scores(self._shipped.nearest(vector, NEIGHBOURS), self._order)
        return mix(meaning, shipped, self._own.nearest(vector, NEIGHBOURS), self._order)

    def reasons(self, texts: Sequence[str], tags: Collection[str]) -> dict[str, Match]:
        """The nearest text of each of the tags, where it is among the nearest at all.

        By meaning where the encoder reads the query or its gloss, else by n-grams.
        """
        found: dict[str, Match] = {}
        for near in self._near(texts):
            if near.tag in tags and near.tag not in found:
                kind = cast(Literal["cue", "story"], near.kind)
                found[near.tag] = Match(kind, near.text, near.lang)
        return found

    def _near(self, texts: Sequence[str]) -> list[Neighbour]:
        readable = [t for t in texts if len(self._languages) > 1 or not is_native(t)]
        found: list[Neighbour] = []
        if readable:
            vector = self._encoder.embed([readable[-1]])[0]
            for table in self._tables:
                found += table.nearest(vector, NEIGHBOURS)
        else:
            for table in self._tables:
                found += table.by_words(texts[0], language_of(texts[0]), _BY_WORDS)
        return sorted(found, key=lambda near: -near.likeness)

    @cached_property
    def _temperature(self) -> float:
        vectors, tags = self._shipped.sample()
        known = np.array([self._order.get(tag, -1) for tag in tags])
        return fit_temperature(vectors[known >= 0], known[known >= 0], len(self._order))
