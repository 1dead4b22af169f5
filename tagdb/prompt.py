"""From expression tags to prompts for an edit, and warnings about what a prompt cannot do alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from tagdb.asked import Asked, TagSpec, read_tags
from tagdb.character import Character, separate
from tagdb.dialects import Dialect, choose_dialect
from tagdb.edit_plan import EditStep, Pass, passes
from tagdb.errors import TagdbError
from tagdb.grammar import Piece, join_tags, parse_prompt
from tagdb.records import ExpressionTag
from tagdb.slots import EditPart, hides_irises, lies_in, slot_negatives
from tagdb.store import TagStore
from tagdb.styles import PromptStyle


class TokenCounter(Protocol):
    """Counts the tokens of a text as the model's tokenizer does."""

    def __call__(self, text: str, /) -> int: ...


class BuiltPrompt(BaseModel):
    """A prompt as a string of its dialect and as pieces (text, weight), with what it was made of.

    `tags` are the canonical names of the asked-for tags, `implied` those that stand in it because
    one of them shows them too, `unknown` the words that are no tags and stand in it as free text,
    `removed` the words that were taken out of the character,
    `contradictions` the pairs of asked-for tags that do not go together (both are in it). `edits`
    are the same wish as edits of one part each. `tokens` is None without a counter.
    """

    model_config = ConfigDict(frozen=True)

    prompt: str
    negative_prompt: str
    pieces: tuple[Piece, ...]
    negative_pieces: tuple[Piece, ...]
    tags: tuple[str, ...]
    implied: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    contradictions: tuple[tuple[str, str], ...] = ()
    edits: tuple[EditStep, ...] = ()
    tokens: int | None = None
    warnings: tuple[str, ...] = ()

    @property
    def transform_advice(self) -> tuple[str, ...]:
        """What the edits need beside the prompt, in words, each tag once."""
        needed = {
            transform.tag: transform.plan for edit in self.edits for transform in edit.transforms
        }
        return tuple(
            f"{tag}: transform {plan.need}: {plan.advice}." for tag, plan in needed.items()
        )


def build_prompt(
    store: TagStore,
    tags: Iterable[TagSpec],
    *,
    character: str = "",
    style: PromptStyle,
    dialect: str = "a1111",
    negative_prompt: str | None = None,
    count_tokens: TokenCounter | None = None,
    token_limit: int | None = None,
) -> BuiltPrompt:
    """The prompt `style.prefix, character, tags, style.suffix`, whole and as edits of one part each.

    A tag is any name `TagStore.get` knows, as "smile", "(smile:1.2)" or ("smile", 1.2). A word that
    is no tag goes in as it stands, with a warning; nothing that was asked for is left out. After a tag
    come those that it implies: every picture of it in the training data carries them too. Expression
    words in `character` are taken out, and eye colours where no iris will be seen. `negative_prompt`
    replaces the style's and the slots'. `token_limit` is the length of one chunk as `count_tokens`
    counts. Raises TagdbError without tags and for an unknown dialect.
    """
    writer = choose_dialect(dialect)
    asked, warnings = read_tags(store, [tags] if isinstance(tags, str) else tags)
    if not asked:
        raise TagdbError("No expression tags given; name at least one, such as 'smile'.")
    own = separate(character, store)
    draft = _Draft(store.tags, own, style, negative_prompt)
    records = tuple(tag.record for tag in asked if tag.record)
    unseen = own.eye_colours if hides_irises(records) else ()
    shown = draft.with_implied(asked, "face")
    pieces, negative = draft.pieces(shown), draft.negative(records)
    pairs = _contradictions(records)
    warnings += [
        *_about_character(own.expressions, unseen),
        *(
            f"{a} and {b} contradict each other; both are in the prompt, leave one out."
            for a, b in pairs
        ),
        *_about_words(records, style),
        *_about_weights(writer, pieces),
    ]
    tokens = None
    if count_tokens is not None:
        tokens = count_tokens(_text(pieces))
        if token_limit is not None and tokens > token_limit:
            words = [draft.word(tag) for tag in asked]
            warnings.append(_about_length(pieces, words, tokens, token_limit, count_tokens))
    return BuiltPrompt(
        prompt=writer.write(pieces),
        negative_prompt=writer.write(negative),
        pieces=pieces,
        negative_pieces=negative,
        tags=tuple(record.tag for record in records),
        implied=tuple(tag.record.tag for tag in shown if tag.record and tag not in asked),
        unknown=tuple(tag.text for tag in asked if tag.record is None),
        removed=(*own.expressions, *unseen),
        contradictions=pairs,
        edits=tuple(_step(draft, writer, step) for step in passes(asked)),
        tokens=tokens,
        warnings=tuple(warnings),
    )


