"""A tiny SDXL with random weights, for tests that need no meaning."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny_sdxl

from expressedit_mcp.engine import find_source
from expressedit_mcp.engine.edit import Editor
from expressedit_mcp.engine.models import load_models


@pytest.fixture(scope="session")
def tiny_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model as a directory in diffusers layout."""
    folder = tmp_path_factory.mktemp("tiny-sdxl")
    tiny_sdxl.save(folder)
    return folder


@pytest.fixture(scope="session")
def editor(tiny_dir: Path) -> Editor:
    import torch

    return Editor(load_models(find_source(tiny_dir), torch.device("cpu"), torch.float32))


@pytest.fixture
def card_file(tiny_dir: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model's index and card that a test may spoil."""
    (tmp_path / "model_index.json").write_text("{}", encoding="utf-8")
    path = tmp_path / "card.json"
    path.write_text(json.dumps({"name": "spoilt"}), encoding="utf-8")
    return path
