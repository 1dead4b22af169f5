"""The NumPy networks against torch."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from expressedit_mcp.preview.network import Layer, Trunk, Weights, convolve
from expressedit_mcp.preview.reader import FaceReader, Vocabulary
from expressedit_mcp.preview.train.reader import ReaderNet
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
        expected = trained(to_input(pixels[None]))[0].permute(1, 2, 0).numpy()
    found = Trunk(layers, Weights(arrays, {}))(pixels.astype(np.float32) / 127.5 - 1)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_what_training_exports_reads_the_same(tmp_path: Path) -> None:
    torch.manual_seed(2)
    vocabulary = Vocabulary(4, {"mouth": ("open", "shut")}, ("tears",), ("happy",), ("hat",))
    net = ReaderNet(vocabulary).eval()
    path = tmp_path / "reader.safetensors"
    export(net.arrays(), asdict(vocabulary), path)
    reader = FaceReader(path)
    assert reader.vocabulary.slices == vocabulary.slices
    pixels = np.random.default_rng(2).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    with torch.no_grad():
        expected = net(to_input(pixels[None]))[0].numpy()
    # weights are stored in half precision
    np.testing.assert_allclose(reader.answers_to(pixels), expected, atol=0.02)
