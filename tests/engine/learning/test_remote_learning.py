"""Learning on an engine elsewhere: the same file, progress, a stop and going on, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import TOKEN, serving
from test_learning import wanted as learning

from expressedit_mcp.engine import LocalEngine, wire
from expressedit_mcp.engine.learning.frames import learn_frames, read_learn
from expressedit_mcp.engine.remote import RemoteEngine
from expressedit_mcp.errors import Cancelled


@pytest.fixture(scope="module")
def local(tiny_dir: Path) -> Iterator[LocalEngine]:
    engine = LocalEngine(tiny_dir, "cpu")
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def remote(local: LocalEngine) -> Iterator[RemoteEngine]:
    with serving(local) as url:
        engine = RemoteEngine(url, TOKEN)
        yield engine
        engine.close()


def quiet(*step: object) -> None:
    pass


def never() -> bool:
    return False


def test_what_is_learned_over_there_is_what_is_learned_here(
    local: LocalEngine, remote: RemoteEngine, tmp_path: Path
) -> None:
    seen: list[str] = []
    here = local.learn(learning(), tmp_path / "here", quiet, never)
    there = remote.learn(
        learning(), tmp_path / "there", lambda done, total, what: seen.append(what), never
    )
    assert there == here
    assert "learning, step 4 of 4" in seen


def test_a_learning_that_was_stopped_goes_on_from_its_checkpoint(
    local: LocalEngine, remote: RemoteEngine, tmp_path: Path
) -> None:
    wanted = learning(steps=40)
    done: list[int] = []
    with pytest.raises(Cancelled, match="checkpoint"):
        remote.learn(
            wanted,
            tmp_path / "there",
            lambda at, total, what: done.append(at),
            lambda: bool(list((tmp_path / "there").glob("*.safetensors"))),
        )
    assert done[-1] < 40
    done.clear()
    there = remote.learn(wanted, tmp_path / "there", lambda at, total, what: done.append(at), never)
    assert next(at for at in done if at) == 26, "not from the start"
    assert there == local.learn(wanted, tmp_path / "here", quiet, never)


@pytest.mark.parametrize(
    "changed",
    [{"kind": "spell"}, {"examples": []}, {"seed": "1"}, {"settings": {"steps": 0}}, {"more": 1}],
)
def test_no_request_to_learn_is_refused(changed: dict[str, object]) -> None:
    head, *rest = wire.frames([learn_frames(learning(), b"a checkpoint")])
    request, known = read_learn([head, *rest])
    assert (request.name, known, len(request.examples)) == ("hero", b"a checkpoint", 2)
    assert request.settings == learning().settings
    with pytest.raises(wire.WireError, match="learn"):
        read_learn([{"learn": head["learn"] | changed}, *rest])
