"""The document that is open in Photoshop, as the studio uses it: read it, place results into it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from expressedit_mcp.engine.backend import Stop
from expressedit_mcp.errors import Cancelled, ExpressEditError, InputError
from expressedit_mcp.images import ImageStore, Version
from expressedit_mcp.images.store import ID_PATTERN
from expressedit_mcp.imaging import Box, Patch, Picture, srgb_crop, to_rgb
from expressedit_mcp.regions import DocumentRegion, MaskRegion, OneRegion, WordsRegion
from expressedit_mcp.studio.commands import EditCommand, TransformCommand
from expressedit_mcp.studio.outcome import Outcome
from photoshop_bridge import (
    Bridge,
    BridgeError,
    DocInfo,
    DocRef,
    Edited,
    JobStart,
    Layer,
    Placing,
    Reading,
    ReadRequest,
    ServiceError,
)
from photoshop_bridge.service import OnStep
from tagdb import TagdbError

if TYPE_CHECKING:
    from expressedit_mcp.studio.studio import Studio

# what a face needs round a selected feature, so that the model sees it whole
PAD_PX = 256
_REFERENCE = re.compile(r"photoshop:(active|[1-9]\d{0,8})")
_SELECTION = DocumentRegion(document="selection")
_NEXT_STEPS = {
    "no_document": "Open the picture in Photoshop.",
    "document_changed": "Read the document again: photoshop_read().",
    "document_closed": "Open the document again; photoshop_status lists the open ones.",
    "unsupported_document": "Convert a copy to RGB with 8 or 16 bits (Image > Mode).",
    "no_selection": 'Select the feature in Photoshop, or give a region such as {"box": [l, t, r, b]}.',
    "region_out_of_bounds": "Give coordinates inside the document.",
    "too_large": "Select a smaller part of the document.",
    "host_busy": "Finish or cancel what is open in Photoshop, then try again.",
    "cancelled_by_user": "It was cancelled in Photoshop; ask before trying again.",
    "transfer_failed": "Try again.",
    "mask_failed": "The result stays in the panel's list; a click tries again.",
    "host_error": "Try again; the panel's self-test shows what this Photoshop does differently.",
}

Command = TypeVar("Command", bound=EditCommand | TransformCommand)


class Capture(BaseModel):
    """Where a stored picture was read: its document, its corner there, the layer to place above."""

    model_config = ConfigDict(frozen=True)

    document: DocRef
    left: int
    top: int
    anchor: int | None


@dataclass(frozen=True)
class ReadDocument:
    """A stored version of a part of a document, and its selection as a picture of the same size."""

    version: Version
    selection: Version | None
    document: DocInfo
    rect: Box


def is_document(reference: str) -> bool:
    """True for an image reference that means an open document, rightly written or not."""
    return reference.startswith("photoshop:")


def in_words(error: BridgeError) -> InputError:
    """The bridge's error with a next step."""
    advice = error.advice or _NEXT_STEPS.get(error.kind, "Try again.")
    return InputError(f"{error.message} {advice}")


