"""The studio's verbs on a real store and the shipped model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from expressedit_mcp.engine import EditResult, Located
from expressedit_mcp.errors import Cancelled, InputError
from expressedit_mcp.imaging import Box, Picture
from expressedit_mcp.preview import Drawing
from expressedit_mcp.regions import BoxRegion, EllipseRegion, MaskRegion, PartRegion
from expressedit_mcp.strokes import MoveStroke
from expressedit_mcp.studio import EditCommand, LiquifyCommand, ScaleCommand, Studio

MOUTH = BoxRegion(box=[86, 163, 170, 223])


def edit(studio: Studio, image: object, **changes: object):
    arguments = {"region": MOUTH, "tags": ("open mouth",), "quality": "draft", **changes}
    return studio.edit(EditCommand(str(image), **arguments))


def test_an_edit_makes_a_child_and_leaves_the_file_alone(studio: Studio, hero: Path) -> None:
    before = hero.read_bytes()
    outcome = edit(studio, hero)[0]
    parent = studio.images.get(outcome.version.parent or "")
    assert parent.operation == "open"
    assert hero.read_bytes() == before
    assert outcome.version.changed_box == (86, 163, 170, 223)
    assert not outcome.cached


def test_the_same_request_is_remembered_and_not_computed(studio: Studio, hero: Path) -> None:
    first = edit(studio, hero)[0]

    class NoEngine:
        card, tokenizer = studio.engine.card, studio.engine.tokenizer
        fingerprint = studio.engine.fingerprint

        def edit(self, *args: Any, **options: Any) -> EditResult:
            raise AssertionError("computed again")

        def edit_all(self, *args: Any, **options: Any) -> None:
            raise AssertionError("computed again")

        def learn(self, *args: Any, **options: Any) -> bytes:
            raise AssertionError("nothing to learn")

        def locate(self, *args: Any, **options: Any) -> Located:
            raise AssertionError("no words to look for")

        def close(self) -> None: ...

    idle = Studio(
        studio.settings,
        studio.roots,
        studio.tags,
        studio.images,
        NoEngine(),
        studio.photoshop,
        studio.finder,
    )
    again = edit(idle, hero)[0]
    assert again.cached
    assert again.version == first.version


def test_a_derived_seed_is_stable_and_another_seed_is_another_try(
    studio: Studio, hero: Path
) -> None:
    first = edit(studio, hero)[0].version
    second = edit(studio, hero, seed=first.request["seed"])[0].version
    third = edit(studio, hero, seed=first.request["seed"] + 1)[0].version
    assert first.image_id == second.image_id
    assert third.image_id != first.image_id


def test_preserving_is_told_by_the_version_and_keeps_the_seed(studio: Studio, hero: Path) -> None:
    plain = edit(studio, hero)[0].version
    kept = edit(studio, hero, preserve_structure=1, preserve_color=0.5)[0].version
    assert (kept.request["preserve_structure"], kept.request["preserve_color"]) == (1.0, 0.5)
    assert kept.request["seed"] == plain.request["seed"]
    assert kept.image_id != plain.image_id


def test_preserving_nothing_is_the_request_without_it(studio: Studio, hero: Path) -> None:
    plain = edit(studio, hero)[0].version
    zero = edit(studio, hero, preserve_structure=0, preserve_color=0.0)[0]
    assert zero.cached
    assert zero.version == plain
    assert not any(name.startswith("preserve") for name in plain.request)


def test_of_variations_only_the_missing_are_computed_and_all_come_in_order(
    studio: Studio, hero: Path
) -> None:
    second = edit(studio, hero, seed=8)[0]
    told: list[int] = []
    command = EditCommand(str(hero), MOUTH, tags=("open mouth",), quality="draft", seed=7)
    outcomes = studio.edit(
        replace(command, variations=3),
        on_outcome=lambda outcome: told.append(outcome.version.request["seed"]),
    )
    assert told == [7, 8, 9]
    assert [outcome.cached for outcome in outcomes] == [False, True, False]
    assert outcomes[1].version == second.version


def test_variations_made_before_a_cancel_are_kept(studio: Studio, hero: Path) -> None:
    told: list[Any] = []
    command = EditCommand(
        str(hero), MOUTH, tags=("open mouth",), quality="draft", seed=7, variations=3
    )
    with pytest.raises(Cancelled):
        studio.edit(command, stop=lambda: bool(told), on_outcome=told.append)
    again = studio.edit(command)
    assert [outcome.cached for outcome in again] == [True, False, False]
    assert again[0].version == told[0].version


def test_variations_have_consecutive_seeds(studio: Studio, hero: Path) -> None:
    outcomes = edit(studio, hero, variations=3, seed=7)
    assert [o.version.request["seed"] for o in outcomes] == [7, 8, 9]
    assert len({o.version.image_id for o in outcomes}) == 3


def test_prompt_and_tags_say_the_same(studio: Studio, hero: Path) -> None:
    built = studio.build_prompt(("open mouth",), "black hair, blue eyes")
    by_tags = edit(studio, hero, character="black hair, blue eyes")[0]
    by_prompt = edit(studio, hero, tags=None, prompt=built.prompt)[0]
    assert by_tags.version.image_id == by_prompt.version.image_id


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tags": None}, "either tags"),
        ({"prompt": "smile"}, "either tags"),
        ({"tags": ("smilling",)}, "nearest are"),
        ({"tags": None, "prompt": "  "}, "prompt is empty"),
        ({"style": "baroque"}, "no prompt style 'baroque'"),
        ({"region": BoxRegion(box=[300, 0, 400, 10])}, "selects no pixel"),
        ({"region": BoxRegion(box=[10, 10, 10, 20])}, "selects no pixel"),
        ({"region": PartRegion(part="mouth", face=3)}, "no face 3"),
        ({"region": ()}, "list of regions is empty"),
        ({"context": (300.0, 0.0, 400.0, 10.0)}, "lies outside the picture"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_computed(
    studio: Studio, hero: Path, changes: dict, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        edit(studio, hero, **changes)
    assert all(version.operation == "open" for version in studio.list_images(10))


def test_warnings_name_the_domain_and_missing_words(studio: Studio, hero: Path) -> None:
    warnings = " ".join(edit(studio, hero, tags=("shushing",))[0].warnings)
    assert "drawn demo characters" in warnings
    assert "no word for 'shushing'" in warnings


def test_a_union_changes_all_of_its_regions_and_nothing_between(studio: Studio, hero: Path) -> None:
    regions = [
        EllipseRegion(ellipse=[60, 105, 105, 155]),
        EllipseRegion(ellipse=[150, 105, 195, 155]),
    ]
    version = edit(studio, hero, region=regions, tags=("closed eyes",), feather_px=0)[0].version
    before, after = (studio.images.load(i).pixels for i in (version.parent or "", version.image_id))
    changed = (before != after).any(axis=2)
    assert changed[:, 60:105].any()
    assert changed[:, 150:195].any()
    assert not changed[:, 105:150].any()


def test_mask_regions_select_by_brightness(studio: Studio, hero: Path, pictures_dir: Path) -> None:
    mask = np.zeros((256, 256), np.uint8)
    mask[163:223, 86:170] = 255
    Image.fromarray(mask).save(pictures_dir / "mask.png")
    version = edit(studio, hero, region=MaskRegion(mask="mask.png"))[0].version
    assert version.image_id == edit(studio, hero)[0].version.image_id
    Image.fromarray(mask[:100]).save(pictures_dir / "small.png")
    with pytest.raises(InputError, match="100"):
        edit(studio, hero, region=MaskRegion(mask="small.png"))


def test_grow_moves_the_boundary_out_and_feather_stays_inside(studio: Studio, hero: Path) -> None:
    version = edit(studio, hero, grow_px=5, feather_px=6)[0].version
    patch = studio.images.load_patch(version.image_id)
    assert patch is not None
    assert patch.box == Box(81, 158, 175, 228)
    assert patch.alpha[0].max() < 255
    assert patch.alpha[30, 45] == 255


def test_a_stored_patch_makes_the_child_of_the_parent(studio: Studio, hero: Path) -> None:
    from expressedit_mcp.imaging import apply_patch

    version = edit(studio, hero)[0].version
    patch = studio.images.load_patch(version.image_id)
    assert patch is not None
    remade = apply_patch(studio.images.load(version.parent or ""), patch)
    assert np.array_equal(remade.pixels, studio.images.load(version.image_id).pixels)


def test_cancelling_leaves_no_version(studio: Studio, hero: Path) -> None:
    steps: list[str] = []
    with pytest.raises(Cancelled):
        studio.edit(
            EditCommand(str(hero), MOUTH, tags=("smile",)),
            lambda done, total, what: steps.append(what),
            lambda: len(steps) > 3,
        )
    assert [v.operation for v in studio.list_images(10)] == ["open"]


def _irises(drawing: Drawing, factor: float = 1.1) -> list[EllipseRegion]:
    regions = []
    for eye in (drawing.landmarks.left_eye, drawing.landmarks.right_eye):
        (x, y), rx = eye.iris_center, eye.iris_radius * factor
        regions.append(EllipseRegion(ellipse=[x - rx, y - 1.28 * rx, x + rx, y + 1.28 * rx]))
    return regions


def test_scaling_halves_each_iris_about_its_own_centre(
    studio: Studio, hero: Path, drawing: Drawing
) -> None:
    outcome = studio.scale(ScaleCommand(str(hero), _irises(drawing), 0.5, 0.5))
    after = studio.images.load(outcome.version.image_id).pixels.astype(int)
    before = drawing.pixels.astype(int)
    for eye in (drawing.landmarks.left_eye, drawing.landmarks.right_eye):
        area, centre = zip(*(_blue(pixels, eye.center) for pixels in (before, after)), strict=True)
        assert area[1] / area[0] == pytest.approx(0.25, abs=0.06)
        assert np.hypot(*np.subtract(centre[1], eye.iris_center)) < 2.5


def _blue(pixels: np.ndarray, near: tuple[float, float]) -> tuple[int, tuple[float, float]]:
    """Number and centre of Toma's blue iris pixels near an eye."""
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    close = (abs(x - near[0]) < 30) & (abs(y - near[1]) < 40)
    blue = close & (pixels[..., 2] - pixels[..., 0] > 60)
    return int(blue.sum()), (float(x[blue].mean()) + 0.5, float(y[blue].mean()) + 0.5)


