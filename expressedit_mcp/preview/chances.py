"""From chances of the states of a face's parts to chances of tags, by the rig's own rules."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from .states import EYE_STATES, IRIS_STATES
from .tags import RULES

Chances = Mapping[str, float]

_SHOW_IRIS = tuple(name for name, state in EYE_STATES.items() if state.both.shows_iris)
_HAVE_GAZE = tuple(
    name for name, state in IRIS_STATES.items() if state.look not in ("blank", "spiral")
)


def tag_chances(states: Mapping[str, Chances], extras: Chances) -> dict[str, float]:
    """The chance 0..1 of each tag of RULES, parts taken as independent of each other.

    states holds by part ("eyes", "iris", "gaze", "brows", "mouth") the chances of its states, which
    sum to 1; extras the chance of each extra.
    """

    def of(part: str, wanted: tuple[str, ...]) -> float:
        if part == "extras":
            return 1 - prod(1 - extras[extra] for extra in wanted)
        return min(sum(states[part][state] for state in wanted), 1.0)

    gazes = of("eyes", _SHOW_IRIS) * of("iris", _HAVE_GAZE)
    return {
        tag: prod(of(part, wanted) for part, wanted in rule.items())
        * (gazes if "gaze" in rule else 1.0)
        for tag, rule in RULES.items()
    }
