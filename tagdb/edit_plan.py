"""Which edits a list of tags asks for: one for the face, or eyes and mouth apart."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from tagdb.asked import Asked
from tagdb.records import ExpressionTag, TransformPlan
from tagdb.slots import EditPart, edit_part, face_parts

_BEFORE: tuple[EditPart, ...] = ("head",)
_AFTER: tuple[EditPart, ...] = ("hands", "marks")
_UPPER: frozenset[EditPart] = frozenset({"eyes", "brows"})
_LOWER: frozenset[EditPart] = frozenset({"mouth", "cheeks"})
_INNER: frozenset[EditPart] = frozenset({"face", *_UPPER, *_LOWER})


class Transform(BaseModel):
    """What a picture needs for one tag beside the prompt; see `TransformPlan`."""

    model_config = ConfigDict(frozen=True)

    tag: str
    plan: TransformPlan


class EditStep(BaseModel):
    """One edit: the part of the picture to select, its tags and prompts, what to do besides.

    `region_tips` say in words what to select, `face_parts` name the parts of a found face that are it; where there
    are none, the words count. `control_inside` is the edit's argument of that name.
    """

    model_config = ConfigDict(frozen=True)

    part: EditPart
    tags: tuple[str, ...]
    prompt: str
    negative_prompt: str
    transforms: tuple[Transform, ...] = ()
    control_inside: Literal["erase"] | None = None
    region_tips: tuple[str, ...] = ()
    face_parts: tuple[str, ...] = ()


class Pass(NamedTuple):
    """The tags that one edit draws, in the order they were asked for."""

    part: EditPart
    asked: tuple[Asked, ...]

    @property
    def records(self) -> tuple[ExpressionTag, ...]:
        return tuple(tag.record for tag in self.asked if tag.record)

    @property
    def transforms(self) -> tuple[Transform, ...]:
        """Those of the tags whose target lies in this part."""
        return tuple(
            Transform(tag=record.tag, plan=record.transform)
            for record in self.records
            if record.transform.need != "none" and self._is_here(record)
        )

    @property
    def control_inside(self) -> Literal["erase"] | None:
        """Erased edges free an old feature; scaled pixels are a hint, and their edges stay."""
        plans = [transform.plan for transform in self.transforms]
        if any(plan.tool for plan in plans):
            return None
        return "erase" if any(plan.control_inside for plan in plans) else None

    @property
    def face_parts(self) -> tuple[str, ...]:
        """What of a found face to select; free text may be about the brows, too."""
        parts = face_parts(self.part, self.records)
        return parts if len(self.records) == len(self.asked) or len(parts) < 2 else ("eyes",)

    def _is_here(self, record: ExpressionTag) -> bool:
        """What a tag that spans the face needs is done to the eyes, unless it is to the mouth."""
        if self.part == "mouth":
            return edit_part(record) in _LOWER or record.transform.target == "mouth"
        return self.part not in _UPPER or record.transform.target != "mouth"


def passes(asked: Sequence[Asked]) -> tuple[Pass, ...]:
    """The edits in the order to make them.

    Tags of the eyes and tags of the mouth are two edits, since a small region each is drawn larger
    and nothing between them changes; a tag that spans the face, or free text, then goes into both.
    The head, hands and marks beside the face need regions of their own.
    """
    parts: list[EditPart] = [_part(tag) for tag in asked]

    def drawing(name: EditPart, wanted: Container[EditPart]) -> Pass:
        return Pass(name, tuple(t for t, part in zip(asked, parts, strict=True) if part in wanted))

    inner: list[EditPart] = [part for part in parts if part in _INNER]
    upper: list[EditPart] = [part for part in inner if part in _UPPER]
    if upper and "mouth" in inner:
        middle = [
            drawing(_one(upper, "eyes"), [part for part in inner if part not in _LOWER]),
            drawing("mouth", [part for part in inner if part not in _UPPER]),
        ]
    else:
        middle = [drawing(_one(inner, "eyes" if inner == upper else "face"), inner)]
    before = [drawing(part, (part,)) for part in _BEFORE]
    after = [drawing(part, (part,)) for part in _AFTER]
    return tuple(step for step in (*before, *middle, *after) if step.asked)


def _part(tag: Asked) -> EditPart:
    return edit_part(tag.record) if tag.record else "face"


def _one(parts: Sequence[EditPart], several: EditPart) -> EditPart:
    """The part itself where there is one only."""
    return parts[0] if len(set(parts)) == 1 else several
