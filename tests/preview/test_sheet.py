"""Contact sheets: pictures in a grid with captions."""

import numpy as np
import pytest

from expressedit_mcp.preview import CHARACTERS, Expression, contact_sheet, draw_character


def test_a_contact_sheet_holds_every_picture_unchanged():
    characters = list(CHARACTERS.values())[:5]
    pictures = [draw_character(c, Expression(), size_px=64).pixels for c in characters]
    sheet = contact_sheet(pictures, columns=3, captions=["closed eyes, smile", ":d"])
    assert sheet.shape[1] == 3 * (64 + 8) + 8
    np.testing.assert_array_equal(sheet[8:72, 8:72], pictures[0])
    np.testing.assert_array_equal(sheet[8:72, 80:144], pictures[1])
    assert (sheet[74:90, 8:72] < 128).any()


@pytest.mark.parametrize(
    ("pictures", "columns"),
    [([], 2), ([np.zeros((8, 8), np.uint8)], 2), ([np.zeros((8, 8, 3), np.uint8)], 0)],
)
def test_a_contact_sheet_refuses_what_it_cannot_lay_out(pictures, columns):
    with pytest.raises(ValueError, match="expected"):
        contact_sheet(pictures, columns)
