"""What the model sees besides the selection: what is asked for, or the face where a model wants faces."""

from __future__ import annotations

import numpy as np
import pytest

from expressedit_mcp.engine import Card
from expressedit_mcp.errors import InputError
from expressedit_mcp.imaging import Box, Face, Picture, box_selection
from expressedit_mcp.studio import EditCommand
from expressedit_mcp.studio.planning import EditPlan, plan_edit
from expressedit_mcp.studio.selecting import FindFaces
from expressedit_mcp.studio.wording import Wording

PICTURE = Picture(np.zeros((400, 600, 3), np.uint8))
MOUTH = Box(220, 240, 260, 260)
FACES = [Face(Box(400, 20, 500, 120), {}, 0.9), Face(Box(150, 120, 320, 290), {}, 0.8)]


def planned(
    framing: str,
    find_faces: FindFaces | None,
    context: tuple[float, float, float, float] | None = None,
) -> EditPlan:
    card = Card.model_validate(
        {"name": "a model", "native_px": 128, "min_crop_px": 32, "framing": framing}
    )
    command = EditCommand("img", (), tags=("smile",), context=context)  # type: ignore[arg-type]
    selection = box_selection(MOUTH.as_list(), PICTURE.size)
    return plan_edit(command, "img", PICTURE, [selection], Wording((), ()), card, "f", find_faces)


def test_a_model_of_faces_sees_the_face_that_the_selection_lies_in() -> None:
    plan = planned("face", lambda: FACES)
    assert plan.crop.box & FACES[1].box == FACES[1].box
    assert not plan.warnings


@pytest.mark.parametrize("find_faces", [None, list, lambda: FACES[:1]], ids=str)
def test_without_a_face_there_it_asks_for_one(find_faces: FindFaces | None) -> None:
    assert "context=[left, top, right, bottom]" in " ".join(planned("face", find_faces).warnings)


def test_a_model_of_selections_looks_for_no_face() -> None:
    def never() -> list[Face]:
        raise AssertionError("looked")

    plan = planned("selection", never)
    assert plan.crop.box & FACES[1].box != FACES[1].box
    assert not plan.warnings


@pytest.mark.parametrize("framing", ["selection", "face"])
def test_what_is_asked_for_is_seen(framing: str) -> None:
    asked = Box(100, 100, 380, 330)
    seen = planned(framing, lambda: FACES, (100, 100, 380, 330)).crop.box
    assert seen & asked == asked
    with pytest.raises(InputError, match="outside the picture"):
        planned(framing, None, (900, 10, 950, 60))
