"""What the reader is trained on: crops whose truth lies where the pixels are."""

from __future__ import annotations

import numpy as np
import pytest

from expressedit_mcp.preview.part_network import PartNetwork, PartTask
from expressedit_mcp.preview.reader import POINTS, READER_WEIGHTS
from expressedit_mcp.preview.train.reader import (
    BATCH,
    NEGATIVES,
    PartNet,
    Teacher,
    load_network,
    to_input,
)
from expressedit_mcp.preview.train.reader_backgrounds import background
from expressedit_mcp.preview.train.reader_samples import (
    DRAWN_PX,
    TASKS,
    Drawings,
    Warp,
    box_of,
    collect,
)


@pytest.fixture(scope="module")
def drawings() -> Drawings:
    return collect(70_001, 4)


@pytest.mark.parametrize("size_px", [(96, 96), (144, 80), (80, 112)])
def test_a_place_moves_as_the_pixels_do(size_px: tuple[int, int]) -> None:
    task = PartTask(*size_px, 1.1, {}, {})
    rng = np.random.default_rng(0)
    for _ in range(8):
        x, y = rng.uniform(70, 120, 2)
        rows, columns = np.mgrid[:DRAWN_PX, :DRAWN_PX] + 0.5
        spot = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 5.0**2))
        pixels = np.repeat((255 * spot).astype(np.uint8)[..., None], 3, axis=2)
        warp = Warp.about(np.array([96.0, 96.0, 120.0]), task, rng, 0.5)
        crop = warp.picture(pixels)[..., 0].astype(float)
        rows, columns = np.mgrid[: size_px[1], : size_px[0]] + 0.5
        seen = np.array([(columns * crop).sum(), (rows * crop).sum()]) / crop.sum()
        ((*place, length),) = warp.places(np.array([[x, y, 5.0]])).tolist()
        half = size_px[0] / 2
        np.testing.assert_allclose(np.array(place) * half + np.array(size_px) / 2, seen, atol=0.2)
        assert length * half == pytest.approx(5.0 * warp.scale)


@pytest.mark.parametrize("part", TASKS)
def test_a_step_gives_the_same_pictures_and_no_other_step_does(
    drawings: Drawings, part: str
) -> None:
    teacher = Teacher(part, drawings)
    pictures, picked, places = teacher.pictures_at(5)
    task = TASKS[part]
    assert pictures.shape == (BATCH + NEGATIVES, task.height_px, task.width_px, 3)
    assert places.shape == (len(picked), task.sizes["places"])
    again, other = teacher.pictures_at(5), teacher.pictures_at(6)
    assert (pictures == again[0]).all() and (places == again[2]).all()
    assert (pictures != other[0]).any()


@pytest.mark.parametrize("part", TASKS)
def test_an_undisturbed_crop_holds_its_points(drawings: Drawings, part: str) -> None:
    task, truth, rng = TASKS[part], drawings.truth, np.random.default_rng(0)
    for number in range(len(drawings.pixels)):
        warp = Warp.about(box_of(part, truth, number), task, rng, 0.0)
        places = warp.places(truth.points[number][list(POINTS[part])])
        assert (np.abs(places) <= [1, task.height_px / task.width_px]).all()


def test_an_iris_that_is_not_drawn_has_no_place(drawings: Drawings) -> None:
    """Its coordinates pull at nothing, whatever the network answers for them."""
    irises = drawings.truth.irises.copy()
    irises[:] = 0
    truth = type(drawings.truth)(**{**vars(drawings.truth), "irises": irises})
    teacher = Teacher("eyes", Drawings(drawings.pixels, truth))
    net = PartNet(teacher.task)
    teacher.losses(net, 0)["places"].backward()
    where = teacher.task.slices["irises"]
    gradient = net.sides["places"]["out"].bias.grad  # type: ignore[index]
    assert not gradient[where].any()
    assert gradient[teacher.task.slices["points"]].any()


def test_backgrounds_are_pictures_of_the_asked_size() -> None:
    seen = [background(np.random.default_rng(n), 60, 90) for n in range(40)]
    assert {(one.shape, one.dtype) for one in seen} == {((60, 90, 3), np.dtype(np.uint8))}
    assert np.std(seen) > 20


@pytest.mark.parametrize("part", TASKS)
def test_training_goes_on_from_what_is_shipped(part: str) -> None:
    path, task = READER_WEIGHTS / f"{part}.safetensors", TASKS[part]
    shape = (task.height_px, task.width_px, 3)
    crop = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    answers = load_network(path, task)(to_input(crop[None]))[0].detach().numpy()
    np.testing.assert_allclose(answers, PartNetwork(path).answers_to(crop), atol=1e-3)


def test_training_does_not_go_on_from_another_networks_weights() -> None:
    with pytest.raises(ValueError, match="train without --from"):
        load_network(READER_WEIGHTS / "mouth.safetensors", TASKS["eyes"])
