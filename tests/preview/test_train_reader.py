"""What the reader is trained on: crops whose truth lies where the pixels are."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from expressedit_mcp.preview.part_network import PartNetwork, PartTask
from expressedit_mcp.preview.reader import POINTS, READER_WEIGHTS
from expressedit_mcp.preview.states import EXTRAS
from expressedit_mcp.preview.train.reader import (
    CropMaker,
    FaceCrops,
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
    Truth,
    Warp,
    box_of,
    draw,
    random_expression,
)


@pytest.fixture(scope="module")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Drawings:
    folder = tmp_path_factory.mktemp("reader") / "drawings"
    draw(folder, 70_001, 4)
    return Drawings.load(folder)


def test_two_processes_draw_what_one_draws(drawings: Drawings, tmp_path: Path) -> None:
    draw(tmp_path / "drawings", 70_001, 4, processes=2)
    again = Drawings.load(tmp_path / "drawings")
    assert (again.pixels == drawings.pixels).all()
    for field in fields(Truth):
        assert (getattr(again.truth, field.name) == getattr(drawings.truth, field.name)).all()


def test_every_mark_is_drawn_often() -> None:
    rng = np.random.default_rng(0)
    seen = Counter(extra for _ in range(2000) for extra in random_expression(rng).extras)
    assert min(seen[extra] for extra in EXTRAS) > 20


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
    make, task = CropMaker(part, drawings, 13), TASKS[part]
    crops, again, other = make(5), make(5), make(6)
    assert crops.pictures.shape == (13 + 3, task.height_px, task.width_px, 3)
    assert crops.places.shape == (len(crops.picked), task.sizes["places"])
    for field in fields(FaceCrops):
        assert (getattr(crops, field.name) == getattr(again, field.name)).all()
    assert (crops.pictures != other.pictures).any()


@pytest.mark.parametrize("part", TASKS)
def test_an_undisturbed_crop_holds_its_points(drawings: Drawings, part: str) -> None:
    task, truth, rng = TASKS[part], drawings.truth, np.random.default_rng(0)
    for number in range(len(drawings.pixels)):
        warp = Warp.about(box_of(part, truth, number), task, rng, 0.0)
        places = warp.places(truth.points[number][list(POINTS[part])])
        assert (np.abs(places) <= [1, task.height_px / task.width_px]).all()


def test_an_iris_that_is_not_drawn_has_no_place(drawings: Drawings) -> None:
    """Its coordinates pull at nothing, whatever the network answers for them."""
    truth = replace(drawings.truth, irises=np.zeros_like(drawings.truth.irises))
    task, make = TASKS["eyes"], CropMaker("eyes", Drawings(drawings.pixels, truth))
    net = PartNet(task)
    Teacher("eyes", truth, torch.device("cpu")).losses(net, make(0))["places"].backward()
    where = task.slices["irises"]
    gradient = net.sides["places"]["out"].bias.grad  # type: ignore[index]
    assert not gradient[where].any()
    assert gradient[task.slices["points"]].any()


def test_backgrounds_are_pictures_of_the_asked_size() -> None:
    seen = [background(np.random.default_rng(n), 60, 90) for n in range(40)]
    assert {(one.shape, one.dtype) for one in seen} == {((60, 90, 3), np.dtype(np.uint8))}
    assert np.std(seen) > 20


@pytest.mark.parametrize("part", TASKS)
def test_training_goes_on_from_what_is_shipped(part: str) -> None:
    path = READER_WEIGHTS / f"{part}.safetensors"
    task = PartNetwork(path).task
    shape = (task.height_px, task.width_px, 3)
    crop = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    answers = load_network(path, task)(to_input(torch.from_numpy(crop)[None]))[0].detach().numpy()
    np.testing.assert_allclose(answers, PartNetwork(path).answers_to(crop), atol=1e-3)


@pytest.mark.parametrize(
    "task", [TASKS["eyes"], replace(TASKS["mouth"], width_px=96)], ids=["other answers", "wider"]
)
def test_training_does_not_go_on_from_another_networks_weights(task: PartTask) -> None:
    with pytest.raises(ValueError, match="train without --from"):
        load_network(READER_WEIGHTS / "mouth.safetensors", task)
