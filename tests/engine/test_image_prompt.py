"""Image prompts on a tiny random SDXL: diffusers' own computation, inside the mask alone, beside every method."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ip_adapters
import numpy as np
import pytest
import tiny_sdxl
import torch
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import (
    StableDiffusionXLPipeline,
)
from PIL import Image
from test_edit import request, run
from torch import Tensor
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from expressedit_mcp.engine import EditRequest, find_source, wire
from expressedit_mcp.engine.denoise import Layout
from expressedit_mcp.engine.edit import Editor
from expressedit_mcp.engine.image_prompt import image_attention, image_keys, image_tokens
from expressedit_mcp.engine.learning.file import LearnedCard, as_learned, encode_file
from expressedit_mcp.engine.learning.request import LearnSettings
from expressedit_mcp.engine.learning.weights import TokenWeights
from expressedit_mcp.engine.memory import PLANS, footprint, footprint_of_files, placed
from expressedit_mcp.engine.methods.attention import AttentionControl, Place, installed
from expressedit_mcp.engine.methods.filling import Filling, Setting, fill
from expressedit_mcp.engine.methods.method import (
    Attention,
    Guidance,
    ImagePrompt,
    Interval,
    Learned,
    Memory,
    Method,
    Projection,
    RegionalNoise,
    Source,
    Travel,
)
from expressedit_mcp.engine.methods.profiles import PRESETS, guided_method
from expressedit_mcp.engine.models import ModelSet, load_models
from expressedit_mcp.errors import InputError

CPU = torch.device("cpu")
LAYOUT = Layout((1, 2), (0, None))
SOURCE = Source(prompt=(("smile", 1.0),), anchor_inside=0)
DRAG = Guidance(task="drag", points=(((20, 20), (26, 24)),), blocks=(0,))
PICTURE = np.random.default_rng(3).integers(0, 256, (40, 60, 3), dtype=np.uint8)


@pytest.fixture(scope="session", params=["plain", "plus"])
def folder(
    request: pytest.FixtureRequest, tiny_dir: Path, editor: Editor, tmp_path_factory: Any
) -> Path:
    """The tiny model with an IP-Adapter of each kind."""
    made = tmp_path_factory.mktemp(request.param)
    unet = editor.models.unet
    return ip_adapters.save_set(made, tiny_dir, unet, request.param, **tiny_sdxl.CARD)


@pytest.fixture(scope="session")
def adapted(folder: Path) -> Editor:
    return Editor(load_models(find_source(folder), CPU, torch.float32))


def rgb(seed: int = 0) -> np.ndarray:
    side = ip_adapters.SIDE_PX
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)


def half() -> Tensor:
    """A mask of the latents' size, 8 x 8, the left half of it."""
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., :4] = 1
    return mask


def addition(models: ModelSet, mask: Tensor, scale: float = 1.0, **plan: Any):
    assert models.adapter is not None
    keys = image_keys(models.adapter, rgb().astype(np.float32) / 255, CPU, torch.float32)
    return image_attention(ImagePrompt(scale=scale, **plan), keys, mask, 4)


