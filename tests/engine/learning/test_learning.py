"""Learning a token on the tiny model: losses, what gets gradients, going on after an interruption."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_edit import request

from expressedit_mcp.engine import LocalEngine, find_source
from expressedit_mcp.engine.edit import Editor
from expressedit_mcp.engine.learning import learner as learning
from expressedit_mcp.engine.learning.features import attribute_features
from expressedit_mcp.engine.learning.file import as_learned, decode_file, read_card
from expressedit_mcp.engine.learning.learner import Learner
from expressedit_mcp.engine.learning.losses import (
    denoising_loss,
    mask_weights,
    orthogonality,
    velocity,
)
from expressedit_mcp.engine.learning.request import Example, LearnRequest, LearnSettings
from expressedit_mcp.engine.memory import PLANS, placed
from expressedit_mcp.engine.methods.method import Method
from expressedit_mcp.engine.methods.tokens import load_token, token_states
from expressedit_mcp.engine.models import load_models
from expressedit_mcp.engine.sampling import add_noise, predict_x0
from expressedit_mcp.errors import Cancelled, ModelError
from expressedit_mcp.imaging import Size


def example(seed: int) -> Example:
    crop = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    mask = np.zeros((64, 64), np.uint8)
    mask[16:48, 16:56] = 255
    return Example(crop, mask, Size(64, 64), (("smile", 1.0),))


def wanted(**settings: object) -> LearnRequest:
    return LearnRequest(
        name="hero",
        kind="character",
        class_word="girl",
        examples=(example(1), example(2)),
        attributes=("smile", "closed eyes", "open mouth"),
        seed=3,
        settings=LearnSettings.model_validate(
            {"steps": 4, "token_steps": 1, "batch": 1, "rank": 2} | settings
        ),
        pictures=("img_a", "img_b"),
    )


def test_orthogonality_is_the_squared_cosine() -> None:
    common = torch.tensor([0.3, -0.2, 0.5, 0.1])
    x, y, z = torch.eye(4)[:3]
    assert orthogonality((x + common)[None], torch.stack([y, z]) + common, common) == 0
    parallel = orthogonality((2 * x + common)[None], (5 * x + common)[None], common)
    assert parallel == pytest.approx(1)
    f = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))
    others = torch.randn(3, 4, generator=torch.Generator().manual_seed(1))
    loss = orthogonality(f + common, others + common, common)
    assert orthogonality(7 * f + common, 0.1 * others + common, common) == pytest.approx(
        float(loss), rel=1e-5
    )


def test_the_gradient_of_orthogonality_does_not_change_lengths() -> None:
    f = torch.randn(1, 6, dtype=torch.float64, requires_grad=True)
    orthogonality(f, torch.randn(4, 6), torch.zeros(6)).backward()
    assert f.grad is not None and f.grad.norm() > 0
    assert abs((f.grad * f).sum().item()) < 1e-6


def test_weights_of_the_object_s_mask_have_mean_1() -> None:
    mask = torch.zeros(1, 1, 4, 4)
    mask[..., :2] = 1
    weight = mask_weights(mask, 0.1)
    assert weight.mean() == pytest.approx(1)
    assert weight.max() / weight.min() == pytest.approx(10)
    output, target = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    assert denoising_loss(output, target, weight) == pytest.approx(1)
    inside = denoising_loss(mask.expand(2, 3, 4, 4), torch.zeros(2, 3, 4, 4), weight)
    assert inside == pytest.approx(float(weight.max()) / 2)


def test_velocity_is_what_the_loop_s_prediction_undoes() -> None:
    x0, noise = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    level = torch.full((2, 1, 1, 1), 0.3)
    v = velocity(x0, noise, level)
    assert torch.allclose(
        predict_x0(v, add_noise(x0, noise, 0.3), 0.3, "v_prediction"), x0, atol=1e-5
    )


def test_activations_that_are_computed_again_give_the_same_token(
    editor: Editor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a GPU: the backward pass runs the blocks again, with the token's attention still in them."""

    @contextmanager
    def always(unet: Any, device: torch.device) -> Iterator[None]:
        unet.enable_gradient_checkpointing()
        yield
        unet.disable_gradient_checkpointing()

    kept = Learner(editor.models, wanted(), tmp_path / "kept")
    again = Learner(editor.models, wanted(), tmp_path / "again")
    for learner in (kept, again):
        while not learner.finished:
            learner.step()
        monkeypatch.setattr(learning, "_checkpointing", always)
    for name, tensor in kept._weights.tensors.items():
        torch.testing.assert_close(again._weights.tensors[name], tensor)


