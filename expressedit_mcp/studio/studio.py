"""The studio: every user action, from an image reference to a stored version."""

from __future__ import annotations

import functools
import hashlib
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import tagdb
from expressedit_mcp.engine import Engine, OnStep
from expressedit_mcp.engine.backend import Stop
from expressedit_mcp.errors import Cancelled, InputError
from expressedit_mcp.images import (
    DecodeLimits,
    ImageStore,
    Opened,
    Preview,
    Roots,
    Version,
    decode,
    make_preview,
    read_source,
)
from expressedit_mcp.images.store import ID_PATTERN
from expressedit_mcp.imaging import (
    Box,
    Face,
    Finder,
    Patch,
    Picture,
    Selection,
    apply_patch,
    draw_grid,
    mask_selection,
    scale_under,
    to_rgb,
    union,
)
from expressedit_mcp.imaging.crop import extract
from expressedit_mcp.jobs import JobRecord, Jobs, Report
from expressedit_mcp.preview.finder import FaceFinder
from expressedit_mcp.settings import Settings
from expressedit_mcp.studio import wording
from expressedit_mcp.studio.commands import (
    EditCommand,
    ScaleCommand,
    command_from_json,
    command_to_json,
)
from expressedit_mcp.studio.engines import open_engine
from expressedit_mcp.studio.exporting import export_psd
from expressedit_mcp.studio.face_pictures import picture_set
from expressedit_mcp.studio.outcome import Outcome
from expressedit_mcp.studio.photoshop import Photoshop, is_document
from expressedit_mcp.studio.planning import plan_edit
from expressedit_mcp.studio.selecting import FindFaces, choose_face, select
from expressedit_mcp.studio.tag_store import open_tag_store
from photoshop_bridge import Bridge

_MIB = 1 << 20
REPAIR_STRENGTH = 0.5
EDIT_JOB = "edit"


def _ignore_step(done: int, total: int, what: str) -> None:
    pass


def _ignore_outcome(outcome: Outcome) -> None:
    pass


def _as_it_is(outcome: Outcome) -> Outcome:
    return outcome


def _never() -> bool:
    return False


