"""Random expressions whose tags agree with each other."""

from typing import Any

import numpy as np

from .expression import PARTS, Expression, require_state
from .states import EXTRAS
from .tagging import canonical_tag, contradictory_pair, expression_from_tags, expression_tags
from .tags import RULES
from .words import WORDS

_WORD_PROBABILITY = 0.4
_EXTRA_PROBABILITY = 0.035  # for each of the 25 kinds
_NEUTRAL_SHARES = {"eyes": 0.4, "iris": 0.5, "gaze": 0.5, "brows": 0.3, "mouth": 0.06}
_OPEN_PART_SHARE = 0.2  # how often a part that the tag leaves open is not neutral
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
        expression = Expression(**parts, emotion=emotion, **_sample_measures(rng, free_measures))
        if contradictory_pair(expression_tags(expression)) is None:
            return expression


def sample_expression_with(
    rng: np.random.Generator, tag: str, free_measures: bool = False
) -> Expression:
    """A random expression that shows the tag, the parts that it leaves open mostly neutral.

    Measures and contradictions are as in sample_expression. Raises ValueError for an unknown tag.
    """
    plain = expression_from_tags([tag])
    if plain.emotion is not None:
        return sample_expression(rng, plain.emotion, free_measures)
    rule = RULES[canonical_tag(tag)]
    while True:
        parts = {part: getattr(plain, part) for part in PARTS}
        for part in PARTS:
            if part in rule:
                parts[part] = parts[part] if rng.random() < 0.5 else _pick(rng, rule[part])
            elif rng.random() < _OPEN_PART_SHARE:
                parts[part] = _pick(rng, PARTS[part])
        expression = Expression(
            **_without_hidden_states(parts),
            extras=plain.extras,
            **_sample_measures(rng, free_measures),
        )
        tags = expression_tags(expression)
        if canonical_tag(tag) in tags and contradictory_pair(tags) is None:
            return expression


def _sample_parts(rng: np.random.Generator) -> dict:
    parts: dict = {}
    for part, states in PARTS.items():
        neutral = rng.random() < _NEUTRAL_SHARES[part]
        parts[part] = states[0] if neutral else _pick(rng, states[1:])
    parts["extras"] = tuple(extra for extra in EXTRAS if rng.random() < _EXTRA_PROBABILITY)
    return _without_hidden_states(parts)


def _sample_of_word(rng: np.random.Generator, word: str) -> dict:
    parts = {part: _pick(rng, choices) for part, choices in WORDS[word].items()}
    return _without_hidden_states(parts)


def _without_hidden_states(parts: dict) -> dict:
    """The parts, with neutral irises and gaze where no iris is seen."""
    if Expression(eyes=parts.get("eyes", _NEUTRAL.eyes)).shows_iris:
        return parts
    return parts | {"iris": _NEUTRAL.iris, "gaze": _NEUTRAL.gaze}


def _sample_measures(rng: np.random.Generator, free: bool) -> dict:
    side = "right" if rng.integers(2) else "left"
    return {"side": side} | (_free_measures(rng) if free else _small_differences(rng))


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