@dataclass(frozen=True)
class _Draft:
    """What stays the same in the whole prompt and in each edit's."""

    known: tuple[ExpressionTag, ...]
    character: Character
    style: PromptStyle
    negative_prompt: str | None

    def word(self, tag: Asked) -> str:
        return self.style.word(tag.record) if tag.record else tag.text

    def with_implied(self, asked: Sequence[Asked], part: EditPart) -> tuple[Asked, ...]:
        """The tags, each followed by what it implies in that part of the picture."""
        records = [tag.record for tag in asked if tag.record]
        known = {record.tag: record for record in self.known}
        shown = {record.tag for record in records}
        result: list[Asked] = []
        for tag in asked:
            result.append(tag)
            for name in tag.record.implies if tag.record else ():
                also = known.get(name)
                if also and name not in shown and lies_in(also, part) and _agrees(also, records):
                    shown.add(name)
                    result.append(Asked(also, also.prompt_form, tag.weight))
        return tuple(result)

    def pieces(self, asked: Sequence[Asked]) -> tuple[Piece, ...]:
        records = [tag.record for tag in asked if tag.record]
        return join_tags(
            _parsed(self.style.prefix),
            self.character.pieces(eye_colour=not hides_irises(records)),
            *(((self.word(tag), tag.weight),) for tag in asked),
            _parsed(self.style.suffix),
        )

    def negative(
        self, records: Sequence[ExpressionTag], part: EditPart = "face"
    ) -> tuple[Piece, ...]:
        if self.negative_prompt is not None:
            return parse_prompt(self.negative_prompt)
        own = _parsed(self.style.negative_prompt)
        if not self.style.slot_negatives:
            return own
        present = {word.strip() for word in _text(own).split(",")}
        opposites = slot_negatives(records, self.known, part)
        words = [o if isinstance(o, str) else self.style.word(o) for o in opposites]
        return join_tags(*(((word, 1.0),) for word in words if word not in present), own)


def _step(draft: _Draft, writer: Dialect, step: Pass) -> EditStep:
    return EditStep(
        part=step.part,
        tags=tuple(tag.record.tag if tag.record else tag.text for tag in step.asked),
        prompt=writer.write(draft.pieces(draft.with_implied(step.asked, step.part))),
        negative_prompt=writer.write(draft.negative(step.records, step.part)),
        transforms=step.transforms,
        control_inside=step.control_inside,
        region_tips=tuple(dict.fromkeys(r.region_tip for r in step.records if r.region_tip)),
        face_parts=step.face_parts,
    )


def _contradictions(records: Sequence[ExpressionTag]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (first.tag, second.tag)
        for index, first in enumerate(records)
        for second in records[index + 1 :]
        if second.tag in first.contradicts
    )


def _agrees(record: ExpressionTag, others: Iterable[ExpressionTag]) -> bool:
    return not any(record.tag in other.contradicts for other in others)


def _about_character(expressions: Sequence[str], unseen: Sequence[str]) -> Iterable[str]:
    for word in expressions:
        yield (
            f"{word!r} was taken out of the character: an expression there would fight the edit. "
            "Ask for it as a tag if it is wished."
        )
    for word in unseen:
        yield f"{word!r} was taken out of the character, since no iris will be seen."


def _about_words(records: Sequence[ExpressionTag], style: PromptStyle) -> Iterable[str]:
    for record in records:
        word = style.word(record)
        if word != record.prompt_form:
            yield (
                f"{record.tag} is written {word!r}: the name is of {record.live_since}, and "
                f"{style.name} checkpoints were trained on data up to {style.cutoff_year}."
            )


def _about_weights(writer: Dialect, pieces: tuple[Piece, ...]) -> Iterable[str]:
    if not writer.has_weights and any(weight != 1.0 for _, weight in pieces):
        yield f"Prompts for {writer.name} carry no weights; they were left out."


def _about_length(
    pieces: tuple[Piece, ...], words: Sequence[str], tokens: int, limit: int, count: TokenCounter
) -> str:
    text = _text(pieces)
    late = [word for word in words if count(text[: text.rfind(word) + len(word)]) > limit]
    where = (
        f"{', '.join(late)} stands after the first, where words count for less; shorten the character."
        if late
        else "the expression stands in the first."
    )
    return f"The prompt has {tokens} tokens, {-(-tokens // limit)} chunks of {limit}: {where}"


def _parsed(text: str) -> tuple[Piece, ...]:
    return parse_prompt(text.strip().strip(",").strip())


def _text(pieces: tuple[Piece, ...]) -> str:
    return "".join(text for text, _ in pieces)
