"""The value that says how a face looks: a state for every part, and free measures."""

from dataclasses import dataclass
from typing import Literal

from .states import BROW_STATES, EXTRAS, EYE_STATES, GAZE_STATES, IRIS_STATES, MOUTHS
from .words import WORDS

PARTS: dict[str, tuple[str, ...]] = {
    "eyes": tuple(EYE_STATES),
    "iris": tuple(IRIS_STATES),
    "gaze": tuple(GAZE_STATES),
    "brows": tuple(BROW_STATES),
    "mouth": MOUTHS,
}
RANGES: dict[str, tuple[float, float]] = {
    "iris_scale": (0.2, 1.6),
    "pupil_scale": (0.2, 2.0),
    "eye_opening": (0.4, 1.3),
    "mouth_width": (0.5, 1.6),
    "mouth_height": (0.4, 1.6),
    "brow_raise": (-4.0, 4.0),
    "brow_tilt": (-0.4, 0.4),
}


@dataclass(frozen=True)
class Expression:
    """The state of every part of a face.

    side is the viewer's side that winks, is looked towards, or lifts in a smirk. emotion is a
    word for the whole: it adds a tag and draws nothing itself. The free measures come on top of
    the states and change no tag: iris_scale, pupil_scale, eye_opening, mouth_width and
    mouth_height are factors; gaze_offset (right, down) and brow_raise are figure units,
    brow_tilt radians (positive lowers the inner ends). Raises ValueError where a state is not in
    its vocabulary or a measure out of range.
    """

    eyes: str = "open"
    iris: str = "normal"
    gaze: str = "looking at viewer"
    brows: str = "none"
    mouth: str = "closed mouth"
    extras: tuple[str, ...] = ()
    emotion: str | None = None
    side: Literal["left", "right"] = "right"
    iris_scale: float = 1.0
    pupil_scale: float = 1.0
    gaze_offset: tuple[float, float] = (0.0, 0.0)
    eye_opening: float = 1.0
    mouth_width: float = 1.0
    mouth_height: float = 1.0
    brow_raise: float = 0.0
    brow_tilt: float = 0.0

    def __post_init__(self) -> None:
        for part, states in PARTS.items():
            require_state(part, getattr(self, part), states)
        for extra in self.extras:
            require_state("extras", extra, EXTRAS)
        if self.emotion is not None:
            require_state("emotion", self.emotion, tuple(WORDS))
        require_state("side", self.side, ("left", "right"))
        for name, (low, high) in RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} is {getattr(self, name)}; expected {low}..{high}")

    @property
    def shows_iris(self) -> bool:
        """Whether an iris is drawn in at least one eye."""
        return EYE_STATES[self.eyes].both.shows_iris


def require_state(part: str, state: str, accepted: tuple[str, ...]) -> None:
    """Raises ValueError naming the accepted states if `state` is not one of them."""
    if state not in accepted:
        raise ValueError(f"unknown {part} state {state!r}; accepted: {', '.join(accepted)}")
