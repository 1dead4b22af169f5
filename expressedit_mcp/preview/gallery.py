"""Contact sheets of the characters and of all tags.

`python -m expressedit_mcp.preview.gallery OUT` writes the sheets.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
import numpy as np
from PIL import Image

from .cast import CHARACTERS, sample_character, sample_view
from .character import View
from .examples import face_picture
from .expression import Expression
from .rig import draw_character
from .sampling import sample_expression
from .sheet import contact_sheet
from .tagging import EXPRESSION_TAGS, expression_from_tags, expression_tags
from .tags import RULES
from .words import WORDS

_SHEET_CHARACTERS = ("Mirelle", "Toma", "Sefa", "Pim", "Odile")
_CELL_PX = 150
_SHEET_COLUMNS = 3
_RANDOM_CHARACTERS = 48


def tag_groups() -> dict[str, tuple[str, ...]]:
    """All tags by what shows them: a part, marks, several parts, or a word for the face."""
    groups: dict[str, list[str]] = {}
    for tag in EXPRESSION_TAGS:
        groups.setdefault(_group_of(tag), []).append(tag)
    return {group: tuple(tags) for group, tags in groups.items()}


def _group_of(tag: str) -> str:
    parts = RULES.get(tag, {})
    if tag in WORDS:
        return "words"
    if "extras" in parts:
        return "marks"
    if "mouth" in parts and len(parts) > 1:
        return "combinations"
    return next((part for part in ("mouth", "brows") if part in parts), "eyes")


def _tag_strip(tag: str) -> np.ndarray:
    """One tag on several characters, side by side."""
    expression = expression_from_tags([tag])
    return np.concatenate(
        [
            face_picture(CHARACTERS[name], expression, View(), _CELL_PX)
            for name in _SHEET_CHARACTERS
        ],
        axis=1,
    )


def _random_sheet() -> np.ndarray:
    pictures, captions = [], []
    for seed in range(_RANDOM_CHARACTERS):
        rng = np.random.default_rng(seed)
        expression = sample_expression(rng, free_measures=seed % 3 == 0)
        drawn = draw_character(sample_character(rng), expression, sample_view(rng), 256)
        pictures.append(drawn.pixels)
        captions.append(", ".join(expression_tags(expression)))
    return contact_sheet(pictures, 8, captions, caption_px=11)


def _character_sheet() -> np.ndarray:
    neutral = [draw_character(c, Expression(), size_px=384).pixels for c in CHARACTERS.values()]
    return contact_sheet(neutral, 5, list(CHARACTERS))


def _tag_sheet(group: str) -> np.ndarray:
    tags = tag_groups()[group]
    with click.progressbar(tags, label=group, show_pos=True) as shown:
        return contact_sheet([_tag_strip(tag) for tag in shown], _SHEET_COLUMNS, tags)


SHEETS: dict[str, Callable[[], np.ndarray]] = {
    "characters": _character_sheet,
    "random": _random_sheet,
    **{group: partial(_tag_sheet, group) for group in tag_groups()},
}


@click.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--only", multiple=True, type=click.Choice(list(SHEETS)), help="Sheets to write.")
def main(out: Path, only: tuple[str, ...]) -> None:
    """Write contact sheets of the characters and of all tags to OUT."""
    out.mkdir(parents=True, exist_ok=True)
    for name in only or SHEETS:
        path = out / f"{name}.png"
        Image.fromarray(SHEETS[name]()).save(path)
        click.echo(str(path))


if __name__ == "__main__":
    main()
