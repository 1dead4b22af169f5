"""Learning characters and attributes: from a command to a learned file."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

import tagdb
from expressedit_mcp.engine import Engine
from expressedit_mcp.engine.backend import Pieces, Stop
from expressedit_mcp.engine.learning.cost import default_settings
from expressedit_mcp.engine.learning.request import Example, Kind, LearnRequest
from expressedit_mcp.errors import InputError
from expressedit_mcp.images import ImageStore, request_key
from expressedit_mcp.imaging import (
    Box,
    CropPlan,
    Face,
    Picture,
    Selection,
    box_selection,
    srgb_crop,
    union,
)
from expressedit_mcp.jobs import Report
from expressedit_mcp.regions import OneRegion
from expressedit_mcp.studio.editing import Editing, never
from expressedit_mcp.studio.learned_store import LearnedStore
from expressedit_mcp.studio.pictures import Pictures
from expressedit_mcp.studio.planning import crop_for
from expressedit_mcp.studio.selecting import FindFaces, choose_face, seen_tags

MOST_PICTURES = 20
_ROUND_FACE = 0.25  # of a face's width: hair and ears belong to a character
_PARTS = ("eyes", "mouth")


@dataclass(frozen=True)
class LearnCommand:
    """What shall be learned under a name, from which pictures.

    `regions` holds one region (or list of them) per picture, or is empty: then the face is what is learned.
    `captions` holds the tags that each picture shows besides, or is empty: then they are read in the face.
    `apart_from` are learned ones that it shall not take anything over from.
    """

    name: str
    kind: Kind
    images: tuple[str, ...]
    regions: tuple[OneRegion | Sequence[OneRegion], ...] = ()
    captions: tuple[tuple[str, ...], ...] = ()
    class_word: str = "solo"
    apart_from: tuple[str, ...] = ()
    steps: int | None = None
    seed: int = 0


class Characters:
    """Learns characters and attributes with what the studio owns, and keeps them."""

    def __init__(
        self,
        tags: tagdb.TagStore,
        images: ImageStore,
        engine: Engine,
        pictures: Pictures,
        store: LearnedStore,
        folder: Path,
        editing: Editing,
    ) -> None:
        self._tags, self._images, self._engine, self._pictures = tags, images, engine, pictures
        self._store, self._folder, self._editing = store, folder, editing

    def checked(self, command: LearnCommand) -> dict[str, Any]:
        """The command as a job's request, pictures as image ids. Raises InputError for what cannot be learned."""
        self._store.check_free(command.name)
        _check_counts(command)
        regions = command.regions or ((),) * len(command.images)
        read = [
            self._editing.referred(image, region, never)
            for image, region in zip(command.images, regions, strict=True)
        ]
        command = replace(
            command,
            images=tuple(self._pictures.open(image).image_id for image, _ in read),
            regions=tuple(region for _, region in read) if command.regions else (),
        )
        self.request(command, look=False)
        return TypeAdapter(LearnCommand).dump_python(command, mode="json")

    def learn(self, request: Mapping[str, Any], report: Report) -> None:
        """The work of a learning job. One that was interrupted goes on from its checkpoint."""
        command = TypeAdapter(LearnCommand).validate_python(request)
        folder = self._folder / f"learning_{request_key(dict(request))[:16]}"
        wanted = self.request(command, report.stopped)
        data = self._engine.learn(wanted, folder, report.step, report.stopped)
        card = self._store.keep(data)
        shutil.rmtree(folder, ignore_errors=True)
        report.item({"learned": card.name})

    def request(
        self, command: LearnCommand, stop: Stop = never, *, look: bool = True
    ) -> LearnRequest:
        """What the engine is asked to learn; without `look` a region of words is where they may be.

        Raises InputError.
        """
        engine = self._engine
        if not engine.tokenizer.knows(command.class_word) or not command.class_word.strip():
            raise InputError(
                f"The model {engine.card.name} has no word for the class word {command.class_word!r}. Choose one "
                "that it knows, such as 'solo', '1girl' or '1boy'."
            )
        examples = [
            example
            for index in range(len(command.images))
            for example in self._examples(command, index, stop, look)
        ]
        others = tuple(self._store.choose(n, 1.0, engine).learned for n in command.apart_from)
        known = [tag.prompt_form for tag in self._tags.tags]
        settings = default_settings(engine.card)
        if command.steps is not None:
            share = settings.token_steps * command.steps // settings.steps
            settings = settings.model_copy(update={"steps": command.steps, "token_steps": share})
        return LearnRequest(
            name=command.name,
            kind=command.kind,
            class_word=command.class_word,
            examples=tuple(examples),
            attributes=tuple(word for word in known if engine.tokenizer.knows(word)),
            seed=command.seed,
            settings=settings,
            others=others,
            pictures=command.images,
        )

    def _examples(self, command: LearnCommand, index: int, stop: Stop, look: bool) -> list[Example]:
        """The crops of one picture that edits of it would be made in."""
        picture = self._images.load(command.images[index])
        find_faces = self._editing.faces_of(picture)
        face = _only_face(find_faces)
        if command.regions:
            region = command.regions[index]
            selection = union(self._editing.chosen(region, picture, find_faces, stop, look=look))
        else:
            box = choose_face(find_faces, 0, f"the face of picture {index + 1}").box
            selection = _head(box, picture)
        seen = command.captions[index] if command.captions else seen_tags(face) if face else ()
        caption = self._caption(seen)
        card = self._engine.card
        boxes = [selection.box, *_parts_inside(face, selection)]
        return [
            _example(picture, crop_for(card, picture.size, box, None), selection, caption)
            for box in boxes
        ]

    def _caption(self, tags: Sequence[str]) -> Pieces:
        """The tags as the model's prompts write them, less those that it has no word for."""
        forms = {tag.tag: tag.prompt_form for tag in self._tags.tags}
        words = [forms.get(tag.strip().replace(" ", "_"), tag.strip()) for tag in tags]
        return tuple((word, 1.0) for word in words if word and self._engine.tokenizer.knows(word))


def _check_counts(command: LearnCommand) -> None:
    count = len(command.images)
    if not 1 <= count <= MOST_PICTURES:
        raise InputError(f"{count} pictures were given; accepted: 1 to {MOST_PICTURES}.")
    for what, given in (("regions", command.regions), ("captions", command.captions)):
        if given and len(given) != count:
            raise InputError(
                f"{len(given)} {what} were given for {count} pictures. Give one per picture, in order, or none."
            )


def _only_face(find_faces: FindFaces | None) -> Face | None:
    faces = find_faces() if find_faces else []
    return faces[0] if faces else None


def _head(face: Box, picture: Picture) -> Selection:
    grown = face.grown(round(_ROUND_FACE * face.width)) & picture.size.box
    return box_selection(grown.as_list(), picture.size)


def _parts_inside(face: Face | None, selection: Selection) -> list[Box]:
    """The boxes of the face's eyes and mouth, where the selection holds them."""
    found = [face.parts[name] for name in _PARTS if name in face.parts] if face else []
    return [box for box in found if (box & selection.box) == box]


def _example(picture: Picture, plan: CropPlan, selection: Selection, caption: Pieces) -> Example:
    crop = srgb_crop(picture, plan.box)
    return Example(crop, selection.within(plan.box), plan.model_size, caption)
