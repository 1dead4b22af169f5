"""The doctor says which engine edits, how its model lies in memory, and what to do where it cannot."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from expressedit_mcp.cli import main


@pytest.fixture
def diagnose(tmp_path: Path):
    def run(columns: int = 400, **settings: str) -> Result:
        names = {"HOME": str(tmp_path / "home"), "ROOTS": str(tmp_path), "DEVICE": "cpu"}
        environment = {f"EXPRESSEDIT_{name}": text for name, text in {**names, **settings}.items()}
        return CliRunner().invoke(main, ["doctor"], env={**environment, "COLUMNS": str(columns)})

    return run


def test_all_is_well_with_the_shipped_model(diagnose) -> None:
    result = diagnose()
    assert result.exit_code == 0, result.output
    assert "expressedit-preview for drawn demo characters" in result.output
    plan = next(line for line in result.output.splitlines() if "memory plan" in line)
    assert "whole model" in plan
    assert "GiB of weights in this machine's own memory" in plan


def test_a_model_that_is_not_there_is_missing_and_has_no_plan(diagnose, tmp_path: Path) -> None:
    result = diagnose(MODEL=str(tmp_path / "none"))
    assert result.exit_code == 1
    assert "EXPRESSEDIT_MODEL" in result.output
    assert "memory plan" not in result.output


@pytest.mark.skipif(torch.cuda.is_available(), reason="has the GPU that is to be missing")
def test_a_gpu_that_is_not_there_is_missing_and_has_no_plan(diagnose) -> None:
    result = diagnose(DEVICE="cuda")
    assert result.exit_code == 1
    assert "no CUDA here" in result.output
    assert "memory plan" not in result.output


def test_an_engine_elsewhere_that_does_not_answer_is_missing(diagnose) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    result = diagnose(ENGINE=f"http://127.0.0.1:{port}", ENGINE_TOKEN="x")
    assert result.exit_code == 1
    assert "Start it with `expressedit-mcp engine`" in result.output
    assert "memory plan" not in result.output


def test_paths_are_shown_whole(diagnose, tmp_path: Path) -> None:
    folder = tmp_path / "[art]" / ("panels" * 20)
    result = diagnose(columns=80, ROOTS=str(folder))
    assert result.exit_code == 1
    assert str(folder) in "".join(line[28:].strip() for line in result.output.splitlines())
    assert "- allowed folder: make it" in result.output
    result = diagnose(columns=80, MODEL=str(folder))
    assert any(f"- model: {folder} is not a model" in line for line in result.output.splitlines())


def test_it_says_where_pictures_may_be(
    diagnose, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert f"{tmp_path} (the working directory" in diagnose(ROOTS="").output
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert "the picture store alone" in diagnose(ROOTS="").output