class Photoshop:
    """Reads documents into the image store and puts versions into the bridge's outbox."""

    def __init__(self, bridge: Bridge, images: ImageStore, captures: Path) -> None:
        self.bridge, self._images, self._captures = bridge, images, captures

    def read(
        self,
        reference: str,
        *,
        selection: bool,
        include: tuple[float, float, float, float] | None = None,
        whole: bool = False,
        stop: Stop = lambda: False,
    ) -> ReadDocument:
        """The selected part of a document with what surrounds it, or the whole canvas.

        `include` is a box of the document that shall be inside. Raises InputError.
        """
        found = _REFERENCE.fullmatch(reference)
        if found is None:
            raise InputError(
                f"{reference!r} means no document. Use photoshop:active, or photoshop:<doc> with a number that "
                "photoshop_status shows."
            )
        wanted = ReadRequest(
            rect="selection" if selection and not whole else "canvas",
            doc=None if found[1] == "active" else int(found[1]),
            include=_outwards(include) if include else None,
            pad_px=PAD_PX,
            want=("pixels", "selection") if selection else ("pixels",),
        )
        reading = self._read(wanted, stop)
        version = self._images.add(_picture(reading), reading.document.name, _notes(reading))
        self._remember(version.image_id, reading)
        mask = self._add_selection(reading) if selection else None
        return ReadDocument(version, mask, reading.document, Box(*reading.rect))

    def resolve(self, command: Command, stop: Stop) -> Command:
        """The command with the open document's pixels and selection in the place of their names.

        With `photoshop:active` all coordinates of the command are the document's. Raises InputError.
        """
        regions = _as_list(command.region)
        selected = [_by_selection(region) for region in regions]
        if is_document(command.image):
            read = self.read(
                command.image,
                selection=any(selected),
                include=command.context,
                whole=not all(selected),
                stop=stop,
            )
            command = command.shifted(-read.rect.left, -read.rect.top)
            command = replace(command, image=read.version.image_id)
            mask = read.selection
        elif any(selected):
            mask = self._selection_of(command.image, stop)
        else:
            return command
        if mask is None:
            return command
        chosen = MaskRegion(mask=mask.image_id)
        return replace(command, region=[_selected(region, chosen) for region in regions])

    def place(
        self, image_id: str, *, again: bool = False, stop: Stop = lambda: False
    ) -> list[Placing]:
        """Puts a version's patch into the outbox, after those of its ancestors that are not placed.

        Waits a little when Photoshop is about to place them. Raises InputError.
        """
        lineage = self._images.lineage(image_id)
        edits = [version for version in lineage if version.changed_box is not None]
        if not edits:
            raise InputError(
                f"{image_id} was opened, not edited; there is nothing to place. Edit it first."
            )
        capture = self._recall(lineage[0].image_id) or self._guess(lineage[0])
        placings = []
        try:
            for version in edits:
                layer = self._layer(version, capture)
                once_more = again and version.image_id == image_id
                placings.append(self.bridge.place(layer, again=once_more, stop=stop))
        except OSError as error:
            raise InputError(
                f"{image_id} could not be put into the outbox: {error.strerror}. Free some space and "
                "call photoshop_place again; the version itself is stored."
            ) from error
        return placings

    def placed(self, outcome: Outcome, stop: Stop) -> Outcome:
        """The outcome with its layers on the way; what cannot be placed is warned of, never lost."""
        try:
            placings = self.place(outcome.version.image_id, stop=stop)
        except InputError as error:
            return replace(outcome, warnings=(*outcome.warnings, str(error)))
        return replace(outcome, placings=tuple(placings))

    def _read(self, wanted: ReadRequest, stop: Stop) -> Reading:
        try:
            return self.bridge.read(wanted, stop)
        except BridgeError as error:
            if stop():
                raise Cancelled("The call was cancelled; nothing was changed.") from error
            raise in_words(error) from error

    def _selection_of(self, image_id: str, stop: Stop) -> Version:
        """The selection that the document of a version has now, cut to the version's rect."""
        lineage = self._images.lineage(image_id) if ID_PATTERN.fullmatch(image_id) else []
        capture = self._recall(lineage[0].image_id) if lineage else None
        if capture is None:
            raise InputError(
                f"{image_id[:80]} was not read from Photoshop, so it has no document's selection. Give "
                "photoshop:active as the picture, or a region in picture pixels."
            )
        try:
            session, documents = self.bridge.documents(stop)
        except BridgeError as error:
            raise in_words(error) from error
        open_now = [d for d in documents if d.matches(capture.document, session)]
        if len(open_now) != 1:
            raise InputError(
                f"{capture.document.name} is not open as it was. {_NEXT_STEPS['document_closed']}"
            )
        root = lineage[0]
        left, top = capture.left, capture.top
        rect = (left, top, left + root.width, top + root.height)
        wanted = ReadRequest(rect=rect, doc=open_now[0].doc, want=("selection",))
        return self._add_selection(self._read(wanted, stop))

    def _add_selection(self, reading: Reading) -> Version:
        assert reading.selection is not None
        box = Box(*reading.rect)
        pixels = np.frombuffer(reading.selection, np.uint8).reshape(*box.size.shape, 1)
        return self._images.add(Picture(pixels), f"selection of {reading.document.name}")

    def _remember(self, image_id: str, reading: Reading) -> None:
        left, top, _, _ = reading.rect
        capture = Capture(
            document=reading.document.ref(reading.session),
            left=left,
            top=top,
            anchor=reading.active_layer,
        )
        self._captures.mkdir(parents=True, exist_ok=True)
        path = self._captures / f"{image_id}.json"
        path.write_text(capture.model_dump_json(indent=1), encoding="utf-8")

    def _recall(self, image_id: str) -> Capture | None:
        try:
            text = (self._captures / f"{image_id}.json").read_text("utf-8")
            return Capture.model_validate_json(text)
        except (OSError, ValidationError):
            return None

    def _guess(self, root: Version) -> Capture | None:
        """The active document, when the picture's file is open there under its name and at its size."""
        try:
            session, documents = self.bridge.documents()
        except BridgeError:
            return None
        for document in documents:
            same = (document.width, document.height) == (root.width, root.height)
            if document.active and same and Path(document.name).stem == Path(root.source).stem:
                return Capture(document=document.ref(session), left=0, top=0, anchor=None)
        return None

    def _layer(self, version: Version, capture: Capture | None) -> Layer:
        patch = self._images.load_patch(version.image_id)
        assert patch is not None
        picture = self._images.load(version.image_id)
        dx, dy = (capture.left, capture.top) if capture else (0, 0)
        box = patch.box.shifted(dx, dy)
        opaque = np.full((*patch.alpha.shape, 4), 255, np.uint8)
        own = Picture(patch.pixels, picture.icc)
        opaque[..., :3] = to_rgb(srgb_crop(own, own.size.box))
        return Layer(
            image_id=version.image_id,
            name=layer_name(version),
            rect=(box.left, box.top, box.right, box.bottom),
            pixels=opaque.tobytes(),
            mask=layer_mask(patch, picture).tobytes(),
            document=capture.document if capture else None,
            anchor=capture.anchor if capture else None,
        )


