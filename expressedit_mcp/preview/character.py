"""Drawn characters and the views they are drawn from: values, palettes, sampling."""

from dataclasses import dataclass

import numpy as np

Rgb = tuple[float, float, float]

HAIR_COLORS: dict[str, Rgb] = {
    "blonde hair": (238, 205, 110),
    "brown hair": (125, 82, 58),
    "black hair": (52, 48, 60),
    "pink hair": (240, 150, 180),
    "blue hair": (95, 130, 215),
    "red hair": (200, 62, 60),
    "silver hair": (205, 208, 220),
    "green hair": (110, 180, 120),
    "purple hair": (150, 105, 190),
}
EYE_COLORS: dict[str, Rgb] = {
    "blue eyes": (60, 120, 225),
    "red eyes": (210, 50, 60),
    "green eyes": (60, 165, 90),
    "brown eyes": (140, 85, 50),
    "purple eyes": (145, 80, 200),
    "yellow eyes": (225, 175, 40),
    "aqua eyes": (60, 190, 205),
}
SKIN_COLORS: dict[str, Rgb] = {
    "fair": (255, 228, 208),
    "light": (250, 216, 192),
    "tan": (228, 186, 152),
    "brown": (190, 140, 105),
}
HAIR_STYLES = ("long hair", "short hair", "twintails", "bob cut", "spiked hair")
FRINGES = ("zigzag", "parted", "straight")

