"""A model's fingerprint follows what decides its edits, and nothing else."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from expressedit_mcp.engine import LocalEngine, find_source
from expressedit_mcp.engine.card import Card
from expressedit_mcp.engine.fingerprint import fingerprint
from expressedit_mcp.engine.model_source import ModelSource

WEIGHTS = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def folder(tiny_dir: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_dir, tmp_path / "a copy of it"))


def of(folder: Path) -> str:
    return LocalEngine(folder).fingerprint


def rewrite(path: Path, change: Callable[[dict], dict], **layout: int | bool) -> None:
    values = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(change(values), **layout), encoding="utf-8")  # type: ignore[arg-type]


def flip_a_bit(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at, os.SEEK_SET if at >= 0 else os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


LEAVE_IT = {
    "a readme": lambda f: (f / "README.md").write_text("read me", encoding="utf-8"),
    "a file of the desktop": lambda f: (f / "unet" / ".DS_Store").write_bytes(b"\0"),
    "half a download": lambda f: (f / "unet" / f"{WEIGHTS}.part").write_bytes(b"half"),
    "another precision": lambda f: shutil.copy(
        f / "unet" / WEIGHTS, f / "unet" / "diffusion_pytorch_model.fp16.safetensors"
    ),
    "another folder": lambda f: (f / "samples").mkdir(),
    "other times": lambda f: os.utime(f / "unet" / WEIGHTS, (1, 1)),
    "the layout of a config": lambda f: rewrite(
        f / "unet" / "config.json", lambda c: dict(reversed(c.items())), indent=7
    ),
    "where it was loaded from": lambda f: rewrite(
        f / "unet" / "config.json", lambda c: {**c, "_name_or_path": "/home/someone/else"}
    ),
    "the card's labels": lambda f: rewrite(
        f / "card.json", lambda c: {**c, "name": "renamed", "description": "described"}
    ),
}
CHANGE_IT = {
    "the end of the weights": lambda f: flip_a_bit(f / "unet" / WEIGHTS, -1),
    "weights in the middle": lambda f: flip_a_bit(
        f / "vae" / WEIGHTS, (f / "vae" / WEIGHTS).stat().st_size // 2
    ),
    "the ControlNet": lambda f: flip_a_bit(f / "controlnet" / WEIGHTS, -1),
    "no ControlNet": lambda f: shutil.rmtree(f / "controlnet"),
    "a text encoder": lambda f: flip_a_bit(f / "text_encoder" / "model.safetensors", -1),
    "a scheduler's value": lambda f: rewrite(
        f / "scheduler" / "scheduler_config.json", lambda c: {**c, "beta_end": 0.013}
    ),
    "the index": lambda f: rewrite(
        f / "model_index.json", lambda c: {**c, "force_zeros_for_empty_prompt": False}
    ),
    "the tokenizer": lambda f: rewrite(
        f / "tokenizer" / "tokenizer_config.json", lambda c: {**c, "model_max_length": 20}
    ),
    "the card's settings": lambda f: rewrite(f / "card.json", lambda c: {**c, "guidance_end": 0.5}),
}


@pytest.mark.parametrize("name", LEAVE_IT)
def test_what_decides_no_edit_leaves_it(tiny_dir: Path, folder: Path, name: str) -> None:
    LEAVE_IT[name](folder)
    assert of(folder) == of(tiny_dir)


@pytest.mark.parametrize("name", CHANGE_IT)
def test_what_decides_an_edit_changes_it(tiny_dir: Path, folder: Path, name: str) -> None:
    CHANGE_IT[name](folder)
    assert of(folder) != of(tiny_dir)


def test_line_ends_of_a_checkout_leave_it(tmp_path: Path) -> None:
    prints = []
    for end in ("\n", "\r\n"):
        (tmp_path / "merges.txt").write_bytes(end.join(("#version", "a b", "b c")).encode())
        prints.append(fingerprint("", {"tokenizer": tmp_path}))
    assert prints[0] == prints[1]


def test_a_config_that_is_no_json_counts_as_it_is(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    prints = set()
    for text in ("{", "{{", "[1]", "[2]"):
        config.write_text(text, encoding="utf-8")
        prints.add(fingerprint("", {"unet": tmp_path}))
    assert len(prints) == 4


def test_single_files_count_by_their_contents_and_use(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.safetensors", "b.safetensors", "c.safetensors")]
    for path, data in zip(files, (b"one", b"one", b"two"), strict=True):
        path.write_bytes(data)
    same, renamed, other = (ModelSource(Card(name=path.stem), path) for path in files)
    assert find_source(files[0]).fingerprint == same.fingerprint == renamed.fingerprint
    assert other.fingerprint != same.fingerprint
    uses = [
        replace(same, controlnet=files[2]),
        replace(same, vae=files[2]),
        replace(same, loras=((files[2], 1.0),)),
        replace(same, loras=((files[2], 0.5),)),
    ]
    assert len({source.fingerprint for source in (same, *uses)}) == 5


@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 1.0])
def test_new_weights_in_a_large_file_change_it(tmp_path: Path, part: float) -> None:
    """Where all values of a hundredth of the file are others, as after any training."""
    path = tmp_path / "large.safetensors"
    size = 48 << 20
    prints = []
    for value in (b"\0", b"\1"):
        with path.open("wb") as file:
            file.truncate(size)
            file.seek(int(part * (size - size // 100)))
            file.write(value * (size // 100))
        prints.append(fingerprint("", {"base": path}))
    assert prints[0] != prints[1]


def test_a_model_that_is_not_there_has_one_as_well(tmp_path: Path) -> None:
    """What is missing is said when it is loaded."""
    assert fingerprint("", {"base": tmp_path / "nowhere"}) == fingerprint("", {})