def call(unet: Any, control: AttentionControl, **extra: Any) -> Tensor:
    """A UNet call of the edit's two rows and a source's."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    z, context, pooled = draw(3, 4, 8, 8), draw(3, 7, 48), draw(3, 32)
    added = {"text_embeds": pooled, "time_ids": torch.ones(3, 6), **extra.pop("added", {})}
    control.on_call(LAYOUT, 0)
    with torch.no_grad(), installed(unet, control):
        return unet(
            z,
            torch.tensor(500.0),
            encoder_hidden_states=context,
            added_cond_kwargs=added,
            return_dict=False,
            **extra,
        )[0]


@pytest.mark.parametrize("masked", [False, True])
def test_it_is_what_diffusers_computes(adapted: Editor, folder: Path, masked: bool) -> None:
    models = adapted.models
    assert models.adapter is not None
    theirs = copy.deepcopy(models.unet)
    stored = _state(folder)
    theirs._load_ip_adapter_weights([stored])
    for processor in theirs.attn_processors.values():
        if hasattr(processor, "scale"):
            processor.scale = [0.7]
    pipeline: Any = SimpleNamespace(
        image_encoder=models.adapter.encoder,
        feature_extractor=CLIPImageProcessorPil(
            size=ip_adapters.SIDE_PX, crop_size=ip_adapters.SIDE_PX
        ),
    )
    with torch.no_grad():
        seen, none = StableDiffusionXLPipeline.encode_image(
            pipeline, Image.fromarray(rgb()), CPU, 1, "latents" in stored["image_proj"]
        )
        tokens = image_tokens(models.adapter, rgb().astype(np.float32) / 255)
        (wanted,) = theirs.encoder_hid_proj([torch.cat([none, seen])[:, None]])
    assert (tokens - wanted[:, 0]).abs().max() < 1e-5

    # the mask of the layers' own size, 4 x 4, which theirs does not resample
    mask = half()[..., ::2, ::2] if masked else torch.ones(1, 1, 4, 4)
    ours = call(models.unet, AttentionControl(added=(addition(models, mask, 0.7),)))
    stock = call(
        theirs,
        AttentionControl(),
        added={"image_embeds": [torch.cat([none, seen, seen])[:, None]]},
        cross_attention_kwargs={"ip_adapter_masks": [mask]},
    )
    plain = call(models.unet, AttentionControl())
    assert (ours[:2] - stock[:2]).abs().max() < 1e-4 < (ours[:2] - plain[:2]).abs().max()
    assert torch.equal(ours[2], plain[2])


def _state(folder: Path) -> dict[str, dict[str, Tensor]]:
    from safetensors.torch import load_file

    state: dict[str, dict[str, Tensor]] = {"image_proj": {}, "ip_adapter": {}}
    for name, tensor in load_file(folder / "ip-adapter.safetensors").items():
        part, _, rest = name.partition(".")
        state[part][rest] = tensor
    return state


def test_pixels_are_normalised_as_clips_are() -> None:
    from expressedit_mcp.engine.image_prompt import clip_pixels

    side = ip_adapters.SIDE_PX
    processor = CLIPImageProcessorPil(size=side, crop_size=side)
    wanted = processor(Image.fromarray(rgb()), return_tensors="pt").pixel_values
    assert (clip_pixels(rgb().astype(np.float32) / 255) - wanted).abs().max() < 1e-5


@pytest.mark.parametrize("guided", [True, False])
def test_the_rows_of_the_edit_get_the_picture_and_no_picture(guided: bool) -> None:
    keys = {"mid": (torch.zeros(2, 3, 8), torch.tensor([[[1.0] * 8] * 3, [[2.0] * 8] * 3]))}
    layout = LAYOUT if guided else Layout((0, 1), (None, None))
    add = image_attention(ImagePrompt(scale=0.5), keys, torch.ones(1, 1, 2, 2), 4)
    more = add(Place("mid", "mid", True, layout, 0), torch.zeros(2 + guided, 2, 4, 4))
    assert more is not None
    wanted = [0.5, 1.0, 0.0] if guided else [1.0, 0.0]
    assert more.flatten(1).unique(dim=1).flatten().tolist() == wanted
    assert add(Place("mid", "mid", False, layout, 0), more) is None


@pytest.mark.parametrize("step", range(4))
def test_it_acts_in_the_steps_of_its_plan_alone(adapted: Editor, step: int) -> None:
    add = addition(adapted.models, half(), steps=Interval(start=0.25, end=0.75))
    assert adapted.models.adapter is not None
    name = next(iter(adapted.models.adapter.layers))
    found = add(Place(name, "up", True, LAYOUT, step), torch.randn(3, 4, 16, 8))
    assert (found is not None) == (step in (1, 2))


def layer_outputs(unet: Any, control: AttentionControl) -> dict[str, Tensor]:
    """The output of every attention layer for one input (3, 16, C), a grid of 4 x 4."""
    outputs = {}
    control.on_call(LAYOUT, 0)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad(), installed(unet, control):
        for processor in unet.attn_processors:
            name = processor.removesuffix(".processor")
            layer = unet.get_submodule(name)
            hidden = torch.randn(3, 16, layer.to_q.in_features, generator=generator)
            context = torch.randn(3, 77, 48, generator=generator) if "attn2" in name else None
            outputs[name] = layer(hidden, encoder_hidden_states=context)
    return outputs


def test_a_query_outside_the_mask_keeps_every_bit(adapted: Editor) -> None:
    unet = adapted.models.unet
    control = AttentionControl(added=(addition(adapted.models, half()),))
    found, none = layer_outputs(unet, control), layer_outputs(unet, AttentionControl())
    assert sum("attn2" in name for name in found) == 4
    for name in found:
        ours, plain = (outputs[name].unflatten(1, (4, 4)) for outputs in (found, none))
        assert torch.equal(ours[:, :, 2:], plain[:, :, 2:])
        assert torch.equal(ours[2], plain[2])
        changed = (ours[:2, :, :2] != plain[:2, :, :2]).float().mean()
        assert changed > 0.9 if "attn2" in name else changed == 0


def test_a_scale_of_zero_is_no_adapter(adapted: Editor, editor: Editor) -> None:
    unet = adapted.models.unet
    silent = AttentionControl(added=(addition(adapted.models, half(), 0.0),))
    assert torch.equal(call(unet, silent), call(unet, AttentionControl()))
    zero = Method(image=ImagePrompt(scale=0))
    assert np.array_equal(run(adapted, prompted(zero)), run(editor, request()))
    assert np.array_equal(run(adapted, request()), run(editor, request()))


def prompted(method: Method, **changes: Any) -> EditRequest:
    return request(method=method, **{"image_prompt": PICTURE, **changes})


def learned(editor: Editor) -> Learned:
    """A learned token with weights far from where learning starts."""
    settings = LearnSettings(rank=2)
    models = editor.models
    weights = TokenWeights.start(models.encoders, models.unet, "girl", settings, 0)
    generator = torch.Generator().manual_seed(1)
    tensors = {
        name: (tensor + 0.3 * torch.randn(tensor.shape, generator=generator)).detach().numpy()
        for name, tensor in weights.tensors.items()
    }
    card = LearnedCard(
        name="mirelle",
        kind="character",
        class_word="girl",
        base="tiny",
        base_name="tiny",
        pictures=(),
        seed=0,
        settings=settings,
        metrics={},
    )
    return as_learned(encode_file(card, tensors), 1.0)


METHODS = {
    "prompt-to-prompt": Method(
        solver="consistency", source=SOURCE, attention=Attention(self_until=0.5, cross_until=0.7)
    ),
    "replaced words": Method(source=SOURCE, attention=Attention(cross_until=1, mode="replace")),
    "weighed words": Method(attention=Attention(weights=(("smile", 3.0),))),
    "known tokens": Method(solver="anchored", source=SOURCE, memory=Memory(steps=Interval())),
    "guidance": Method(solver="anchored", source=SOURCE, guidance=DRAG, noise=RegionalNoise()),
    "inversion": Method(
        solver="inverted",
        source=SOURCE,
        guidance=DRAG,
        memory=Memory(kind="replace"),
        recurrence=Travel(repeats=2, steps=Interval()),
    ),
    "structure": Method(projection=Projection(structure=1, when=Interval(start=0.5))),
    "learned token": Method(),
}


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest, editor: Editor) -> Method:
    found = METHODS[request.param]
    if request.param == "learned token":
        return found.model_copy(update={"learned": (learned(editor),)})
    return found


def with_image(method: Method, scale: float = 0.7) -> Method:
    return method.model_copy(update={"image": ImagePrompt(scale=scale)})


@contextmanager
def watched(editor: Editor) -> Iterator[list[tuple[Setting, Filling]]]:
    """Inside, every edit of the editor leaves what its slots were filled from and with."""
    seen: list[tuple[Setting, Filling]] = []

    def watching(setting: Setting) -> Filling:
        seen.append((setting, fill(setting)))
        return seen[-1][1]

    before, editor._fill = editor._fill, watching
    try:
        yield seen
    finally:
        editor._fill = before


def test_it_adds_to_every_other_method_what_it_adds_to_none(
    adapted: Editor, editor: Editor, method: Method
) -> None:
    with watched(adapted) as seen:
        with_it = run(adapted, prompted(with_image(method)))
        without = run(adapted, request(method=method))
    assert np.isfinite(with_it).all() and not np.array_equal(with_it, without)
    assert np.array_equal(without, run(editor, request(method=method)))
    assert np.array_equal(run(adapted, prompted(with_image(method, 0))), without)

    (setting, ours), (plain_setting, plain) = seen
    # neither the inversion nor the features that guidance compares know of it
    for a, b in zip(setting.path or (), plain_setting.path or (), strict=True):
        assert torch.equal(a, b)
    if plain.slots.guidance is not None and ours.slots.guidance is not None:
        z = torch.cat([setting.source, setting.known]) + 0.1
        step = setting.schedule[0]
        pull = ours.slots.guidance(z, z[:1], step, 0)
        assert pull is not None
        wanted = plain.slots.guidance(z, z[:1], step, 0)
        assert wanted is not None and torch.equal(pull, wanted)

    unet = adapted.models.unet
    alone = AttentionControl(added=ours.attention.added)
    controls = ours.attention, plain.attention, alone, AttentionControl()
    both, other, image, none = (layer_outputs(unet, control) for control in controls)
    for name in none:
        assert torch.allclose(both[name] - other[name], image[name] - none[name], atol=1e-4), name


def test_another_picture_gives_another_edit_and_the_same_the_same(adapted: Editor) -> None:
    wanted = prompted(Method(image=ImagePrompt(scale=1)))
    first = run(adapted, wanted)
    assert np.array_equal(run(adapted, wanted), first)
    other = replace(wanted, image_prompt=255 - PICTURE)
    assert not np.array_equal(run(adapted, other), first)
    deep = replace(wanted, image_prompt=PICTURE.astype(np.uint16) * 257)
    assert np.allclose(run(adapted, deep), first, atol=1e-4)


def test_it_runs_in_half_precision_beside_the_device_and_on_the_cpu_alone(folder: Path) -> None:
    half_set = load_models(find_source(folder), CPU, torch.bfloat16)
    wanted = prompted(Method(image=ImagePrompt(scale=1)), control_scale=0.0)
    for plan in (PLANS[1], PLANS[-1]):
        editor = Editor(placed(half_set, plan, CPU))
        found, without = run(editor, wanted), run(editor, replace(wanted, method=Method()))
        assert np.isfinite(found).all() and not np.array_equal(found, without)


@pytest.mark.parametrize("profile", ["fast", "paper"])
@pytest.mark.parametrize("task", PRESETS["fast"])
def test_profiles_ask_for_it_where_there_is_an_adapter(profile: Any, task: Any) -> None:
    points: dict[str, Any] = {"points": DRAG.points}
    assert guided_method(profile, (), task, **points).image is None
    found = guided_method(profile, (), task, ip_adapter=True, **points).image
    if profile == "paper":
        assert found is not None and found.scale == (0.05 if task == "landmark" else 0.1)
        assert [i for i in range(50) if found.steps.on(i, 50)] == list(range(10, 20))
    else:
        assert found == (ImagePrompt(scale=0.3) if task in ("appearance", "paste") else None)


def test_a_model_without_an_adapter_says_what_to_add(editor: Editor, adapted: Editor) -> None:
    with pytest.raises(InputError, match="--ip-adapter FILE --image-encoder FOLDER"):
        run(editor, prompted(with_image(Method())))
    with pytest.raises(InputError, match="image_prompt"):
        run(adapted, request(method=with_image(Method())))


def test_it_crosses_a_process() -> None:
    sent = prompted(with_image(Method()))
    got, _, _ = wire.read_request(wire.frames([wire.request_frames(sent, False)]))
    assert got.method == sent.method and got.image_prompt is not None
    assert np.array_equal(got.image_prompt, PICTURE)


def test_files_tell_what_its_weights_take(folder: Path, adapted: Editor, editor: Editor) -> None:
    told = footprint_of_files(find_source(folder), torch.float32)
    loaded, without = footprint(adapted.models), footprint(editor.models)
    assert told.texts_gib == pytest.approx(loaded.texts_gib)
    assert loaded.texts_gib > without.texts_gib
    assert loaded.denoisers_gib == without.denoisers_gib
