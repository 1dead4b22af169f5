"""The named characters, and random ones."""

import numpy as np

from .character import (
    BACKDROPS,
    COLLARS,
    EYE_COLORS,
    FRINGES,
    HAIR_COLORS,
    SKIN_COLORS,
    Age,
    Character,
    Sex,
    View,
)
from .drawing import Rgb

CHARACTERS: dict[str, Character] = {
    "Mirelle": Character(
        hair_color="pink hair",
        eye_color="green eyes",
        hair_style="twintails",
        accessories=("hair ribbon",),
        accent_color=(120, 90, 190),
        shirt_color=(96, 84, 150),
        background_color=(222, 238, 230),
        collar="sailor",
        backdrop="disc",
        eye_half_width=11.4,
        eye_height=11.4,
        eye_tilt=-0.4,
        iris_radius=7.5,
        lash_width=2.3,
        hair_seed=3,
    ),
    "Toma": Character(
        hair_color="black hair",
        eye_color="blue eyes",
        hair_style="spiked hair",
        skin="light",
        sex="male",
        fringe="spiky",
        shirt_color=(196, 74, 62),
        background_color=(238, 228, 208),
        collar="hoodie",
        face_half_width=35.0,
        chin_height=47.5,
        jaw=0.5,
        cheek=0.3,
        eye_half_width=10.2,
        eye_height=8.8,
        eye_tilt=1.4,
        iris_radius=6.3,
        lash_width=1.8,
        brow_width=2.9,
        brow_arch=0.9,
        hair_seed=5,
    ),
    "Sefa": Character(
        hair_color="white hair",
        eye_color="yellow eyes",
        hair_style="long hair",
        skin="brown",
        age="adult",
        fringe="curtain",
        accessories=("earrings", "mole under eye"),
        accent_color=(236, 186, 74),
        shirt_color=(44, 108, 112),
        background_color=(206, 214, 240),
        collar="dress",
        backdrop="disc",
        face_half_width=34.5,
        chin_height=47.5,
        jaw=0.3,
        cheek=0.25,
        eye_half_width=11.0,
        eye_height=8.6,
        eye_tilt=1.8,
        iris_radius=6.2,
        lash_width=2.5,
        brow_width=1.7,
        brow_arch=2.2,
        parting=-0.15,
        hair_seed=8,
    ),
    "Pim": Character(
        hair_color="orange hair",
        eye_color="brown eyes",
        hair_style="bob cut",
        age="child",
        fringe="straight",
        accessories=("freckles", "hairclip"),
        accent_color=(250, 206, 66),
        shirt_color=(236, 190, 84),
        background_color=(204, 228, 242),
        collar="crew",
        face_half_width=38.0,
        chin_height=43.5,
        jaw=0.35,
        cheek=0.95,
        eye_offset_y=11.5,
        eye_offset_x=18.8,
        eye_half_width=11.0,
        eye_height=11.6,
        eye_lower_height=6.8,
        eye_tilt=-0.6,
        iris_radius=7.8,
        brow_width=1.9,
        mouth_scale=0.9,
        hair_seed=2,
    ),
    "Oskar": Character(
        hair_color="blonde hair",
        eye_color="purple eyes",
        hair_style="short hair",
        skin="pale",
        sex="male",
        fringe="swept",
        accessories=("glasses",),
        accent_color=(70, 74, 96),
        shirt_color=(70, 92, 134),
        background_color=(218, 236, 216),
        collar="shirt",
        chin_height=47.0,
        jaw=0.4,
        eye_half_width=10.4,
        eye_height=9.6,
        eye_tilt=0.4,
        iris_radius=6.6,
        lash_width=1.9,
        brow_width=2.3,
        hair_seed=11,
    ),
    "Bran": Character(
        hair_color="brown hair",
        eye_color="grey eyes",
        hair_style="short hair",
        skin="tan",
        sex="male",
        age="adult",
        fringe="none",
        accessories=("beard", "scar on cheek"),
        shirt_color=(58, 62, 76),
        background_color=(226, 220, 214),
        collar="suit",
        face_half_width=35.5,
        chin_height=49.5,
        jaw=0.9,
        cheek=0.15,
        eye_offset_y=7.0,
        eye_half_width=9.2,
        eye_height=6.6,
        eye_lower_height=4.4,
        eye_tilt=0.8,
        iris_radius=4.9,
        lash_width=1.7,
        brow_width=3.6,
        brow_arch=0.7,
        mouth_scale=1.1,
        hair_seed=4,
    ),
    "Odile": Character(
        hair_color="grey hair",
        eye_color="aqua eyes",
        hair_style="hair bun",
        skin="light",
        age="old",
        fringe="curtain",
        accessories=("glasses", "earrings"),
        accent_color=(150, 72, 96),
        shirt_color=(134, 86, 116),
        background_color=(242, 230, 222),
        collar="turtleneck",
        backdrop="stripes",
        face_half_width=36.0,
        chin_height=46.5,
        jaw=0.55,
        cheek=0.4,
        eye_offset_y=8.5,
        eye_half_width=9.6,
        eye_height=7.2,
        eye_lower_height=4.6,
        eye_tilt=-0.8,
        iris_radius=5.3,
        lash_width=1.7,
        brow_width=1.5,
        hair_seed=7,
    ),
    "Zuri": Character(
        hair_color="black hair",
        eye_color="orange eyes",
        hair_style="afro",
        skin="dark",
        fringe="none",
        accessories=("hairband", "earrings"),
        accent_color=(238, 120, 80),
        shirt_color=(240, 214, 96),
        background_color=(206, 232, 222),
        collar="crew",
        backdrop="disc",
        face_half_width=35.5,
        chin_height=45.5,
        jaw=0.4,
        eye_half_width=11.0,
        eye_height=10.4,
        eye_tilt=1.0,
        iris_radius=6.9,
        lash_width=2.4,
        brow_width=2.4,
        mouth_scale=1.08,
        hair_seed=6,
    ),
    "Ren": Character(
        hair_color="blue hair",
        eye_color="red eyes",
        hair_style="ponytail",
        skin="fair",
        sex="male",
        fringe="parted",
        accessories=("ahoge",),
        shirt_color=(232, 232, 238),
        accent_color=(64, 72, 120),
        background_color=(228, 220, 240),
        collar="kimono",
        chin_height=48.0,
        jaw=0.25,
        cheek=0.2,
        eye_height=8.4,
        eye_lower_height=5.2,
        eye_tilt=2.4,
        iris_radius=6.0,
        brow_width=2.0,
        brow_arch=1.0,
        parting=-0.3,
        hair_seed=9,
    ),
    "Goro": Character(
        hair_color="white hair",
        eye_color="brown eyes",
        hair_style="bald",
        skin="light",
        sex="male",
        age="old",
        fringe="none",
        accessories=("mustache",),
        shirt_color=(96, 120, 96),
        background_color=(232, 236, 214),
        collar="kimono",
        face_half_width=37.0,
        chin_height=47.5,
        jaw=0.7,
        cheek=0.4,
        eye_offset_y=8.0,
        eye_half_width=8.8,
        eye_height=6.2,
        eye_lower_height=4.2,
        eye_tilt=-1.0,
        iris_radius=4.7,
        lash_width=1.5,
        brow_width=3.4,
        hair_seed=1,
    ),
}

