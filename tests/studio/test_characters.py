"""Learned files in the studio: kept, chosen, refused; jobs that were cancelled go on."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from expressedit_mcp.engine.learning.file import LearnedCard, encode_file
from expressedit_mcp.engine.learning.request import LearnSettings
from expressedit_mcp.errors import InputError, ModelError
from expressedit_mcp.regions import BoxRegion
from expressedit_mcp.studio import LearnCommand, Studio, parse_uses
from expressedit_mcp.studio.learned_store import LearnedStore

FACE = BoxRegion(box=[36, 59, 220, 243])


def file_of(name: str, base: str) -> bytes:
    card = LearnedCard(
        name=name,
        kind="attribute",
        class_word="solo",
        base=base,
        base_name="another model",
        pictures=("img_a",),
        seed=0,
        settings=LearnSettings(),
        metrics={"denoising": 0.5},
    )
    return encode_file(card, {"clip_l": np.zeros((2, 4), np.float16)})


def test_a_file_of_another_model_is_refused_with_both_names(studio: Studio) -> None:
    studio.learned.keep(file_of("paint", "0123"))
    with pytest.raises(InputError, match=r"learned on the model another model .* learn it again"):
        studio.learned.choose("paint", 1.0, studio.engine)
    studio.learned.keep(file_of("paint", studio.engine.fingerprint))
    chosen = studio.learned.choose("paint", 0.5, studio.engine)
    assert chosen.as_json()[::2] == ["paint", 0.5]


@pytest.mark.parametrize("weight", [0.0, -1.0, 2.5])
def test_a_weight_out_of_range_is_refused(studio: Studio, weight: float) -> None:
    studio.learned.keep(file_of("paint", studio.engine.fingerprint))
    with pytest.raises(InputError, match="above 0, up to 2"):
        studio.learned.choose("paint", weight, studio.engine)


def test_what_is_kept_has_a_card_beside_it_and_is_forgotten_whole(tmp_path: Path) -> None:
    store = LearnedStore(tmp_path / "learned")
    assert store.cards() == []
    store.keep(file_of("paint", "0123"))
    assert {p.name for p in (tmp_path / "learned").iterdir()} == {"paint.safetensors", "paint.json"}
    with pytest.raises(InputError, match="already"):
        store.check_free("paint")
    (tmp_path / "learned" / "broken.safetensors").write_bytes(b"no")
    assert [card.name for card in store.cards()] == ["paint"]
    with pytest.raises(ModelError, match="no learned"):
        store.keep(b"no")
    store.forget("paint")
    assert store.cards() == []
    for name in ("paint", "../paint"):
        with pytest.raises(InputError, match="There is no learned"):
            store.forget(name)


@pytest.mark.parametrize(
    ("character", "attributes", "uses"),
    [
        (None, [], ()),
        ("mirelle", [], (("mirelle", 1.0),)),
        (
            "(mirelle:0.8)",
            ["paint", "(wet-eyes:1.2)"],
            (("mirelle", 0.8), ("paint", 1.0), ("wet-eyes", 1.2)),
        ),
    ],
)
def test_names_carry_weights_as_tags_do(character, attributes, uses) -> None:
    assert parse_uses(character, attributes) == uses


def test_one_name_twice_is_refused() -> None:
    with pytest.raises(InputError, match="named twice"):
        parse_uses("mirelle", ["mirelle"])


def test_a_cancelled_learning_goes_on_from_where_it_was(studio: Studio, hero: Path) -> None:
    command = LearnCommand("toma", "character", (str(hero),), (FACE,), (("smile",),), steps=3)
    job = studio.start_learning(command)
    assert job.request["images"][0].startswith("img_")
    while studio.jobs.get(job.job_id).done < 1:
        time.sleep(0.02)
    studio.jobs.cancel(job.job_id)
    while studio.jobs.get(job.job_id).state in ("waiting", "running"):
        time.sleep(0.02)
    if studio.jobs.get(job.job_id).state != "done":
        folders = list(studio.settings.jobs_dir.glob("learning_*/checkpoint.safetensors"))
        assert len(folders) == 1
        studio.jobs.resume(job.job_id)
    while studio.jobs.get(job.job_id).state in ("waiting", "running"):
        time.sleep(0.02)
    record = studio.jobs.get(job.job_id)
    assert (record.state, record.items) == ("done", ({"learned": "toma"},))
    assert not list(studio.settings.jobs_dir.glob("learning_*"))
    (card,) = studio.learned.cards()
    assert (card.name, card.settings.steps, card.base) == ("toma", 3, studio.engine.fingerprint)
