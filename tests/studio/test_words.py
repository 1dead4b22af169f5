"""Regions from words on the shipped model: where they lie, what is refused, and that an edit stays inside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from expressedit_mcp.engine import LocalEngine
from expressedit_mcp.errors import Cancelled, InputError
from expressedit_mcp.preview import CHARACTERS, draw_character, expression_from_tags, part_masks
from expressedit_mcp.regions import BoxRegion, MaskRegion, PartRegion, WordsRegion
from expressedit_mcp.strokes import BrushStroke
from expressedit_mcp.studio import BrushCommand, EditCommand, Studio

SIZE_PX = 256
TOMA = CHARACTERS["Toma"]
LINE = BrushStroke(points=[[0, 128], [256, 128]], width=400, color="#ff0000")


@pytest.fixture
def picture(pictures_dir: Path) -> Path:
    path = pictures_dir / "laughing.png"
    drawn = draw_character(TOMA, expression_from_tags([":d"]), size_px=SIZE_PX)
    Image.fromarray(drawn.pixels).save(path)
    return path


def painted(studio: Studio, path: Path, *words: str, **options: object) -> np.ndarray:
    """Which pixels a region of words lets a brush paint, (H, W) bool."""
    region = WordsRegion.model_validate({"words": words, **options})
    version = studio.brush(BrushCommand(str(path), region, strokes=(LINE,))).version
    before = np.asarray(Image.open(path).convert("RGB"))
    return (studio.images.load(version.image_id).pixels[..., :3] != before).any(axis=2)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / (a | b).sum()


def test_words_select_what_they_name(studio: Studio, picture: Path) -> None:
    drawn = part_masks(TOMA, expression_from_tags([":d"]), size_px=SIZE_PX)
    assert iou(painted(studio, picture, ":d"), drawn["mouth"] > 0) > 0.6
    both = painted(studio, picture, ":d", "blue eyes")
    assert iou(both, (drawn["mouth"] > 0) | (drawn["irises"] > 0)) > 0.5


def test_within_cuts_the_selection_off(studio: Studio, picture: Path) -> None:
    whole = painted(studio, picture, "blue eyes")
    left = painted(studio, picture, "blue eyes", within={"box": [0, 0, 128, 256]})
    assert left.any()
    assert np.array_equal(left, whole & (np.arange(SIZE_PX) < 128))
    part = painted(studio, picture, "blue eyes", within={"part": "left_eye"})
    assert iou(part, left) > 0.8


def test_every_face_is_looked_at(studio: Studio, pictures_dir: Path) -> None:
    drawn = draw_character(TOMA, expression_from_tags([":d"]), size_px=SIZE_PX).pixels
    Image.fromarray(np.hstack([drawn, drawn])).save(pictures_dir / "two.png")
    seen = painted(studio, pictures_dir / "two.png", ":d")
    assert iou(seen[:, :SIZE_PX], seen[:, SIZE_PX:]) > 0.8


def test_without_a_face_the_whole_picture_is_looked_at(studio: Studio, pictures_dir: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 130, 3), dtype=np.uint8)
    Image.fromarray(noise).save(pictures_dir / "noise.png")
    try:
        assert painted(studio, pictures_dir / "noise.png", "blush").any()
    except InputError as error:
        assert "view_image" in str(error)


def test_an_edit_takes_words_as_its_region_and_is_remembered(studio: Studio, picture: Path) -> None:
    region = WordsRegion(words=[":d"])
    command = EditCommand(str(picture), region, tags=("closed mouth",), quality="draft", grow_px=4)
    steps: list[str] = []
    first = studio.edit(command, lambda done, total, what: steps.append(what))[0]
    assert any("looking for :d" in what for what in steps)
    again = studio.edit(command)[0]
    assert again.cached
    assert again.version.image_id == first.version.image_id
    left, top, right, bottom = first.version.changed_box or (0, 0, 0, 0)
    mouth = draw_character(TOMA, expression_from_tags([":d"]), size_px=SIZE_PX).part_boxes["mouth"]
    assert mouth[0] - 8 <= left < right <= mouth[2] + 8
    assert mouth[1] - 8 <= top < bottom <= mouth[3] + 8


def test_a_job_is_checked_without_a_look(studio: Studio, picture: Path) -> None:
    known, unknown = (
        EditCommand(str(picture), WordsRegion(words=[word]), tags=("smile",))
        for word in (":d", "nonsense")
    )
    assert studio._editing.resolved(known) == known
    assert isinstance(studio.engine, LocalEngine)
    assert studio.engine.plan is None
    with pytest.raises(InputError, match="no word for"):
        studio.start_edit(unknown)


def test_looking_can_be_cancelled(studio: Studio, picture: Path) -> None:
    command = BrushCommand(str(picture), WordsRegion(words=["blush"]), strokes=(LINE,))
    with pytest.raises(Cancelled):
        studio.brush(command, stop=lambda: True)


@pytest.mark.parametrize(
    ("words", "options", "message"),
    [
        (["mouth"], {}, "'open mouth'"),
        ([" , "], {}, "no word for"),
        (["solo"], {}, "about as much anywhere"),
        ([":d", "solo"], {}, "'solo'"),
        ([":d"], {"within": {"box": [100, 60, 156, 90]}}, "Widen"),
    ],
    ids=["unknown", "nothing", "no place", "one of two", "elsewhere"],
)
def test_what_cannot_be_found_is_refused_with_a_way_out(
    studio: Studio, picture: Path, words: list[str], options: dict, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        painted(studio, picture, *words, **options)
    assert "view_image" in str(caught.value)


def test_words_join_other_regions(studio: Studio, picture: Path) -> None:
    box = BoxRegion(box=[0, 0, 20, 20])
    regions = [WordsRegion(words=[":d"]), box]
    version = studio.brush(BrushCommand(str(picture), regions, strokes=(LINE,))).version
    left, top, _, bottom = version.changed_box or (9, 9, 9, 9)
    assert (left, top) == (0, 0)
    assert bottom > 128


@pytest.mark.parametrize(
    "inside", [MaskRegion(mask="x"), PartRegion(part="face"), BoxRegion(box=[0, 0, 1, 1])], ids=str
)
def test_within_takes_regions_of_the_picture(inside: object) -> None:
    values = {"words": ["blush"], "within": inside}
    assert WordsRegion.model_validate(values).within == inside
