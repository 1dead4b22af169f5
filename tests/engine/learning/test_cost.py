"""The computed plan of learning on SDXL."""

from __future__ import annotations

import pytest

from expressedit_mcp.engine import Card
from expressedit_mcp.engine.learning.cost import cost_of, default_settings, describe_cost
from expressedit_mcp.engine.learning.request import LearnSettings


@pytest.mark.parametrize(
    ("steps", "batch", "px", "tflop"),
    [(400, 1, 1024, 8560), (400, 1, 768, 4815), (100, 4, 1024, 8560)],
)
def test_arithmetic_grows_with_steps_noise_levels_and_area(
    steps: int, batch: int, px: int, tflop: float
) -> None:
    cost = cost_of(LearnSettings(steps=steps, batch=batch), px)
    assert cost.tflop == pytest.approx(tflop)
    assert cost.seconds == pytest.approx(tflop / 100)


def test_a_large_model_s_plan_says_that_it_was_computed() -> None:
    large, small = Card(name="large"), Card(name="small", native_px=256)
    assert default_settings(large).batch == 1 and default_settings(small) == LearnSettings()
    assert describe_cost(large, 9.5).endswith("10.9 GiB (computed, not measured)")
    assert "computed" not in describe_cost(small, 0.1)
