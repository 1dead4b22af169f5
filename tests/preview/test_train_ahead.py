"""Work made ahead by processes comes in order, and a training ends by its time."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from expressedit_mcp.preview.train.__main__ import main as train_main
from expressedit_mcp.preview.train.ahead import made_ahead
from expressedit_mcp.preview.train.loop import Trainer
from expressedit_mcp.preview.train.team import Team


@pytest.mark.parametrize(
    "workers",
    [
        0,
        pytest.param(2, marks=pytest.mark.skipif(sys.platform != "linux", reason="needs a fork")),
    ],
)
def test_steps_come_in_order_from_the_asked_one(workers: int) -> None:
    made = list(made_ahead(lambda step: (step, torch.full((3,), step)), 4, 11, workers))
    assert [step for step, _ in made] == list(range(4, 11))
    assert all(bool((tensor == step).all()) for step, tensor in made)


def make_trainer(folder: Path, team: Team) -> Trainer:
    return Trainer(
        {"model": torch.nn.Linear(2, 2)},
        team,
        folder,
        steps=10**9,
        muon_lr=0.01,
        adam_lr=0.01,
        matrices=lambda name, param: False,
        seconds=0.2,
    )


def test_a_training_ends_by_its_time_with_its_weights_kept(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, Team())
    model = trainer.modules["model"]
    trainer.run(lambda step: {"loss": model(torch.ones(1, 2)).square().sum()})
    assert 0 < trainer.step < 10**9 and trainer.progress >= 1
    assert trainer.checkpoint.is_file()


def test_a_team_is_given_no_time(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="give them steps alone"):
        make_trainer(tmp_path, Team(0, 2))


def test_seconds_for_several_processes_are_refused_before_anything_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    monkeypatch.setattr("sys.argv", ["train", "--out", str(out), "--unet-seconds", "5"])
    with pytest.raises(SystemExit):
        train_main()
    assert "--processes 1" in capsys.readouterr().err
    assert not out.exists()
