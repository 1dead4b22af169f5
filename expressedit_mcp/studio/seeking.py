"""Regions from words: where the engine's model looks for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from expressedit_mcp.engine import Engine, LocateRequest, OnStep
from expressedit_mcp.engine.backend import Stop
from expressedit_mcp.errors import InputError
from expressedit_mcp.imaging import (
    Box,
    CropPlan,
    Picture,
    Selection,
    Size,
    box_selection,
    mask_selection,
    srgb_crop,
    union,
)
from expressedit_mcp.regions import WordsRegion
from expressedit_mcp.studio.planning import crop_for
from expressedit_mcp.studio.selecting import BY_HAND, FindFaces


@dataclass(frozen=True)
class Seeker:
    """Looks for words in one picture."""

    engine: Engine
    picture: Picture
    find_faces: FindFaces | None
    on_step: OnStep
    stop: Stop

    def seek(self, region: WordsRegion, within: Selection | None) -> Selection:
        """Where the model looks for the words: in the found faces, else anywhere; only in `within`.

        Raises InputError for words that the model does not know or tell apart from their surroundings.
        """
        words = self._known(region.words)
        name, size = self.engine.card.name, self.picture.size
        crops = self._crops(within)
        selections, found = [], set[str]()
        for number, crop in enumerate(crops):
            pixels = srgb_crop(self.picture, crop.box)
            request = LocateRequest(pixels, crop.model_size, words, region.threshold)
            located = self.engine.locate(request, self._step_of(number, len(crops)), self.stop)
            found |= {word for word, seen in zip(words, located.found, strict=True) if seen}
            selections += _placed(located.mask, crop.box, size, within)
        missing = [word for word in words if word not in found]
        if missing:
            raise InputError(
                f"The model {name} looks for {_listed(missing)} about as much anywhere in the picture. Leave "
                f"it out, or find the place yourself. {BY_HAND}"
            )
        if not selections:
            raise InputError(
                f"The model {name} sees no place for {_listed(words)} there. Widen `within`, lower "
                f"`threshold`, or find the place yourself. {BY_HAND}"
            )
        return union(selections)

    def presume(self, region: WordsRegion, within: Selection | None) -> Selection:
        """All of where the words may be, without a look. Raises InputError for unknown words."""
        self._known(region.words)
        return within or box_selection(self.picture.size.box.as_list(), self.picture.size)

    def _known(self, words: Sequence[str]) -> tuple[str, ...]:
        tokenizer, name = self.engine.tokenizer, self.engine.card.name
        for word in words:
            if not (tokenizer.count(word) and tokenizer.knows(word)):
                near = tokenizer.nearest(word.strip())
                like = f" It knows {_listed(near)}." if near else ""
                raise InputError(f"The model {name} has no word for {word!r}.{like} {BY_HAND}")
        return tuple(dict.fromkeys(word.strip() for word in words))

    def _crops(self, within: Selection | None) -> list[CropPlan]:
        """What the model is shown: each face that `within` touches, else all of where to look."""
        size = self.picture.size
        where = size.box if within is None else within.box
        faces = [face.box for face in self.find_faces()] if self.find_faces else []
        near = [face & size.box for face in faces if not (face & where).is_empty]
        return [crop_for(self.engine.card, size, box, box) for box in near or [where]]

    def _step_of(self, number: int, count: int) -> OnStep:
        """Progress in one of several crops as progress in all of them."""

        def report(done: int, total: int, what: str) -> None:
            self.on_step(number * total + done, count * total, what)

        return report


def _placed(mask: np.ndarray, box: Box, size: Size, within: Selection | None) -> list[Selection]:
    """The selection of a crop's mask, cut to `within`; none where nothing is selected."""
    inside = box & size.box
    alpha = mask[inside.shifted(-box.left, -box.top).slices]
    if within is not None:
        alpha = np.minimum(alpha, within.within(inside))
    return [mask_selection(alpha, size, (inside.left, inside.top))] if alpha.any() else []


def _listed(words: Sequence[str]) -> str:
    return ", ".join(repr(word) for word in words)
