"""Seconds from starting the server to its answer, and from being told to end to its end.

Baseline: an MCP server of the same SDK with one empty tool. Run: python -m benchmarks.startup
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.machine import describe, spread
from expressedit_mcp.preview import CHARACTERS, draw_character, expression_from_tags

RUNS = 7
BASELINE = """
from mcp.server import MCPServer
server = MCPServer("baseline")
@server.tool()
def nothing() -> str:
    "Nothing."
    return ""
server.run("stdio")
"""
SERVER = [sys.executable, "-m", "expressedit_mcp", "serve"]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(EXPRESSEDIT_HOME=folder, EXPRESSEDIT_ROOTS=folder)
        hero = Path(folder) / "hero.png"
        drawing = draw_character(CHARACTERS["Toma"], expression_from_tags([]), size_px=256)
        Image.fromarray(drawing.pixels).save(hero)
        figures: dict[str, list[float]] = {}
        for _ in range(RUNS):
            for name, seconds in _measure(hero).items():
                figures.setdefault(name, []).append(seconds)
    print(describe("mcp", "torch"), f"{RUNS} runs, median (min-max), seconds", sep="\n")
    for name, values in figures.items():
        print(f"| {name} | {spread(values)} |")


def _measure(hero: Path) -> dict[str, float]:
    figures = {}
    for name, command in (
        ("baseline server: start to `initialize` answered", [sys.executable, "-c", BASELINE]),
        ("ours: start to `initialize` answered", SERVER),
    ):
        started = time.perf_counter()
        process = _connect(command)
        figures[name] = time.perf_counter() - started
        _end(process)
    figures["stdin closed, idle: to the end of the process"] = _end(_connect(SERVER))
    process = _connect(SERVER)
    _begin_edit(process, hero)
    figures["stdin closed, in an edit: to the end of the process"] = _end(process)
    if os.name == "posix":
        process = _connect(SERVER)
        _begin_edit(process, hero)
        started = time.perf_counter()
        process.send_signal(signal.SIGTERM)
        process.wait()
        figures["SIGTERM, in an edit: to the end of the process"] = time.perf_counter() - started
    return figures


def _connect(command: list[str]) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    info = {"name": "benchmark", "version": "0"}
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": info}
    _send(process, {"id": 1, "method": "initialize", "params": params})
    _receive(process)
    _send(process, {"method": "notifications/initialized"})
    return process


def _begin_edit(process: subprocess.Popen[str], hero: Path) -> None:
    arguments = {
        "image": str(hero),
        "region": {"box": [86, 163, 170, 223]},
        "tags": ["smile"],
        "steps": 200,
        "variations": 8,
    }
    call = {"name": "edit_expression", "arguments": arguments, "_meta": {"progressToken": 1}}
    _send(process, {"id": 2, "method": "tools/call", "params": call})
    while "denoising step 3" not in _receive(process)["params"]["message"]:
        pass


def _end(process: subprocess.Popen[str]) -> float:
    assert process.stdin is not None
    started = time.perf_counter()
    process.stdin.close()
    process.wait()
    return time.perf_counter() - started


def _send(process: subprocess.Popen[str], message: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    process.stdin.flush()


def _receive(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


if __name__ == "__main__":
    main()
