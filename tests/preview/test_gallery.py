"""Example pictures of tags, and the command that writes contact sheets."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from expressedit_mcp.preview import EXPRESSION_TAGS, example_pictures
from expressedit_mcp.preview.gallery import main, tag_groups


def test_a_tag_has_five_characters_in_five_variations():
    examples = list(example_pictures("closed_eyes", size_px=64))
    assert len(examples) == 25
    assert {tag for tag, _, _ in examples} == {"closed eyes"}
    assert len({character for _, character, _ in examples}) == 5
    assert all(picture.shape == (64, 64, 3) for _, _, picture in examples)
    assert len({picture.tobytes() for _, _, picture in examples}) == 25


def test_examples_are_the_same_every_time_and_drawn_on_demand():
    first, again = (next(iter(example_pictures("happy", size_px=64))) for _ in range(2))
    np.testing.assert_array_equal(first[2], again[2])
    once, twice = (
        [picture for _, _, picture in example_pictures(":d", ("Toma",), 3, 64)] for _ in range(2)
    )
    np.testing.assert_array_equal(once, twice)


@pytest.mark.parametrize(
    ("tag", "characters", "message"),
    [("moody", ("Toma",), "accepted"), ("smile", ("Nobody",), "accepted: .*Toma")],
)
def test_refuses_what_it_does_not_know(tag, characters, message):
    with pytest.raises(ValueError, match=message):
        next(iter(example_pictures(tag, characters)))


def test_groups_hold_every_tag_once():
    tags = [tag for group in tag_groups().values() for tag in group]
    assert sorted(tags) == sorted(EXPRESSION_TAGS)


def test_the_command_writes_the_sheets_asked_for(tmp_path):
    out = tmp_path / "gallery"
    result = CliRunner().invoke(main, [str(out), "--only", "brows"])
    assert result.exit_code == 0, result.output
    assert [path.name for path in out.iterdir()] == ["brows.png"]
    with Image.open(out / "brows.png") as sheet:
        assert sheet.width > 5 * 150
