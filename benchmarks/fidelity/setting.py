"""The characters that edits are judged on, and edits of them through the studio as a user makes them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import tagdb
from expressedit_mcp.imaging import Box, Picture, face_outline
from expressedit_mcp.preview import (
    EXPRESSION_TAGS,
    Character,
    Drawing,
    Expression,
    View,
    draw_character,
    expression_from_tags,
    sample_character,
    sample_view,
)
from expressedit_mcp.preview.reader import FaceReader, Reading
from expressedit_mcp.preview.tags import record_name
from expressedit_mcp.regions import BoxRegion, OneRegion, PolygonRegion, Region
from expressedit_mcp.settings import Settings
from expressedit_mcp.studio import EditCommand, Seen, Studio

HELD_OUT_SEED = 70_001  # training draws its characters from other seeds
SIZE_PX = 512
_INSIDE_EYES = {"eyes", "iris", "gaze"}
_EYE_PARTS = {*_INSIDE_EYES, "brows"}
_LEAST_CHANGE, _MARK_ROOM_PX = 12, 8
READS_AT = 0.5  # the least chance at which a tag counts as read
_TRIES = 3
_PARTS = (*sorted(_EYE_PARTS), "mouth", "extras", "emotion")


@dataclass(frozen=True)
class Subject:
    """A character that no training has seen, from one view."""

    number: int
    character: Character
    view: View

    @classmethod
    def of(cls, number: int) -> Subject:
        rng = np.random.default_rng([HELD_OUT_SEED, number])
        return cls(number, sample_character(rng), sample_view(rng))

    def drawn(self, tags: Sequence[str] = (), **changes: Any) -> Drawing:
        """The rig's own drawing of the tags; `changes` are fields of its Expression."""
        expression = replace(expression_from_tags(tags), **changes)
        return draw_character(self.character, expression, self.view, SIZE_PX)

    @cached_property
    def neutral(self) -> Drawing:
        return self.drawn()

    @property
    def look(self) -> str:
        """The character's own tags, as a user would give them."""
        return ", ".join(self.character.tags)


@dataclass(frozen=True)
class Edited:
    """An edit: the picture before and after, what was selected, and what the reader reads after.

    `seen` is what the edit's own answer said of the face.
    """

    subject: Subject
    before: np.ndarray
    after: np.ndarray
    selected: np.ndarray
    reading: Reading
    seconds: float
    seen: Seen | None = None

    @property
    def least_seen(self) -> float:
        """The least chance that the answer gave to a tag that was asked for; 1 without an answer."""
        return min(self.seen.asked.values(), default=1.0) if self.seen else 1.0