_SKIN_FREQUENCIES = (0.14, 0.26, 0.24, 0.14, 0.12, 0.1)
_AGES: tuple[Age, ...] = ("child", "teen", "adult", "old")
_AGE_FREQUENCIES = (0.18, 0.42, 0.28, 0.12)
_LONG = ("long hair", "very long hair", "wavy hair", "twintails", "ponytail", "side ponytail")
_FEMALE_STYLES = (*_LONG, "short hair", "bob cut", "hair bun", "twin braids", "curly hair", "afro")
_MALE_STYLES = ("short hair", "short hair", "spiked hair", "spiked hair", "curly hair", "afro",
                "buzz cut", "ponytail", "long hair", "bob cut")  # fmt: skip
_OLD_COLORS = ("white hair", "grey hair", "silver hair")

# (low, high) by age: eye half width, eye height, lower height, iris, eye line, chin, cheek
_BUILDS: dict[str, tuple[tuple[float, float], ...]] = {
    "child": ((10.4, 11.8), (10.6, 12.2), (6.2, 7.4), (7.2, 8.0), (10.5, 12.5), (42.5, 44.5), (0.7, 1)),
    "teen": ((9.8, 11.6), (8.8, 11.6), (5.2, 6.8), (6.2, 7.6), (8, 10), (45, 48), (0.2, 0.7)),
    "adult": ((9.0, 11.0), (6.6, 9.0), (4.4, 5.6), (4.9, 6.4), (7, 8.5), (46.5, 49.5), (0.05, 0.4)),
    "old": ((8.6, 10.0), (5.8, 7.6), (4.0, 4.8), (4.5, 5.5), (7.5, 9), (45.5, 48.5), (0.2, 0.6)),
}  # fmt: skip


