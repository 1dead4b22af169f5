"""The studio: every user action, from an image reference to a stored version."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tagdb
from expressedit_mcp.engine import Engine, OnStep
from expressedit_mcp.engine.backend import Stop
from expressedit_mcp.errors import InputError
from expressedit_mcp.images import (
    ImageStore,
    Preview,
    Roots,
    Version,
)
from expressedit_mcp.imaging import (
    Box,
    Face,
    Finder,
    to_rgb,
)
from expressedit_mcp.imaging.crop import extract
from expressedit_mcp.jobs import JobRecord, Jobs, Report
from expressedit_mcp.preview.finder import FaceFinder
from expressedit_mcp.settings import Settings
from expressedit_mcp.studio import wording
from expressedit_mcp.studio.characters import Characters, LearnCommand
from expressedit_mcp.studio.commands import (
    BrushCommand,
    EditCommand,
    LiquifyCommand,
    ScaleCommand,
    command_from_json,
    command_to_json,
)
from expressedit_mcp.studio.editing import Editing, ignore_outcome, ignore_step, never
from expressedit_mcp.studio.engines import open_engine
from expressedit_mcp.studio.exporting import export_psd
from expressedit_mcp.studio.face_pictures import picture_set
from expressedit_mcp.studio.guiding import GuidedCommand, Guiding
from expressedit_mcp.studio.learned_store import LearnedStore
from expressedit_mcp.studio.outcome import Outcome
from expressedit_mcp.studio.photoshop import Photoshop
from expressedit_mcp.studio.pictures import Pictures
from expressedit_mcp.studio.recolouring import RecolorCommand, recolor
from expressedit_mcp.studio.selecting import choose_face
from expressedit_mcp.studio.tag_store import open_tag_store
from photoshop_bridge import Bridge

EDIT_JOB = "edit"
LEARN_JOB = "learn"


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
        self.learned = LearnedStore(settings.learned_dir)
        self.tags, self.images, self.engine, self.finder = tags, images, engine, finder
        self.photoshop = photoshop
        self._pictures = Pictures(settings, roots, images, photoshop)
        self._editing = Editing(
            tags, images, engine, self._pictures, photoshop, finder, self.learned
        )
        self._guiding = Guiding(self._editing, tags, engine, self._pictures.load)
        self.characters = Characters(
            tags,
            images,
            engine,
            self._pictures,
            self.learned,
            settings.jobs_dir,
            self._editing,
        )
        work = {EDIT_JOB: self._edit_job, LEARN_JOB: self.characters.learn}
        self.jobs = Jobs(settings.jobs_dir, work)

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
        self.images.settle()

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
        picture = self._pictures.load(reference)
        box = choose_face(self._editing.faces_of(picture), face, "the face").box
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
        return self._pictures.open(reference)

    def find_faces(self, image_id: str) -> list[Face] | None:
        """The faces of a version; None without a finder."""
        if self.finder is None:
            return None
        return self.finder.find_faces(to_rgb(self.images.load(image_id).pixels))

    def start_edit(self, command: EditCommand) -> JobRecord:
        """The job of an edit that runs in the background. What it asks for is checked at once: InputError.

        An open document is read at once too; the job edits what it showed then.
        """
        return self.jobs.start(EDIT_JOB, command_to_json(self._editing.resolved(command)))

    def start_learning(self, command: LearnCommand) -> JobRecord:
        """The job that learns a character or an attribute. What it asks for is checked at once: InputError."""
        return self.jobs.start(LEARN_JOB, self.characters.checked(command))

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
        return self._editing.edit(command, on_step, stop, on_outcome=on_outcome, batch=batch)

    def recolor(
        self, command: RecolorCommand, on_step: OnStep = ignore_step, stop: Stop = never
    ) -> Outcome:
        """The version with other colours and the same lines. Raises InputError, or Cancelled."""
        return recolor(self._editing, self.tags, self.engine, command, on_step, stop)

    def guide(
        self, command: GuidedCommand, on_step: OnStep = ignore_step, stop: Stop = never
    ) -> Outcome:
        """The version with points dragged, landmarks matched, a part moved or an appearance taken over."""
        return self._guiding.edit(command, on_step, stop)

    def scale(
        self, command: ScaleCommand, on_step: OnStep = ignore_step, stop: Stop = never
    ) -> Outcome:
        """The scaled version, or its repair when that is asked for."""
        return self._editing.transform(command, on_step, stop)

    def liquify(
        self, command: LiquifyCommand, on_step: OnStep = ignore_step, stop: Stop = never
    ) -> Outcome:
        """The version with its pixels moved by strokes, or its repair when that is asked for."""
        return self._editing.transform(command, on_step, stop)

    def brush(
        self, command: BrushCommand, on_step: OnStep = ignore_step, stop: Stop = never
    ) -> Outcome:
        """The painted version, or its repair when that is asked for."""
        return self._editing.transform(command, on_step, stop)

    def _edit_job(self, request: Mapping[str, Any], report: Report) -> None:
        """The work of an edit's job. Versions that are there already are found, not made again."""
        self.edit(
            command_from_json(request),
            report.step,
            report.stopped,
            on_outcome=lambda outcome: report.item(outcome.facts()),
            batch=True,
        )

    def view(self, image_id: str, box: Box | None, max_side: int, grid: bool) -> Preview:
        """A view of a version, or of a box of it. Raises InputError for a box outside."""
        return self._pictures.view(image_id, box, max_side, grid)

    def list_images(self, limit: int) -> list[Version]:
        """The newest versions."""
        return self.images.versions()[:limit]

    def save_image(self, image_id: str, path: str, overwrite: bool) -> Path:
        """Copies a version's PNG to a path inside the roots; returns it. Raises InputError."""
        return self._pictures.save(image_id, path, overwrite)

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
