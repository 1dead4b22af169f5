"""Search by picture, with a small deterministic reader on drawings of the preview's characters."""

import numpy as np
import pytest

from expressedit_mcp.preview import CHARACTERS, draw_character, expression_from_tags
from tagdb import (
    Example,
    Match,
    PictureReading,
    PictureSet,
    TagdbError,
    TagStore,
    load_tags,
)

TAGS = ("closed_eyes", "open_mouth", "angry", "wide-eyed", ">_<", "blush")
NAMES = tuple(CHARACTERS)
KNOWN, UNSEEN = NAMES[:-1], NAMES[-1]


def face(name, tag):
    expression = expression_from_tags([tag.replace("_", " ") if len(tag) > 3 else tag])
    drawing = draw_character(CHARACTERS[name], expression, size_px=128)
    left, top, right, bottom = (min(max(0, side), 128) for side in drawing.crop_box)
    return drawing.pixels[top:bottom, left:right]


class SmallReader:
    """How dark each cell of a 12 x 12 grid is, against the mean; names no tags unless told to."""

    dim = 144

    def __init__(self, identity="grid-1", chances=None):
        self.id, self.chances = identity, chances or {}

    def read(self, rgb):
        rows = np.array_split(rgb.mean(axis=2), 12, axis=0)
        cells = [cell.mean() for row in rows for cell in np.array_split(row, 12, axis=1)]
        vector = np.array(cells, np.float32)
        return PictureReading(vector - vector.mean(), self.chances)


def examples():
    for name in KNOWN:
        for tag in TAGS:
            yield Example(tag, name, SmallReader().read(face(name, tag)).vector)


def store_of(folder, reader=None, source="rig-1", examples=examples):
    pictures = PictureSet(reader or SmallReader(), source, examples)
    return TagStore(load_tags(), folder, pictures=pictures)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with store_of(tmp_path_factory.mktemp("pictures")) as store:
        yield store


@pytest.mark.parametrize("tag", TAGS)
def test_an_example_finds_itself_and_says_whose_face_it_is(store, tag):
    hits = store.search_picture(face(KNOWN[0], tag), limit=3).hits
    assert hits[0].tag.tag == tag
    assert hits[0].matches == (Match("picture", KNOWN[0], ""),)


def test_the_scores_of_all_tags_sum_to_one_and_fall(store):
    result = store.search_picture(face(UNSEEN, "blush"), limit=len(store.tags))
    scores = [hit.score for hit in result.hits]
    assert scores == sorted(scores, reverse=True) and sum(scores) == pytest.approx(1, abs=0.02)
    assert {hit.tag.tag for hit in result.hits[: len(TAGS)]} == set(TAGS)
    assert not result.no_expression
    assert all(not hit.matches for hit in result.hits[len(TAGS) :])


def test_what_the_reader_names_counts_half(tmp_path):
    reader = SmallReader(chances={"crying": 0.8, "no such tag": 0.2})
    with store_of(tmp_path, reader) as store:
        hits = store.search_picture(face(KNOWN[0], "angry")).hits
    by_tag = {hit.tag.tag: hit.score for hit in hits}
    assert by_tag["crying"] == pytest.approx(0.5, abs=0.01) and by_tag["angry"] > 0.1


def test_examples_are_asked_for_once_for_a_reader_and_a_source(tmp_path):
    asked = []

    def counted():
        asked.append(1)
        return list(examples())[:3]

    for reader, source, expected in [
        (SmallReader(), "rig-1", 1),
        (SmallReader(), "rig-1", 1),
        (SmallReader("grid-2"), "rig-1", 2),
        (SmallReader(), "rig-2", 3),
    ]:
        with store_of(tmp_path, reader, source, counted) as store:
            store.search_picture(face(UNSEEN, "angry"))
        assert len(asked) == expected


def test_without_a_reader_it_is_said_what_to_do():
    with (
        TagStore(load_tags()) as store,
        pytest.raises(TagdbError, match=r"needs a picture reader.*describe the face in words"),
    ):
        store.search_picture(face(UNSEEN, "angry"))


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_other_pixels_are_refused(store, pixels):
    with pytest.raises(TagdbError, match="RGB pixels"):
        store.search_picture(pixels)


def test_misuse_is_refused_in_words(store, tmp_path):
    with pytest.raises(TagdbError, match="limit"):
        store.search_picture(face(UNSEEN, "angry"), limit=0)
    empty = store_of(tmp_path, source="none", examples=lambda: [])
    with empty, pytest.raises(TagdbError, match="'none' holds no example"):
        empty.search_picture(face(UNSEEN, "angry"))
    strange = store_of(tmp_path, source="odd", examples=lambda: [Example("hat", "x", np.ones(144))])
    with strange, pytest.raises(TagdbError, match="unknown tag 'hat'"):
        strange.search_picture(face(UNSEEN, "angry"))