def sample_character(rng: np.random.Generator) -> Character:
    """A random character; the same generator state gives the same one."""
    age = _AGES[int(rng.choice(4, p=_AGE_FREQUENCIES))]
    sex: Sex = "male" if rng.random() < 0.42 else "female"
    male = sex == "male"
    width, height, lower, iris, line, chin, cheek = (
        float(rng.uniform(low, high)) for low, high in _BUILDS[age]
    )
    style = _pick(rng, _MALE_STYLES if male else _FEMALE_STYLES)
    if male and age == "old" and rng.random() < 0.4:
        style = "bald"
    colors = _OLD_COLORS if age == "old" and rng.random() < 0.8 else tuple(HAIR_COLORS)
    bare = style in ("afro", "buzz cut", "bald")
    return Character(
        hair_color=_pick(rng, colors),
        eye_color=_pick(rng, tuple(EYE_COLORS)),
        hair_style=style,
        skin=tuple(SKIN_COLORS)[int(rng.choice(len(SKIN_COLORS), p=_SKIN_FREQUENCIES))],
        sex=sex,
        age=age,
        fringe="none" if bare else _pick(rng, FRINGES if age in ("adult", "old") else FRINGES[:-1]),
        accessories=_sample_accessories(rng, sex, age, bare),
        hair_color_shift=_rgb(rng.normal(0, 9, 3)),
        eye_color_shift=_rgb(rng.normal(0, 10, 3)),
        accent_color=_rgb(rng.integers(40, 250, 3)),
        shirt_color=_rgb(rng.integers(40, 245, 3)),
        background_color=_rgb(rng.integers(176, 250, 3)),
        collar=_pick(rng, COLLARS),
        backdrop=_pick(rng, BACKDROPS),
        face_half_width=float(rng.uniform(34, 37.5) + (1.5 if age == "child" else 0)),
        chin_height=chin,
        jaw=float(rng.uniform(0.4, 0.95) if male and age != "child" else rng.uniform(0.15, 0.5)),
        cheek=cheek,
        eye_offset_x=float(rng.uniform(17.6, 19.4)),
        eye_offset_y=line,
        eye_half_width=width,
        eye_height=height * (0.94 if male else 1.0),
        eye_lower_height=lower,
        eye_tilt=float(rng.uniform(-1.6, 2.4)),
        iris_radius=iris * (0.95 if male else 1.0),
        lash_width=float(rng.uniform(1.5, 2.0) if male else rng.uniform(1.8, 2.6)),
        brow_width=float(rng.uniform(2.0, 3.6) if male else rng.uniform(1.4, 2.4)),
        brow_arch=float(rng.uniform(0.5, 2.2)),
        mouth_scale=float(rng.uniform(0.9, 1.12)),
        parting=float(rng.uniform(-0.45, 0.45)),
        hair_length=float(rng.uniform(0, 1)),
        hair_volume=float(rng.uniform(0.85, 1.25)),
        hair_seed=int(rng.integers(1000)),
    )


def sample_view(rng: np.random.Generator) -> View:
    """A random view that keeps the whole face inside the picture."""
    return View(
        rotation_deg=float(np.clip(rng.normal(0, 4.5), -11, 11)),
        scale=float(rng.uniform(0.92, 1.1)),
        shift=(float(rng.uniform(-5, 5)), float(rng.uniform(-4, 4))),
        yaw=float(rng.uniform(-5, 5)),
        pitch=float(rng.uniform(-3, 3)),
    )


def _sample_accessories(
    rng: np.random.Generator, sex: Sex, age: Age, bare: bool
) -> tuple[str, ...]:
    male = sex == "male"
    grown_man = male and age in ("adult", "old")
    odds = {
        "glasses": 0.3 if age == "old" else 0.13,
        "hairclip": 0.0 if male or bare else 0.18,
        "hair ribbon": 0.0 if male or bare else 0.12,
        "hairband": 0.0 if male or bare else 0.1,
        "earrings": 0.05 if male else 0.22,
        "freckles": 0.1,
        "scar on cheek": 0.06,
        "mole under eye": 0.06,
        "beard": 0.3 if grown_man else 0.0,
        "stubble": 0.15 if male and age == "adult" else 0.0,
        "mustache": 0.15 if grown_man else 0.0,
        "hat": 0.05,
        "hood": 0.04,
        "ahoge": 0.0 if bare else 0.12,
    }
    chosen = {name for name, odd in odds.items() if rng.random() < odd}
    for first, second in (("beard", "stubble"), ("hat", "hood"), ("hat", "ahoge"),
                          ("hood", "ahoge"), ("hat", "hairband"), ("hood", "hairband"),
                          ("hat", "hair ribbon"), ("hood", "hair ribbon")):  # fmt: skip
        if first in chosen:
            chosen.discard(second)
    return tuple(name for name in odds if name in chosen)


def _pick(rng: np.random.Generator, names: tuple[str, ...]) -> str:
    return names[int(rng.integers(len(names)))]


def _rgb(values: np.ndarray) -> Rgb:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
