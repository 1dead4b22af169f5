"""What training is shown: groups of edits, drawings on disk, masks, captions, noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from expressedit_mcp.engine.schedule import alphas_cumprod
from expressedit_mcp.preview.expression import PARTS
from expressedit_mcp.preview.tagging import expression_tags
from expressedit_mcp.preview.train.batches import Batch, Encoded, random_crops, touched_cells
from expressedit_mcp.preview.train.captions import random_caption, true_of_mask
from expressedit_mcp.preview.train.denoiser import add_noise, loss_weight
from expressedit_mcp.preview.train.drawings import Shard, draw_shard, load_shard
from expressedit_mcp.preview.train.edits import MARK, random_group
from expressedit_mcp.preview.train.masks import random_mask
from expressedit_mcp.preview.train.networks import SCHEDULER
from expressedit_mcp.preview.train.vocabulary import make_tokenizer, token_ids, vocabulary

IDS = {token: index for index, token in enumerate(vocabulary())}
BOXES = {
    "eyes": (40.0, 80.0, 216.0, 150.0),
    "left_eye": (40.0, 90.0, 120.0, 150.0),
    "right_eye": (136.0, 90.0, 216.0, 150.0),
    "brows": (50.0, 80.0, 206.0, 100.0),
    "mouth": (90.0, 170.0, 166.0, 220.0),
    "face": (40.0, 80.0, 216.0, 220.0),
    "head": (10.0, 20.0, 246.0, 256.0),
}


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Shard:
    folder = tmp_path_factory.mktemp("shard")
    draw_shard(folder, 3, 0, 256, characters=6)
    return load_shard(folder)


@pytest.fixture
def encoded(shard: Shard) -> Encoded:
    latents = np.random.default_rng(0).normal(size=(len(shard.notes), 4, 32, 32))
    return Encoded(shard, latents.astype(np.float16))


def test_a_shard_is_the_same_each_time(shard: Shard, tmp_path: Path) -> None:
    draw_shard(tmp_path, 3, 0, 256, characters=6)
    again = load_shard(tmp_path)
    assert np.array_equal(again.pixels, shard.pixels) and again.notes == shard.notes


def test_a_whole_shard_is_not_drawn_again(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text("[]", encoding="utf-8")
    draw_shard(tmp_path, 3, 0, 256, characters=1)
    assert not (tmp_path / "pixels.npy").exists()


def test_an_edit_changes_what_was_asked_for_in_its_region_and_nothing_else() -> None:
    may_change = {
        "eyes": {"eyes", "iris", "gaze", "brows"},
        "left_eye": {"eyes", "iris", "gaze"},
        "right_eye": {"eyes", "iris", "gaze"},
        "brows": {"brows"},
        "mouth": {"mouth"},
        MARK: {
            "extras",
            "eyes",
            "iris",
            "gaze",
            "brows",
            "mouth",
        },  # it alone, or beside another tag
    }
    rng = np.random.default_rng(1)
    groups = [random_group(rng, 5) for _ in range(150)]
    assert {group.region for group in groups} == {*may_change, "face"}
    for group in groups:
        assert len(group.edits) == (1 if group.region == MARK else 5)
        changed = [
            {p for p in (*PARTS, "extras") if getattr(e.expression, p) != getattr(group.base, p)}
            for e in group.edits
        ]
        if group.region != "face":
            assert set().union(*changed) <= may_change[group.region]
        for edit, parts in zip(group.edits, changed, strict=True):
            assert not (edit.free and parts)  # its sizes range, its tags are the base's


def test_every_tag_of_a_part_is_asked_for() -> None:
    rng = np.random.default_rng(2)
    shown: dict[str, int] = {}
    for group in (random_group(rng, 5) for _ in range(1200)):
        for edit in group.edits:
            for tag in expression_tags(edit.expression):
                shown[tag] = shown.get(tag, 0) + 1
    wanted = (
        "heart-shaped pupils",
        "constricted pupils",
        "cross-eyed",
        ":3",
        "jaw drop",
        "squeans",
    )
    assert min(shown.get(tag, 0) for tag in wanted) >= 5


def test_a_shard_keeps_a_base_and_its_edits_together(shard: Shard) -> None:
    at = 0
    while at < len(shard.notes):
        first, length = shard.notes[at]["group"]
        assert first == at and length in (2, 6)
        members = shard.notes[at : at + length]
        assert all(
            m["group"] == [first, length] and m["boxes"] == members[0]["boxes"] for m in members
        )
        assert all(m["character"] == members[0]["character"] for m in members)
        at += length


def test_every_word_of_the_drawings_has_a_token(shard: Shard) -> None:
    for note in shard.notes:
        assert set(note["character"]) | set(note["expression"]) <= set(IDS)


def test_every_word_is_one_token_of_the_tokenizer() -> None:
    tokenizer = make_tokenizer()
    words = vocabulary()[4:]
    for start in range(0, len(words), 20):
        some = words[start : start + 20]
        ids = tokenizer.encode(", ".join(some)).ids
        assert ids == token_ids(some, IDS)[: len(ids)]


def test_the_mask_covers_the_part_that_it_names() -> None:
    rng = np.random.default_rng(5)
    masks = [random_mask(rng, BOXES, "mouth", 256) for _ in range(400)]
    assert np.mean(["mouth" in mask.parts for mask in masks]) > 0.8
    assert {"eyes", "mouth", "face", "head", "left_eye", "brows"} <= set().union(
        *(m.parts for m in masks)
    )
    for mask in masks:
        assert mask.selected.any() and mask.selected.shape == (256, 256)
        for part in mask.parts:
            left, top, right, bottom = (int(edge) for edge in BOXES[part])
            assert mask.selected[top:bottom, left:right].mean() > 0.5


def test_cells_are_those_of_the_engine() -> None:
    selected = np.random.default_rng(2).random((256, 256)) > 0.995
    pooled = torch.nn.functional.max_pool2d(torch.from_numpy(selected).float()[None], 8)[0]
    assert np.array_equal(touched_cells(selected), pooled.numpy() > 0)


def test_captions_drop_what_they_should_in_the_shares_they_should() -> None:
    rng = np.random.default_rng(1)
    changed, masked = ["closed eyes", ":d"], frozenset({"mouth"})
    captions = [random_caption(rng, ["pink hair"], changed, [], masked) for _ in range(4000)]
    assert np.mean([not caption for caption in captions]) == pytest.approx(0.12, abs=0.04)
    assert np.mean([":d" in caption for caption in captions]) == pytest.approx(0.79, abs=0.05)
    alone = [caption for caption in captions if ":d" in caption and "closed eyes" not in caption]
    assert len(alone) > 0.7 * sum(":d" in caption for caption in captions)


def test_what_stays_is_seldom_told() -> None:
    rng = np.random.default_rng(4)
    captions = [
        random_caption(rng, [], ["grin"], ["closed eyes"], frozenset({"face"})) for _ in range(4000)
    ]
    assert 0.04 < np.mean(["closed eyes" in caption for caption in captions]) < 0.2


def test_brief_captions_say_something_of_every_part_and_keep_marks() -> None:
    """Of tags about one part any may stand for the others; a brief caption still tells eyes and mouth."""
    rng = np.random.default_rng(2)
    eyes, mouths = {"closed eyes", "^_^"}, {"smile", ":d", "open mouth"}
    changed = [*eyes, *mouths, "blush"]
    captions = [random_caption(rng, [], changed, [], frozenset({"face"})) for _ in range(2000)]
    brief = [c for c in captions if len(eyes & set(c)) == 1 and len(mouths & set(c)) == 1]
    assert len(brief) > 0.3 * len(captions)
    assert np.mean(["blush" in caption for caption in brief]) > 0.9


def test_a_word_for_the_face_is_sometimes_told_alone() -> None:
    rng = np.random.default_rng(3)
    changed = ["frown", "v-shaped eyebrows", "angry"]
    captions = [random_caption(rng, [], changed, [], frozenset({"eyes"})) for _ in range(2000)]
    assert np.mean([set(c) - {"solo"} == {"angry"} for c in captions]) > 0.2


@pytest.mark.parametrize(
    ("masked", "told"),
    [
        ({"left_eye"}, True),
        ({"right_eye"}, False),
        ({"left_eye", "right_eye"}, True),
        ({"mouth"}, True),
    ],
)
def test_a_wink_is_told_where_the_mask_covers_the_eye_that_shuts(
    masked: set[str], told: bool
) -> None:
    expression = ["one eye closed", ";d", "wide-eyed", "constricted pupils"]
    kept = true_of_mask(expression, "left", masked)
    assert ("one eye closed" in kept) == (";d" in kept) == told
    assert {"wide-eyed", "constricted pupils"} <= set(kept)


def test_notes_tell_which_eye_winks(shard: Shard) -> None:
    for note in shard.notes:
        assert note["wink"] in (None, "left", "right")
        assert note["wink"] is None or "one eye closed" in note["expression"]
    assert {note["free"] for note in shard.notes} == {True, False}


def test_the_loss_looks_at_what_an_edit_changes() -> None:
    source = torch.zeros(1, 4, 4, 4)
    target, mask = source.clone(), torch.zeros(1, 1, 4, 4)
    target[..., 1, 1] = 1.0
    mask[..., :2, :2] = 1
    weight = loss_weight(Batch(target, source, mask, torch.empty(0), torch.empty(0)))[0, 0]
    assert weight[1, 1] > weight[0, 0] > weight[3, 3] > 0


def test_a_sample_differs_from_its_source_inside_the_mask_alone(encoded: Encoded) -> None:
    batch = random_crops(np.random.default_rng(4), [encoded], IDS, 24).on(torch.device("cpu"))
    assert batch.target.shape == (24, 4, 32, 32) and batch.hint.shape == (24, 3, 256, 256)
    apart = (batch.target != batch.source).any(dim=1, keepdim=True)
    assert apart.any() and not (apart & (batch.mask == 0)).any()
    inside = torch.nn.functional.interpolate(batch.mask, scale_factor=8) > 0
    assert (batch.hint.amax(dim=(1, 2, 3)) == 1).any()
    assert (batch.hint[:, :1][inside].mean() < batch.hint[:, :1][~inside].mean()).item()


def test_noise_starts_at_the_source_and_ends_at_the_target() -> None:
    """At the edit's first step z is the noised source; v gives back the target at every step."""
    alphas = torch.tensor(alphas_cumprod(SCHEDULER), dtype=torch.float32)
    shape = (64, 4, 8, 8)
    torch.manual_seed(0)
    batch = Batch(
        torch.randn(shape),
        torch.randn(shape),
        torch.ones(64, 1, 8, 8),
        torch.empty(0),
        torch.empty(0),
    )
    noisy = add_noise(np.random.default_rng(0), batch, alphas)
    a = alphas[noisy.t].view(-1, 1, 1, 1)
    x0 = a.sqrt() * noisy.z - (1 - a).sqrt() * noisy.velocity
    assert torch.allclose(x0, batch.target, atol=1e-4)
    lean = (noisy.z * batch.source).mean(dim=(1, 2, 3))
    late, early = noisy.t > 500, noisy.t < 100
    assert lean[late].mean() > lean[early].mean()
