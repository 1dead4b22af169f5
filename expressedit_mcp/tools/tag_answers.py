"""What the tag tools answer: facts small enough for an agent to choose from, and the same in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, Field

if TYPE_CHECKING:
    from tagdb import BuiltPrompt, EditStep, ExpressionTag, Hit, Match, SearchResult, TransformPlan

Detail = Literal["short", "full"]
_SHORT_REASONS, _SHORT_CHARS = 2, 48


class TransformFacts(BaseModel):
    """What the picture needs for a tag beside the prompt."""

    tag: str
    need: str = Field(description="advised: try the prompt alone first; needed: do it first")
    tool: str | None = Field(
        None, description="Tool to call on the target before the edit, where there is it"
    )
    target: str | None = Field(None, description="What its region must cover, each apart")
    arguments: dict[str, float] | None = Field(None, description="Its numbers")
    control_inside: str | None = Field(None, description="Argument for edit_expression")
    by_hand: str | None = Field(None, description="What the tool, or a person, shall do")


class TagHit(BaseModel):
    """One found expression tag; category, near and contradicts, and all of `why`, with detail=full."""

    tag: str
    score: float = Field(description="0..1, share of the evidence; the scores of all tags sum to 1")
    definition: str = Field(description="What it draws, when it fits, what it is not")
    parts: list[str]
    transform: str = Field(description="none, advised or needed; explain_tag says which")
    why: list[str] = Field(description="Names in the query, or the tag's nearest text")
    category: str | None = None
    near: dict[str, str] | None = Field(
        default=None, description="Tags easily taken for this one, and the difference"
    )
    contradicts: list[str] | None = None


class TagHits(BaseModel):
    """Found tags, best first."""

    hits: list[TagHit]
    no_expression: bool = Field(description="True when the text seems to describe no expression")
    hint: str = Field("", description="How to ask better; empty when there is nothing to say")


class TagFacts(BaseModel):
    """Everything about one tag. Languages are en, ja, zh, ko."""

    tag: str
    prompt_form: str
    former_word: str = Field(description="What checkpoints know whose data ends before live_since")
    live_since: int = Field(description="Year of the name; 0 when older than all checkpoints")
    category: str
    slot: str = Field(description="What of the face it decides: two tags of one slot rarely agree")
    parts: list[str]
    gloss: str
    definition: dict[str, str]
    names: dict[str, list[str]]
    aliases: list[str]
    implies: list[str]
    near: dict[str, str] = Field(description="Tags easily taken for this one, and the difference")
    choose: list[str] = Field(description="Which of two confusable tags to take when")
    contradicts: list[str]
    transform: TransformFacts
    select: str = Field(description="What the region should cover")
    partners: list[str] = Field(description="Tags it is often drawn with")
    post_count: int


class EditFacts(BaseModel):
    """One edit to make: a region round `part`, its prompt, and what to do besides."""

    part: str = Field(description="head, face, eyes, brows, mouth, cheeks, hands or marks")
    tags: list[str]
    prompt: str
    negative_prompt: str
    transforms: list[TransformFacts]
    control_inside: str | None = Field(None, description="Argument for edit_expression")
    select: list[str] = Field(description="What the region should cover, tag by tag")
    region: list[dict[str, str]] | None = Field(
        None,
        description="The same as edit_expression takes it where open_image found the face; of another "
        "face than the first add its number as face",
    )


class PromptFacts(BaseModel):
    """A prompt for the current model, whole and as edits."""

    prompt: str
    negative_prompt: str
    tags: list[str] = Field(description="Canonical names of the tags in it")
    implied: list[str] = Field(description="Tags in it that one of those shows too")
    unknown: list[str] = Field(description="Words that are no tags and stand in it as free text")
    unknown_to_model: list[str] = Field(description="Words that this model will not draw")
    removed: list[str] = Field(description="Words taken out of character")
    contradictions: list[list[str]] = Field(description="Pairs of tags that do not go together")
    tokens: int | None = Field(None, description="Length as the model's tokenizer counts")
    edits: list[EditFacts] = Field(description="The same wish as edits of one part each, in order")
    warnings: list[str]


def hits_result(found: SearchResult, detail: Detail, hint: str) -> CallToolResult:
    """The answer to a search: a line per hit in words, the same facts structured."""
    facts = TagHits(
        hits=[_hit(hit, detail) for hit in found.hits],
        no_expression=found.no_expression,
        hint=hint,
    )
    lines = ["The text seems to describe no expression."] if found.no_expression else []
    lines += [_line(hit) for hit in facts.hits] or ["No tag was found."]
    lines += [hint] if hint else []
    return _answer(facts, "\n".join(lines))


def tag_result(tag: ExpressionTag, choose: list[str]) -> CallToolResult:
    """The answer to explain_tag."""
    facts = TagFacts(
        tag=tag.tag,
        prompt_form=tag.prompt_form,
        former_word=tag.legacy_prompt_word,
        live_since=tag.live_since,
        category=tag.category,
        slot=tag.slot,
        parts=list(tag.parts),
        gloss=tag.gloss,
        definition={language: text for language, text in tag.definition.items()},
        names={language: list(names) for language, names in tag.names.items()},
        aliases=list(tag.aliases),
        implies=list(tag.implies),
        near={near.tag: near.difference for near in tag.near},
        choose=choose,
        contradicts=list(tag.contradicts),
        transform=_transform(tag.tag, tag.transform),
        select=tag.region_tip,
        partners=list(tag.partners),
        post_count=tag.post_count,
    )
    return _answer(facts, facts.model_dump_json(exclude_none=True))


def prompt_result(built: BuiltPrompt, unknown_to_model: tuple[str, ...]) -> CallToolResult:
    """The answer to build_prompt."""
    facts = PromptFacts(
        prompt=built.prompt,
        negative_prompt=built.negative_prompt,
        tags=list(built.tags),
        implied=list(built.implied),
        unknown=list(built.unknown),
        unknown_to_model=list(unknown_to_model),
        removed=list(built.removed),
        contradictions=[list(pair) for pair in built.contradictions],
        tokens=built.tokens,
        edits=[_edit(edit) for edit in built.edits],
        warnings=list(built.warnings),
    )
    order = ", then ".join(edit.part for edit in facts.edits)
    return _answer(facts, f"Edit {order}.\n{facts.model_dump_json(exclude_none=True)}")


def _hit(hit: Hit, detail: Detail) -> TagHit:
    tag = hit.tag
    short = TagHit(
        tag=tag.tag,
        score=round(hit.score, 3),
        definition=tag.defined(),
        parts=list(tag.parts),
        transform=tag.transform.need,
        why=[_why(match, _SHORT_CHARS) for match in hit.matches[:_SHORT_REASONS]],
    )
    if detail == "short":
        return short
    return short.model_copy(
        update={
            "why": [_why(match) for match in hit.matches],
            "category": tag.category,
            "near": {near.tag: near.difference for near in tag.near},
            "contradicts": list(tag.contradicts),
        }
    )


def _why(match: Match, most_chars: int | None = None) -> str:
    text = match.text
    if most_chars is not None and len(text) > most_chars:
        text = text[: most_chars - 1] + "…"
    return f"{match.kind} ({match.language}): {text}" if match.language else f"{match.kind}: {text}"


def _line(hit: TagHit) -> str:
    facts = [f"{hit.tag}  {hit.score:.3f}", hit.definition, "+".join(hit.parts)]
    facts += [f"transform {hit.transform}"] if hit.transform != "none" else []
    facts += [hit.category] if hit.category else []
    facts += [f"near {tag}: {difference}" for tag, difference in (hit.near or {}).items()]
    facts += [f"contradicts {', '.join(hit.contradicts)}"] if hit.contradicts else []
    return " | ".join([*facts, *hit.why])


def _transform(tag: str, plan: TransformPlan) -> TransformFacts:
    return TransformFacts(
        tag=tag, **{name: value for name, value in plan.model_dump().items() if value}
    )


def _edit(edit: EditStep) -> EditFacts:
    return EditFacts(
        part=edit.part,
        tags=list(edit.tags),
        prompt=edit.prompt,
        negative_prompt=edit.negative_prompt,
        transforms=[_transform(transform.tag, transform.plan) for transform in edit.transforms],
        control_inside=edit.control_inside,
        select=list(edit.region_tips),
        region=[{"part": part} for part in edit.face_parts] or None,
    )


def _answer(facts: BaseModel, text: str) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(text=text)],
        structured_content=facts.model_dump(mode="json", exclude_none=True),
    )
