"""The way to noise and back with nothing changed: DDIM inversion against DDCM, which needs no way to noise."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

import tagdb
from benchmarks.engine.models import shipped_models
from benchmarks.fidelity.setting import Subject
from expressedit_mcp.engine import text
from expressedit_mcp.engine.denoise import Branch, Condition, make_denoiser
from expressedit_mcp.engine.methods.branches import anchored
from expressedit_mcp.engine.methods.solvers import consistency, invert
from expressedit_mcp.engine.models import ModelSet
from expressedit_mcp.engine.pixels import decode, encode
from expressedit_mcp.engine.sampling import Slots, add_noise, sample
from expressedit_mcp.engine.schedule import make_schedule, timesteps
from expressedit_mcp.imaging import Size, resize

STEPS = 12


@torch.no_grad()
def table(subjects: list[Subject]) -> list[str]:
    """Markdown: PSNR (dB) of the way back, against the source as the VAE shows it, per guidance scale."""
    models = shipped_models(torch.device("cpu"), torch.float32)
    lines = [
        "| guidance scale | DDIM inversion | DDCM | DDCM, source at 1 |",
        "| --- | --- | --- | --- |",
    ]
    for scale in (1.0, models.card.guidance_scale):
        found = [_compared(models, subject, scale) for subject in subjects]
        cells = ["exact" if np.isinf(v) else f"{v:.1f}" for v in np.mean(found, axis=0)]
        lines.append(f"| {scale:g} | {' | '.join(cells)} |")
    return lines


def _compared(models: ModelSet, subject: Subject, scale: float) -> tuple[float, float, float]:
    left, top, right, bottom = subject.neutral.part_boxes["face"]
    size = Size(models.card.native_px, models.card.native_px)
    face = subject.neutral.pixels[top:bottom, left:right].astype(np.float32) / 255
    source = encode(models, np.clip(resize(face, size), 0, 1))
    condition = _condition(models, subject.look, size)
    edit, plain = Branch(condition, scale), Branch(condition, 1.0)
    ways = (
        _there_and_back(models, source, edit),
        *(_ddcm(models, source, edit, b) for b in (edit, plain)),
    )
    wanted = decode(models, source)
    errors = [float(((decode(models, way) - wanted) ** 2).mean()) for way in ways]
    first, second, third = (-10 * np.log10(e) if e > 1e-12 else np.inf for e in errors)
    return first, second, third


def _there_and_back(models: ModelSet, source: Tensor, branch: Branch) -> Tensor:
    schedule = _schedule(models)
    denoise = make_denoiser(models.unet, [branch], None, STEPS)
    start = invert(source, schedule, denoise, models.prediction)[0]
    return sample(start, schedule, denoise, models.prediction, Slots(), draw=lambda: start)


def _ddcm(models: ModelSet, source: Tensor, edit: Branch, known: Branch) -> Tensor:
    schedule, generator = _schedule(models), torch.Generator().manual_seed(1)
    denoise = make_denoiser(models.unet, [edit, known], None, STEPS)

    def draw() -> Tensor:
        return torch.randn(source.shape, generator=generator)

    start = add_noise(source, draw(), schedule[0].alpha_bar).expand(2, -1, -1, -1)
    slots = Slots(solver=consistency(), anchor=anchored(source, 1.0))
    return sample(start, schedule, denoise, models.prediction, slots, draw=draw)


def _schedule(models: ModelSet):
    ts = timesteps(STEPS, 1.0, models.spacing, offset=models.steps_offset)
    return make_schedule(ts, models.alphas)


def _condition(models: ModelSet, prompt: str, size: Size) -> Condition:
    """A prompt's conditioning with an empty negative one, as the engine makes it."""
    pieces = tagdb.parse_prompt(prompt)
    chunks = text.needed_chunks(models.encoders, pieces)
    context, pooled = text.encode(models.encoders, pieces, chunks=chunks, device=models.device)
    empty, empty_pooled = text.encode(models.encoders, (), chunks=chunks, device=models.device)
    if models.zero_empty_prompt:
        empty, empty_pooled = torch.zeros_like(empty), torch.zeros_like(empty_pooled)
    time_ids = torch.tensor([[size.height, size.width, 0, 0, size.height, size.width]] * 2)
    return Condition(
        torch.cat([empty, context]), torch.cat([empty_pooled, pooled]), time_ids.float()
    )
