"""Edits guided by features: points dragged, landmarks matched, parts moved, an appearance taken over.

The engine starts from the picture with its pixels moved already (`fast`) or from the source's own noise (`paper`),
and is pulled to what was asked for; see `engine.methods.guidance`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np

import tagdb
from expressedit_mcp.engine import Card, EditRequest, Engine, OnStep
from expressedit_mcp.engine.backend import Stop
from expressedit_mcp.engine.methods.method import Method
from expressedit_mcp.engine.methods.profiles import PRESETS, Profile, Task, guided_method
from expressedit_mcp.errors import Cancelled, InputError
from expressedit_mcp.imaging import (
    Box,
    Face,
    Patch,
    Picture,
    Selection,
    apply_patch,
    drag_under,
    grow,
    mask_selection,
    move_under,
    resize,
    srgb_crop,
    union,
)
from expressedit_mcp.regions import OneRegion
from expressedit_mcp.studio.commands import EditCommand
from expressedit_mcp.studio.editing import Editing
from expressedit_mcp.studio.landmarks import expression_on, landmarks_in
from expressedit_mcp.studio.outcome import Outcome
from expressedit_mcp.studio.planning import EditPlan, digest, plan_edit
from expressedit_mcp.studio.selecting import FindFaces, choose_face, seen_tags
from expressedit_mcp.studio.wording import Wording, word_edit

XY = tuple[float, float]
_ROOM_SHARE = 0.15  # of a moved part's longer side: what is redrawn round it
_FAST_PX_SHARE = 0.75  # of a native size of SDXL's, at which the fast profile works
_SDXL_PX = 1024


@dataclass(frozen=True)
class _Guided(EditCommand):
    """An edit by guidance; tags and prompt, which may both be missing, say what the picture shows afterwards."""

    profile: Profile = "fast"
    guidance: float | None = None


@dataclass(frozen=True)
class DragCommand(_Guided):
    """Points (from, to) of the region dragged to others."""

    points: tuple[tuple[XY, XY], ...] = ()
    radius: float | None = None

    def shifted(self, dx: float, dy: float) -> Self:
        points = tuple(((a + dx, b + dy), (c + dx, d + dy)) for (a, b), (c, d) in self.points)
        return replace(super().shifted(dx, dy), points=points)


@dataclass(frozen=True)
class MatchCommand(_Guided):
    """A face's landmarks brought to those of a reference's face, or to 68 points of this picture."""

    face: int = 0
    reference: str | None = None
    reference_face: int = 0
    landmarks: tuple[XY, ...] | None = None

    def shifted(self, dx: float, dy: float) -> Self:
        moved = tuple((x + dx, y + dy) for x, y in self.landmarks) if self.landmarks else None
        return replace(super().shifted(dx, dy), landmarks=moved)


@dataclass(frozen=True)
class MoveCommand(_Guided):
    """The region's content moved by (dx, dy) pixels and scaled about its middle; of several each about its own."""

    dx: float = 0.0
    dy: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class AppearanceCommand(_Guided):
    """The region made to look like a region of a reference: its colours and texture, or (`paste`) what is in it."""

    reference: str = ""
    reference_region: OneRegion | Sequence[OneRegion] = ()
    mode: Literal["appearance", "paste"] = "appearance"


GuidedCommand = DragCommand | MatchCommand | MoveCommand | AppearanceCommand


@dataclass(frozen=True)
class GuidedPlan(EditPlan):
    """An edit's plan with the pictures that its method needs.

    `start` is the picture with its pixels moved, `part` what of the source moves; `reference` (h, w, 3), as large
    as the crop, lies so that its region covers the selection, `reference_alpha` (h, w) is that region.
    """

    start: Picture | None = None
    part: Selection | None = None
    reference: np.ndarray | None = None
    reference_alpha: np.ndarray | None = None
    pasted: bool = False

    def request(self, picture: Picture, seed: int) -> EditRequest:
        plain = super().request(picture, seed)
        start = srgb_crop(self.start, self.crop.box) if self.start else None
        if self.pasted and self.reference is not None:
            start = _over(plain.crop, self.reference, plain.selection)
        return replace(
            plain,
            method=self.method,
            crop=plain.crop if start is None else start,
            source=None if start is None else plain.crop,
            image_prompt=self._image_prompt(plain),
            part=self.part.within(self.crop.box) if self.part else None,
            reference=self.reference,
            reference_selection=self.reference_alpha,
        )

    def _image_prompt(self, plain: EditRequest) -> np.ndarray | None:
        """The picture of the method's image prompt: the reference where there is one, else the crop as it is."""
        if self.method.image is None:
            return None
        return plain.crop if self.reference is None else self.reference


