"""The plugin's own JavaScript in Node, and the test of these tests: each planted fault must turn them red."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from plugin_node import HERE, PLUGIN, run_node

FAULTS = json.loads((HERE / "faults.json").read_text(encoding="utf-8"))
# Each file runs by itself: `--test` would start a second process for it. A test that waits for ever fails.
RUNNER = ("--test-reporter=tap", "--test-timeout=120000", "--test-force-exit")
# a fault must be found by the tests that name it, not only by those that try every moment; these take long, too
PLAIN_TESTS_ONLY = "--test-skip-pattern=^sweep: "
SUITES = sorted(path.name for path in HERE.glob("*.test.js"))


def count(output: str, word: str) -> int:
    """How many tests Node's summary says have passed or failed."""
    match = re.search(rf"^# {word} (\d+)$", output, re.MULTILINE)
    assert match, output
    return int(match[1])


@pytest.mark.parametrize("suite", SUITES)
def test_the_plugin(suite: str) -> None:
    done = run_node(*RUNNER, suite)
    assert done.returncode == 0, done.stdout
    assert count(done.stdout, "pass") > 0


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["fault"])
def test_a_planted_fault_is_found(fault: dict[str, str], tmp_path: Path) -> None:
    copy = tmp_path / "plugin"
    shutil.copytree(PLUGIN, copy)
    file = copy / fault["file"]
    text = file.read_text(encoding="utf-8")
    assert text.count(fault["from"]) == 1, "the fault's text is not in the file once"
    file.write_text(text.replace(fault["from"], fault["to"]), encoding="utf-8", newline="\n")
    done = run_node(*RUNNER, PLAIN_TESTS_ONLY, fault["tests"], env={"PLUGIN_DIR": str(copy)})
    assert done.returncode != 0, "no test noticed it"
    # a fault that breaks everything would say nothing about the tests
    assert count(done.stdout, "fail") > 0 and count(done.stdout, "pass") > 0, done.stdout
