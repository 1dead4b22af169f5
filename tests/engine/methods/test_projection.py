"""The x0 projection on the shipped model's VAE: what it holds, when it runs, and that it is off by default."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from expressedit_mcp.engine import find_source
from expressedit_mcp.engine.methods.method import Interval, Projection
from expressedit_mcp.engine.methods.structure import projections
from expressedit_mcp.engine.models import ModelSet, load_models
from expressedit_mcp.engine.pixels import decode, encode
from expressedit_mcp.engine.schedule import Step
from expressedit_mcp.imaging.structure import structure_loss
from expressedit_mcp.preview import Character, Expression, draw_character
from expressedit_mcp.settings import SHIPPED_MODEL

STEP = Step(100.0, 0.9, 0.95)
SIDE = 96


@pytest.fixture(scope="module")
def models() -> ModelSet:
    return load_models(find_source(SHIPPED_MODEL), torch.device("cpu"), torch.float32)


@pytest.fixture(scope="module")
def face() -> np.ndarray:
    """An eye of a drawn character, (96, 96, 3) float32."""
    drawn = draw_character(Character(), Expression(), size_px=256)
    left, top, _, _ = drawn.part_boxes["eyes"]
    return drawn.pixels[top : top + SIDE, left : left + SIDE].astype(np.float32) / 255


def projected(
    models: ModelSet, source: np.ndarray, edited: np.ndarray, selected: np.ndarray, **wanted: float
) -> np.ndarray:
    """The edited picture after a projection, as the VAE shows it."""
    (hook,) = projections(
        Projection(**wanted, when=Interval()), models, encode(models, source), selected, 4
    )
    with torch.no_grad():
        return decode(models, hook(encode(models, edited), STEP, 0))


def everywhere() -> np.ndarray:
    return np.ones((SIDE, SIDE), np.float32)


def test_nothing_asked_for_is_no_hook(models: ModelSet) -> None:
    assert projections(Projection(), models, torch.zeros(1, 4, 12, 12), everywhere(), 4) == ()


def test_it_runs_in_its_steps_alone(models: ModelSet, face: np.ndarray) -> None:
    with torch.no_grad():
        source = encode(models, face)
        x0 = encode(models, np.ascontiguousarray(face[::-1]))
        (hook,) = projections(Projection(structure=1.0), models, source, everywhere(), 15)
        changed = [hook(x0, STEP, index) is not x0 for index in range(15)]
    assert changed == [False] * 12 + [True] * 3


def test_a_source_that_did_not_change_stays_as_it_is(models: ModelSet, face: np.ndarray) -> None:
    with torch.no_grad():
        source = encode(models, face)
        (hook,) = projections(
            Projection(structure=1.0, color=1.0, when=Interval()), models, source, everywhere(), 4
        )
        assert (hook(source, STEP, 0) - source).abs().max() < 1e-4


def test_lines_go_back_and_another_colour_stays(models: ModelSet, face: np.ndarray) -> None:
    moved = np.roll(face, 2, axis=0) * np.array([1.0, 0.85, 0.8], np.float32)
    with torch.no_grad():
        source, before = (decode(models, encode(models, p)) for p in (face, moved))
    after = projected(models, face, moved, everywhere(), structure=1.0)
    losses = [structure_loss(source.mean(2), p.mean(2)) for p in (before, after)]
    assert losses[1] < losses[0] / 4
    tint = [(p - p.mean(2, keepdims=True)).mean((0, 1)) for p in (source, before, after)]
    assert np.abs(tint[2] - tint[1]).max() < np.abs(tint[0] - tint[1]).max() / 3


def test_colours_go_back_and_lines_stay(models: ModelSet, face: np.ndarray) -> None:
    tinted = face * np.array([1.0, 0.8, 0.7], np.float32)
    with torch.no_grad():
        source, before = (decode(models, encode(models, p)) for p in (face, tinted))
    after = projected(models, face, tinted, everywhere(), color=1.0)
    chroma = [p - p.mean(2, keepdims=True) for p in (source, before, after)]
    away, still_away = (np.abs(p - chroma[0]).mean() for p in chroma[1:])
    # a decoder is not linear, so that a large difference takes a few steps
    assert still_away < away * 0.6


def test_what_is_not_selected_is_left_to_the_edit(models: ModelSet, face: np.ndarray) -> None:
    moved = cv2.GaussianBlur(face, (0, 0), 2)
    selected = everywhere()
    selected[:, : SIDE // 2] = 0
    after = projected(models, face, moved, selected, structure=1.0)
    with torch.no_grad():
        untouched = decode(models, encode(models, moved))
    far = np.s_[:, : SIDE // 4]
    assert np.abs(after - untouched)[far].mean() < 0.02
    assert np.abs(after - untouched)[:, SIDE // 2 :].mean() > 0.02


def test_a_half_precision_model_keeps_its_dtype(models: ModelSet, face: np.ndarray) -> None:
    from dataclasses import replace

    half = replace(models, dtype=torch.bfloat16)
    source: Tensor = encode(half, face)
    (hook,) = projections(Projection(structure=1.0, when=Interval()), half, source, everywhere(), 1)
    with torch.no_grad():
        assert hook(source, STEP, 0).dtype == torch.bfloat16