@dataclass(frozen=True)
class _Scene:
    """What a command works on: picture, regions, how to find faces there, whether to stop, the face to match."""

    picture: Picture
    selections: list[Selection]
    find_faces: FindFaces | None
    on_step: OnStep
    stop: Stop
    reference: Face | None

    def between(self) -> None:
        """Raises Cancelled when the work shall stop."""
        if self.stop():
            raise Cancelled("The edit was cancelled; the picture is as it was.")


class Guiding:
    """Guided edits with what the studio owns; `open_picture` gives the pixels behind an image reference."""

    def __init__(
        self,
        editing: Editing,
        tags: tagdb.TagStore,
        engine: Engine,
        open_picture: Callable[[str], Picture],
    ) -> None:
        self._editing, self._tags, self._engine = editing, tags, engine
        self._open_picture = open_picture

    def edit(self, command: GuidedCommand, on_step: OnStep, stop: Stop) -> Outcome:
        """The guided version. Raises InputError before the model is asked, or Cancelled."""
        reference = self._reference_face(command, stop)
        words = self._words(command, reference)
        self._editing.learned_by(command)
        command, parent, picture, selections, find_faces = self._editing.located(
            command, stop, on_step
        )
        groups = _together(command, selections)
        outcomes: list[Outcome] = []
        for number, group in enumerate(groups):

            def on_part(done: int, total: int, what: str, before: int = number) -> None:
                on_step(before * total + done, len(groups) * total, what)

            scene = _Scene(picture, group, find_faces, on_part, stop, reference)
            plan = self._planned(command, parent.image_id, scene, words)
            outcomes += self._editing.generate(command, plan, parent, picture, on_part, stop)
            if number + 1 < len(groups):
                parent = outcomes[-1].version
                picture = self._open_picture(parent.image_id)
        return replace(outcomes[-1], elapsed_s=sum(outcome.elapsed_s for outcome in outcomes))

    def _reference_face(self, command: GuidedCommand, stop: Stop) -> Face | None:
        """The face whose expression is to be matched, where a picture shows it. Raises InputError."""
        if not isinstance(command, MatchCommand):
            return None
        if (command.reference is None) == (command.landmarks is None):
            raise InputError(
                "Give either reference (a picture with the face to match) or landmarks (68 points [x, y] of this "
                "picture), not both and not neither."
            )
        if command.reference is None:
            return None
        name, _ = self._editing.referred(command.reference, (), stop)
        faces = self._editing.faces_of(self._open_picture(name))
        return choose_face(faces, command.reference_face, "the reference's face")

    def _words(self, command: GuidedCommand, reference: Face | None) -> Wording:
        """The wording of the result: as given, or what the reference's face is seen to show.

        Without any the model draws by its features alone. Raises InputError.
        """
        tags, prompt = command.tags, command.prompt
        if tags is None and prompt is None and reference is not None:
            tags = self._known(seen_tags(reference)) or None
        if tags is None and prompt is None:
            if not command.character.strip():
                return Wording((), ())
            prompt, command = command.character, replace(command, character="")
        return word_edit(
            self._tags,
            self._engine,
            tags=tags,
            prompt=prompt,
            character=command.character,
            style=command.style,
            negative_prompt=command.negative_prompt,
        )

    def _known(self, tags: Sequence[str]) -> tuple[str, ...]:
        """The tags that the store has and the model has a word for."""
        forms = {tag.tag: tag.prompt_form for tag in self._tags.tags}
        knows = self._engine.tokenizer.knows
        return tuple(tag for tag in tags if tag in forms and knows(forms[tag]))

    def _planned(
        self, command: GuidedCommand, image_id: str, scene: _Scene, words: Wording
    ) -> GuidedPlan:
        match command:
            case DragCommand():
                return self._dragged(
                    command, image_id, scene, words, "drag", _drags(command, scene)
                )
            case MatchCommand():
                drags = self._matched(command, scene)
                return self._dragged(command, image_id, scene, words, "landmark", drags)
            case MoveCommand():
                return self._moved(command, image_id, scene, words)
            case AppearanceCommand():
                return self._transferred(command, image_id, scene, words)

    def _base(
        self,
        command: GuidedCommand,
        image_id: str,
        scene: _Scene,
        words: Wording,
        task: Task,
        selections: list[Selection],
    ) -> EditPlan:
        """The plan of the edit without its method, at the preset's steps and strength."""
        card, preset = self._engine.card, PRESETS[command.profile][task]
        filled = replace(
            command,
            steps=command.steps or preset.steps,
            strength=command.strength or preset.strength,
            guidance_scale=_scale(command, card, words, preset.guidance_scale),
            control_end=preset.control_end,
            control_inside="keep",
        )
        if command.profile == "fast" and card.native_px >= _SDXL_PX:
            card = card.model_copy(update={"native_px": round(card.native_px * _FAST_PX_SHARE)})
        return plan_edit(
            filled,
            image_id,
            scene.picture,
            selections,
            words,
            card,
            self._engine.fingerprint,
            scene.find_faces,
            learned=self._editing.learned_by(command),
        )

    def _method(
        self, command: GuidedCommand, words: Wording, task: Task, **guidance: Any
    ) -> Method:
        if command.guidance is not None:
            guidance["strength"] = command.guidance
        adapter = self._engine.card.has_ip_adapter
        return guided_method(command.profile, words.pieces, task, ip_adapter=adapter, **guidance)

    def _dragged(
        self,
        command: DragCommand | MatchCommand,
        image_id: str,
        scene: _Scene,
        words: Wording,
        task: Task,
        drags: tuple[np.ndarray, np.ndarray],
    ) -> GuidedPlan:
        """The plan that drags points (N, 2) of the picture to others."""
        base = self._base(command, image_id, scene, words, task, scene.selections)
        starts, ends = drags
        selection = union(scene.selections)
        radius = command.radius if isinstance(command, DragCommand) else None
        reach = _radius_px(starts, selection) if radius is None else radius
        # also where the model starts from the source's noise: it says whether anything moves
        patch = drag_under(scene.picture, selection, starts, ends, reach, scene.between)
        corner = np.array([base.crop.box.left, base.crop.box.top])
        pairs = zip((starts - corner).tolist(), (ends - corner).tolist(), strict=True)
        points = tuple(((a, b), (c, d)) for (a, b), (c, d) in pairs)
        method = self._method(command, words, task, points=points)
        start = apply_patch(scene.picture, patch) if _warps(command, task) else None
        return _with(base, method, {"radius_px": float(reach)}, start=start)

    def _matched(self, command: MatchCommand, scene: _Scene) -> tuple[np.ndarray, np.ndarray]:
        """A face's landmarks inside the region, and where they shall be."""
        changed = "the face to change"
        here = landmarks_in(choose_face(scene.find_faces, command.face, changed), changed)
        if command.landmarks is not None:
            if len(command.landmarks) != len(here):
                raise InputError(
                    f"landmarks holds {len(command.landmarks)} points; give all {len(here)} in the order of the "
                    "iBUG 300-W scheme: jaw 0-16, brows 17-26, nose 27-35, eyes 36-47, lips 48-67."
                )
            there = np.array(command.landmarks, float)
        else:
            assert scene.reference is not None
            read = landmarks_in(scene.reference, "the reference's face")
            there = expression_on(read, here)
        chosen = _inside(here, union(scene.selections))
        if not chosen.any():
            raise InputError(
                "No landmark of the face lies in the region. Select the face or a part of it, such as "
                '{"part": "face"}.'
            )
        return here[chosen], there[chosen]

    def _moved(
        self, command: MoveCommand, image_id: str, scene: _Scene, words: Wording
    ) -> GuidedPlan:
        if (command.dx, command.dy, command.scale) == (0, 0, 1):
            raise InputError(
                "Nothing would move: give dx and dy in pixels, or a scale other than 1."
            )
        part = union(scene.selections)
        patch = move_under(scene.picture, part, command.dx, command.dy, command.scale)
        written = mask_selection(
            (patch.alpha > 0).astype(np.uint8) * 255,
            scene.picture.size,
            (patch.box.left, patch.box.top),
        )
        room = max(2.0, _ROOM_SHARE * max(part.box.width, part.box.height))
        base = self._base(command, image_id, scene, words, "move", [grow(written, room)])
        x, y = part.box.centre
        method = self._method(
            command,
            words,
            "move",
            origin=(x - base.crop.box.left, y - base.crop.box.top),
            shift=(command.dx, command.dy),
            scale=command.scale,
        )
        start = apply_patch(scene.picture, patch) if _warps(command, "move") else None
        return _with(base, method, {"part": digest(part.alpha)}, start=start, part=part)

    def _transferred(
        self, command: AppearanceCommand, image_id: str, scene: _Scene, words: Wording
    ) -> GuidedPlan:
        task: Task = command.mode
        base = self._base(command, image_id, scene, words, task, scene.selections)
        name, region = self._editing.referred(
            command.reference, command.reference_region, scene.stop
        )
        picture = self._open_picture(name)
        faces = self._editing.faces_of(picture)
        chosen = union(self._editing.chosen(region, picture, faces, scene.stop, scene.on_step))
        box = _same_framing(base.crop.box, base.selection.box, chosen.box)
        size = base.crop.box.size
        # 8 bits are enough for what is only looked at
        seen = srgb_crop(picture, box)
        top = np.iinfo(seen.dtype).max
        pixels = np.clip(resize(seen.astype(np.float32) / top, size), 0, 1)
        alpha = np.clip(resize(chosen.within(box).astype(np.float32), size), 0, 255)
        reference = np.rint(pixels * 255).astype(np.uint8)
        return _with(
            base,
            self._method(command, words, task),
            {"reference": digest(reference), "reference_box": box.as_list()},
            reference=reference,
            reference_alpha=np.rint(alpha).astype(np.uint8),
            pasted=_warps(command, task),
        )


