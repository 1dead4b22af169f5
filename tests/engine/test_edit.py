"""One edit on a tiny random SDXL: determinism, stop, control, shapes, refusals."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import tiny_sdxl
import torch

from expressedit_mcp.engine import EditRequest, LocalEngine, find_source
from expressedit_mcp.engine.edit import Editor, _latent_mask
from expressedit_mcp.engine.methods.method import Attention, Interval, Method, Projection, Source
from expressedit_mcp.engine.models import load_models
from expressedit_mcp.errors import Cancelled, ModelError
from expressedit_mcp.imaging import Size


def request(side: int = 64, **changes: object) -> EditRequest:
    rng = np.random.default_rng(0)
    crop = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
    selection = np.zeros((side, side), np.uint8)
    selection[side // 4 : side // 2, side // 4 : side // 2] = 255
    made = EditRequest(
        crop=crop,
        selection=selection,
        model_size=Size(64, 64),
        prompt=(("smile", 1.0),),
        negative_prompt=(),
        strength=0.7,
        steps=4,
        guidance_scale=3.0,
        control_scale=1.0,
        control_end=0.5,
        control_inside="keep",
        sampler="euler_a",
        seed=1,
    )
    return replace(made, **changes)


def run(editor: Editor, wanted: EditRequest) -> np.ndarray:
    return editor.edit(wanted, lambda *step: None, lambda: False)[0]


def test_the_same_request_gives_the_same_pixels(editor: Editor) -> None:
    assert np.array_equal(run(editor, request()), run(editor, request()))


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 2},
        {"prompt": (("closed eyes", 1.0),)},
        {"prompt": (("smile", 1.4),)},
        {"negative_prompt": (("open mouth", 1.0),)},
        {"strength": 0.4},
        {"steps": 6},
        {"guidance_scale": 5.0},
        {"control_end": 0.0},
        {"control_scale": 0.5},
        {"control_inside": "erase"},
        {"sampler": "ddim"},
        {"preserve_structure": 1.0},
        {"preserve_color": 1.0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_setting_of_a_request_changes_the_result(editor: Editor, change: dict) -> None:
    assert not np.array_equal(run(editor, request()), run(editor, request(**change)))


def test_what_is_remembered_of_a_crop_fits_another_selection_and_back(editor: Editor) -> None:
    other = np.zeros((64, 64), np.uint8)
    other[20:50, 10:40] = 255
    wanted = [
        request(control_inside=inside, selection=selection)
        for inside in ("erase", "keep", "erase")
        for selection in (request().selection, other)
    ]
    for one in wanted:
        assert np.array_equal(run(editor, one), run(Editor(editor.models), one))


def test_result_has_the_crops_size_and_stays_in_range(editor: Editor) -> None:
    rgb = run(editor, request(side=101))
    assert rgb.shape == (101, 101, 3)
    assert rgb.min() >= 0
    assert rgb.max() <= 1


def test_a_16_bit_crop_is_read_as_the_same_colours(editor: Editor) -> None:
    deep = request().crop.astype(np.uint16) * 257
    assert np.allclose(run(editor, request(crop=deep)), run(editor, request()), atol=1e-5)


def test_progress_counts_every_call_and_ends_at_the_total(editor: Editor) -> None:
    seen: list[tuple[int, int]] = []
    _, calls, controlled = editor.edit(
        request(), lambda done, total, what: seen.append((done, total)), lambda: False
    )
    assert calls == 3
    assert controlled == 3
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]


def test_preserving_works_on_the_crops_pixels_after_the_edit(editor: Editor) -> None:
    wanted = request(side=101)
    plain = run(editor, wanted)
    kept = run(editor, replace(wanted, preserve_structure=1.0, preserve_color=1.0))
    outside = wanted.selection == 0
    assert np.array_equal(kept[outside], plain[outside])
    source = wanted.crop / 255
    away, still_away = (np.abs(rgb - source)[~outside].mean() for rgb in (plain, kept))
    assert still_away < away / 3


def test_preserving_reports_its_passes_and_can_be_stopped(editor: Editor) -> None:
    seen: list[tuple[int, int]] = []
    wanted = request(preserve_structure=0.5)
    editor.edit(wanted, lambda done, total, what: seen.append((done, total)), lambda: False)
    assert seen == [(done, 13) for done in range(14)]
    seen.clear()
    with pytest.raises(Cancelled):
        editor.edit(
            wanted,
            lambda done, total, what: seen.append((done, total)),
            lambda: seen[-1:] == [(6, 13)],
        )
    assert seen[-1] == (6, 13)


def test_control_is_skipped_after_its_end(editor: Editor) -> None:
    counts = []
    for end in (0.0, 0.25, 1.0):
        wanted = request(steps=12, strength=1.0, control_end=end)
        counts.append(editor.edit(wanted, lambda *step: None, lambda: False)[1:])
    assert counts == [(12, 0), (12, 5), (12, 12)]


def test_stop_is_asked_before_every_step(editor: Editor) -> None:
    done: list[int] = []
    with pytest.raises(Cancelled):
        editor.edit(request(steps=50), lambda i, n, w: done.append(i), lambda: len(done) >= 3)
    assert done == [0, 1, 2]


def test_engine_runs_again_after_a_cancelled_edit(tiny_dir: Path) -> None:
    engine = LocalEngine(tiny_dir, "cpu")
    with pytest.raises(Cancelled):
        engine.edit(request(), lambda *step: None, lambda: True)
    assert engine.edit(request(), lambda *step: None, lambda: False).model_calls == 3
    engine.close()


@pytest.mark.parametrize(
    "scheduler",
    [
        {"prediction_type": "v_prediction", "timestep_spacing": "trailing"},
        {"timestep_spacing": "leading", "steps_offset": 1},
        {
            "prediction_type": "v_prediction",
            "timestep_spacing": "trailing",
            "rescale_betas_zero_snr": True,
        },
    ],
    ids=["v", "leading", "zero terminal SNR"],
)
def test_what_the_scheduler_config_says_is_sampled(tmp_path: Path, scheduler: dict) -> None:
    tiny_sdxl.save(tmp_path, **scheduler)
    editor = Editor(load_models(find_source(tmp_path), torch.device("cpu"), torch.float32))
    rgb = run(editor, request(strength=1.0))
    assert np.isfinite(rgb).all()
    assert editor.models.prediction == scheduler.get("prediction_type", "epsilon")


def test_a_model_without_a_controlnet_edits(tiny_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_dir, folder, ignore=shutil.ignore_patterns("controlnet"))
    result = LocalEngine(folder, "cpu").edit(request(), lambda *s: None, lambda: False)
    assert result.controlled_calls == 0


@pytest.mark.parametrize("part", ["unet", "text_encoder_2", "tokenizer", "scheduler"])
def test_a_missing_part_is_named(tiny_dir: Path, tmp_path: Path, part: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_dir, folder, ignore=shutil.ignore_patterns(part))
    with pytest.raises(ModelError, match=part):
        load_models(find_source(folder), torch.device("cpu"), torch.float32)


def test_a_pickle_is_not_loaded(tiny_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_dir, folder)
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(ModelError, match="unet"):
        load_models(find_source(folder), torch.device("cpu"), torch.float32)


def test_an_unknown_prediction_type_is_refused(tiny_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_dir, folder)
    path = folder / "scheduler" / "scheduler_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**config, "prediction_type": "sample"}), encoding="utf-8")
    with pytest.raises(ModelError, match="'sample'"):
        load_models(find_source(folder), torch.device("cpu"), torch.float32)


def test_without_a_card_sdxls_defaults_hold(card_file: Path) -> None:
    card_file.unlink()
    card = find_source(card_file.parent).card
    assert (card.native_px, card.strength, card.control_inside) == (1024, 0.7, "keep")


@pytest.mark.parametrize(
    "text", ['{"name": "x", "strenght": 1}', '{"name": "x", "strength": 7}', "{", "[]"]
)
def test_a_bad_card_is_refused_by_name(card_file: Path, text: str) -> None:
    card_file.write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"card\.json"):
        find_source(card_file.parent)


def test_a_folder_that_is_no_model_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="EXPRESSEDIT_MODEL"):
        find_source(tmp_path)


class IdentityVae(torch.nn.Module):
    """Loses nothing: an 8 x 8 block of pixels becomes the channels of one latent."""

    config = SimpleNamespace(scaling_factor=0.13025)

    def encode(self, pixels: torch.Tensor) -> SimpleNamespace:
        latents = torch.nn.functional.pixel_unshuffle(pixels, 8)
        return SimpleNamespace(latent_dist=SimpleNamespace(mode=lambda: latents))

    def decode(self, latents: torch.Tensor, return_dict: bool) -> tuple[torch.Tensor]:
        return (torch.nn.functional.pixel_shuffle(latents, 8),)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("crop", "model"),
    [
        ((64, 64), (64, 64)),
        ((61, 61), (64, 64)),
        ((37, 37), (64, 64)),
        ((50, 29), (128, 96)),
        ((63, 48), (128, 96)),
    ],
)
def test_an_identity_model_and_no_steps_return_the_crop(
    editor: Editor, crop: tuple[int, int], model: tuple[int, int], dtype: type
) -> None:
    width, height = crop
    y, x = np.mgrid[0:height, 0:width] / 12
    waves = [np.sin(x + 1) * np.cos(y), np.cos(x - y / 2), np.sin(x / 2) * np.sin(y + 2)]
    top = np.iinfo(dtype).max
    pixels = np.rint((0.5 + 0.4 * np.stack(waves, axis=2)) * top).astype(dtype)
    selection = np.zeros((height, width), np.uint8)
    selection[height // 4 : -height // 4, width // 5 : -width // 3] = 255
    wanted = request(crop=pixels, selection=selection, model_size=Size(*model), strength=0.0)
    identity = Editor(replace(editor.models, vae=IdentityVae()))
    rgb = run(identity, wanted)
    assert np.abs(rgb - pixels / top).max() * 255 < 1


@pytest.mark.parametrize("stride", [4, 8])
@pytest.mark.parametrize(
    "box", [(16, 24, 40, 48), (17, 25, 39, 45), (0, 0, 9, 64), (63, 63, 64, 64), (0, 0, 64, 64)]
)
def test_denoising_reaches_about_one_latent_beyond_the_selection(stride: int, box: tuple) -> None:
    left, top, right, bottom = box
    selected = np.zeros((64, 64), np.float32)
    selected[top:bottom, left:right] = 0.01
    mask = _latent_mask(selected, stride, torch.zeros(1))[0, 0].numpy() > 0
    assert mask.shape == (64 // stride, 64 // stride)
    free = np.kron(mask, np.ones((stride, stride), bool))
    distance = cv2.distanceTransform((selected == 0).astype(np.uint8), cv2.DIST_C, 3)
    assert free[distance <= stride // 2].all()
    assert distance[free].max() < 1.5 * stride + 1


def test_a_page_shape_is_edited_at_its_bucket(editor: Editor) -> None:
    rng = np.random.default_rng(0)
    selection = np.zeros((57, 38), np.uint8)
    selection[10:40, 5:30] = 255
    page = request(
        crop=rng.integers(0, 256, (57, 38, 3), dtype=np.uint8),
        selection=selection,
        model_size=Size(64, 96),
    )
    assert run(editor, page).shape == (57, 38, 3)


LAST = Interval(start=0.6)
DDCM = Method(solver="consistency", source=Source(prompt=(("smile", 1.0),)))


def test_ddcm_with_the_sources_own_prompt_gives_the_source_back(editor: Editor) -> None:
    same = request(guidance_scale=1.0, method=DDCM)
    back = run(editor, same)
    untouched = run(editor, request(strength=0.0))
    assert np.abs(back - untouched).max() < 1 / 255
    other = run(editor, replace(same, prompt=(("closed eyes", 1.0),)))
    assert np.abs(other - untouched).max() > 1 / 255


@pytest.mark.parametrize("solver", ["card", "consistency", "anchored"])
def test_every_solver_edits_the_selection_alone(editor: Editor, solver: str) -> None:
    method = Method(solver=solver, source=Source(prompt=(("open mouth", 1.0),)))  # pyright: ignore
    first, again = (run(editor, request(method=method)) for _ in range(2))
    assert np.array_equal(first, again) and np.isfinite(first).all()
    assert not np.array_equal(first, run(editor, request()))


def test_a_source_branch_that_is_not_asked_leaves_the_edit_as_it_is(editor: Editor) -> None:
    idle = Method(source=Source(anchor=0.0, anchor_inside=0.0))
    alone, beside = run(editor, request()), run(editor, request(method=idle))
    assert np.abs(alone - beside).max() < 1e-4


@pytest.mark.parametrize(
    "change",
    [
        {"attention": Attention(self_until=0.8)},
        {"attention": Attention(cross_until=0.8)},
        {"attention": Attention(weights=(("closed", 3.0),))},
        {"projection": Projection(structure=1.0, when=LAST)},
        {"projection": Projection(color=1.0, when=LAST)},
    ],
)
def test_every_part_of_a_method_changes_the_result(editor: Editor, change: dict) -> None:
    asked = request(prompt=(("girl, closed eyes", 1.0),), method=DDCM)
    more = replace(asked, method=DDCM.model_copy(update=change))
    assert not np.array_equal(run(editor, asked), run(editor, more))


def test_parts_of_a_method_that_ask_for_nothing_change_no_bit(editor: Editor) -> None:
    idle = Method(
        attention=Attention(mode="replace"), projection=Projection(when=Interval(start=0.1))
    )
    assert np.array_equal(run(editor, request(method=idle)), run(editor, request()))


def test_ddcm_with_attention_and_equal_prompts_gives_the_source_back(editor: Editor) -> None:
    held = DDCM.model_copy(update={"attention": Attention(self_until=1.0, cross_until=1.0)})
    back = run(editor, request(guidance_scale=1.0, method=held))
    assert np.abs(back - run(editor, request(strength=0.0))).max() < 1 / 255


def test_a_solver_that_needs_a_source_says_so() -> None:
    with pytest.raises(ValueError, match="needs a source branch"):
        Method(solver="consistency")
