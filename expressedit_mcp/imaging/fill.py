"""What lay behind: a hole filled with the ground about it, without the lines that run into it."""

from __future__ import annotations

import math

import cv2
import numpy as np

from expressedit_mcp.imaging.crop import extract
from expressedit_mcp.imaging.picture import Picture
from expressedit_mcp.imaging.selection import Selection

_AROUND, _AROUND_PX = 1.5, 8  # of the selection's longer side, and at least
# What is dark and narrower is a line: of the selection's shorter side, and of the picture's longer one.
_LINE, _LINE_OF_PICTURE = 0.35, 1 / 48
_LINE_LEVELS = 24  # darker than what lies beside it
_RIM_PX = 3
_MOST_PX = 160  # of a selection's side; larger ones are filled at a smaller scale
_TWO_COLOURS = 20  # levels between two grounds
_SHADED = 0.22  # of that, within the one: shading is no second ground (half of a ramp has 0.29)
_BOX = 0.9  # of its bounding box: what fills more holds a part with its surroundings
_MINORITY = 0.25  # of the rim: less of a ground is not what the part lies on


def fill_from_around(picture: Picture, selection: Selection) -> np.ndarray:
    """Colour (H, W, C) of the selection's box, filled with the ground round the selection.

    C and the dtype are those of the picture's colour. The ground is carried in from the rim (Bertalmio et
    al., "Navier-Stokes, Fluid Dynamics, and Image and Video Inpainting", 2001; flat colour stays flat),
    but not from lines (a black top-hat finds them). Where a shape is selected that lies in an enclosed ground, as
    an iris in the white of an eye, and touches another one beyond, as the lid's skin, it is carried in
    from the enclosed one alone. What is not selected in the box stays as it is. Where
    nothing lies around the selection it gets the median of its own colours.
    """
    box = selection.box
    reach = max(round(_AROUND * max(box.width, box.height)), _AROUND_PX)
    around = box.grown(reach) & selection.size.box
    colour = np.ascontiguousarray(extract(picture.pixels[..., :3], around))
    hole = selection.within(around) > 0
    inside = box.shifted(-around.left, -around.top).slices
    shrink = min(1.0, _MOST_PX / max(box.width, box.height))
    seen, unseen = _resized(colour, shrink), _resized(hole.astype(np.float32), shrink)[..., 0] > 0
    width = min(
        _LINE * min(box.width, box.height),
        _LINE_OF_PICTURE * max(selection.size.width, selection.size.height),
    )
    of_a_shape = bool(np.count_nonzero(selection.alpha) < _BOX * selection.alpha.size)
    filled = _filled(seen, unseen, math.ceil(shrink * width), of_a_shape)
    if shrink < 1:
        filled = cv2.resize(filled, colour.shape[1::-1]).reshape(colour.shape)
    return np.where(hole[..., None], filled, colour)[inside]


def _resized(array: np.ndarray, scale: float) -> np.ndarray:
    """(H, W) or (H, W, C) to (h, w, C), each pixel the mean of those under it."""
    if scale == 1:
        return array.reshape(*array.shape[:2], -1)
    size = tuple(max(1, round(scale * side)) for side in array.shape[1::-1])
    small = cv2.resize(array, size, interpolation=cv2.INTER_AREA)
    return small.reshape(*small.shape[:2], -1)


def _filled(colour: np.ndarray, hole: np.ndarray, line: int, of_a_shape: bool) -> np.ndarray:
    """The colour with its ground carried in over all else; lines are narrower than `line` pixels."""
    levels = colour if colour.dtype == np.uint8 else (colour >> 8).astype(np.uint8)
    ground = ~hole & ~_lines(levels, hole, line)
    if of_a_shape:
        ground &= _enclosing(levels, ground, _grown(hole, _RIM_PX))
    if not ground.any():
        ground = ~hole
    if not ground.any():
        return np.full_like(colour, np.median(colour, axis=(0, 1)))
    return _carried_in(colour, ~ground)


def _lines(levels: np.ndarray, hole: np.ndarray, width: int) -> np.ndarray:
    """(H, W) bool: what is darker than both its sides and narrower than `width` pixels, with its soft edge."""
    grey = np.rint(levels.mean(axis=2)).astype(np.uint8)
    grey[hole] = 255
    kernel = np.ones((max(width, 1) | 1,) * 2, np.uint8)
    return _grown(cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, kernel) > _LINE_LEVELS, 1)


def _enclosing(levels: np.ndarray, ground: np.ndarray, near: np.ndarray) -> np.ndarray:
    """(H, W) bool: the one of two grounds at the rim that ends inside the picture; everything if none does."""
    everything, rim = np.ones(near.shape, bool), ground & near
    seen = levels[rim]
    if len(seen) < 2:
        return everything
    channel = int(seen.astype(np.float64).var(axis=0).argmax())
    split, _ = cv2.threshold(seen[:, channel], 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    is_light = levels[..., channel] > split
    light, dark = (levels[rim & which, channel].astype(float) for which in (is_light, ~is_light))
    if not len(light) or not len(dark) or light.mean() - dark.mean() < _TWO_COLOURS:
        return everything
    apart = light.mean() - dark.mean()
    for which, values in ((is_light, light), (~is_light, dark)):
        even = values.std() <= _SHADED * apart and len(values) > _MINORITY * len(seen)
        if even and _ends_inside(ground & which, near):
            return which
    return everything


def _ends_inside(ground: np.ndarray, near: np.ndarray) -> bool:
    """Whether the pieces of a ground that come near the hole stay off the picture's border."""
    _, pieces = cv2.connectedComponents(ground.astype(np.uint8), connectivity=4)
    touching = np.unique(pieces[ground & near])
    border = np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]])
    return not np.isin(touching, border).any()


def _grown(where: np.ndarray, px: int) -> np.ndarray:
    return cv2.dilate(where.astype(np.uint8), np.ones((2 * px + 1,) * 2, np.uint8)) > 0


def _carried_in(colour: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    mask = unknown.astype(np.uint8)
    # OpenCV fills 16-bit pictures one channel at a time only
    parts = [colour] if colour.dtype == np.uint8 else np.split(colour, colour.shape[2], axis=2)
    filled = [cv2.inpaint(np.ascontiguousarray(p), mask, 3, cv2.INPAINT_NS) for p in parts]
    return np.dstack(filled)
