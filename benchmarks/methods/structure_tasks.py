"""The edits that the structure benchmark makes: what is asked of a drawing, what shall stay, whether it shows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from benchmarks.fidelity.setting import SIZE_PX, Bench, Subject, part_of
from benchmarks.fidelity.tags import reads_as
from expressedit_mcp.imaging import Selection, Size, box_selection, mask_selection
from expressedit_mcp.preview import expression_from_tags, part_masks

EXPRESSIONS = (":d", "closed eyes")
_FEATURES = ("eyes", "brows", "mouth")
_FEATURE_MARGIN_PX = 4
_MASK_MARGIN_PX = 6
_SIZE = Size(SIZE_PX, SIZE_PX)
Mask = np.ndarray


@dataclass(frozen=True)
class Task:
    """An edit of one subject's neutral drawing from a source to a target prompt.

    `changes` are the parts, as `part_masks` names them, that it is about, `tags` the expression after it. With
    `reshapes` features may take another shape; without, all lines of the selection shall stay.
    """

    name: str
    subject: Subject
    part: str
    changes: tuple[str, ...]
    source: str
    target: str
    shows: Callable[[Bench, np.ndarray], bool]
    tags: tuple[str, ...] = ()
    reshapes: bool = False

    @property
    def box(self) -> Selection:
        """The part's box, as a user would select it."""
        return box_selection(_edges(self.subject, self.part), _SIZE)

    @cached_property
    def mask(self) -> Selection:
        """What is drawn of the parts that change, before or after, with a few pixels round it, in the box."""
        drawn = _grown(_drawn(self, self.changes), _MASK_MARGIN_PX) & self._inside
        return mask_selection(drawn.astype(np.uint8) * 255, _SIZE)

    @cached_property
    def preserved(self) -> Mask:
        """Where lines shall stay (512, 512): the box without features that may change."""
        if not self.reshapes:
            return self._inside
        return self._inside & ~_grown(_drawn(self, _FEATURES), _FEATURE_MARGIN_PX)

    @property
    def _inside(self) -> Mask:
        return _box_of(self.subject, self.part)


def families(subjects: Sequence[Subject]) -> Iterator[tuple[str, list[Task]]]:
    """The names of the kinds of edits, each with its edits."""
    recolourings = (_eye_colour, _hair_colour, _blush)
    yield "colours: eyes, hair, blush", [make(who) for who in subjects for make in recolourings]
    tags = itertools.cycle(EXPRESSIONS)
    yield (
        "expressions",
        [_expression(who, tag, part_of([tag]), _FEATURES) for who, tag in zip(subjects, tags)],  # noqa: B905
    )


def _blush(subject: Subject) -> Task:
    return _expression(subject, "blush", "face", ("face",))


def _eye_colour(subject: Subject) -> Task:
    wanted = _another(subject.character.eye_color, "red eyes", "blue eyes")
    drawn = replace(subject, character=replace(subject.character, eye_color=wanted))
    return _recolouring(subject, drawn, "eyes", "irises", subject.character.eye_color, wanted)


def _hair_colour(subject: Subject) -> Task:
    wanted = _another(subject.character.hair_color, "red hair", "blue hair")
    drawn = replace(subject, character=replace(subject.character, hair_color=wanted))
    return _recolouring(subject, drawn, "head", "hair", subject.character.hair_color, wanted)


def _another(own: str, first: str, second: str) -> str:
    warm = own.split()[0] in ("red", "pink", "orange", "brown")
    return second if warm else first


def _recolouring(
    subject: Subject, drawn: Subject, part: str, changed: str, own: str, wanted: str
) -> Task:
    seen = part_masks(subject.character, expression_from_tags([]), subject.view, SIZE_PX)[changed]
    seen = (seen > 0) & _box_of(subject, part)
    before, after = (_mean(who.neutral.pixels, seen) for who in (subject, drawn))

    def shows(bench: Bench, pixels: np.ndarray) -> bool:
        colour = _mean(pixels, seen)
        return bool(np.linalg.norm(colour - after) < np.linalg.norm(colour - before))

    others = [tag for tag in subject.character.tags if tag != own]
    return Task(
        wanted,
        subject,
        part,
        (changed,),
        ", ".join([*others, own]),
        ", ".join([*others, wanted]),
        shows,
    )


def _expression(subject: Subject, tag: str, part: str, changes: tuple[str, ...]) -> Task:
    def shows(bench: Bench, pixels: np.ndarray) -> bool:
        return reads_as(bench.read(subject, pixels), [tag])

    return Task(
        tag,
        subject,
        part,
        changes,
        subject.look,
        f"{subject.look}, {tag}",
        shows,
        (tag,),
        reshapes=tag != "blush",
    )


def _edges(subject: Subject, part: str) -> list[int]:
    drawing = subject.neutral
    edges = drawing.crop_box if part == "head" else drawing.part_boxes[part]
    return np.clip(edges, 0, SIZE_PX).tolist()


def _box_of(subject: Subject, part: str) -> Mask:
    inside = np.zeros((SIZE_PX, SIZE_PX), bool)
    inside[box_selection(_edges(subject, part), _SIZE).box.slices] = True
    return inside


def _drawn(task: Task, parts: tuple[str, ...]) -> Mask:
    """Where the rig draws some parts, before or after the edit."""
    seen = np.zeros((SIZE_PX, SIZE_PX), bool)
    for tags in ((), task.tags):
        expression = expression_from_tags(tags)
        masks = part_masks(task.subject.character, expression, task.subject.view, SIZE_PX)
        for part in parts:
            seen |= masks[part] > 0
    return seen


def _grown(mask: Mask, px: int) -> Mask:
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * px + 1,) * 2, np.uint8)) > 0


def _mean(pixels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The mean CIELAB colour (3,) under a mask."""
    lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return lab[mask].mean(axis=0)