class PanelService:
    """What the panel in Photoshop asks for, done by the studio."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def search(self, query: str, limit: int) -> Mapping[str, Any]:
        """Expression tags for the panel's suggestions."""
        try:
            found = self._studio.search(query, None, limit)
        except TagdbError as error:
            raise ServiceError(str(error)) from error
        hits = [
            {
                "tag": hit.tag.tag,
                "prompt_form": hit.tag.prompt_form,
                "definition": hit.tag.definition["en"],
                "score": round(hit.score, 4),
                "advice": hit.tag.transform.advice,
            }
            for hit in found.hits
        ]
        return {"hits": hits, "no_expression": found.no_expression}

    def edit(self, job: JobStart, on_step: OnStep, stop: Stop) -> Edited:
        """Edits the selection of the panel's document and places the result there."""
        left, top, right, bottom = job.context or (0, 0, 0, 0)
        command = EditCommand(
            image=f"photoshop:{job.doc}",
            region=_SELECTION,
            tags=tuple(job.tags) if job.tags is not None else None,
            prompt=job.prompt,
            character=job.character,
            strength=job.strength,
            control_end=job.control_end,
            seed=job.seed,
            context=(left, top, right, bottom) if job.context else None,
            feather_px=job.feather_px,
            place=True,
        )
        try:
            outcomes = self._studio.edit(command, on_step, stop)
        except (ExpressEditError, TagdbError) as error:
            raise ServiceError(str(error)) from error
        placings = [placing for outcome in outcomes for placing in outcome.placings]
        return Edited(
            tuple(placing.waiting.result for placing in placings),
            tuple(warning for outcome in outcomes for warning in outcome.warnings),
        )


def layer_name(version: Version) -> str:
    """What a layer made of a version's patch is called."""
    if version.operation == "scale":
        factors = (version.request.get("scale_x", 1), version.request.get("scale_y", 1))
        return "Expression: scaled to " + " x ".join(f"{factor:.0%}" for factor in factors)
    words = version.facts.get("tags") or [text for text, _ in version.request.get("prompt", [])]
    return "Expression: " + ", ".join(words) if words else f"Expression: {version.operation}"


def layer_mask(patch: Patch, picture: Picture) -> np.ndarray:
    """The patch's alpha (h, w) uint8 as a layer mask: where the picture is transparent nothing may appear."""
    if picture.mode != "RGBA":
        return patch.alpha
    own = picture.pixels[patch.box.slices][..., 3]
    most = int(np.iinfo(own.dtype).max)
    return ((patch.alpha * own.astype(np.uint32) + most // 2) // most).astype(np.uint8)


def _picture(reading: Reading) -> Picture:
    assert reading.pixels is not None
    box = Box(*reading.rect)
    pixels = np.frombuffer(reading.pixels, np.uint8)
    ppi = reading.document.ppi
    return Picture(
        pixels.reshape(*box.size.shape, reading.components), dpi=(ppi, ppi) if ppi else None
    )


def _notes(reading: Reading) -> tuple[str, ...]:
    left, top, right, bottom = reading.rect
    document = reading.document
    notes = [
        f"read from {document.name} ({document.width} x {document.height}) at [{left}, {top}, {right}, {bottom}]"
    ]
    if document.depth != 8:
        notes.append(f"rounded from {document.depth} to 8 bits per channel")
    return tuple(notes)


def _as_list(region: OneRegion | Sequence[OneRegion]) -> list[OneRegion]:
    return list(region) if isinstance(region, Sequence) else [region]


def _by_selection(region: OneRegion) -> bool:
    """True for a region that is the document's selection, or words within it."""
    within = region.within if isinstance(region, WordsRegion) else None
    return _SELECTION in (region, within)


def _selected(region: OneRegion, chosen: MaskRegion) -> OneRegion:
    """The region with a mask in the place of the document's selection."""
    if isinstance(region, WordsRegion) and region.within == _SELECTION:
        return region.model_copy(update={"within": chosen})
    return chosen if region == _SELECTION else region


def _outwards(box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    """The whole pixels of a box, none below 0."""
    left, top, right, bottom = box
    return (
        max(0, int(np.floor(left))),
        max(0, int(np.floor(top))),
        max(0, int(np.ceil(right))),
        max(0, int(np.ceil(bottom))),
    )