def test_repair_is_a_second_version_on_top_of_the_scaled_one(
    studio: Studio, hero: Path, drawing: Drawing
) -> None:
    command = ScaleCommand(
        str(hero), _irises(drawing), 0.5, 0.5, repair=True, tags=("constricted pupils",)
    )
    repaired = studio.scale(command)
    scaled = studio.images.get(repaired.version.parent or "")
    assert (repaired.version.operation, scaled.operation) == ("edit", "scale")
    assert repaired.version.request["control_inside"] == "keep"
    assert repaired.version.changed_box == scaled.changed_box
    assert studio.scale(command).cached


def test_cancelling_a_liquify_leaves_no_version(studio: Studio, hero: Path) -> None:
    stroke = MoveStroke(kind="move", start=[120, 190], end=[130, 190], radius=30)
    with pytest.raises(Cancelled):
        studio.liquify(LiquifyCommand(str(hero), MOUTH, (stroke,)), stop=lambda: True)
    assert [v.operation for v in studio.list_images(10)] == ["open"]


def test_tags_without_repair_are_an_error(studio: Studio, hero: Path) -> None:
    with pytest.raises(InputError, match="repair=True"):
        studio.scale(ScaleCommand(str(hero), MOUTH, 0.5, 0.5, tags=("smile",)))


