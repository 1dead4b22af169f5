"""The server as a process: what it imports, what reaches the wire, how it ends, and HTTP."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import psutil
import pytest
from mcp import Client

from expressedit_mcp.settings import Settings

HEAVY = ("torch", "diffusers", "transformers", "lancedb", "psd_tools")
IMPORTS = """
import json, sys, anyio
from mcp import Client
from expressedit_mcp.server import build_server
from expressedit_mcp.settings import Settings

async def main():
    async with Client(build_server(Settings())) as client:
        await client.list_tools()
        await client.read_resource("expressedit://tags")
        await client.read_resource("expressedit://tags/smile")
        await client.call_tool("list_images", {})
        await client.call_tool("build_prompt", {"tags": ["smile"]})
anyio.run(main)
print(json.dumps([name for name in sys.argv[1:] if name in sys.modules]))
"""
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"},
    },
}
ENDS_WITHIN_S = 10  # far above the two seconds that the benchmark shows, for busy machines


def test_nothing_heavy_is_imported_before_it_is_needed(settings: Settings) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS, *HEAVY], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == []


@pytest.fixture
def process(settings: Settings) -> Iterator[subprocess.Popen[str]]:
    """The server on pipes, after the handshake."""
    started = subprocess.Popen(
        [sys.executable, "-m", "expressedit_mcp", "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    )
    try:
        send(started, INITIALIZE)
        assert receive(started)["result"]["serverInfo"]["name"] == "expressedit"
        send(started, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        yield started
    finally:
        started.kill()
        started.wait()


def send(process: subprocess.Popen[str], message: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(message) + "\n")
    process.stdin.flush()


def receive(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def start_edit(process: subprocess.Popen[str], hero: Path) -> None:
    """Begins an edit that takes minutes and waits for its first denoising step."""
    arguments = {
        "image": str(hero),
        "region": {"box": [86, 163, 170, 223]},
        "tags": ["smile"],
        "steps": 200,
        "strength": 1.0,
        "variations": 8,
    }
    send(
        process,
        {
            "jsonrpc": "2.0",
            "id": 2,
            "method": "tools/call",
            "params": {
                "name": "edit_expression",
                "arguments": arguments,
                "_meta": {"progressToken": "p"},
            },
        },
    )
    while "denoising step 3" not in receive(process)["params"].get("message", ""):
        pass


def test_closing_stdin_ends_the_process(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(ENDS_WITHIN_S) == 0


def test_closing_stdin_in_the_middle_of_an_edit_ends_it(
    process: subprocess.Popen[str], hero: Path
) -> None:
    start_edit(process, hero)
    assert process.stdin is not None
    process.stdin.close()
    process.wait(ENDS_WITHIN_S)


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without a signal")
def test_sigterm_in_the_middle_of_an_edit_ends_it(
    process: subprocess.Popen[str], hero: Path, settings: Settings
) -> None:
    start_edit(process, hero)
    process.send_signal(signal.SIGTERM)
    assert process.wait(ENDS_WITHIN_S) == 128 + signal.SIGTERM
    assert len(list(settings.pictures_dir.glob("img_*.json"))) == 1


def test_a_killed_client_takes_the_server_along(settings: Settings, tmp_path: Path) -> None:
    """The server's stdin closes with its parent, however that one ends."""
    script = (
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-m', 'expressedit_mcp', 'serve'],"
        " stdin=subprocess.PIPE)\n"
        "print(p.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    server = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    server.wait(ENDS_WITHIN_S)


def test_stray_prints_never_reach_the_wire(settings: Settings) -> None:
    """What a module prints before serving, while serving and at exit is no part of the protocol."""
    noisy = (
        "import atexit, sys; print('before serving')\n"
        "from expressedit_mcp.images import store\n"
        "plain = store.ImageStore.versions\n"
        "def versions(self):\n"
        "    print('while serving'); sys.stdout.write('unflushed'); return plain(self)\n"
        "store.ImageStore.versions = versions\n"
        "atexit.register(print, 'at exit')\n"
        "from expressedit_mcp.cli import main\n"
        "sys.argv = ['expressedit-mcp', 'serve']; main()\n"
    )
    call = {"name": "list_images", "arguments": {}}
    messages = [
        INITIALIZE,
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call},
    ]
    process = subprocess.Popen(
        [sys.executable, "-c", noisy],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # with unbuffered output the first print would be out before anything of ours runs
        env={**os.environ, "PYTHONUNBUFFERED": ""},
    )
    for message in messages:
        send(process, message)
    answers = [receive(process), receive(process)]
    rest, log = process.communicate(timeout=ENDS_WITHIN_S)
    assert [answer["id"] for answer in answers] == [1, 2]
    assert rest == ""
    assert "before serving" in log
    assert "while serving" in log


