"""The exact channel: every name of every tag, and where a text mentions one."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from tagdb.checks import language_of
from tagdb.english import NEGATORS, Word, content_words, name_stems
from tagdb.matches import Match
from tagdb.negation import DENIED_ROOTS, asserted_part, is_denied_cjk
from tagdb.normalize import is_cjk, is_han, is_hangul, is_kana, name_key, normalize
from tagdb.records import ExpressionTag, Language

_TAG, _ALIAS, _NAME, _TYPED = 1.0, 0.99, 0.95, 0.93
_SCATTERED = 0.85  # all words of a name, but with others between them
_SHADOWED = 0.5  # a name inside a longer name that matched
_INFLECTED = 0.97  # raised eyebrows found for raised eyebrow
_SLACK_WORDS = 2
# What is left of a name without its function words ("looking at you", "out of it").
_GENERIC = frozenset(
    {"look", "out", "eye", "mouth", "face", "up", "down", "hold", "let", "edg", "lov"}
)
# Matched only on their own: in a story they mean something else.
_OVERCOMMON = frozenset({"oh", "grave", "wonder", "isolated"})
_LETTER_COLON = re.compile(r"^[a-z0-9]:$")
_CONTIGUOUS = frozenset({"look", "gaz", "glanc", "one", "no"})
_ASPECT = "了着著"  # Chinese particles that names and stories set freely
_VERB_ENDINGS = frozenset("うくぐすつぬぶむる")


class Entry(NamedTuple):
    """One name of one tag: its language ("" for any), how much it counts, its content words."""

    tag: str
    language: Language | Literal[""]
    weight: float
    form: str = ""


class Mention(NamedTuple):
    """What a text says of one tag: strength 0..1 and the words that say it."""

    strength: float
    matched: tuple[Match, ...]


class Denial(NamedTuple):
    """A denied name: its extent in the normalised text and the tags that go by it."""

    start: int
    end: int
    tags: frozenset[str]


class _Span(NamedTuple):
    start: int
    end: int
    text: str
    strength: float
    entries: tuple[Entry, ...]


class NameIndex:
    """Looks names up and finds them inside texts. Holds plain dictionaries, no I/O."""

    def __init__(
        self, records: Iterable[ExpressionTag], typed_words: Mapping[str, tuple[str, ...]]
    ) -> None:
        self._layers: tuple[dict[str, list[str]], ...] = ({}, {}, {}, {})
        self._phrases: dict[tuple[str, ...], list[Entry]] = defaultdict(list)
        self._substrings: dict[str, list[Entry]] = defaultdict(list)
        self._emoticons: dict[str, list[Entry]] = defaultdict(list)
        records = tuple(records)
        known = {record.tag for record in records}
        for record in records:
            self._add_record(record)
        official = {**self._layers[0], **self._layers[1]}
        for word, tags in typed_words.items():
            if name_key(word) in official:
                continue
            for rank, tag in enumerate(tag for tag in tags if tag in known):
                self._add(word, Entry(tag, "", _TYPED - 0.04 * rank), layer=3)

    def _add_record(self, record: ExpressionTag) -> None:
        for name in (record.tag, record.prompt_form, record.tag.partition("_(")[0]):
            self._add(name, Entry(record.tag, "en", _TAG), layer=0)
        for name in record.aliases:
            self._add(name, Entry(record.tag, "en", _ALIAS), layer=1)
            self._add(name.partition("_(")[0], Entry(record.tag, "en", _NAME), layer=2)
        for language, names in record.names.items():
            for name in names:
                self._add(name, Entry(record.tag, language, _NAME), layer=2)

    def _add(self, name: str, entry: Entry, *, layer: int) -> None:
        key = name_key(name)
        if not key:
            return
        tags = self._layers[layer].setdefault(key, [])
        if entry.tag not in tags:
            tags.append(entry.tag)
        form = normalize(name)
        if any(map(is_cjk, form)):
            for variant in _cjk_variants(form, entry.language):
                _append(self._substrings, variant, entry)
        elif _is_emoticon(form):
            _append(self._emoticons, form, entry)
        elif len(form) > 1:
            stems = name_stems(key)
            if not (len(stems) == 1 and stems[0] in _GENERIC):
                form = " ".join(word.surface for word in content_words(key))
                _append(self._phrases, stems, entry._replace(form=form))

    def lookup(self, name: str) -> tuple[str, ...]:
        """The tags of this name: by tag name, else by alias, else by other name, else typed word."""
        key = name_key(name)
        found = next((tuple(layer[key]) for layer in self._layers if key in layer), ())
        # a typed word says which of several tags is most often meant
        typed = self._layers[3].get(key, ())
        return tuple(typed) if len(found) > 1 and len(typed) == 1 else found

    def known(self) -> Iterable[tuple[str, tuple[str, ...]]]:
        """Every look-up key with its tags, tag names first."""
        for layer in self._layers:
            for key, tags in layer.items():
                yield key, tuple(tags)

    def denials(self, text: str) -> tuple[Denial, ...]:
        """What a text names only to deny it ("did not smile", 笑わなかった, 没有笑)."""
        form = normalize(text)
        words = content_words(form)
        at = _positions(words)
        found = []
        for stems, entries in self._phrases.items():
            for run, _ in _runs(stems, words, at):
                if run[0].negated and run[0].surface not in NEGATORS:
                    tags = frozenset(entry.tag for entry in entries)
                    found.append(Denial(run[0].start, run[-1].end, tags))
        for root, tags in DENIED_ROOTS.items():
            for start in (match.start() for match in re.finditer(root, form)):
                begins = not is_hangul(root[0]) or not is_hangul(form[start - 1 : start] or " ")
                if begins and is_denied_cjk(form, start, start + len(root)):
                    found.append(Denial(start, start + len(root), tags))
        for span in self._cjk_spans(form):
            if any(map(is_cjk, span.text)) and is_denied_cjk(form, span.start, span.end):
                tags = frozenset(entry.tag for entry in span.entries)
                found.append(Denial(span.start, span.end, tags))
        return tuple(found)

    def asserted(self, text: str) -> str:
        """The text, normalised, without the clauses that only deny a name, where others are left."""
        named = self.find(text).keys()
        denied = (denial for denial in self.denials(text) if denial.tags - named)
        return asserted_part(normalize(text), ((denial.start, denial.end) for denial in denied))

    def find(self, text: str) -> dict[str, Mention]:
        """The tags that a text names, by tag; a text that is a name as a whole counts fully."""
        form = normalize(text)
        asserted = (
            span
            for span in self._cjk_spans(form)
            if len(form) == span.end - span.start or not is_denied_cjk(form, span.start, span.end)
        )
        spans = [*self._emoticon_spans(form), *asserted, *self._word_spans(form)]
        inside = _shadowed(spans)
        best: dict[str, float] = defaultdict(float)
        words: dict[str, dict[str, Match]] = defaultdict(dict)
        for span in sorted(spans, key=lambda span: (span.start, -span.end, span.text)):
            shadowed = span[:2] in inside
            shared = 1.0 / (1.0 + 0.05 * (len({entry.tag for entry in span.entries}) - 1))
            for entry in span.entries:
                strength = span.strength * entry.weight * shared
                if entry.form and entry.form != span.text:
                    strength *= _INFLECTED
                best[entry.tag] = max(best[entry.tag], strength * (_SHADOWED if shadowed else 1))
                words[entry.tag].setdefault(span.text, _match(span.text, entry.language))
        for rank, tag in enumerate(self.lookup(text)):
            best[tag] = max(best[tag], 1.0 - 0.02 * min(rank, 10))
            words[tag] = words[tag] or {form: _match(form, "")}
        return {tag: Mention(best[tag], tuple(found.values())) for tag, found in words.items()}

    def _emoticon_spans(self, form: str) -> Iterable[_Span]:
        for face, entries in self._emoticons.items():
            start = form.find(face)
            while start >= 0:
                end = start + len(face)
                if _face_stands_alone(face, form, start, end):
                    yield _Span(start, end, face, 1.0, tuple(entries))
                start = form.find(face, end)

    def _cjk_spans(self, form: str) -> Iterable[_Span]:
        languages = _languages(form)
        if not languages:
            return
        readings = [tuple(range(len(form)))]
        if "zh" in languages:
            readings.append(tuple(at for at, char in enumerate(form) if char not in _ASPECT))
        for kept in dict.fromkeys(readings):
            text = "".join(form[at] for at in kept)
            for name, entries in self._substrings.items():
                start = text.find(name)
                fitting = tuple(e for e in entries if e.language in languages)
                while fitting and start >= 0:
                    end = start + len(name)
                    if len(name) > 1 or not is_hangul(name) or _stands_alone(text, start, end):
                        strength = _cjk_strength(name)
                        yield _Span(kept[start], kept[end - 1] + 1, name, strength, fitting)
                    start = text.find(name, end)

    def _word_spans(self, form: str) -> Iterable[_Span]:
        words = content_words(form)
        at = _positions(words)
        for stems, entries in self._phrases.items():
            for run, strength in _runs(stems, words, at):
                surface = " ".join(word.surface for word in run)
                if len(words) > 1 and surface in _OVERCOMMON:
                    continue
                if not run[0].negated:
                    yield _Span(run[0].start, run[-1].end, surface, strength, tuple(entries))


def _match(words: str, language: Language | Literal[""]) -> Match:
    return Match("name", words, language or language_of(words))


def _append(table: dict, key: str | tuple[str, ...], entry: Entry) -> None:
    if all(entry.tag != other.tag or entry.language != other.language for other in table[key]):
        table[key].append(entry)


def _is_emoticon(form: str) -> bool:
    return not form.isalnum() and not re.search(r"[a-z]{3}|^[a-z]+ [a-z]+$", form)


def _face_stands_alone(face: str, text: str, start: int, end: int) -> bool:
    """True where the characters are a face and not a part of a word, a link or a bigger face."""
    if not face.isascii():
        return True
    if _LETTER_COLON.match(face) and text[end:].strip():
        return False
    before, after = text[start - 1 : start], text[end : end + 1]
    return _is_border(before, "\"',") and _is_border(after, "\"'.,!?")


def _is_border(char: str, allowed: str) -> bool:
    return not char or char.isspace() or not char.isascii() or char in allowed


def _languages(form: str) -> frozenset[str]:
    if any(map(is_hangul, form)):
        return frozenset({"ko", "en", ""})
    if any(map(is_kana, form)):
        return frozenset({"ja", "en", ""})
    if any(map(is_han, form)):
        return frozenset({"ja", "zh", "en", ""})
    return frozenset()


def _cjk_variants(form: str, language: str) -> tuple[str, ...]:
    base = re.sub(r"\s*\(.*?\)\s*", "", form) or form
    variants = [base]
    if language in ("ja", "") and len(base) > 1:
        variants.append(_japanese_stem(base))
    if language in ("zh", ""):
        variants.append(_without_aspect(base))
    return tuple(dict.fromkeys(variant for variant in variants if variant))


def _japanese_stem(name: str) -> str:
    """The name without its inflected ending, where enough of it is left to mean something."""
    for ending in ("している", "ている", "する", "した", "って"):
        if name.endswith(ending) and len(name) - len(ending) >= 2:
            return name.removesuffix(ending)
    inflected = name[-1] in _VERB_ENDINGS or name[-1] == "い"
    long_enough = any(map(is_han, name[:-1])) or (len(name) >= 4 and name[-1] == "る")
    return name[:-1] if inflected and long_enough else name


def _without_aspect(text: str) -> str:
    short = "".join(char for char in text if char not in _ASPECT)
    return short if len(short) > 1 else text


def _cjk_strength(name: str) -> float:
    return {1: 0.55, 2: 0.8, 3: 0.9}.get(len(name), 1.0)


def _stands_alone(text: str, start: int, end: int) -> bool:
    return not any(map(is_cjk, text[start - 1 : start] + text[end : end + 1]))


def _positions(words: Iterable[Word]) -> dict[str, list[int]]:
    at: dict[str, list[int]] = defaultdict(list)
    for position, word in enumerate(words):
        at[word.stem].append(position)
    return at


def _runs(
    stems: tuple[str, ...], words: tuple[Word, ...], at: Mapping[str, list[int]]
) -> Iterable[tuple[tuple[Word, ...], float]]:
    """Stretches of the text that hold all stems, with the strength of each."""
    if any(stem not in at for stem in stems):
        return
    full = {1: 0.8, 2: 0.92}.get(len(stems), 1.0)
    room = len(stems) + (0 if _CONTIGUOUS.intersection(stems) else _SLACK_WORDS)
    for first in sorted({position for stem in stems for position in at[stem]}):
        chosen = _cover(stems, words[first : first + room])
        if chosen is None or words[first].stem not in stems:
            continue
        run = tuple(words[first + offset] for offset in chosen)
        if len({word.clause for word in run}) > 1 or chosen[0] != 0:
            continue
        adjoining = chosen == list(range(len(stems)))
        in_order = tuple(word.stem for word in run) == stems
        if adjoining and in_order:
            yield run, full
        elif len(stems) > 1 and not _CONTIGUOUS.intersection(stems):
            yield run, full * _SCATTERED


def _cover(stems: tuple[str, ...], window: tuple[Word, ...]) -> list[int] | None:
    """Offsets of the first words of the window that cover all stems; None if they do not."""
    wanted = list(stems)
    chosen: list[int] = []
    for offset, word in enumerate(window):
        if word.stem in wanted:
            wanted.remove(word.stem)
            chosen.append(offset)
        if not wanted:
            return chosen
    return None


def _shadowed(spans: Iterable[_Span]) -> set[tuple[int, int]]:
    """The extents that lie inside a wider span."""
    reach = -1
    inside: set[tuple[int, int]] = set()
    for start, end in sorted(
        {span[:2] for span in spans}, key=lambda extent: (extent[0], -extent[1])
    ):
        if end <= reach:
            inside.add((start, end))
        reach = max(reach, end)
    return inside
