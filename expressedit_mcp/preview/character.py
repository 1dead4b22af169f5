"""Drawn characters and the views they are drawn from: values, palettes, what is accepted."""

from dataclasses import dataclass
from typing import Literal

from .drawing import Rgb

HAIR_COLORS: dict[str, Rgb] = {
    "blonde hair": (246, 212, 122),
    "light brown hair": (186, 138, 96),
    "brown hair": (124, 80, 58),
    "black hair": (58, 54, 70),
    "pink hair": (246, 164, 190),
    "blue hair": (92, 128, 214),
    "aqua hair": (126, 206, 214),
    "red hair": (198, 62, 58),
    "orange hair": (236, 142, 76),
    "white hair": (240, 238, 240),
    "silver hair": (196, 202, 218),
    "grey hair": (158, 158, 166),
    "green hair": (112, 178, 122),
    "purple hair": (146, 108, 190),
}
EYE_COLORS: dict[str, Rgb] = {
    "blue eyes": (62, 128, 230),
    "red eyes": (214, 58, 66),
    "green eyes": (62, 168, 98),
    "brown eyes": (146, 92, 58),
    "purple eyes": (150, 92, 208),
    "yellow eyes": (232, 178, 48),
    "aqua eyes": (62, 190, 206),
    "pink eyes": (232, 104, 158),
    "grey eyes": (128, 138, 156),
    "orange eyes": (232, 128, 52),
}
SKIN_COLORS: dict[str, Rgb] = {
    "pale": (255, 238, 228),
    "fair": (255, 228, 210),
    "light": (252, 214, 188),
    "tan": (230, 184, 148),
    "brown": (192, 138, 102),
    "dark": (142, 96, 72),
}
HAIR_STYLES = (
    "long hair",
    "very long hair",
    "wavy hair",
    "short hair",
    "bob cut",
    "spiked hair",
    "twintails",
    "ponytail",
    "side ponytail",
    "hair bun",
    "twin braids",
    "curly hair",
    "afro",
    "buzz cut",
    "bald",
)
FRINGES = ("zigzag", "parted", "straight", "swept", "curtain", "spiky", "none")
ACCESSORIES = (
    "glasses",
    "hairclip",
    "hair ribbon",
    "hairband",
    "earrings",
    "freckles",
    "scar on cheek",
    "mole under eye",
    "beard",
    "stubble",
    "mustache",
    "hat",
    "hood",
    "ahoge",
)
COLLARS = ("shirt", "crew", "hoodie", "sailor", "turtleneck", "suit", "dress", "kimono")
BACKDROPS = ("plain", "gradient", "disc", "stripes")

Sex = Literal["female", "male"]
Age = Literal["child", "teen", "adult", "old"]

_NO_SHIFT: Rgb = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Character:
    """What stays the same in every drawing of one character.

    Lengths are in figure units (the picture is 128 wide and high), colours RGB 0..255, jaw and
    cheek 0..1. Raises ValueError where a name is not in its palette.
    """

    hair_color: str = "brown hair"
    eye_color: str = "blue eyes"
    hair_style: str = "short hair"
    skin: str = "fair"
    sex: Sex = "female"
    age: Age = "teen"
    fringe: str = "zigzag"
    accessories: tuple[str, ...] = ()
    hair_color_shift: Rgb = _NO_SHIFT
    eye_color_shift: Rgb = _NO_SHIFT
    accent_color: Rgb = (206, 74, 92)
    shirt_color: Rgb = (92, 112, 164)
    background_color: Rgb = (214, 226, 238)
    collar: str = "shirt"
    backdrop: str = "gradient"
    face_half_width: float = 36.0
    chin_height: float = 46.0
    jaw: float = 0.35
    cheek: float = 0.5
    eye_offset_x: float = 18.5
    eye_offset_y: float = 9.0
    eye_half_width: float = 10.6
    eye_height: float = 10.4
    eye_lower_height: float = 6.2
    eye_tilt: float = 0.6
    iris_radius: float = 6.9
    lash_width: float = 2.1
    brow_width: float = 2.0
    brow_arch: float = 1.4
    mouth_scale: float = 1.0
    parting: float = 0.1
    hair_length: float = 0.5
    hair_volume: float = 1.0
    hair_seed: int = 0

    def __post_init__(self) -> None:
        require_known("hair colour", self.hair_color, HAIR_COLORS)
        require_known("eye colour", self.eye_color, EYE_COLORS)
        require_known("hair style", self.hair_style, HAIR_STYLES)
        require_known("skin", self.skin, SKIN_COLORS)
        require_known("fringe", self.fringe, FRINGES)
        require_known("collar", self.collar, COLLARS)
        require_known("backdrop", self.backdrop, BACKDROPS)
        for accessory in self.accessories:
            require_known("accessory", accessory, ACCESSORIES)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of hair colour, eye colour and hair style, then of age and accessories."""
        person = {
            "child": ("child",),
            "teen": (),
            "adult": (f"mature {self.sex}",),
            "old": ("old man" if self.sex == "male" else "old woman",),
        }[self.age]
        return (self.hair_color, self.eye_color, self.hair_style, *person, *self.accessories)


@dataclass(frozen=True)
class View:
    """How the character is seen.

    rotation_deg tilts the head clockwise about the neck, scale enlarges the figure, shift moves
    it (canvas units); yaw and pitch slide the features over the face, right and down (figure
    units).
    """

    rotation_deg: float = 0.0
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    yaw: float = 0.0
    pitch: float = 0.0


def require_known(kind: str, name: str, accepted: dict[str, Rgb] | tuple[str, ...]) -> None:
    """Raises ValueError naming the accepted names if `name` is not one of them."""
    if name not in accepted:
        raise ValueError(f"unknown {kind} {name!r}; accepted: {', '.join(accepted)}")