class Bench:
    """A studio with a store of its own, and the reader that judges its edits."""

    def __init__(self, studio: Studio, reader: FaceReader) -> None:
        self.studio, self.reader = studio, reader

    @classmethod
    @contextmanager
    def open(cls, model: Path) -> Iterator[Bench]:
        with tempfile.TemporaryDirectory(prefix="fidelity-") as folder:
            home = Path(folder)
            studio = Studio.open(Settings(home=home, roots=(home,), model=model, device="cpu"))
            try:
                yield cls(studio, FaceReader())
            finally:
                studio.close()

    def edit(self, subject: Subject, tags: Sequence[str], part: str = "", **changes: Any) -> Edited:
        """The neutral drawing with a part edited to the tags; `changes` are fields of the command."""
        return self.edit_pixels(subject, subject.neutral.pixels, tags, part, **changes)

    def edit_as_planned(self, subject: Subject, tags: Sequence[str]) -> Edited:
        """The neutral drawing after the edits that build_prompt plans for the tags, one on the other."""
        names = {record_name(tag): tag for tag in tags}
        made: list[Edited] = []
        for step in self.studio.build_prompt(tuple(tags), subject.look).edits:
            pixels = made[-1].after if made else subject.neutral.pixels
            made.append(self.edit_pixels(subject, pixels, [names[tag] for tag in step.tags]))
        return replace(
            made[-1],
            before=subject.neutral.pixels,
            selected=np.any([edited.selected for edited in made], axis=0),
            seconds=sum(edited.seconds for edited in made),
        )

    def edit_pixels(
        self,
        subject: Subject,
        pixels: np.ndarray,
        tags: Sequence[str],
        part: str = "",
        **changes: Any,
    ) -> Edited:
        """Like `edit`, of any picture of the subject in its view."""
        parent = self.studio.images.add(Picture(pixels.copy()), "drawn")
        command = EditCommand(
            parent.image_id,
            region_of(subject.neutral, part) if part else region_for(subject, tags),
            tags=tuple(tags),
            character=subject.look,
        )
        outcome = self.studio.edit(replace(command, **changes))[0]
        edited = self.result(subject, pixels, outcome.version.image_id, outcome.elapsed_s)
        return replace(edited, seen=outcome.seen)

    def tried_again(self, subject: Subject, tags: Sequence[str], first: Edited) -> Edited:
        """The best by its own answer of an edit and, while tags are not seen, two more with other seeds."""
        tries = [first]
        while tries[-1].least_seen < READS_AT and len(tries) < _TRIES:
            tries.append(self.edit(subject, tags, seed=len(tries)))
        return max(tries, key=lambda edited: edited.least_seen)

    def result(self, subject: Subject, before: np.ndarray, image_id: str, seconds: float) -> Edited:
        """The version as an Edited."""
        version = self.studio.images.get(image_id)
        after = self.studio.images.load(image_id).pixels
        patch = self.studio.images.load_patch(version.image_id)
        selected = np.zeros(after.shape[:2], bool)
        if patch is not None:
            selected[patch.box.slices] = patch.alpha > 0
        return Edited(subject, before, after, selected, self.read(subject, after), seconds)

    def read(self, subject: Subject, pixels: np.ndarray) -> Reading:
        """What the reader sees in the subject's face."""
        return self.reader.read(pixels, Box(*subject.neutral.crop_box), passes=1)

    def neutral(self, subject: Subject) -> Reading:
        """What the reader sees in the unedited drawing."""
        return self.read(subject, subject.neutral.pixels)

    @cached_property
    def words(self) -> frozenset[str]:
        """The rig's tags that the tag store holds and the model has a word for."""
        stored = {tag.tag for tag in tagdb.load_tags()}
        knows = self.studio.engine.tokenizer.knows
        return frozenset(t for t in EXPRESSION_TAGS if record_name(t) in stored and knows(t))


def region_of(drawing: Drawing, part: str) -> OneRegion:
    """The region that the studio selects for a part; "head" is the whole face crop."""
    if part == "face":
        face, eyes = (Box(*drawing.part_boxes[name]) for name in ("face", "eyes"))
        outline = face_outline(drawing.landmarks.points, face, eyes)
        return PolygonRegion(polygon=[list(point) for point in outline])
    return _box_region(drawing.crop_box if part == "head" else drawing.part_boxes[part])


def region_for(subject: Subject, tags: Sequence[str]) -> Region:
    """What the tag store advises to select for the tags.

    The part that they change; the eyes without brows that stay; the one eye that shall wink; for marks, where they
    come to lie.
    """
    if "extras" in changed_parts(tags):
        return _box_region(_changed_box(subject, tags))
    if list(tags) == ["one eye closed"]:
        return region_of(subject.neutral, "right_eye")
    if changed_parts(tags) <= _INSIDE_EYES:
        return [region_of(subject.neutral, eye) for eye in ("left_eye", "right_eye")]
    return region_of(subject.neutral, part_of(tags))


def _changed_box(subject: Subject, tags: Sequence[str]) -> tuple[int, int, int, int]:
    """The box about all that the tags change in the subject's drawing."""
    apart = np.abs(subject.drawn(tags).pixels.astype(int) - subject.neutral.pixels).max(axis=2)
    rows, columns = np.nonzero(apart > _LEAST_CHANGE)
    left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    return left - _MARK_ROOM_PX, top - _MARK_ROOM_PX, right + _MARK_ROOM_PX, bottom + _MARK_ROOM_PX


def _box_region(box: Sequence[int]) -> OneRegion:
    left, top, right, bottom = (int(edge) for edge in np.clip(box, 0, SIZE_PX))
    return BoxRegion(box=[left, top, right, bottom])


def changed_parts(tags: Sequence[str]) -> frozenset[str]:
    """The fields of an expression that the tags set to something that is not neutral."""
    expression, neutral = expression_from_tags(tags), Expression()
    return frozenset(p for p in _PARTS if getattr(expression, p) != getattr(neutral, p))


def part_of(tags: Sequence[str]) -> str:
    """The smallest part box that holds all that the tags change of the face's features."""
    changed = changed_parts(tags) - {"extras"}
    if changed and changed <= _EYE_PARTS:
        return "eyes"
    return "mouth" if changed == {"mouth"} else "face"
