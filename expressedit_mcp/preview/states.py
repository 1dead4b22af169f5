"""The states of each part of a face, as the numbers they are drawn from."""

from dataclasses import dataclass
from typing import Literal

Lids = Literal[
    "lids", "closed", "arch", "lowered", "flat", "squeezed", "soft squeeze", "cross", "crying",
    "ring", "oval", "dot", "disc",
]  # fmt: skip


@dataclass(frozen=True)
class EyePose:
    """One eye: real lids that are open by `opening` (1 is normal, 0 shut), or a drawn sign.

    lower 0..1 raises the lower lid, flat 0..1 levels the upper one, slant lowers its inner end.
    """

    lids: Lids = "lids"
    opening: float = 1.0
    lower: float = 0.0
    flat: float = 0.0
    slant: float = 0.0

    @property
    def shows_iris(self) -> bool:
        """Whether an iris can be seen."""
        return self.lids == "lids" and self.opening > 0.12


@dataclass(frozen=True)
class EyeState:
    """Both eyes; `marked` is the eye of the expression's side where they differ."""

    both: EyePose
    marked: EyePose | None = None


@dataclass(frozen=True)
class IrisState:
    """How irises look; scales are relative to the character's own iris and pupil."""

    look: Literal[
        "normal", "dull", "no pupil", "blank", "heart", "star", "gleam", "sparkle", "glow",
        "slit", "spiral", "wet",
    ]  # fmt: skip
    scale: float = 1.0
    pupil: float = 1.0
    lift: float = 0.0
    uneven: float = 0.0


@dataclass(frozen=True)
class GazeState:
    """Where the irises go: to the expression's side, down, and towards the nose; figure units."""

    aside: float = 0.0
    down: float = 0.0
    together: float = 0.0
    opening: float = 1.0


@dataclass(frozen=True)
class BrowPose:
    """One brow; a positive tilt (radians) lowers the inner end, drop points down."""

    tilt: float = 0.0
    drop: float = 0.0
    arch: float = 0.0


@dataclass(frozen=True)
class BrowState:
    """Both brows; `marked` is the brow of the expression's side where they differ."""

    both: BrowPose
    marked: BrowPose | None = None
    crease: bool = False


_OPEN = EyePose()
_WIDE = EyePose(opening=1.24)
_SHUT = EyePose("closed", 0.0)

