"""Small convolutional networks in NumPy: reading a picture does not wait for torch to be imported."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from threadpoolctl import ThreadpoolController

KERNEL = 3


@dataclass(frozen=True)
class Layer:
    """One 3x3 convolution with ReLU. With `residual` its input is added before the ReLU."""

    channels: int
    stride: int = 1
    residual: bool = False


@dataclass(frozen=True)
class Weights:
    """Float32 arrays by name, and what the file says of them."""

    arrays: Mapping[str, np.ndarray]
    facts: Mapping[str, Any]

    @classmethod
    def load(cls, path: Path) -> Weights:
        """The half-precision arrays of a safetensors file; facts are the JSON of its metadata."""
        with safe_open(path, framework="numpy") as file:
            arrays = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118 - no dict
            facts = json.loads((file.metadata() or {}).get("facts", "{}"))
        return cls(arrays, facts)


class Trunk:
    """The convolutions that a network begins with: `layer0`, `layer1`, … of its weights."""

    def __init__(self, layers: Sequence[Layer], weights: Weights) -> None:
        self._layers = tuple(layers)
        # kernels (out, in, 3, 3) become (9 * in, out): one matrix product per layer
        self._kernels = [
            weights.arrays[f"layer{n}.weight"].transpose(2, 3, 1, 0).reshape(-1, layer.channels)
            for n, layer in enumerate(self._layers)
        ]
        # products this small are slower on several BLAS threads than on one
        self._threads = ThreadpoolController()
        self._biases = [weights.arrays[f"layer{n}.bias"] for n in range(len(self._layers))]

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Features (h, w, C) float32 of a picture (H, W, 3) float32."""
        with self._threads.limit(limits=1):
            for layer, kernel, bias in zip(self._layers, self._kernels, self._biases, strict=True):
                out = convolve(features, kernel, layer.stride)
                out += bias
                if layer.residual:
                    out += features
                features = np.maximum(out, 0, out=out)
        return features


def convolve(features: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """The 3x3 convolution (h, w, out) of (H, W, C) with a kernel (9 * C, out), borders padded by zeros.

    h = ceil(H / stride), as torch's Conv2d(kernel_size=3, padding=1) has it.
    """
    height, width, channels = features.shape
    rows, columns = -(-height // stride), -(-width // stride)
    padded = np.zeros((height + 2, width + 2, channels), np.float32)
    padded[1:-1, 1:-1] = features
    patches = np.empty((rows, columns, KERNEL * KERNEL, channels), np.float32)
    for tap in range(KERNEL * KERNEL):
        y, x = divmod(tap, KERNEL)
        patches[:, :, tap] = padded[
            y : y + stride * (rows - 1) + 1 : stride, x : x + stride * (columns - 1) + 1 : stride
        ]
    return (patches.reshape(rows * columns, -1) @ kernel).reshape(rows, columns, -1)
