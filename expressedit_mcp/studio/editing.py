"""Edits and transforms: from a command to stored versions."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

import tagdb
from expressedit_mcp.engine import Engine, OnStep
from expressedit_mcp.engine.backend import EditResult, Stop
from expressedit_mcp.engine.methods.method import PLAIN, Method
from expressedit_mcp.errors import Cancelled, InputError
from expressedit_mcp.images import ImageStore, Version
from expressedit_mcp.imaging import (
    Box,
    Finder,
    Patch,
    Picture,
    Selection,
    apply_patch,
    srgb_crop,
    to_rgb,
)
from expressedit_mcp.regions import OneRegion
from expressedit_mcp.studio import wording
from expressedit_mcp.studio.commands import EditCommand, TransformCommand
from expressedit_mcp.studio.learned_store import Chosen, LearnedStore
from expressedit_mcp.studio.outcome import Outcome
from expressedit_mcp.studio.photoshop import Command, Photoshop
from expressedit_mcp.studio.pictures import Pictures
from expressedit_mcp.studio.planning import EditPlan, plan_edit
from expressedit_mcp.studio.seeking import Seeker
from expressedit_mcp.studio.seen import Seen, look_at
from expressedit_mcp.studio.selecting import FindFaces, select
from expressedit_mcp.studio.transforms import to_repair, transform, transform_request

REPAIR_STRENGTH = 0.5


def ignore_step(done: int, total: int, what: str) -> None:
    pass


def never() -> bool:
    return False


def ignore_outcome(outcome: Outcome) -> None:
    pass


def _as_it_is(outcome: Outcome) -> Outcome:
    return outcome


class Editing:
    """Edits and transforms pictures with what the studio owns."""

    def __init__(
        self,
        tags: tagdb.TagStore,
        images: ImageStore,
        engine: Engine,
        pictures: Pictures,
        photoshop: Photoshop,
        finder: Finder | None,
        learned: LearnedStore,
    ) -> None:
        self._tags, self._images, self._engine = tags, images, engine
        self._pictures, self._photoshop, self._finder = pictures, photoshop, finder
        self._learned = learned

    def resolved(self, command: EditCommand, stop: Stop = never) -> EditCommand:
        """The command without references to an open document, once all of it was checked. Raises InputError."""
        return self._prepared(command, stop, look=False)[0]

    def referred(
        self, reference: str, region: OneRegion | Sequence[OneRegion], stop: Stop
    ) -> tuple[str, OneRegion | Sequence[OneRegion]]:
        """Another picture that a command names, and its region, without references to an open document.

        Raises InputError.
        """
        command = self._photoshop.resolve(EditCommand(reference, region), stop)
        return command.image, command.region

    def edit(
        self,
        command: EditCommand,
        on_step: OnStep = ignore_step,
        stop: Stop = never,
        *,
        on_outcome: Callable[[Outcome], None] = ignore_outcome,
        batch: bool = False,
    ) -> list[Outcome]:
        """One outcome per variation, each also told as it comes; `batch` lets interactive edits go first.

        Raises InputError before anything is computed, or Cancelled.
        """
        prepared = self._prepared(command, stop, on_step)

        def finish(outcome: Outcome) -> Outcome:
            if command.place:
                outcome = self._photoshop.placed(outcome, stop)
            on_outcome(outcome)
            return outcome

        return self._edit(*prepared, on_step, stop, finish, batch)

    def edit_by(
        self,
        method: Method,
        command: EditCommand,
        words: wording.Wording,
        on_step: OnStep = ignore_step,
        stop: Stop = never,
    ) -> Outcome:
        """The edit of a command in these words by a method. Raises InputError, or Cancelled."""
        self.learned_by(command)
        command, parent, picture, selections, find_faces = self.located(command, stop, on_step)
        return self._edit(
            command, parent, picture, selections, words, find_faces, on_step, stop, method=method
        )[0]

    def transform(
        self, command: TransformCommand, on_step: OnStep = ignore_step, stop: Stop = never
    ) -> Outcome:
        """The transformed version, or its repair on top of it when that is asked for."""
        words = self._repair_words(command)
        started = time.perf_counter()
        command, parent, picture, selections, find_faces = self.located(command, stop, on_step)
        request = transform_request(command, parent.image_id, selections)
        known = self._images.find(request)
        stored = self._images.load_patch(known.image_id) if known else None
        patch = stored or transform(command, picture, selections, _cancelling(stop))
        made = known or self._images.derive(parent, picture, patch, request["operation"], request)
        if words is None:
            elapsed = time.perf_counter() - started
            return Outcome(made, elapsed, known is not None, self._pictures.fullness())
        edit = EditCommand(
            image=made.image_id,
            region=(),
            strength=REPAIR_STRENGTH if command.strength is None else command.strength,
            seed=command.seed,
            # the transformed pixels are the hint, so their edges stay
            control_inside="keep",
            context=command.context,
            preserve_structure=command.preserve_structure,
        )
        after = apply_patch(picture, patch)
        redrawn = [to_repair(command, patch, selections)]
        repaired = self._edit(edit, made, after, redrawn, words, find_faces, on_step, stop)[0]
        return replace(repaired, elapsed_s=time.perf_counter() - started)

    def _repair_words(self, command: TransformCommand) -> wording.Wording | None:
        """The wording of a transform's repair; None when there shall be none. Raises InputError."""
        if command.repair:
            return wording.word_edit(
                self._tags,
                self._engine,
                tags=command.tags,
                prompt=command.prompt,
                character=command.character,
                style=None,
                negative_prompt=None,
            )
        if command.tags or command.prompt or command.preserve_structure:
            raise InputError(
                "tags, prompt and preserve_structure only matter with repair=True; set it, or leave them out."
            )
        return None

    def faces_of(self, picture: Picture) -> FindFaces | None:
        """The picture's faces, looked for when they are first asked for; None without a finder."""
        finder = self._finder
        if finder is None:
            return None
        return functools.cache(lambda: finder.find_faces(to_rgb(picture.pixels)))

    def _prepared(
        self, command: EditCommand, stop: Stop, on_step: OnStep = ignore_step, *, look: bool = True
    ) -> tuple[EditCommand, Version, Picture, list[Selection], wording.Wording, FindFaces | None]:
        """The command without references to an open document, and what it works on. Raises InputError."""
        words = wording.word_edit(
            self._tags,
            self._engine,
            tags=command.tags,
            prompt=command.prompt,
            character=command.character,
            style=command.style,
            negative_prompt=command.negative_prompt,
        )
        self.learned_by(command)
        command = self._with_image_prompt(command, stop)
        command, parent, picture, selections, find_faces = self.located(
            command, stop, on_step, look=look
        )
        return command, parent, picture, selections, words, find_faces

    def located(
        self, command: Command, stop: Stop, on_step: OnStep = ignore_step, *, look: bool = True
    ) -> tuple[Command, Version, Picture, list[Selection], FindFaces | None]:
        """The command without references to an open document, its picture, and one selection per region.

        Without `look` a region of words is where they may be.
        """
        command = self._photoshop.resolve(command, stop)
        parent = self._pictures.open(command.image)
        picture = self._images.load(parent.image_id)
        find_faces = self.faces_of(picture)
        selections = self.chosen(command.region, picture, find_faces, stop, on_step, look=look)
        return command, parent, picture, selections, find_faces

    def chosen(
        self,
        region: OneRegion | Sequence[OneRegion],
        picture: Picture,
        find_faces: FindFaces | None,
        stop: Stop,
        on_step: OnStep = ignore_step,
        *,
        look: bool = True,
    ) -> list[Selection]:
        """One selection per region of a picture; `look` as in `located`. Raises InputError."""
        seeker = Seeker(self._engine, picture, find_faces, on_step, stop)
        find_words = seeker.seek if look else seeker.presume
        return select(region, picture, self._pictures.load, find_faces, find_words)

    def _edit(
        self,
        command: EditCommand,
        parent: Version,
        picture: Picture,
        selections: list[Selection],
        words: wording.Wording,
        find_faces: FindFaces | None,
        on_step: OnStep,
        stop: Stop,
        finish: Callable[[Outcome], Outcome] = _as_it_is,
        batch: bool = False,
        method: Method = PLAIN,
    ) -> list[Outcome]:
        engine = self._engine
        plan = plan_edit(
            command,
            parent.image_id,
            picture,
            selections,
            words,
            engine.card,
            engine.fingerprint,
            find_faces,
            method,
            self.learned_by(command),
            self._image_prompt_of(command),
        )
        return self.generate(command, plan, parent, picture, on_step, stop, finish, batch)

    def generate(
        self,
        command: EditCommand,
        plan: EditPlan,
        parent: Version,
        picture: Picture,
        on_step: OnStep,
        stop: Stop,
        finish: Callable[[Outcome], Outcome] = _as_it_is,
        batch: bool = False,
    ) -> list[Outcome]:
        """One outcome per variation of a planned edit of the parent's picture. Raises Cancelled."""
        engine = self._engine
        warnings = (*plan.wording.warnings, *plan.warnings, *self._domain())
        first = plan.derived_seed() if command.seed is None else command.seed
        seeds = [(first + number) % (1 << 31) for number in range(command.variations)]
        requests = [{**plan.settings, "seed": seed} for seed in seeds]
        known = [self._images.find(request) for request in requests]
        missing = [number for number, version in enumerate(known) if version is None]
        outcomes: list[Outcome] = []
        started = time.perf_counter()

        def tell(version: Version, cached: bool) -> None:
            nonlocal started
            now = time.perf_counter()
            notes = (*warnings, *self._pictures.fullness())
            seen = self._seen(version)
            outcomes.append(finish(Outcome(version, now - started, cached, notes, seen=seen)))
            started = time.perf_counter()

        def tell_known() -> None:
            """Those whose turn it is and which an earlier request made."""
            while len(outcomes) < len(known) and (version := known[len(outcomes)]) is not None:
                tell(version, cached=True)

        def on_result(position: int, result: EditResult) -> None:
            patch = Patch.of(result.rgb, plan.crop.box, plan.selection, picture)
            facts = {
                "model_calls": result.model_calls,
                "controlled_calls": result.controlled_calls,
                "model_name": engine.card.name,
                "tags": list(command.tags or ()),
            }
            request = requests[missing[position]]
            made = self._images.derive(parent, picture, patch, "edit", request, facts)
            tell(made, cached=False)
            tell_known()

        if stop():
            raise Cancelled("The edit was cancelled; the picture is as it was.")
        tell_known()
        if missing:
            engine.edit_all(
                plan.request(picture, seeds[missing[0]]),
                [seeds[number] for number in missing],
                on_result,
                on_step,
                stop,
                batch=batch,
            )
        return outcomes

    def _seen(self, version: Version) -> Seen | None:
        """What the face that the version changed seems to show; None without one, or without a finder."""
        if self._finder is None or version.changed_box is None:
            return None
        pixels = to_rgb(self._images.load(version.image_id).pixels)
        asked = wording.asked_tags(
            self._tags, version.facts.get("tags", ()), version.request.get("prompt", ())
        )
        return look_at(self._finder, pixels, Box(*version.changed_box), asked)

    def learned_by(self, command: EditCommand) -> list[Chosen]:
        """The learned characters and attributes of an edit. Raises InputError."""
        return [
            self._learned.choose(name, weight, self._engine) for name, weight in command.learned
        ]

    def _with_image_prompt(self, command: EditCommand, stop: Stop) -> EditCommand:
        """The command with an image prompt that can be used and is no open document. Raises InputError."""
        if command.image_prompt is None:
            return command
        self._engine.card.require_ip_adapter()
        reference, _ = self.referred(command.image_prompt, (), stop)
        self._pictures.load(reference)
        return replace(command, image_prompt=reference)

    def _image_prompt_of(self, command: EditCommand) -> np.ndarray | None:
        """The sRGB pixels (h, w, 3) of an edit's image prompt; None where it has no weight. Raises InputError."""
        if command.image_prompt is None:
            return None
        picture = self._pictures.load(command.image_prompt)
        return srgb_crop(picture, picture.size.box) if command.image_prompt_scale > 0 else None

    def _domain(self) -> tuple[str, ...]:
        card = self._engine.card
        if card.domain == "illustrations":
            return ()
        return (
            f"The model {card.name} was made for {card.domain}; other pictures need real SDXL weights "
            "(set EXPRESSEDIT_MODEL to a model directory).",
        )


def _cancelling(stop: Stop) -> Callable[[], None]:
    """A call that raises Cancelled when the work shall stop."""

    def between() -> None:
        if stop():
            raise Cancelled("The call was cancelled; the picture is as it was.")

    return between