def _with(base: EditPlan, method: Method, settings: dict[str, Any], **pictures: Any) -> GuidedPlan:
    """The base with a method, whose learned tokens are the base's, and with its pictures."""
    said = {"method": method.model_dump(mode="json", exclude_defaults=True), **settings}
    method = method.model_copy(update={"learned": base.method.learned})
    return GuidedPlan(
        base.selection,
        base.crop,
        base.wording,
        {**base.settings, **said},
        base.warnings,
        method,
        **pictures,
    )


def _warps(command: GuidedCommand, task: Task) -> bool:
    return PRESETS[command.profile][task].warped


def _together(command: GuidedCommand, selections: list[Selection]) -> list[list[Selection]]:
    """The selections by the edits that they take: each part is resized about its own middle, so by its own edit."""
    if isinstance(command, MoveCommand) and command.scale != 1:
        return [[selection] for selection in selections]
    return [selections]


def _scale(command: GuidedCommand, card: Card, words: Wording, preset: float) -> float:
    """The guidance scale (CFG); there is nothing to follow without words."""
    if command.guidance_scale is not None:
        return command.guidance_scale
    return min(card.guidance_scale, preset) if words.pieces else 1.0


def _drags(command: DragCommand, scene: _Scene) -> tuple[np.ndarray, np.ndarray]:
    """The command's points (N, 2) before and after. Raises InputError for one outside the region."""
    starts = np.array([start for start, _ in command.points], float)
    inside = _inside(starts, union(scene.selections))
    if not inside.all():
        number = int(np.flatnonzero(~inside)[0])
        x, y = starts[number]
        raise InputError(
            f"Point {number} starts at [{x:g}, {y:g}], outside the region {union(scene.selections).box.as_list()}. "
            "Only the region changes: enlarge it, or move the point; view_image(image_id, grid=True) shows "
            "coordinates."
        )
    return starts, np.array([end for _, end in command.points], float)