class Studio:
    """Owns the tag store, the image store, the engine and the jobs, and closes them.

    Its methods block and may be called from several threads; the engine takes one edit at a time.
    """

    def __init__(
        self,
        settings: Settings,
        roots: Roots,
        tags: tagdb.TagStore,
        images: ImageStore,
        engine: Engine,
        photoshop: Photoshop,
        finder: Finder | None = None,
    ) -> None:
        self.settings, self.roots = settings, roots
        self.jobs = Jobs(settings.jobs_dir, {EDIT_JOB: self._edit_job})
        self.tags, self.images, self.engine, self.finder = tags, images, engine, finder
        self.photoshop = photoshop

    @classmethod
    def open(cls, settings: Settings, bridge: Bridge | None = None) -> Studio:
        """A studio as the settings describe it. Nothing heavy is loaded; the bridge stays its owner's."""
        images = ImageStore(settings.pictures_dir)
        bridge = bridge or Bridge(settings.bridge_dir, mode="off")
        finder = FaceFinder()
        return cls(
            settings,
            Roots(settings.allowed_roots(Path.cwd())),
            open_tag_store(settings, picture_set(finder.reader)),
            images,
            open_engine(settings),
            Photoshop(bridge, images, settings.bridge_dir / "captures"),
            finder,
        )

    def close(self) -> None:
        self.jobs.close()
        self.tags.close()
        self.engine.close()

    def search(
        self,
        query: str,
        text_en: str | None,
        limit: int,
        *,
        category: str | None = None,
        part: str | None = None,
        transform: str | None = None,
    ) -> tagdb.SearchResult:
        """Tags for a line of a story, an instruction or an emoticon."""
        return self.tags.search(
            query,
            text_en=text_en,
            limit=limit,
            category=category,
            part=part,
            transform=transform,
        )

    def search_picture(self, reference: str, face: int, limit: int) -> tagdb.SearchResult:
        """The tags whose example pictures look most like a face of a picture. Raises InputError."""
        picture = self._picture(reference)
        box = choose_face(self._faces_of(picture), face, "the face").box
        return self.tags.search_picture(extract(to_rgb(picture.pixels), box), limit=limit)

    def explain_tag(self, name: str) -> tuple[tagdb.ExpressionTag, list[str]]:
        """The tag of a name, and when to choose it over another or not.

        Raises InputError, with the nearest tags, where no tag or several go by the name.
        """
        try:
            tag = self.tags.get(name)
        except tagdb.UnknownTagError as error:
            near = "; ".join(f"{other}: {self.tags.get(other).gloss}" for other in error.nearest)
            about = (
                "names several tags" if error.ambiguous else "is no expression tag; the nearest are"
            )
            raise InputError(
                f"{name!r} {about}: {near}. Ask for one of them, or search_expression_tags(query)."
            ) from error
        pairs = tagdb.load_pairs()
        return tag, [pair.choose for pair in pairs if tag.tag in (pair.a, pair.b)]

    def build_prompt(
        self,
        tags: tuple[str, ...],
        character: str = "",
        style: str | None = None,
        negative_prompt: str | None = None,
        dialect: str = "a1111",
    ) -> tagdb.BuiltPrompt:
        """A prompt for the engine's model, whole and as edits of one part each."""
        return wording.from_tags(
            self.tags,
            self.engine,
            tags,
            character=character,
            style=style,
            negative_prompt=negative_prompt,
            dialect=dialect,
        )

    def unknown_to_model(self, prompt: tagdb.BuiltPrompt) -> tuple[str, ...]:
        """The words of a prompt that the model has no token for, and so will not draw."""
        return wording.unknown_words(self.engine, prompt.pieces)

    def open_image(self, reference: str) -> Version:
        """The stored version behind an image reference: an id, a path, a data: URI, an open document."""
        if ID_PATTERN.fullmatch(reference):
            return self.images.get(reference)
        if is_document(reference):
            return self.photoshop.read(reference, selection=False).version
        opened, name = self._decode(reference)
        return self.images.add(opened.picture, name, opened.notes)

    def find_faces(self, image_id: str) -> list[Face] | None:
        """The faces of a version; None without a finder."""
        if self.finder is None:
            return None
        return self.finder.find_faces(to_rgb(self.images.load(image_id).pixels))

    def start_edit(self, command: EditCommand) -> JobRecord:
        """The job of an edit that runs in the background. What it asks for is checked at once: InputError.

        An open document is read at once too; the job edits what it showed then.
        """
        resolved, *_ = self._prepared(command, _never)
        return self.jobs.start(EDIT_JOB, command_to_json(resolved))

    def edit(
        self,
        command: EditCommand,
        on_step: OnStep = _ignore_step,
        stop: Stop = _never,
        *,
        on_outcome: Callable[[Outcome], None] = _ignore_outcome,
        batch: bool = False,
    ) -> list[Outcome]:
        """One outcome per variation, each also told as it comes; `batch` lets interactive edits go first.

        Raises InputError before anything is computed, or Cancelled.
        """
        prepared = self._prepared(command, stop)

        def finish(outcome: Outcome) -> Outcome:
            if command.place:
                outcome = self.photoshop.placed(outcome, stop)
            on_outcome(outcome)
            return outcome

        return self._edit(*prepared, on_step, stop, finish, batch)

    def _prepared(
        self, command: EditCommand, stop: Stop
    ) -> tuple[EditCommand, Version, Picture, list[Selection], wording.Wording, FindFaces | None]:
        """The command without references to an open document, and what it works on. Raises InputError."""
        words = wording.word_edit(
            self.tags,
            self.engine,
            tags=command.tags,
            prompt=command.prompt,
            character=command.character,
            style=command.style,
            negative_prompt=command.negative_prompt,
        )
        command = self.photoshop.resolve(command, stop)
        parent = self.open_image(command.image)
        picture = self.images.load(parent.image_id)
        find_faces = self._faces_of(picture)
        selections = select(command.region, picture, self._picture, find_faces)
        return command, parent, picture, selections, words, find_faces

    def _edit_job(self, request: Mapping[str, Any], report: Report) -> None:
        """The work of an edit's job. Versions that are there already are found, not made again."""
        self.edit(
            command_from_json(request),
            report.step,
            report.stopped,
            on_outcome=lambda outcome: report.item(outcome.facts()),
            batch=True,
        )

    def scale(
        self, command: ScaleCommand, on_step: OnStep = _ignore_step, stop: Stop = _never
    ) -> Outcome:
        """The scaled version, or its repair when that is asked for."""
        words = None
        if command.repair:
            words = wording.word_edit(
                self.tags,
                self.engine,
                tags=command.tags,
                prompt=command.prompt,
                character=command.character,
                style=None,
                negative_prompt=None,
            )
        elif command.tags or command.prompt:
            raise InputError(
                "tags and prompt only matter with repair=True; set it, or leave them out."
            )
        started = time.perf_counter()
        command = self.photoshop.resolve(command, stop)
        parent = self.open_image(command.image)
        picture = self.images.load(parent.image_id)
        find_faces = self._faces_of(picture)
        selections = select(command.region, picture, self._picture, find_faces)
        request = {
            "operation": "scale",
            "image": parent.image_id,
            "scale_x": command.scale_x,
            "scale_y": command.scale_y,
            "anchor": command.anchor,
            "selections": [
                [*s.box.as_list(), hashlib.sha256(s.alpha.tobytes()).hexdigest()[:16]]
                for s in selections
            ],
        }
        known = self.images.find(request)
        stored = self.images.load_patch(known.image_id) if known else None
        patch = stored or _scale_each(picture, selections, command)
        scaled = known or self.images.derive(parent, picture, patch, "scale", request)
        outcome = Outcome(scaled, time.perf_counter() - started, known is not None, self._full())
        if words is None:
            return outcome
        written = mask_selection(patch.alpha, picture.size, (patch.box.left, patch.box.top))
        edit = EditCommand(
            image=scaled.image_id,
            region=(),
            strength=REPAIR_STRENGTH if command.strength is None else command.strength,
            seed=command.seed,
            # the scaled pixels are the hint, so their edges stay
            control_inside="keep",
            context=command.context,
        )
        after = apply_patch(picture, patch)
        repaired = self._edit(edit, scaled, after, [written], words, find_faces, on_step, stop)[0]
        return replace(repaired, elapsed_s=time.perf_counter() - started)

    def view(self, image_id: str, box: Box | None, max_side: int, grid: bool) -> Preview:
        """A view of a version, or of a box of it. Raises InputError for a box outside."""
        picture = self.images.load(self.images.get(image_id).image_id)
        shown = picture.size.box if box is None else box & picture.size.box
        if shown.is_empty:
            raise InputError(
                f"The box lies outside the picture, which is {picture.size.width} wide and "
                f"{picture.size.height} high."
            )
        pixels = extract(picture.pixels, shown)
        if not grid:
            return make_preview(pixels, max_side)
        scale = max_side / max(shown.width, shown.height)
        size = (max(1, round(shown.width * scale)), max(1, round(shown.height * scale)))
        return make_preview(draw_grid(_enlarged(to_rgb(pixels), size), shown), max_side)

    def list_images(self, limit: int) -> list[Version]:
        """The newest versions."""
        return self.images.versions()[:limit]

    def save_image(self, image_id: str, path: str, overwrite: bool) -> Path:
        """Copies a version's PNG to a path inside the roots; returns it. Raises InputError."""
        version = self.images.get(image_id)
        target = self.roots.new(path)
        if target.suffix.lower() != ".png":
            raise InputError(f"{target.name} does not end in .png; pictures are saved as PNG.")
        if target.is_relative_to(self.settings.pictures_dir):
            raise InputError(
                "The picture store's own folder is not written to. Choose another folder."
            )
        try:
            with (
                self.images.path(version.image_id).open("rb") as source,
                target.open("wb" if overwrite else "xb") as file,
            ):
                shutil.copyfileobj(source, file)
        except FileExistsError as error:
            raise InputError(
                f"{target} exists and was left as it is. Choose another name, or pass overwrite=true."
            ) from error
        except OSError as error:
            raise InputError(f"{target} could not be written: {error.strerror}.") from error
        return target

    def export_psd(
        self, image_id: str, path: str | None, add_to: str | None = None, overwrite: bool = False
    ) -> Path:
        """Writes a version with its edits as masked layers; returns the path. Raises InputError."""
        return export_psd(
            self.images,
            self.roots,
            image_id,
            path=path,
            add_to=add_to,
            overwrite=overwrite,
            max_file_mb=self.settings.max_file_mb,
        )

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
    ) -> list[Outcome]:
        engine = self.engine
        plan = plan_edit(
            command,
            parent.image_id,
            picture,
            selections,
            words,
            engine.card,
            engine.fingerprint,
            find_faces,
        )
        warnings = (*words.warnings, *plan.warnings, *self._domain())
        first = plan.derived_seed() if command.seed is None else command.seed
        outcomes = []
        for number in range(command.variations):
            if stop():
                raise Cancelled("The edit was cancelled; the picture is as it was.")
            seed = (first + number) % (1 << 31)
            request = {**plan.settings, "seed": seed}
            started = time.perf_counter()
            known = self.images.find(request)
            if known is None:
                result = engine.edit(
                    plan.request(picture, seed),
                    _part(on_step, number, command.variations),
                    stop,
                    batch=batch,
                )
                patch = Patch.of(result.colour, plan.crop.box, plan.selection, picture)
                facts = {
                    "model_calls": result.model_calls,
                    "controlled_calls": result.controlled_calls,
                    "model_name": engine.card.name,
                    "tags": list(command.tags or ()),
                }
                version = self.images.derive(parent, picture, patch, "edit", request, facts)
            else:
                version = known
            elapsed = time.perf_counter() - started
            outcome = Outcome(version, elapsed, known is not None, (*warnings, *self._full()))
            outcomes.append(finish(outcome))
        return outcomes

    def _faces_of(self, picture: Picture) -> FindFaces | None:
        """The picture's faces, looked for when they are first asked for; None without a finder."""
        finder = self.finder
        if finder is None:
            return None
        return functools.cache(lambda: finder.find_faces(to_rgb(picture.pixels)))

    def _picture(self, reference: str) -> Picture:
        if ID_PATTERN.fullmatch(reference):
            return self.images.load(self.images.get(reference).image_id)
        return self._decode(reference)[0].picture

    def _decode(self, reference: str) -> tuple[Opened, str]:
        data, name = read_source(
            reference,
            self.roots,
            max_file_mb=self.settings.max_file_mb,
            max_data_uri_mb=self.settings.max_data_uri_mb,
        )
        return decode(data, name, DecodeLimits(self.settings.max_pixels)), name

    def _domain(self) -> tuple[str, ...]:
        card = self.engine.card
        if card.domain == "illustrations":
            return ()
        return (
            f"The model {card.name} was made for {card.domain}; other pictures need real SDXL weights "
            "(set EXPRESSEDIT_MODEL to a model directory).",
        )

    def _full(self) -> tuple[str, ...]:
        used, limit = self.images.used_bytes(), self.settings.store_limit_mb * _MIB
        if used <= limit:
            return ()
        return (
            f"The picture store holds {used / _MIB:.0f} MB of the wanted {limit / _MIB:.0f}; "
            "`expressedit-mcp images prune` frees space.",
        )


def _scale_each(picture: Picture, selections: list[Selection], command: ScaleCommand) -> Patch:
    """One patch for all regions, scaled one after the other."""
    after, written = picture, []
    for selection in selections:
        patch = scale_under(after, selection, command.scale_x, command.scale_y, command.anchor)
        after = apply_patch(after, patch)
        written.append(
            mask_selection(
                (patch.alpha > 0).astype(np.uint8) * 255,
                picture.size,
                (patch.box.left, patch.box.top),
            )
        )
    whole = union(written)
    colours = min(3, picture.pixels.shape[2])
    return Patch(whole.box, extract(after.pixels, whole.box)[..., :colours], whole.alpha)


def _part(on_step: OnStep, number: int, count: int) -> OnStep:
    """Progress of one of several variations as progress of all of them."""
    if count == 1:
        return on_step

    def report(done: int, total: int, what: str) -> None:
        on_step(number * total + done, count * total, f"variation {number + 1} of {count}: {what}")

    return report


def _enlarged(rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))
