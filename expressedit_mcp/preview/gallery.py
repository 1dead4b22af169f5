"""Contact sheets of the characters and of all tags.

`python -m expressedit_mcp.preview.gallery OUT` writes the sheets.
"""

from pathlib import Path

import click
import numpy as np
from PIL import Image

from .cast import CHARACTERS, sample_character, sample_view
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
_RANDOM_CHARACTERS = 48


def tag_groups() -> dict[str, tuple[str, ...]]:
    """All tags by what shows them: a part, marks, several parts, or a word for the face."""
    groups: dict[str, list[str]] = {}
    for tag in EXPRESSION_TAGS:
        parts = list(RULES.get(tag, {}))
        if tag in WORDS:
            group = "words"
        elif "mouth" in parts and len(parts) > 1:
            group = "combinations"
        else:
            group = {"extras": "marks", "gaze": "eyes", "iris": "eyes"}.get(parts[-1], parts[-1])
        groups.setdefault(group, []).append(tag)
    return {group: tuple(tags) for group, tags in groups.items()}


def _tag_strip(tag: str) -> np.ndarray:
    """One tag on several characters, side by side."""
    expression = expression_from_tags([tag])
    return np.concatenate(
        [face_picture(CHARACTERS[name], expression, None, _CELL_PX) for name in _SHEET_CHARACTERS],
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


@click.command()
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
def main(out: Path) -> None:
    """Write contact sheets of the characters and of all tags to OUT."""
    out.mkdir(parents=True, exist_ok=True)
    neutral = [draw_character(c, Expression(), size_px=384).pixels for c in CHARACTERS.values()]
    sheets = {"characters": contact_sheet(neutral, 5, list(CHARACTERS)), "random": _random_sheet()}
    for name, sheet in sheets.items():
        _save(out / f"{name}.png", sheet)
    for group, tags in tag_groups().items():
        with click.progressbar(tags, label=group, show_pos=True) as shown:
            strips = [_tag_strip(tag) for tag in shown]
        _save(out / f"{group}.png", contact_sheet(strips, 2, tags))


def _save(path: Path, sheet: np.ndarray) -> None:
    Image.fromarray(sheet).save(path)
    click.echo(str(path))


if __name__ == "__main__":
    main()