_SKIN_FREQUENCIES = (0.4, 0.35, 0.15, 0.1)
_NO_SHIFT: Rgb = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Character:
    """What stays the same in every drawing of one character.

    Lengths are in canvas units (the canvas is 128 units wide and high), colours RGB 0..255.
    Raises ValueError where a name is not in its palette.
    """

    hair_color: str = "brown hair"
    eye_color: str = "blue eyes"
    hair_style: str = "short hair"
    skin: str = "fair"
    hair_color_shift: Rgb = _NO_SHIFT
    eye_color_shift: Rgb = _NO_SHIFT
    eye_half_width: float = 11.2
    eye_height: float = 10.2
    eye_offset_x: float = 20.5
    eye_offset_y: float = 7.5
    eye_tilt: float = 0.0
    face_half_width: float = 41.5
    chin_height: float = 46.0
    lash_width: float = 2.8
    iris_radius: float = 7.0
    fringe: str = "zigzag"
    parting: float = 0.0
    shirt_color: Rgb = (90, 110, 160)
    background_color: Rgb = (215, 225, 235)
    brow_width: float = 1.9

    def __post_init__(self) -> None:
        require_known("hair colour", self.hair_color, HAIR_COLORS)
        require_known("eye colour", self.eye_color, EYE_COLORS)
        require_known("hair style", self.hair_style, HAIR_STYLES)
        require_known("skin", self.skin, SKIN_COLORS)
        require_known("fringe", self.fringe, FRINGES)

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags of hair colour, eye colour and hair style."""
        return (self.hair_color, self.eye_color, self.hair_style)


@dataclass(frozen=True)
class View:
    """How the character is seen.

    rotation_deg turns the canvas clockwise, scale enlarges it, shift moves it (canvas units);
    yaw and pitch slide the features over the face, right and down (canvas units).
    """

    rotation_deg: float = 0.0
    scale: float = 1.16
    shift: tuple[float, float] = (0.0, -8.0)
    yaw: float = 0.0
    pitch: float = 0.0


def require_known(kind: str, name: str, accepted: dict[str, Rgb] | tuple[str, ...]) -> None:
    """Raises ValueError naming the accepted names if `name` is not one of them."""
    if name not in accepted:
        raise ValueError(f"unknown {kind} {name!r}; accepted: {', '.join(accepted)}")


def sample_character(rng: np.random.Generator) -> Character:
    """A random character; the same generator state gives the same one."""
    return Character(
        hair_color=_pick(rng, tuple(HAIR_COLORS)),
        eye_color=_pick(rng, tuple(EYE_COLORS)),
        hair_style=_pick(rng, HAIR_STYLES),
        skin=tuple(SKIN_COLORS)[int(rng.choice(len(SKIN_COLORS), p=_SKIN_FREQUENCIES))],
        hair_color_shift=_rgb(rng.normal(0, 8, 3)),
        eye_color_shift=_rgb(rng.normal(0, 8, 3)),
        eye_half_width=rng.uniform(10, 12.5),
        eye_height=rng.uniform(9.0, 11.5),
        eye_offset_x=rng.uniform(19, 22),
        eye_offset_y=rng.uniform(6, 9),
        eye_tilt=rng.uniform(-2, 2),
        face_half_width=rng.uniform(39, 44),
        chin_height=rng.uniform(44, 48),
        lash_width=rng.uniform(2.2, 3.4),
        iris_radius=rng.uniform(6.3, 7.6),
        fringe=_pick(rng, FRINGES),
        parting=rng.uniform(-0.4, 0.4),
        shirt_color=_rgb(rng.integers(50, 230, 3)),
        background_color=_rgb(rng.integers(150, 250, 3)),
        brow_width=rng.uniform(1.4, 2.4),
    )


def sample_view(rng: np.random.Generator) -> View:
    """A random view that keeps the whole face inside the picture."""
    return View(
        rotation_deg=rng.normal(0, 4),
        scale=rng.uniform(1.08, 1.24),
        shift=(rng.uniform(-4, 4), rng.uniform(-12, -4)),
        yaw=rng.uniform(-4, 4),
        pitch=rng.uniform(-2.5, 2.5),
    )


def _pick(rng: np.random.Generator, names: tuple[str, ...]) -> str:
    return names[int(rng.integers(len(names)))]


def _rgb(values: np.ndarray) -> Rgb:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


CHARACTERS: dict[str, Character] = {
    "Mirelle": Character(
        hair_color="pink hair",
        eye_color="green eyes",
        hair_style="twintails",
        skin="fair",
        eye_half_width=12.0,
        eye_height=11.2,
        eye_tilt=-0.6,
        iris_radius=7.5,
        lash_width=3.0,
        fringe="zigzag",
        shirt_color=(120, 90, 150),
        background_color=(222, 236, 226),
    ),
    "Toma": Character(
        hair_color="black hair",
        eye_color="blue eyes",
        hair_style="spiked hair",
        skin="light",
        eye_half_width=10.6,
        eye_height=9.3,
        eye_tilt=1.2,
        face_half_width=40.0,
        chin_height=47.5,
        iris_radius=6.5,
        lash_width=2.4,
        brow_width=2.4,
        fringe="parted",
        parting=0.25,
        shirt_color=(190, 70, 60),
        background_color=(236, 226, 206),
    ),
    "Sefa": Character(
        hair_color="silver hair",
        eye_color="yellow eyes",
        hair_style="long hair",
        skin="brown",
        eye_half_width=12.2,
        eye_height=10.4,
        eye_tilt=1.6,
        face_half_width=39.5,
        iris_radius=7.1,
        lash_width=3.3,
        brow_width=1.6,
        fringe="parted",
        parting=-0.2,
        shirt_color=(60, 120, 120),
        background_color=(206, 214, 240),
    ),
    "Pim": Character(
        hair_color="red hair",
        eye_color="brown eyes",
        hair_style="bob cut",
        skin="fair",
        eye_height=10.8,
        face_half_width=43.5,
        chin_height=44.5,
        iris_radius=7.2,
        lash_width=2.6,
        brow_width=2.0,
        fringe="straight",
        shirt_color=(215, 180, 70),
        background_color=(200, 226, 240),
    ),
    "Oskar": Character(
        hair_color="blonde hair",
        eye_color="purple eyes",
        hair_style="short hair",
        skin="tan",
        eye_half_width=10.4,
        eye_height=9.8,
        eye_tilt=0.4,
        chin_height=47.0,
        iris_radius=6.7,
        lash_width=2.3,
        brow_width=2.2,
        fringe="zigzag",
        shirt_color=(70, 90, 130),
        background_color=(214, 236, 214),
    ),
}