EYE_STATES: dict[str, EyeState] = {
    "open": EyeState(_OPEN),
    "half-closed eyes": EyeState(EyePose(opening=0.56)),
    "heavy lids": EyeState(EyePose(opening=0.42, slant=-0.25)),
    "closed eyes": EyeState(_SHUT),
    "^_^": EyeState(EyePose("arch", 0.0)),
    "u_u": EyeState(EyePose("lowered", 0.0)),
    "=_=": EyeState(EyePose("flat", 0.0)),
    ">_<": EyeState(EyePose("squeezed", 0.0)),
    "squeezed shut": EyeState(EyePose("soft squeeze", 0.0)),
    "x_x": EyeState(EyePose("cross", 0.0)),
    "t_t": EyeState(EyePose("crying", 0.0)),
    "o_o": EyeState(EyePose("ring", 0.0)),
    "0_0": EyeState(EyePose("oval", 0.0)),
    "._.": EyeState(EyePose("dot", 0.0)),
    "solid circle eyes": EyeState(EyePose("disc", 0.0)),
    "one eye closed": EyeState(_OPEN, _SHUT),
    ">_o": EyeState(_OPEN, EyePose("squeezed", 0.0)),
    "wince": EyeState(EyePose(opening=0.62, lower=0.3), EyePose("soft squeeze", 0.0)),
    "wide-eyed": EyeState(_WIDE),
    "uneven eyes": EyeState(EyePose(opening=0.66, lower=0.2), EyePose(opening=1.26)),
    "jitome": EyeState(EyePose(opening=0.72, flat=0.95)),
    "narrowed eyes": EyeState(EyePose(opening=0.6, lower=0.35, slant=0.25)),
    "squinting": EyeState(EyePose(opening=0.42, lower=0.6)),
    "hard lids": EyeState(EyePose(opening=0.74, lower=0.1, slant=0.75)),
}
IRIS_STATES: dict[str, IrisState] = {
    "normal": IrisState("normal"),
    "constricted pupils": IrisState("normal", 0.52, 0.7),
    "dilated pupils": IrisState("normal", 1.06, 1.55),
    "sanpaku": IrisState("normal", 0.72, 0.95, lift=1.9),
    "crazy eyes": IrisState("normal", 0.5, 0.75, uneven=0.32),
    "empty eyes": IrisState("dull"),
    "no pupils": IrisState("no pupil"),
    "blank eyes": IrisState("blank"),
    "heart-shaped pupils": IrisState("heart", 1.1),
    "star-shaped pupils": IrisState("star", 1.08),
    "+_+": IrisState("gleam", 1.06),
    "sparkling eyes": IrisState("sparkle", 1.12),
    "glowing eyes": IrisState("glow"),
    "slit pupils": IrisState("slit"),
    "@_@": IrisState("spiral", 1.3),
    "pleading eyes": IrisState("wet", 1.18, 1.12),
}
GAZE_STATES: dict[str, GazeState] = {
    "looking at viewer": GazeState(),
    "looking to the side": GazeState(aside=4.7),
    "sideways glance": GazeState(aside=5.0, opening=0.72),
    "averting eyes": GazeState(aside=4.2, down=2.4, opening=0.88),
    "looking up": GazeState(down=-3.8),
    "upturned eyes": GazeState(down=-2.5, opening=1.05),
    "looking down": GazeState(down=3.6, opening=0.82),
    "rolling eyes": GazeState(aside=1.4, down=-6.4),
    "cross-eyed": GazeState(together=4.6),
}
BROW_STATES: dict[str, BrowState] = {
    "none": BrowState(BrowPose()),
    "v-shaped eyebrows": BrowState(BrowPose(0.36, 2.6, -0.6)),
    "furious brows": BrowState(BrowPose(0.48, 3.6, -1.0), crease=True),
    "furrowed brow": BrowState(BrowPose(0.1, 2.8, -0.3), crease=True),
    "raised eyebrows": BrowState(BrowPose(-0.03, -4.2, 0.8)),
    "raised eyebrow": BrowState(BrowPose(0.12, 1.2, -0.3), BrowPose(-0.06, -4.6, 1.2)),
    "raised inner eyebrows": BrowState(BrowPose(-0.36, -1.0, -0.3)),
    "worried brows": BrowState(BrowPose(-0.4, -0.6, -0.8), crease=True),
}
MOUTHS = (
    "closed mouth", ":|", "smile", "light smile", "c:", ":>", ":3", "smirk", "evil smile",
    "nervous smile", "crazy smile", ":d", "laugh", "fang smile", "grin", "evil grin", "frown", ":<",
    ":c", ":/", "3:", "sneer", "wavy mouth", "pout", ":t", ":i", "pursed lips", "puckered lips",
    "o3o", "biting own lip", "dot mouth", "x mouth", "open mouth", ":o", "parted lips",
    "triangle mouth", "chestnut mouth", "diamond mouth", "d:", "yawn", "shout", "scream", "sob",
    "jaw drop", "grimace", "clenched teeth", ":p", ":q", "tongue out", "licking lips",
)  # fmt: skip
EXTRAS = (
    "blush", "light blush", "nose blush", "full-face blush", "blush stickers", "bags under eyes",
    "puffy cheeks", "tearing up", "tears", "streaming tears", "teardrop", "sweatdrop",
    "nervous sweating", "flying sweatdrops", "anger vein", "shaded face", "turn pale",
    "gloom lines", "drooling", "nosebleed", "nose bubble", "puff of air", "^^^", "squeans",
    "spoken heart",
)  # fmt: skip
JAW_DROPS = {"yawn": 2.6, "shout": 2.4, "scream": 3.2, "jaw drop": 6.0, "sob": 1.6, "laugh": 1.4,
             "d:": 1.4, "open mouth": 0.6}  # fmt: skip
