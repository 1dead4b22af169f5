"""The measures behind the fidelity figures."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.fidelity.measures import (
    changed_outside,
    delta_e00,
    lab_of,
    rim_step,
    saturation,
    sharpness,
)
from benchmarks.fidelity.tags import allowed_parts, pairs_of
from expressedit_mcp.imaging import Box
from expressedit_mcp.preview import (
    Expression,
    expression_from_tags,
)
from expressedit_mcp.preview.chances import tag_chances
from expressedit_mcp.preview.expression import PARTS
from expressedit_mcp.preview.reader import Reading
from expressedit_mcp.preview.states import EXTRAS
from expressedit_mcp.preview.words import WORDS


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        # rows of the test data of Sharma, Wu and Dalal, 2005
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_colour_difference_is_the_published_one(a: tuple, b: tuple, expected: float) -> None:
    assert delta_e00(np.array(a), np.array(b)) == pytest.approx(expected, abs=1e-4)
    assert delta_e00(np.array(b), np.array(a)) == pytest.approx(expected, abs=1e-4)


def test_white_and_black_are_a_hundred_apart() -> None:
    white, black = lab_of(np.array([[255, 255, 255], [0, 0, 0]]))
    assert delta_e00(white, black) == pytest.approx(100, abs=0.1)


def test_blur_lowers_sharpness_and_grey_saturation() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    everywhere = np.ones((32, 32), bool)
    soft = (noise[:-1, :-1] // 2 + noise[1:, 1:] // 2).astype(np.uint8)
    assert sharpness(soft, everywhere[1:, 1:]) < 0.7 * sharpness(noise, everywhere)
    grey = np.repeat(noise[..., :1], 3, axis=2)
    assert saturation(grey, everywhere) == 0 < saturation(noise, everywhere)


def test_a_rim_is_where_the_selection_ends() -> None:
    pixels, selected = np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), bool)
    selected[2:6, 2:6] = True
    pixels[selected] = 60
    assert rim_step(pixels, selected) == 60
    assert changed_outside(np.zeros_like(pixels), pixels, selected) == 0
    selected[2, 2] = False
    assert changed_outside(np.zeros_like(pixels), pixels, selected) == 1


def sure(expression: Expression) -> Reading:
    """A reading that is certain of the expression."""
    states = {
        part: {state: float(state == getattr(expression, part)) for state in names}
        for part, names in PARTS.items()
    }
    tags = tag_chances(states, {extra: float(extra in expression.extras) for extra in EXTRAS})
    return Reading(Box(0, 0, 1, 1), np.zeros((68, 2)), None, None, {}, states, tags, {}, 1.0)


@pytest.mark.parametrize("word", WORDS)
def test_the_plainest_form_of_a_word_is_allowed(word: str) -> None:
    reading = sure(expression_from_tags([word]))
    assert all(allowed_parts(reading, word).values())


def test_a_blank_face_is_not_angry() -> None:
    assert not all(allowed_parts(sure(Expression()), "furious").values())


def test_pairs_are_of_different_parts() -> None:
    pairs = pairs_of(["smile", "frown", "closed eyes", "wide-eyed"], 6)
    assert len(pairs) == 6
    assert all(len({"smile", "frown"} & set(pair)) == 1 for pair in pairs)
