"""Seconds of one warm edit of a 256 px drawing on the shipped model, beside the stock pipeline.

Baseline: diffusers' StableDiffusionXLControlNetInpaintPipeline on the same modules, crop, mask,
hint and number of denoising steps. Run: python -m benchmarks.edit
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from diffusers.pipelines.controlnet.pipeline_controlnet_inpaint_sd_xl import (
    StableDiffusionXLControlNetInpaintPipeline,
)
from PIL import Image

from benchmarks.machine import describe, spread
from expressedit_mcp.imaging import (
    Patch,
    Picture,
    Size,
    apply_patch,
    box_selection,
    canny_hint,
    extract,
    feather,
    outside_unchanged,
    plan_crop,
    resize,
)
from expressedit_mcp.preview import CHARACTERS, draw_character, expression_from_tags
from expressedit_mcp.regions import BoxRegion
from expressedit_mcp.settings import SHIPPED_MODEL, Settings
from expressedit_mcp.studio import EditCommand, Studio

RUNS = 20


def main() -> None:
    drawing = draw_character(CHARACTERS["Toma"], expression_from_tags([]), size_px=256)
    rows: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        studio = Studio.open(Settings(home=home, roots=(home,), model=SHIPPED_MODEL, device="cpu"))
        parent = studio.images.add(Picture(drawing.pixels.copy()), "drawn")
        command = EditCommand(
            parent.image_id,
            BoxRegion(box=list(drawing.part_boxes["eyes"])),
            tags=("closed eyes",),
            context=drawing.crop_box,
        )
        started = time.perf_counter()
        first = studio.edit(command)[0].version
        rows["ours, first edit: the model is loaded, torch and diffusers are imported"] = [
            time.perf_counter() - started
        ]
        calls = first.facts["model_calls"]
        stock = _stock(drawing.pixels, drawing.part_boxes["eyes"], drawing.crop_box, calls)
        stock(0)
        for run in range(RUNS):
            started = time.perf_counter()
            studio.edit(
                EditCommand(
                    parent.image_id,
                    command.region,
                    tags=command.tags,
                    context=command.context,
                    seed=run,
                )
            )
            rows.setdefault(f"ours, whole edit, {calls} calls", []).append(
                time.perf_counter() - started
            )
            started = time.perf_counter()
            stock(run)
            rows.setdefault(f"stock pipeline, model part only, {calls} calls", []).append(
                time.perf_counter() - started
            )
        studio.close()
    for _ in range(RUNS):
        rows.setdefault("around the model, 512 px selection in 1664 x 2432", []).append(_around())
    print(describe("torch", "diffusers", "opencv-python-headless"))
    print(f"{torch.get_num_threads()} threads, median (min-max), seconds")
    for name, values in rows.items():
        print(f"| {name} | {spread(values, 3)} |")


def _stock(pixels: np.ndarray, box: tuple, face: tuple, calls: int):
    """The stock pipeline's edit as a function of the seed."""
    pipe = StableDiffusionXLControlNetInpaintPipeline.from_pretrained(
        SHIPPED_MODEL, dtype=torch.float32, local_files_only=True, add_watermarker=False
    )
    pipe.set_progress_bar_config(disable=True)
    left, top, right, bottom = face
    crop = Image.fromarray(pixels[top:bottom, left:right]).resize((96, 96))
    mask = np.zeros(pixels.shape[:2], np.uint8)
    mask[box[1] : box[3], box[0] : box[2]] = 255
    small = Image.fromarray(mask[top:bottom, left:right]).resize((96, 96))
    hint = canny_hint(np.asarray(crop, np.float32) / 255, 70, 160, np.asarray(small))

    def edit(seed: int) -> None:
        pipe(
            prompt="closed eyes",
            negative_prompt="",
            image=crop,
            mask_image=small,
            control_image=Image.fromarray((hint * 255).astype(np.uint8)),
            height=96,
            width=96,
            num_inference_steps=calls,
            strength=1.0,
            guidance_scale=2.5,
            generator=torch.Generator().manual_seed(seed),
        )

    return edit


def _around() -> float:
    """Seconds of everything but the model and the files: plan, crop, resize, Canny, composite, compare."""
    picture = _LARGE
    started = time.perf_counter()
    selection = feather(box_selection([500, 900, 1012, 1412], picture.size), 20)
    plan = plan_crop(picture.size, selection.box, native_px=1024, margin=0.25)
    crop = resize(extract(picture.pixels, plan.box).astype(np.float32) / 255, Size(1024, 1024))
    canny_hint(np.clip(crop, 0, 1), 100, 200)
    generated = np.clip(resize(1 - crop, plan.box.size), 0, 1)
    patch = Patch.of(generated, plan.box, selection, picture)
    after = apply_patch(picture, patch)
    assert outside_unchanged(picture, after, patch)
    return time.perf_counter() - started


_LARGE = Picture(np.random.default_rng(0).integers(0, 256, (2432, 1664, 3), dtype=np.uint8))

if __name__ == "__main__":
    main()
