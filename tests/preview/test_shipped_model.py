"""What the shipped model draws, judged by the nearest of the rig's own drawings."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from expressedit_mcp.imaging import Box, Picture
from expressedit_mcp.preview import CHARACTERS, draw_character, expression_from_tags
from expressedit_mcp.regions import BoxRegion
from expressedit_mcp.settings import SHIPPED_MODEL, Settings
from expressedit_mcp.studio import EditCommand, Studio

READINGS = {
    "eyes": ("", "closed eyes", "^_^", ">_<"),
    "mouth": ("", ":d", "open mouth", "smile", "frown", "clenched teeth"),
}
SIZE_PX = 256
CAST = ("Mirelle", "Toma", "Oskar")
Edit = Callable[[str, str, str], np.ndarray]


@pytest.fixture(scope="module")
def edit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edit]:
    """A character's neutral drawing with a part edited to a tag, (256, 256, 3) uint8."""
    home = tmp_path_factory.mktemp("meaning")
    studio = Studio.open(Settings(home=home, roots=(home,), model=SHIPPED_MODEL, device="cpu"))

    @functools.cache
    def edited(name: str, part: str, tag: str) -> np.ndarray:
        parent = studio.images.add(Picture(drawn(name, "").copy()), "drawn")
        command = EditCommand(
            parent.image_id,
            BoxRegion(box=[*part_box(name, part).as_list()]),
            tags=(tag,),
            character=", ".join(CHARACTERS[name].tags),
        )
        return studio.images.load(studio.edit(command)[0].version.image_id).pixels

    yield edited
    studio.close()


@functools.cache
def drawn(name: str, tag: str) -> np.ndarray:
    expression = expression_from_tags([tag] if tag else [])
    return draw_character(CHARACTERS[name], expression, size_px=SIZE_PX).pixels


@functools.cache
def part_box(name: str, part: str) -> Box:
    plain = draw_character(CHARACTERS[name], expression_from_tags([]), size_px=SIZE_PX)
    return Box(*plain.part_boxes[part])


def distance(pixels: np.ndarray, name: str, part: str, tag: str) -> float:
    """Mean absolute difference, in levels, from the rig's own drawing of the tag within the part's box."""
    rows_and_columns = part_box(name, part).slices
    difference = pixels[rows_and_columns].astype(float) - drawn(name, tag)[rows_and_columns]
    return float(np.abs(difference).mean())


def reading(pixels: np.ndarray, name: str, part: str) -> str:
    """The state of a part whose drawing is nearest."""
    return min(READINGS[part], key=lambda tag: distance(pixels, name, part, tag))


@pytest.mark.parametrize("part", READINGS)
def test_the_rigs_own_drawings_are_told_apart(part: str) -> None:
    for name in CAST:
        for tag in READINGS[part]:
            assert reading(drawn(name, tag), name, part) == tag


@pytest.mark.parametrize("tag", ["closed eyes", "^_^"])
def test_eyes_close(edit: Edit, tag: str) -> None:
    read = [reading(edit(name, "eyes", tag), name, "eyes") for name in CAST]
    assert "" not in read
    assert tag != "closed eyes" or read.count(tag) >= 2  # of 3


def test_mouths_open(edit: Edit) -> None:
    read = [
        reading(edit(name, "mouth", tag), name, "mouth")
        for tag in (":d", "open mouth")
        for name in CAST
    ]
    assert sum(tag in (":d", "open mouth") for tag in read) >= 4  # of 6


def test_an_edit_touches_nothing_outside_what_was_selected(edit: Edit) -> None:
    name = CAST[0]
    changed = (edit(name, "mouth", ":d") != drawn(name, "")).any(axis=2)
    inside = part_box(name, "mouth").slices
    assert changed[inside].any()
    assert changed.sum() == changed[inside].sum()
