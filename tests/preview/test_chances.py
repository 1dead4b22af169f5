"""Chances of tags from chances of states agree with the rig's own tags."""

from __future__ import annotations

import numpy as np
import pytest

from expressedit_mcp.preview import Expression, expression_tags, sample_expression
from expressedit_mcp.preview.chances import tag_chances
from expressedit_mcp.preview.expression import PARTS
from expressedit_mcp.preview.states import EXTRAS
from expressedit_mcp.preview.tags import RULES


def certain(expression: Expression) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    states = {
        part: {state: float(state == getattr(expression, part)) for state in names}
        for part, names in PARTS.items()
    }
    return states, {extra: float(extra in expression.extras) for extra in EXTRAS}


@pytest.mark.parametrize("seed", range(40))
def test_certain_states_give_the_rigs_tags(seed: int) -> None:
    expression = sample_expression(np.random.default_rng(seed))
    chances = tag_chances(*certain(expression))
    assert set(chances) == set(RULES)
    assert {tag for tag, chance in chances.items() if chance == 1} == {
        tag for tag in expression_tags(expression) if tag in RULES
    }
    assert set(chances.values()) <= {0.0, 1.0}


def test_doubt_is_shared_out() -> None:
    states, extras = certain(Expression(mouth="smile"))
    states["mouth"] |= {"smile": 0.5, "frown": 0.5}
    extras["blush"] = extras["nose blush"] = 0.5
    chances = tag_chances(states, extras)
    assert chances["smile"] == chances["frown"] == 0.5
    assert chances["closed mouth"] == 1
    assert chances["blush"] == 0.75
