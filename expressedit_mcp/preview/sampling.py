"""Random expressions whose tags agree with each other."""

from typing import Any, Literal

import numpy as np

from .expression import PARTS, Expression, require_state
from .states import EXTRAS
from .tagging import contradictory_pair, expression_tags
from .words import WORDS

_WORD_PROBABILITY = 0.4
_EXTRA_PROBABILITY = 0.035  # for each of the 25 kinds
_NEUTRAL_SHARES = {"eyes": 0.4, "iris": 0.5, "gaze": 0.5, "brows": 0.3, "mouth": 0.06}
_NEUTRAL = Expression()

# Each measure's middle, its spread for small differences, and its free range.
_MEASURES: dict[str, tuple[float, float, tuple[float, float]]] = {
    "iris_scale": (1.0, 0.04, (0.4, 1.4)),
    "pupil_scale": (1.0, 0.06, (0.5, 1.7)),
    "eye_opening": (1.0, 0.04, (0.62, 1.18)),
    "mouth_width": (1.0, 0.07, (0.7, 1.35)),
    "mouth_height": (1.0, 0.07, (0.65, 1.35)),
    "brow_raise": (0.0, 0.4, (-2.0, 3.0)),
    "brow_tilt": (0.0, 0.035, (-0.16, 0.16)),
}
_GAZE_REACH = (4.6, 3.4)


def sample_expression(
    rng: np.random.Generator, emotion: str | None = None, free_measures: bool = False
) -> Expression:
    """A random expression, of the given emotion or with two in five of some emotion.

    Its measures (sizes of irises, pupils, mouth; lids; gaze; brows) differ a little from the plain
    ones; with free_measures they range widely and independently of the tags. No two of its tags
    contradict each other. Raises ValueError for an unknown emotion.
    """
    if emotion is not None:
        require_state("emotion", emotion, tuple(WORDS))
    elif rng.random() < _WORD_PROBABILITY:
        emotion = _pick(rng, tuple(WORDS))
    while True:
        parts = _sample_of_word(rng, emotion) if emotion else _sample_parts(rng)
        side: Literal["left", "right"] = "right" if rng.integers(2) else "left"
        measures = _free_measures(rng) if free_measures else _small_differences(rng)
        expression = Expression(**parts, emotion=emotion, side=side, **measures)
        if contradictory_pair(expression_tags(expression)) is None:
            return expression


def _sample_parts(rng: np.random.Generator) -> dict:
    parts: dict = {}
    for part, states in PARTS.items():
        neutral = rng.random() < _NEUTRAL_SHARES[part]
        parts[part] = states[0] if neutral else _pick(rng, states[1:])
    if not Expression(eyes=parts["eyes"]).shows_iris:
        parts |= {"iris": _NEUTRAL.iris, "gaze": _NEUTRAL.gaze}
    parts["extras"] = tuple(extra for extra in EXTRAS if rng.random() < _EXTRA_PROBABILITY)
    return parts


def _sample_of_word(rng: np.random.Generator, word: str) -> dict:
    parts = {part: _pick(rng, choices) for part, choices in WORDS[word].items()}
    if not Expression(eyes=parts.get("eyes", _NEUTRAL.eyes)).shows_iris:
        parts |= {"iris": _NEUTRAL.iris, "gaze": _NEUTRAL.gaze}
    return parts


def _small_differences(rng: np.random.Generator) -> dict:
    drawn = np.clip(rng.normal(0, 1, len(_MEASURES)), -2, 2)
    measures: dict = {
        name: middle + spread * float(value)
        for (name, (middle, spread, _)), value in zip(_MEASURES.items(), drawn, strict=True)
    }
    x, y = np.clip(rng.normal(0, 0.3, 2), -0.6, 0.6)
    return measures | {"gaze_offset": (float(x), float(y))}


def _free_measures(rng: np.random.Generator) -> dict:
    measures: dict = {name: float(rng.uniform(*reach)) for name, (_, _, reach) in _MEASURES.items()}
    x, y = (float(rng.uniform(-reach, reach)) for reach in _GAZE_REACH)
    return measures | {"gaze_offset": (x, y)}


def _pick(rng: np.random.Generator, states: tuple) -> Any:
    return states[int(rng.integers(len(states)))]
