"""Gathers what is known of a text: by meaning, by n-grams, by full text, by name."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tagdb.english import NEGATORS, content_words
from tagdb.matches import Match
from tagdb.names import Denial, Mention, NameIndex
from tagdb.negation import asserted_part
from tagdb.normalize import is_cjk, normalize
from tagdb.ranking import Evidence, clauses, in_order, is_native, pool_clauses
from tagdb.records import DATA_DIR, ExpressionTag, Text, load_texts
from tagdb.resources import Resources
from tagdb.tables import remove_old

if TYPE_CHECKING:
    from tagdb.abstention import Abstention
    from tagdb.english_classifier import EnglishClassifier
    from tagdb.fts import FullTextIndex
    from tagdb.native_classifier import NativeClassifier
    from tagdb.nearest import NearestTexts

_BM25_QUERY_CHARS = 600  # the cost of BM25 grows with the query, what it adds does not
_CJK_CHAR = 0.6  # scores per character are that much lower in CJK than in Latin writing
_SHORT_WORDS, _SHORT_CJK_CHARS = 4, 10  # a text so short that names something is about that name
_LINE_WORDS, _LINE_CJK_CHARS = 8, 20
_NAME_IN_A_STORY = 0.5  # in a text longer than a line, a name is less likely to be what it is about
_DENIED_KIN = 0.25  # how far a denial reaches the near-synonyms of what it denies
_SURE = 10.0  # log-odds
_UNLABELLED = -20.0  # log-probability of a tag that the English classifier was not trained on


class _Loaded(NamedTuple):
    """What the first search loads. `english` is None with an encoder of the user's own."""

    full_text: FullTextIndex
    english: EnglishClassifier | None
    native: NativeClassifier
    abstention: Abstention
    nearest: NearestTexts