@pytest.mark.parametrize("settings", [{}, {"spliced": False}, {"masked": False}])
def test_learning_changes_the_token_and_nothing_of_the_model(
    editor: Editor, tmp_path: Path, settings: dict[str, object]
) -> None:
    models = editor.models
    modules = [models.unet, models.controlnet, *(encoder.model for encoder in models.encoders)]
    before = [p.clone() for module in modules for p in module.parameters()]
    learner = Learner(models, wanted(**settings), tmp_path)
    started = {name: tensor.clone() for name, tensor in learner._weights.tensors.items()}
    while not learner.finished:
        learner.step()
    after = [p for module in modules for p in module.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert all(p.grad is None for p in after)
    tables = [encoder.model.get_input_embeddings() for encoder in models.encoders]
    assert not any(table._forward_hooks for table in tables)
    moved = learner._weights.tensors
    assert all(not torch.equal(started[name], moved[name]) for name in started)


def test_weights_of_8_bits_use_a_token_but_learn_none(
    editor: Editor, tiny_dir: Path, tmp_path: Path
) -> None:
    loaded = load_models(find_source(tiny_dir), torch.device("cpu"), torch.float32)
    stored = placed(loaded, next(plan for plan in PLANS if plan.weights_8bit), loaded.device)
    with pytest.raises(ModelError, match="in 8 bits only; learning and guided edits"):
        Learner(stored, wanted(), tmp_path / "refused")
    learner = Learner(editor.models, wanted(), tmp_path)
    while not learner.finished:
        learner.step()
    token = as_learned(learner.file("a model"), 1.0)
    plain, with_it = (
        Editor(stored).edit(
            replace(request(), method=Method(learned=learned)), lambda *step: None, lambda: False
        )[0]
        for learned in ((), (token,))
    )
    assert np.isfinite(with_it).all() and not np.array_equal(plain, with_it)


def test_the_first_steps_train_the_vectors_alone(editor: Editor, tmp_path: Path) -> None:
    learner = Learner(editor.models, wanted(steps=2, token_steps=2), tmp_path)
    started = {name: tensor.clone() for name, tensor in learner._weights.tensors.items()}
    while not learner.finished:
        learner.step()
    changed = {n for n, t in learner._weights.tensors.items() if not torch.equal(t, started[n])}
    assert changed == {"clip_l", "clip_g"}


def test_learning_lowers_its_loss(editor: Editor, tmp_path: Path) -> None:
    def loss_of(learner: Learner) -> float:
        token = learner._weights.token("girl", learner.request.settings)
        with torch.no_grad(), ExitStack() as held:
            parts = [
                learner._denoising(one, token, np.random.default_rng(seed), held)
                for one in learner._examples
                for seed in range(6)
            ]
        return float(torch.stack(parts).mean())

    learner = Learner(editor.models, wanted(steps=24, token_steps=4, orthogonality=0), tmp_path)
    before = loss_of(learner)
    while not learner.finished:
        learner.step()
    assert loss_of(learner) < before


def test_a_token_is_pushed_away_from_the_tags(editor: Editor, tmp_path: Path) -> None:
    def cosine(weight: float) -> float:
        learner = Learner(
            editor.models,
            wanted(steps=12, token_steps=12, orthogonality=weight),
            tmp_path / str(weight),
        )
        while not learner.finished:
            learner.step()
        token = learner._weights.token("girl", learner.request.settings)
        encoders = editor.models.encoders
        features = attribute_features(encoders, "girl", learner.request.attributes, ())
        with torch.no_grad():
            states = token_states(encoders, token.vectors)
            losses = [
                orthogonality(s, f.attributes, f.common)
                for s, f in zip(states, features, strict=True)
            ]
        return float(torch.stack(losses).mean())

    assert cosine(100.0) < 0.5 * cosine(0.0)


def test_going_on_from_a_checkpoint_ends_with_the_same_file(editor: Editor, tmp_path: Path) -> None:
    whole = Learner(editor.models, wanted(), tmp_path / "whole")
    while not whole.finished:
        whole.step()
    first = Learner(editor.models, wanted(), tmp_path / "parts")
    for _ in range(2):
        first.step()
    first.save()
    second = Learner(editor.models, wanted(), tmp_path / "parts")
    assert second.done == 2
    while not second.finished:
        second.step()
    assert second.file("base") == whole.file("base")


def test_a_damaged_checkpoint_says_what_to_do(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.safetensors").write_bytes(b"no")
    with pytest.raises(ModelError, match="delete it to start over"):
        Learner(editor.models, wanted(), tmp_path)


def test_a_saved_token_is_the_learned_one(editor: Editor, tmp_path: Path) -> None:
    learner = Learner(editor.models, wanted(), tmp_path)
    while not learner.finished:
        learner.step()
    models = editor.models
    data = learner.file("base")
    card, arrays = decode_file(data)
    assert read_card(data) == card
    assert (card.name, card.base, card.pictures) == ("hero", "base", ("img_a", "img_b"))
    token = load_token(as_learned(data), models.encoders, models.unet, torch.zeros(()))
    held = learner._weights.token("girl", learner.request.settings)
    for ours, kept in zip(held.vectors, token.vectors, strict=True):
        assert torch.equal(ours.detach().half(), kept.half())
    assert {n: (d.shape, u.shape) for n, (d, u) in token.lora.items()} == {
        n: (d.shape, u.shape) for n, (d, u) in held.lora.items()
    }
    assert all(array.dtype == np.float16 for array in arrays.values())


def test_an_engine_learns_stops_and_goes_on(tiny_dir: Path, tmp_path: Path) -> None:
    engine = LocalEngine(tiny_dir, "cpu")
    told: list[int] = []

    def on_step(done: int, total: int, what: str) -> None:
        told.append(done)

    with pytest.raises(Cancelled):
        engine.learn(wanted(), tmp_path, on_step, lambda: max(told, default=0) >= 2)
    assert max(told) == 2
    told.clear()
    data = engine.learn(wanted(), tmp_path, on_step, lambda: False)
    assert [number for number in told if number] == [3, 4]
    assert read_card(data).base == engine.fingerprint
    engine.close()
