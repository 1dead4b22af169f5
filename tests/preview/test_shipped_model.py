"""What the shipped model draws, judged by the nearest of the rig's own drawings."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from expressedit_mcp.imaging import Box, Picture
from expressedit_mcp.preview import CHARACTERS, Character, draw_character, expression_from_tags
from expressedit_mcp.regions import BoxRegion
from expressedit_mcp.settings import SHIPPED_MODEL, Settings
from expressedit_mcp.studio import EditCommand, Studio

READINGS = {
    "eyes": ("", "closed eyes", "^_^", ">_<"),
    "mouth": ("", ":d", "open mouth", "smile", "frown"),
}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    home = tmp_path_factory.mktemp("meaning")
    opened = Studio.open(Settings(home=home, roots=(home,), model=SHIPPED_MODEL, device="cpu"))
    yield opened
    opened.close()


def drawn(character: Character, tag: str) -> np.ndarray:
    return draw_character(character, expression_from_tags([tag] if tag else []), size_px=256).pixels


def edited(
    studio: Studio, character: Character, part: str, tag: str, **changes: object
) -> np.ndarray:
    plain = draw_character(character, expression_from_tags([]), size_px=256)
    parent = studio.images.add(Picture(plain.pixels.copy()), "drawn")
    command = EditCommand(
        parent.image_id,
        BoxRegion(box=list(plain.part_boxes[part])),
        tags=(tag,),
        character=", ".join(plain.tags[:3]),
        context=plain.crop_box,
        **changes,  # type: ignore[arg-type]
    )
    return studio.images.load(studio.edit(command)[0].version.image_id).pixels


def reading(pixels: np.ndarray, character: Character, part: str) -> str:
    """The state of a part whose drawing is nearest in mean absolute difference."""
    box = Box(*draw_character(character, expression_from_tags([]), size_px=256).part_boxes[part])

    def distance(tag: str) -> float:
        difference = pixels[box.slices].astype(float) - drawn(character, tag)[box.slices]
        return float(np.abs(difference).mean())

    return min(READINGS[part], key=distance)


def right(studio: Studio, part: str, tags: tuple[str, ...], **changes: object) -> int:
    """How many edits of all characters read as the tag that was asked for."""
    return sum(
        reading(edited(studio, character, part, tag, **changes), character, part) == tag
        for character in CHARACTERS.values()
        for tag in tags
    )


def test_the_reader_reads_the_rigs_own_drawings(studio: Studio) -> None:
    for part, tags in READINGS.items():
        for character in CHARACTERS.values():
            assert [reading(drawn(character, tag), character, part) for tag in tags] == list(tags)


def test_with_the_old_edges_erased_the_eyes_close(studio: Studio) -> None:
    assert right(studio, "eyes", ("closed eyes", "^_^"), control_inside="erase") >= 9  # of 10


def test_with_the_old_edges_kept_the_eyes_mostly_stay_open(studio: Studio) -> None:
    assert right(studio, "eyes", ("closed eyes", "^_^"), control_inside="keep") <= 4  # of 10


def test_mouths_read_as_asked(studio: Studio) -> None:
    assert right(studio, "mouth", (":d", "open mouth")) >= 9  # of 10