@pytest.fixture
def address(settings: Settings) -> Iterator[str]:
    """The server on HTTP, on a free port."""
    started = subprocess.Popen(
        [sys.executable, "-m", "expressedit_mcp", "serve", "--http", "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert started.stderr is not None
        for line in started.stderr:
            if found := re.search(r"http://127\.0\.0\.1:\d+/mcp", line):
                yield found[0]
                break
        else:
            raise AssertionError("the server told no address")
        if os.name != "nt":
            started.terminate()
            started.wait(ENDS_WITHIN_S)
    finally:
        started.kill()
        started.wait()


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_http_serves_both_eras_and_a_cancelled_edit_frees_the_engine(
    address: str, hero: Path, mode: str
) -> None:
    region = {"box": [86, 163, 170, 223]}
    slow = {
        "image": str(hero),
        "region": region,
        "tags": ["smile"],
        "steps": 200,
        "strength": 1.0,
        "variations": 8,
    }

    async def run() -> None:
        async with Client(address, mode=mode) as client:
            started = anyio.Event()

            async def on_progress(
                progress: float, total: float | None, message: str | None
            ) -> None:
                if progress >= 3:
                    started.set()

            async with anyio.create_task_group() as tasks:

                async def edit() -> None:
                    await client.call_tool("edit_expression", slow, progress_callback=on_progress)

                tasks.start_soon(edit)
                with anyio.fail_after(60):
                    await started.wait()
                tasks.cancel_scope.cancel()
            with anyio.fail_after(60):
                quick = {**slow, "steps": 2, "variations": 1}
                result = await client.call_tool("edit_expression", quick)
            assert not result.is_error
            assert (await client.call_tool("list_images", {})).structured_content is not None

    anyio.run(run)


def test_http_takes_a_picture_of_many_megabytes(address: str) -> None:
    """The SDK's own limit is 4 MiB a request."""
    import base64
    import io

    import numpy as np
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 255, (1600, 2000, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG", compress_level=0)
    uri = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()

    async def run() -> None:
        async with Client(address) as client:
            result = await client.call_tool("open_image", {"source": uri})
            assert not result.is_error
            assert result.structured_content is not None
            assert result.structured_content["width"] == 2000

    anyio.run(run)


def test_http_refuses_other_hosts_and_origins(address: str) -> None:
    headers = {"Accept": "application/json, text/event-stream"}
    for name, value in (("Host", "evil.example"), ("Origin", "http://evil.example")):
        answer = httpx.post(address, json=INITIALIZE, headers={**headers, name: value})
        assert answer.status_code in (403, 421)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--host", "0.0.0.0"], "not a loopback address"),
        (["--host", "example.com"], "not a loopback address"),
        (["--port", "99999"], "99999"),
    ],
)
def test_what_is_not_served(settings: Settings, options: list[str], message: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "expressedit_mcp", "serve", "--http", *options],
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert message in done.stderr


def test_a_busy_port_is_told(settings: Settings, address: str) -> None:
    port = address.split(":")[2].split("/")[0]
    done = subprocess.run(
        [sys.executable, "-m", "expressedit_mcp", "serve", "--http", "--port", port],
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "--port" in done.stderr
