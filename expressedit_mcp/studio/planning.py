"""From a command to everything that an edit depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from expressedit_mcp.engine import Card, EditRequest
from expressedit_mcp.engine.methods.method import PLAIN, ImagePrompt, Method
from expressedit_mcp.errors import InputError
from expressedit_mcp.images import request_key
from expressedit_mcp.imaging import (
    Box,
    CropPlan,
    Picture,
    Selection,
    Size,
    aspect_buckets,
    face_at,
    feather,
    grow,
    plan_crop,
    profile_note,
    srgb_crop,
    union,
)
from expressedit_mcp.studio.commands import EditCommand
from expressedit_mcp.studio.learned_store import Chosen
from expressedit_mcp.studio.selecting import FindFaces
from expressedit_mcp.studio.wording import Wording

_SMALLEST_SDXL_PX = 512
_PRESERVING = ("preserve_structure", "preserve_color")


@dataclass(frozen=True)
class EditPlan:
    """A selection, a crop and the engine's settings but for the seed; `settings` is all of it as JSON.

    `image_prompt` (h, w, 3) is the picture of the method's image prompt.
    """

    selection: Selection
    crop: CropPlan
    wording: Wording
    settings: Mapping[str, Any]
    warnings: tuple[str, ...]
    method: Method = PLAIN
    image_prompt: np.ndarray | None = None

    def request(self, picture: Picture, seed: int) -> EditRequest:
        """The engine's request for one seed."""
        s = self.settings
        return EditRequest(
            crop=srgb_crop(picture, self.crop.box),
            selection=self.selection.within(self.crop.box),
            model_size=self.crop.model_size,
            prompt=self.wording.pieces,
            negative_prompt=self.wording.negative_pieces,
            strength=s["strength"],
            steps=s["steps"],
            guidance_scale=s["guidance_scale"],
            control_scale=s["control_scale"],
            control_end=s["control_end"],
            control_inside=s["control_inside"],
            sampler=s["sampler"],
            seed=seed,
            method=self.method,
            image_prompt=self.image_prompt,
            **{name: s[name] for name in _PRESERVING if name in s},
        )

    def derived_seed(self) -> int:
        """A seed that is the same for the same request, 0..2^31 - 1, however much it preserves and whatever
        learned tokens and image prompt it uses, so that one try can be compared with and without."""
        apart = (*_PRESERVING, "learned", "image_prompt")
        sampled = {name: value for name, value in self.settings.items() if name not in apart}
        return int(request_key(sampled)[:8], 16) & 0x7FFFFFFF


def plan_edit(
    command: EditCommand,
    image_id: str,
    picture: Picture,
    selections: Sequence[Selection],
    wording: Wording,
    card: Card,
    model_fingerprint: str,
    find_faces: FindFaces | None,
    method: Method = PLAIN,
    learned: Sequence[Chosen] = (),
    image_prompt: np.ndarray | None = None,
) -> EditPlan:
    """The plan of an edit, with the card's defaults filled in; `image_prompt` (h, w, 3) is a picture. Raises
    InputError."""
    outline = grow(union(selections), command.grow_px)
    feather_px = command.feather_px
    if feather_px is None:
        feather_px = round(card.feather * min(outline.box.width, outline.box.height))
    selection = feather(outline, feather_px)
    context, warnings = _context(command, picture, selection, card, find_faces)
    unhandled = profile_note(picture)
    if unhandled:
        warnings += (f"The picture: {unhandled}.",)
    crop = crop_for(card, picture.size, selection.box, context)
    # numbers as floats: 0 and 0.0 are the same request
    settings = {
        "operation": "edit",
        "image": image_id,
        "model": model_fingerprint,
        "selection": hashlib.sha256(selection.alpha.tobytes()).hexdigest()[:16],
        "selection_box": selection.box.as_list(),
        "grow_px": float(command.grow_px),
        "feather_px": float(feather_px),
        "crop_box": crop.box.as_list(),
        "model_size": [crop.model_size.width, crop.model_size.height],
        "prompt": [list(piece) for piece in wording.pieces],
        "negative_prompt": [list(piece) for piece in wording.negative_pieces],
        "strength": float(_or(command.strength, card.strength)),
        "steps": _or(command.steps, getattr(card.steps, command.quality)),
        "guidance_scale": float(_or(command.guidance_scale, card.guidance_scale)),
        "control_scale": card.control_scale,
        "control_end": float(_or(command.control_end, card.control_end)),
        "control_inside": _or(command.control_inside, card.control_inside),
        "sampler": card.sampler,
    }
    # left out at 0, where the request is the one without them
    preserving = {name: float(getattr(command, name)) for name in _PRESERVING}
    settings |= {name: amount for name, amount in preserving.items() if amount > 0}
    if not method.is_plain:
        settings["method"] = method.model_dump(mode="json", exclude_defaults=True)
    if learned:
        settings["learned"] = [chosen.as_json() for chosen in learned]
        tokens = tuple(chosen.learned for chosen in learned)
        method = method.model_copy(update={"learned": tokens})
    if image_prompt is not None:
        scale = command.image_prompt_scale
        settings["image_prompt"] = {"picture": digest(image_prompt), "scale": float(scale)}
        method = method.model_copy(update={"image": ImagePrompt(scale=scale)})
    return EditPlan(selection, crop, wording, settings, warnings, method, image_prompt)


def digest(values: np.ndarray) -> str:
    """16 hexadecimal digits of an array's values."""
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:16]


def crop_for(card: Card, size: Size, box: Box, context: Box | None) -> CropPlan:
    """The crop of a picture in which the card's model sees a box and its context."""
    return plan_crop(
        size,
        box,
        native_px=card.native_px,
        context=context,
        margin=card.margin,
        min_side_px=card.min_crop_px,
        buckets=_buckets(card),
    )


def _buckets(card: Card) -> tuple[Size, ...]:
    """The shapes that a large crop may take: SDXL's, for models that work at any zoom at SDXL's sizes."""
    sdxl = card.framing == "selection" and card.native_px >= _SMALLEST_SDXL_PX
    return aspect_buckets(card.native_px) if sdxl else ()


def _context(
    command: EditCommand,
    picture: Picture,
    selection: Selection,
    card: Card,
    find_faces: FindFaces | None,
) -> tuple[Box | None, tuple[str, ...]]:
    """What the model shall see besides the selection: the asked-for box, or the face it lies in."""
    if command.context is not None:
        left, top, right, bottom = (round(edge) for edge in command.context)
        box = Box(left, top, right, bottom) & picture.size.box
        if box.is_empty:
            raise InputError(
                f"The context {list(command.context)} lies outside the picture, which is "
                f"{picture.size.width} wide and {picture.size.height} high."
            )
        return box, ()
    if card.framing != "face":
        return None, ()
    faces = find_faces() if find_faces else []
    near = face_at(faces, selection.box)
    if near is not None:
        return near.box, ()
    return None, (
        f"The model {card.name} works best when it sees the whole face and nothing more; pass "
        "context=[left, top, right, bottom] round the face, from eyebrows and ears to chin.",
    )


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value
