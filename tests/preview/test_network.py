"""The NumPy networks against torch."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from expressedit_mcp.imaging import Box
from expressedit_mcp.preview.network import Layer, Trunk, Weights, convolve
from expressedit_mcp.preview.part_network import PartNetwork, PartTask
from expressedit_mcp.preview.train.reader import PartNet
from expressedit_mcp.preview.train.reader_fitting import export, to_input, trunk, trunk_arrays


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 12), (8, 5)])
@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_is_torchs(height: int, width: int, stride: int) -> None:
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(3, 4, 3, stride, 1, bias=False)
    picture = np.random.default_rng(0).normal(size=(height, width, 3)).astype(np.float32)
    kernel = layer.weight.detach().numpy().transpose(2, 3, 1, 0).reshape(-1, 4)
    expected = layer(torch.from_numpy(picture).permute(2, 0, 1)[None])[0].permute(1, 2, 0)
    np.testing.assert_allclose(
        convolve(picture, kernel, stride), expected.detach().numpy(), atol=1e-5
    )


def test_trunk_is_the_trained_one() -> None:
    torch.manual_seed(1)
    layers = (Layer(6, stride=2), Layer(6, residual=True), Layer(8, stride=2))
    trained = trunk(layers)
    arrays = {name: value.detach().numpy() for name, value in trunk_arrays(trained).items()}
    pixels = np.random.default_rng(1).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    with torch.no_grad():
        expected = trained(to_input(torch.from_numpy(pixels)[None]))[0].permute(1, 2, 0).numpy()
    found = Trunk(layers, Weights(arrays, {}))(pixels.astype(np.float32) / 127.5 - 1)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_what_training_exports_reads_the_same(tmp_path: Path) -> None:
    torch.manual_seed(2)
    task = PartTask(72, 40, 1.1, {"points": (3, 2), "irises": (2, 4)}, {"mouth": ("open", "shut")})
    net = PartNet(task).eval()
    path = tmp_path / "mouth.safetensors"
    export(net.arrays(), asdict(task), path)
    network = PartNetwork(path)
    assert network.task.slices == task.slices
    pixels = np.random.default_rng(2).integers(0, 256, (40, 72, 3), dtype=np.uint8)
    with torch.no_grad():
        expected = net(to_input(torch.from_numpy(pixels)[None]))[0].numpy()
    # weights are stored in half precision
    np.testing.assert_allclose(network.answers_to(pixels), expected, atol=0.02)


def test_answers_are_told_in_pixels_of_the_picture(tmp_path: Path) -> None:
    task = PartTask(
        64,
        32,
        1.25,
        {"points": (1, 2), "irises": (1, 4)},
        {"there": ("mouth",), "kind": ("a", "b")},
    )
    net = PartNet(task)
    with torch.no_grad():
        for side, values in (("places", [1, -0.5, 0.5, 0.25, 0.125, 1]), ("names", [0, 1, 1])):
            net.sides[side]["out"].weight.zero_()  # type: ignore[index]
            net.sides[side]["out"].bias.copy_(torch.tensor(values))  # type: ignore[index]
    export(net.arrays(), asdict(task), tmp_path / "part.safetensors")
    picture = np.zeros((300, 300, 3), np.uint8)
    answers = PartNetwork(tmp_path / "part.safetensors").read(picture, Box(60, 90, 140, 110))
    assert task.frame_about(Box(60, 90, 140, 110)) == Box(50, 75, 150, 125)
    np.testing.assert_allclose(answers.places["points"], [[150, 75]], atol=0.1)
    np.testing.assert_allclose(answers.places["irises"], [[125, 112.5, 6.25, 50]], atol=0.1)
    assert answers.each("there") == {"mouth": 0.5}
    assert answers.one_of("kind") == {"a": 0.5, "b": 0.5}
