"""Contact sheets: pictures in a grid with captions."""

from collections.abc import Sequence
from itertools import zip_longest

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_GAP_PX = 8
_PAPER = (255, 255, 255)
_INK = (30, 30, 36)


def contact_sheet(
    pictures: Sequence[np.ndarray],
    columns: int,
    captions: Sequence[str] = (),
    caption_px: int = 15,
) -> np.ndarray:
    """The pictures in rows of `columns`, each over its caption, (H, W, 3) uint8 RGB.

    Pictures are (H, W, 3) uint8 RGB and may differ in size; a caption wider than its picture
    wraps, and what a caption lacks stays blank. Raises ValueError for no pictures, fewer than
    one column, more captions than pictures, or a picture of another shape or dtype.
    """
    _check(pictures, columns, captions)
    font = ImageFont.load_default(caption_px)
    cell_width = max(picture.shape[1] for picture in pictures)
    texts = [_wrapped(text, font, cell_width) for text in captions]
    cells = list(zip_longest(pictures, texts, fillvalue=""))
    rows = [cells[start : start + columns] for start in range(0, len(cells), columns)]
    strips = [_strip(row, min(columns, len(pictures)), cell_width, font) for row in rows]
    edge = np.full((_GAP_PX, strips[0].shape[1], 3), _PAPER, np.uint8)
    return np.concatenate([edge, *strips])


def _check(pictures: Sequence[np.ndarray], columns: int, captions: Sequence[str]) -> None:
    if not pictures or columns < 1:
        raise ValueError(f"{len(pictures)} pictures in {columns} columns; expected at least one")
    if len(captions) > len(pictures):
        raise ValueError(f"{len(captions)} captions for {len(pictures)} pictures")
    for picture in pictures:
        if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
            raise ValueError(
                f"picture is {picture.shape} {picture.dtype}; expected (H, W, 3) uint8"
            )


def _strip(row: Sequence[tuple], columns: int, cell_width: int, font) -> np.ndarray:
    """One row of the sheet with its gap below."""
    picture_height = max(picture.shape[0] for picture, _ in row)
    probe = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    text_height = max(_text_height(probe, text, font) for _, text in row)
    width = columns * (cell_width + _GAP_PX) + _GAP_PX
    strip = Image.new("RGB", (width, picture_height + text_height + _GAP_PX), _PAPER)
    pen = ImageDraw.Draw(strip)
    for column, (picture, text) in enumerate(row):
        left = _GAP_PX + column * (cell_width + _GAP_PX)
        strip.paste(Image.fromarray(picture), (left, 0))
        pen.multiline_text((left + 2, picture_height + 2), text, fill=_INK, font=font)
    return np.asarray(strip)


def _text_height(pen: ImageDraw.ImageDraw, text: str, font) -> int:
    return int(pen.multiline_textbbox((0, 0), text, font=font)[3]) + 6 if text else 0


def _wrapped(text: str, font, width_px: int) -> str:
    """The text broken between words into lines that fit the width, where they can."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= width_px - 4:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)
