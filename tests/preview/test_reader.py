"""The face reader and the finder against the rig's own truth, on characters that were not trained on."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from benchmarks.reader import average_precision, overlap
from expressedit_mcp.imaging import Box
from expressedit_mcp.preview import (
    CHARACTERS,
    Drawing,
    View,
    draw_character,
    expression_from_tags,
    sample_character,
    sample_view,
)
from expressedit_mcp.preview.finder import FaceFinder
from expressedit_mcp.preview.reader import PARTS, FaceReader, crop_square
from expressedit_mcp.preview.train.reader_backgrounds import background
from expressedit_mcp.preview.train.reader_samples import random_expression, truth_of

SEED = 60_001  # training draws from other seeds


@pytest.fixture(scope="module")
def finder() -> FaceFinder:
    return FaceFinder()


@pytest.fixture(scope="module")
def reader(finder: FaceFinder) -> FaceReader:
    return finder.reader


def unseen(number: int, size_px: int = 256) -> Drawing:
    rng = np.random.default_rng([SEED, number])
    return draw_character(sample_character(rng), random_expression(rng), sample_view(rng), size_px)


def test_features_are_read_where_the_rig_drew_them(reader: FaceReader) -> None:
    errors, radii = [], []
    for number in range(40):
        drawing = unseen(number)
        truth = truth_of(drawing)
        reading = reader.read(drawing.pixels, Box(*drawing.crop_box))
        apart = np.linalg.norm(truth["irises"][0, :2] - truth["irises"][1, :2])
        errors.append(np.linalg.norm(reading.landmarks - truth["points"], axis=1).mean() / apart)
        for iris, (_, _, radius, _) in zip(
            (reading.left_iris, reading.right_iris), truth["irises"], strict=True
        ):
            if iris is not None and radius:
                radii.append(abs(iris.radius / radius - 1))
    assert np.mean(errors) < 0.03
    assert np.median(radii) < 0.1


@pytest.mark.parametrize("name", CHARACTERS)
def test_closed_eyes_show_no_iris_and_open_ones_do(reader: FaceReader, name: str) -> None:
    for tag, seen in (("closed eyes", False), ("looking at viewer", True)):
        drawing = draw_character(CHARACTERS[name], expression_from_tags([tag]))
        reading = reader.read(drawing.pixels, Box(*drawing.crop_box))
        assert (reading.left_iris is not None, reading.right_iris is not None) == (seen, seen)
        assert (reading.tags["closed eyes"] >= 0.5) is not seen


@pytest.mark.parametrize("tag", ["closed eyes", ":d", "frown", "^_^"])
def test_a_tag_ranks_its_drawings_before_all_others(reader: FaceReader, tag: str) -> None:
    wanted, scores = [], []
    for number in range(24):
        rng = np.random.default_rng([SEED, 1, number])
        expression = expression_from_tags([tag] if number % 4 == 0 else [])
        drawing = draw_character(sample_character(rng), expression, sample_view(rng))
        wanted.append(number % 4 == 0)
        scores.append(reader.read(drawing.pixels, Box(*drawing.crop_box)).tags[tag])
    assert average_precision(np.array(wanted), np.array(scores)) > 0.95


def test_a_reading_moves_with_the_picture(reader: FaceReader) -> None:
    drawing = unseen(3, 128)
    frame = Box(*drawing.crop_box)
    wide = np.full((300, 400, 3), 200, np.uint8)
    wide[100:228, 150:278] = drawing.pixels
    here = reader.read(drawing.pixels, frame, passes=1)
    there = reader.read(wide, frame.shifted(150, 100), passes=1)
    np.testing.assert_allclose(there.landmarks, here.landmarks + np.array([150, 100]), atol=1.0)


def test_a_crop_past_the_border_repeats_it() -> None:
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    crop = crop_square(picture, Box(-1, -1, 3, 3), 4)
    assert (crop[0, 0] == picture[0, 0]).all()
    assert (crop[-1, -1] == picture[1, 1]).all()
    assert not crop_square(picture, Box(10, 10, 14, 14), 4).any()


@pytest.mark.parametrize("size_px", [64, 100, 256, 700, 2048])
def test_one_face_is_found_in_a_drawing_of_any_size(finder: FaceFinder, size_px: int) -> None:
    drawing = draw_character(CHARACTERS["Toma"], expression_from_tags([]), View(), size_px)
    (face,) = finder.find_faces(drawing.pixels)
    assert overlap(face.box, Box(*drawing.crop_box)) > 0.6
    assert set(PARTS) <= set(face.parts)
    for part in ("eyes", "left_eye", "right_eye", "mouth"):
        assert overlap(face.parts[part], Box(*drawing.part_boxes[part])) > 0.5, part
    assert 0.5 <= face.confidence <= 1


def test_several_faces_on_a_large_page(finder: FaceFinder) -> None:
    page = np.full((2432, 1664, 3), (90, 120, 110), np.uint8)
    placed = []
    for number, (left, top, size) in enumerate(
        [(100, 200, 900), (1200, 400, 300), (700, 1700, 180)]
    ):
        drawing = draw_character(
            list(CHARACTERS.values())[number], expression_from_tags([":d"]), View(), size
        )
        page[top : top + size, left : left + size] = drawing.pixels
        placed.append(Box(*drawing.crop_box).shifted(left, top))
    faces = finder.find_faces(page)
    assert len(faces) == 3
    for frame in placed:
        assert max(overlap(face.box, frame) for face in faces) > 0.5
    assert [face.confidence for face in faces] == sorted(
        (f.confidence for f in faces), reverse=True
    )


def test_few_faces_are_seen_where_there_is_none(finder: FaceFinder) -> None:
    pictures = [background(np.random.default_rng([SEED, 2, n]), 300, 400) for n in range(60)]
    assert sum(bool(finder.find_faces(picture)) for picture in pictures) <= 1


@pytest.mark.parametrize("shape", [(1, 1), (20, 3000), (3000, 20)])
def test_extreme_shapes_are_searched_without_harm(
    finder: FaceFinder, shape: tuple[int, int]
) -> None:
    assert finder.find_faces(np.full((*shape, 3), 128, np.uint8)) == []


def test_finding_faces_imports_no_torch() -> None:
    code = (
        "import sys, numpy as np\n"
        "from expressedit_mcp.preview import CHARACTERS, draw_character, expression_from_tags\n"
        "from expressedit_mcp.preview.finder import FaceFinder\n"
        "drawing = draw_character(CHARACTERS['Toma'], expression_from_tags([]))\n"
        "assert FaceFinder().find_faces(drawing.pixels)\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