class Retriever:
    """Searches one set of tags; its indexes are loaded at the first use. Thread-safe.

    `own_texts` are the user's, beside the shipped ones; `resources` is its owner's to close.
    """

    def __init__(
        self,
        tags: Sequence[ExpressionTag],
        names: NameIndex,
        resources: Resources,
        own_texts: Sequence[Text] = (),
    ) -> None:
        self._tags = tuple(tags)
        self._order = tuple(tag.tag for tag in tags)
        self._names = names
        self._resources = resources
        self._own_texts = tuple(own_texts)
        self._loaded: _Loaded | None = None
        self._lock = threading.Lock()

    def evidence(self, texts: Sequence[str], mentions: Mapping[str, Mention]) -> Evidence:
        """What is known of a query and its gloss, by tag."""
        loaded = self._load()
        density: dict[str, float] = {}
        for text in texts:
            for tag, value in _densities(loaded.full_text, text).items():
                density[tag] = max(density.get(tag, 0.0), value)
        denials = {text: self._denials(text, mentions) for text in texts}
        denied = {tag for found in denials.values() for denial in found for tag in denial.tags}
        asserted = [_asserted(text, denials[text]) for text in texts]
        english = [text for text in asserted if not is_native(text)]
        native = [text for text in asserted if is_native(text)]
        # of several tags with this name, the likelier ones come first
        typed = [tag for text in texts for tag in self._names.lookup(text)]
        whole = {tag: 1.0 - 0.05 * rank for rank, tag in reversed(list(enumerate(typed)))}
        share = 1.0 if any(map(_is_line, texts)) else _NAME_IN_A_STORY
        strengths = {tag: share * mention.strength for tag, mention in mentions.items()}
        meaning, vector, none_chance = None, None, None
        if loaded.english is None:
            meaning = loaded.nearest.log_probabilities(asserted[-1])
        elif english:
            meaning, vector, none_chance = self._by_meaning(loaded.english, english[-1])
            meaning = loaded.nearest.with_own_texts(meaning, english[-1])
        shown = loaded.abstention.log_odds(texts, vector, none_chance)
        if whole or (strengths and any(map(_is_short, texts))):
            shown = max(shown, _SURE)
        elif (
            denied and not strengths and not any(_says_more(text, denials[text]) for text in texts)
        ):
            shown = -_SURE
        return Evidence(
            english=meaning,
            native=loaded.native.log_probabilities(native[0]) if native else None,
            bm25=in_order(density, self._order),
            mention=in_order(strengths, self._order),
            whole_name=in_order(whole, self._order),
            denied=in_order(self._with_kin(denied - mentions.keys(), mentions), self._order),
            shown=shown,
        )

    def _denials(self, text: str, mentions: Mapping[str, Mention]) -> list[Denial]:
        """What a text denies and nowhere asserts."""
        return [found for found in self._names.denials(text) if found.tags - mentions.keys()]

    def _with_kin(self, denied: Set[str], mentions: Mapping[str, Mention]) -> dict[str, float]:
        """The denied tags with 1, their near-synonyms that the text does not name with less."""
        groups = {tag.group for tag in self._tags if tag.tag in denied and tag.group}
        kin = {tag.tag: _DENIED_KIN for tag in self._tags if tag.group in groups}
        return {tag: share for tag, share in kin.items() if tag not in mentions} | dict.fromkeys(
            denied, 1.0
        )

    def reasons(self, texts: Sequence[str], tags: Collection[str]) -> dict[str, Match]:
        """The text nearest to the query of each of the tags that has one near; see NearestTexts."""
        return self._load().nearest.reasons(texts, tags)

    def _by_meaning(
        self, classifier: EnglishClassifier, text: str
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Log-probabilities (tags,) of a text, its vector, and the chance of "no expression"."""
        vectors = classifier.encoder.embed([text, *clauses(text)])
        rows = classifier.log_probabilities_of(vectors)
        column = {label: i for i, label in enumerate(classifier.labels)}
        known = np.array([column.get(tag, -1) for tag in self._order])
        chosen = np.where(known >= 0, rows[:, known], _UNLABELLED)
        return pool_clauses(chosen[0], chosen[1:]), vectors[0], float(np.exp(rows[0][-1]))

    def _stories(self) -> Sequence[Text]:
        """All texts; those of the user's own count as stories, for the native classifier."""
        own = (text.model_copy(update={"kind": "story"}) for text in self._own_texts)
        return (*load_texts(), *own)

    def _load(self) -> _Loaded:
        models, folder = self._resources.models(), self._resources.folder()
        with self._lock:
            if self._loaded is None:
                from tagdb.fts import FullTextIndex, tag_document
                from tagdb.native_classifier import NativeClassifier
                from tagdb.nearest import NearestTexts

                documents = {tag.tag: tag_document(tag) for tag in self._tags}
                fingerprint = _fingerprint(self._tags, self._own_texts)
                file = folder / f"native-{fingerprint}.npz"
                self._loaded = _Loaded(
                    FullTextIndex(documents, folder),
                    models.english,
                    NativeClassifier(self._tags, self._stories, file),
                    models.abstention,
                    NearestTexts(self._order, self._own_texts, self._resources),
                )
                remove_old(folder, "native-*.npz")
            return self._loaded


def _extents(denials: Iterable[Denial]) -> list[tuple[int, int]]:
    return [(denial.start, denial.end) for denial in denials]


def _asserted(text: str, denials: Sequence[Denial]) -> str:
    """What the text says beside what it denies; itself where it denies nothing."""
    return asserted_part(normalize(text), _extents(denials)) if denials else text


def _says_more(text: str, denials: Sequence[Denial]) -> bool:
    """True where a text says something beside what it denies."""
    return not denials or _asserted(text, denials) != normalize(text)


def _is_short(text: str) -> bool:
    return _within(text, _SHORT_WORDS, _SHORT_CJK_CHARS)


def _is_line(text: str) -> bool:
    return _within(text, _LINE_WORDS, _LINE_CJK_CHARS)


def _within(text: str, words: int, cjk_chars: int) -> bool:
    return len(text) <= cjk_chars if is_native(text) else len(text.split()) <= words


def _densities(index: FullTextIndex, text: str) -> dict[str, float]:
    """BM25 scores per character searched, by tag."""
    asked, size = _bm25_query(text)
    return {tag: score / size for tag, score in index.search(asked).items()}


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


def _fingerprint(tags: Sequence[ExpressionTag], own_texts: Sequence[Text]) -> str:
    """Changes with the records and the texts."""
    digest = hashlib.sha256()
    for row in (*tags, *own_texts):
        digest.update(row.model_dump_json().encode())
    for path in sorted((DATA_DIR / "texts").glob("*.jsonl")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:20]