def test_saving_never_overwrites_unless_told(
    studio: Studio, hero: Path, pictures_dir: Path
) -> None:
    version = studio.open_image(str(hero))
    saved = studio.save_image(version.image_id, "out.png", overwrite=False)
    assert saved == pictures_dir.resolve() / "out.png"
    assert np.array_equal(
        np.asarray(Image.open(saved)), studio.images.load(version.image_id).pixels
    )
    saved.write_bytes(b"mine")
    with pytest.raises(InputError, match="left as it is"):
        studio.save_image(version.image_id, "out.png", overwrite=False)
    assert saved.read_bytes() == b"mine"
    studio.save_image(version.image_id, "out.png", overwrite=True)
    assert saved.read_bytes() != b"mine"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("../out.png", "outside the allowed folders"),
        ("out.jpg", "does not end in .png"),
        ("no/such/out.png", "does not exist"),
    ],
)
def test_where_nothing_may_be_saved(studio: Studio, hero: Path, path: str, message: str) -> None:
    version = studio.open_image(str(hero))
    with pytest.raises(InputError, match=message):
        studio.save_image(version.image_id, path, overwrite=False)


def test_the_store_itself_is_not_written_by_save(studio: Studio, hero: Path) -> None:
    version = studio.open_image(str(hero))
    target = studio.settings.pictures_dir / "x.png"
    with pytest.raises(InputError, match="own folder"):
        studio.save_image(version.image_id, str(target), overwrite=False)


def test_a_full_store_is_warned_of(studio: Studio, hero: Path) -> None:
    full = Studio.open(studio.settings.model_copy(update={"store_limit_mb": 0}))
    assert any("images prune" in warning for warning in edit(full, hero)[0].warnings)
    full.close()


def test_the_view_of_a_box_shows_it_enlarged_with_a_grid(studio: Studio, hero: Path) -> None:
    version = studio.open_image(str(hero))
    plain = studio.view(version.image_id, Box(86, 163, 170, 223), 768, grid=False)
    grid = studio.view(version.image_id, Box(86, 163, 170, 223), 768, grid=True)
    assert (plain.width, plain.height) == (84, 60)
    assert (grid.width, grid.height) == (768, 549)
    with pytest.raises(InputError, match="outside the picture"):
        studio.view(version.image_id, Box(300, 0, 310, 10), 768, grid=False)


def test_grey_and_alpha_pictures_are_edited_in_their_own_mode(
    studio: Studio, drawing: Drawing
) -> None:
    grey = drawing.pixels[..., :1].copy()
    alpha = np.dstack([drawing.pixels, np.full((256, 256), 77, np.uint8)])
    for pixels, mode in ((grey, "L"), (alpha, "RGBA")):
        parent = studio.images.add(Picture(pixels.copy()), "made")
        version = edit(studio, parent.image_id)[0].version
        assert version.mode == mode
        after = studio.images.load(version.image_id).pixels
        assert (after != pixels).any()
        if mode == "RGBA":
            assert (after[..., 3] == 77).all()
