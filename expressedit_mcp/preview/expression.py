"""Facial expressions: the states of each part, their tags, and how they are drawn."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

EYES = (
    "open",
    "half-closed eyes",
    "closed eyes",
    "one eye closed",
    "wide-eyed",
    ">_<",
    "^_^",
    "@_@",
    "jitome",
)
IRISES = (
    "normal",
    "constricted pupils",
    "empty eyes",
    "heart-shaped pupils",
    "sparkling eyes",
)
GAZES = ("looking at viewer", "averting eyes", "looking up", "looking down")
BROWS = ("none", "v-shaped eyebrows", "furrowed brow", "raised eyebrows")
MOUTHS = (
    "closed mouth",
    "smile",
    "open mouth",
    ":d",
    ":o",
    "frown",
    "smirk",
    "pout",
    "grin",
    ":3",
    ":p",
    "wavy mouth",
    "clenched teeth",
    "triangle mouth",
)
EXTRAS = ("blush", "tears", "sweatdrop", "anger vein")
EMOTIONS = (
    "angry",
    "crying",
    "sad",
    "happy",
    "surprised",
    "embarrassed",
    "smug",
    "sleepy",
    "scared",
    "expressionless",
)
EYES_WITHOUT_IRIS = ("closed eyes", ">_<", "^_^", "@_@")
IRIS_SCALE_RANGE = (0.2, 1.6)

_VOCABULARY: dict[str, tuple[str, ...]] = {
    "eyes": EYES,
    "iris": IRISES,
    "gaze": GAZES,
    "brows": BROWS,
    "mouth": MOUTHS,
}
_UNTAGGED = ("open", "normal", "none")
_FREQUENCIES: dict[str, tuple[float, ...]] = {
    "eyes": (8, 2, 2, 1.6, 1.6, 1.2, 1.4, 1, 1.2),
    "iris": (8, 1, 1, 1, 1),
    "gaze": (6, 2.5, 1, 1),
    "brows": (4, 2, 2, 1.5),
    "mouth": (1,) * len(MOUTHS),
}
_EXTRA_PROBABILITY = 0.18
_EMOTION_PROBABILITY = 0.4

# Tag -> (part, state): the one table behind expression_from_tags.
TAG_TABLE: dict[str, tuple[str, str]] = {
    **{
        state: (part, state)
        for part, states in _VOCABULARY.items()
        for state in states
        if state not in _UNTAGGED
    },
    **{extra: ("extras", extra) for extra in EXTRAS},
    **{emotion: ("emotion", emotion) for emotion in EMOTIONS},
}

_Choices = Mapping[str, tuple[str | tuple[str, ...], ...]]

# What each emotion may look like, the plainest form first; parts left out stay neutral.
_EMOTION_CHOICES: dict[str, _Choices] = {
    "angry": {
        "brows": ("v-shaped eyebrows",),
        "mouth": ("frown", "clenched teeth", "open mouth", "pout"),
        "eyes": ("open", "open", "half-closed eyes", "jitome"),
        "extras": ((), ("anger vein",), ("blush", "anger vein")),
    },
    "crying": {
        "brows": ("furrowed brow",),
        "mouth": ("wavy mouth", "open mouth", "frown"),
        "eyes": ("open", "closed eyes", "half-closed eyes", ">_<"),
        "extras": (("tears",), ("blush", "tears")),
    },
    "sad": {
        "brows": ("furrowed brow",),
        "mouth": ("frown", "wavy mouth", "closed mouth"),
        "eyes": ("half-closed eyes", "open"),
        "gaze": ("looking down", "averting eyes", "looking at viewer"),
    },
    "happy": {
        "brows": ("none", "raised eyebrows"),
        "mouth": ("smile", ":d", "grin"),
        "eyes": ("open", "^_^", "closed eyes", "open"),
        "extras": ((), ("blush",)),
        "iris": ("normal", "sparkling eyes"),
    },
    "surprised": {
        "brows": ("raised eyebrows",),
        "mouth": (":o", "open mouth", "triangle mouth"),
        "eyes": ("wide-eyed",),
        "iris": ("normal", "constricted pupils"),
    },
    "embarrassed": {
        "brows": ("furrowed brow",),
        "mouth": ("wavy mouth", "closed mouth", "pout"),
        "eyes": ("open", "half-closed eyes", ">_<"),
        "gaze": ("averting eyes", "averting eyes", "looking at viewer"),
        "extras": (("blush",), ("blush", "sweatdrop")),
    },
    "smug": {
        "brows": ("v-shaped eyebrows", "raised eyebrows"),
        "mouth": ("smirk", "smirk", ":3", "grin"),
        "eyes": ("half-closed eyes", "jitome"),
    },
    "sleepy": {
        "brows": ("none", "furrowed brow"),
        "mouth": (":o", "closed mouth"),
        "eyes": ("half-closed eyes", "closed eyes"),
    },
    "scared": {
        "brows": ("furrowed brow",),
        "mouth": ("wavy mouth", "open mouth", "clenched teeth"),
        "eyes": ("wide-eyed",),
        "iris": ("constricted pupils",),
        "extras": ((), ("sweatdrop",), ("tears",)),
    },
    "expressionless": {
        "eyes": ("open", "open", "jitome"),
        "iris": ("normal", "empty eyes"),
    },
}


@dataclass(frozen=True)
class Variation:
    """Small differences between two drawings of one expression, in standard deviations."""

    eye_opening: float = 0.0
    iris_radius: float = 0.0
    brow_angle: float = 0.0
    brow_drop: float = 0.0
    mouth_width: float = 0.0
    mouth_height: float = 0.0


@dataclass(frozen=True)
class Expression:
    """The state of every part of a face.

    side is the viewer's side that winks, is looked towards, or lifts in a smirk; iris_scale
    (0.2..1.6) comes on top of the iris state. emotion is a word for the whole: it adds a tag
    and draws nothing itself. Raises ValueError where a state is not in its vocabulary.
    """

    eyes: str = "open"
    iris: str = "normal"
    gaze: str = "looking at viewer"
    brows: str = "none"
    mouth: str = "closed mouth"
    extras: tuple[str, ...] = ()
    emotion: str | None = None
    iris_scale: float = 1.0
    side: Literal["left", "right"] = "right"
    variation: Variation = field(default_factory=Variation)

    def __post_init__(self) -> None:
        for part, states in _VOCABULARY.items():
            _require_state(part, getattr(self, part), states)
        for extra in self.extras:
            _require_state("extras", extra, EXTRAS)
        if self.emotion is not None:
            _require_state("emotion", self.emotion, EMOTIONS)
        _require_state("side", self.side, ("left", "right"))
        low, high = IRIS_SCALE_RANGE
        if not low <= self.iris_scale <= high:
            raise ValueError(f"iris_scale is {self.iris_scale}; expected {low}..{high}")

    @property
    def shows_iris(self) -> bool:
        """Whether an iris is drawn in at least one eye."""
        return self.eyes not in EYES_WITHOUT_IRIS


@dataclass(frozen=True)
class FacePose:
    """The numbers an expression is drawn from; lengths in canvas units.

    Openings are 0 for closed, 1 for open; gaze and brow_drop point right and down; a positive
    brow_angle_rad lowers the inner ends; mouth_scale is (horizontal, vertical).
    """

    left_opening: float
    right_opening: float
    iris_scale: float
    gaze: tuple[float, float]
    brow_angle_rad: float
    brow_drop: float
    mouth_scale: tuple[float, float]


_OPENINGS = {
    "open": 1.0,
    "half-closed eyes": 0.5,
    "closed eyes": 0.0,
    "one eye closed": 1.0,
    "wide-eyed": 1.28,
    ">_<": 0.0,
    "^_^": 0.0,
    "@_@": 1.1,
    "jitome": 0.6,
}
_IRIS_SCALES = {
    "normal": 1.0,
    "constricted pupils": 0.52,
    "empty eyes": 1.0,
    "heart-shaped pupils": 1.08,
    "sparkling eyes": 1.12,
}
_WIDE_EYED_IRIS_SCALE = 0.88
_GAZE_SHIFTS = {
    "looking at viewer": (0.0, 0.0),
    "averting eyes": (4.6, 0.3),
    "looking up": (0.0, -3.6),
    "looking down": (0.0, 3.6),
}
_BROW_POSES = {
    "none": (0.0, 0.0),
    "v-shaped eyebrows": (0.36, 2.2),
    "furrowed brow": (-0.36, -0.5),
    "raised eyebrows": (-0.02, -4.0),
}
_MOUTH_SIZE = 1.22


def pose_of(expression: Expression) -> FacePose:
    """The numbers from which the expression is drawn."""
    e, variation = expression, expression.variation
    opening = _OPENINGS[e.eyes] * _varied(0.05, variation.eye_opening)
    winks = e.eyes == "one eye closed"
    iris_scale = _IRIS_SCALES[e.iris] * _varied(0.04, variation.iris_radius) * e.iris_scale
    if e.eyes == "wide-eyed" and e.iris == "normal":
        iris_scale *= _WIDE_EYED_IRIS_SCALE
    gaze_x, gaze_y = _GAZE_SHIFTS[e.gaze]
    angle, drop = _BROW_POSES[e.brows]
    return FacePose(
        left_opening=0.0 if winks and e.side == "left" else opening,
        right_opening=0.0 if winks and e.side == "right" else opening,
        iris_scale=iris_scale,
        gaze=(gaze_x if e.side == "right" else -gaze_x, gaze_y),
        brow_angle_rad=angle + 0.04 * variation.brow_angle,
        brow_drop=drop + 0.4 * variation.brow_drop,
        mouth_scale=(
            _MOUTH_SIZE * _varied(0.08, variation.mouth_width),
            _MOUTH_SIZE * _varied(0.08, variation.mouth_height),
        ),
    )


def expression_from_tags(tags: Iterable[str]) -> Expression:
    """The expression that the tags describe; parts without a tag follow the emotion, or neutral.

    Takes prompt forms such as "closed eyes", "one eye closed", ":d", in any order.
    Raises ValueError for an unknown tag (naming the accepted ones) and for two tags that give
    one part different states.
    """
    states: dict[str, str] = {}
    extras: set[str] = set()
    for tag in tags:
        part, state = _look_up(tag)
        if part == "extras":
            extras.add(state)
        elif states.setdefault(part, state) != state:
            raise ValueError(f"tags {states[part]!r} and {state!r} both describe the {part}")
    emotion = states.pop("emotion", None)
    parts: dict = {part: choices[0] for part, choices in _choices(emotion).items()} | states
    if extras:
        parts["extras"] = _in_order(extras)
    return Expression(**parts, emotion=emotion)


def expression_tags(expression: Expression) -> tuple[str, ...]:
    """The tags of an expression, from eyes to emotion; neutral eyes, irises, brows have none."""
    e = expression
    states = [e.eyes, e.iris, e.gaze if e.shows_iris else "none", e.brows, e.mouth]
    tags = [state for state in states if state not in _UNTAGGED]
    return (*tags, *e.extras, *((e.emotion,) if e.emotion else ()))


def sample_expression(rng: np.random.Generator, emotion: str | None = None) -> Expression:
    """A random expression, of the given emotion or with two in five of some emotion.

    Raises ValueError for an unknown emotion.
    """
    if emotion is not None:
        _require_state("emotion", emotion, EMOTIONS)
    elif rng.random() < _EMOTION_PROBABILITY:
        emotion = EMOTIONS[int(rng.integers(len(EMOTIONS)))]
    parts = _sample_of_emotion(rng, emotion) if emotion else _sample_parts(rng)
    if parts.get("eyes") in EYES_WITHOUT_IRIS:
        parts |= {"iris": "normal", "gaze": "looking at viewer"}
    side: Literal["left", "right"] = "right" if rng.integers(2) else "left"
    variation = Variation(*(float(value) for value in rng.normal(0, 1, 6)))
    return Expression(**parts, emotion=emotion, side=side, variation=variation)


def _sample_parts(rng: np.random.Generator) -> dict:
    parts: dict = {}
    for part, states in _VOCABULARY.items():
        weights = np.array(_FREQUENCIES[part])
        parts[part] = states[int(rng.choice(len(states), p=weights / weights.sum()))]
    parts["extras"] = tuple(extra for extra in EXTRAS if rng.random() < _EXTRA_PROBABILITY)
    return parts


def _sample_of_emotion(rng: np.random.Generator, emotion: str) -> dict:
    return {
        part: choices[int(rng.integers(len(choices)))]
        for part, choices in _choices(emotion).items()
    }


def _choices(emotion: str | None) -> _Choices:
    return _EMOTION_CHOICES[emotion] if emotion else {}


def _look_up(tag: str) -> tuple[str, str]:
    plain = tag.strip().lower()
    for form in (plain, plain.replace("_", " ")):
        if form in TAG_TABLE:
            return TAG_TABLE[form]
    raise ValueError(f"unknown expression tag {tag!r}; accepted: {', '.join(TAG_TABLE)}")


def _in_order(extras: set[str]) -> tuple[str, ...]:
    return tuple(extra for extra in EXTRAS if extra in extras)


def _varied(spread: float, deviations: float) -> float:
    return 1 + spread * min(max(deviations, -2.0), 2.0)


def _require_state(part: str, state: str, accepted: tuple[str, ...]) -> None:
    if state not in accepted:
        raise ValueError(f"unknown {part} state {state!r}; accepted: {', '.join(accepted)}")