def _inside(points: np.ndarray, selection: Selection) -> np.ndarray:
    """Which points (N, 2) lie on a selected pixel."""
    found = np.zeros(len(points), bool)
    for number, (x, y) in enumerate(np.floor(points).astype(int).tolist()):
        found[number] = selection.within(Box(x, y, x + 1, y + 1))[0, 0] > 0
    return found


def _radius_px(points: np.ndarray, selection: Selection) -> float:
    """How far a dragged point takes its surroundings along: a quarter of the selection's shorter side, or the
    distance of neighbouring points."""
    reach = 0.25 * min(selection.box.width, selection.box.height)
    if len(points) > 1:
        apart = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
        np.fill_diagonal(apart, np.inf)
        reach = min(reach, float(np.median(apart.min(axis=1))))
    return max(2.0, reach)


def _same_framing(crop: Box, selection: Box, chosen: Box) -> Box:
    """The box of a reference in which its chosen box lies as the selection does in the crop, covering it."""
    zoom = min(chosen.width / selection.width, chosen.height / selection.height)
    (x, y), (u, v) = selection.centre, chosen.centre
    left, top = round(u + (crop.left - x) * zoom), round(v + (crop.top - y) * zoom)
    width, height = (max(1, round(side * zoom)) for side in (crop.width, crop.height))
    return Box(left, top, left + width, top + height)


def _over(crop: np.ndarray, above: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """`above` (h, w, 3) uint8 laid over a crop of its own depth."""
    raised = above.astype(crop.dtype) * (257 if crop.dtype == np.uint16 else 1)
    laid = Patch(Box(0, 0, crop.shape[1], crop.shape[0]), raised, alpha)
    return apply_patch(Picture(crop), laid).pixels
