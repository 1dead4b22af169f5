"""Downloads from a real HTTP server that breaks off, lies about sizes, changes bytes and wants tokens."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from expressedit_mcp.engine.download import RemoteFile, fetch
from expressedit_mcp.errors import ModelError

DATA = bytes(range(256)) * 4096  # 1 MiB
DIGEST = hashlib.sha256(DATA).hexdigest()


@dataclass
class Behaviour:
    """How the server answers, and what it was asked."""

    data: bytes = DATA
    break_after: list[int] = field(default_factory=list)
    ranges: bool = True
    announce: int | None = None
    token: str | None = None
    status: int | None = None
    content_type: str = "application/octet-stream"
    etag: str = '"one"'
    asked: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def behaviour() -> Behaviour:
    return Behaviour()


@pytest.fixture
def url(behaviour: Behaviour) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            b = behaviour
            b.asked.append(dict(self.headers))
            if b.token and self.headers.get("Authorization") != f"Bearer {b.token}":
                self.send_error(401)
                return
            if b.status:
                self.send_error(b.status)
                return
            start = 0
            found = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
            current = self.headers.get("If-Range") in (None, b.etag)
            if found and b.ranges and current:
                start = int(found[1])
                if start >= len(b.data):
                    self.send_error(416)
                    return
            body = b.data[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Type", b.content_type)
            self.send_header("ETag", b.etag)
            self.send_header("Content-Length", str((b.announce or len(b.data)) - start))
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(b.data) - 1}/{len(b.data)}")
            self.end_headers()
            end = b.break_after.pop(0) if b.break_after else len(body)
            self.wfile.write(body[:end])

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/weights"
    server.shutdown()
    server.server_close()
    thread.join()


def remote(url: str, **known: object) -> RemoteFile:
    return RemoteFile.model_validate(
        {"name": "w.safetensors", "url": url, "page": "https://example.org/page", **known}
    )


def test_a_file_arrives_whole_with_its_hash(url: str, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    path, digest = fetch(
        remote(url, size=len(DATA), sha256=DIGEST), tmp_path, on_bytes=lambda *n: seen.append(n)
    )
    assert path.read_bytes() == DATA
    assert digest == DIGEST
    assert seen[-1] == (len(DATA), len(DATA))
    assert [p.name for p in tmp_path.iterdir()] == ["w.safetensors"]


def test_what_is_there_is_not_fetched_again(url: str, tmp_path: Path, behaviour: Behaviour) -> None:
    fetch(remote(url), tmp_path)
    assert fetch(remote(url), tmp_path)[1] == DIGEST
    assert len(behaviour.asked) == 1


def test_a_broken_transfer_goes_on_where_it_stopped(
    url: str, tmp_path: Path, behaviour: Behaviour
) -> None:
    behaviour.break_after = [100_000, 300_000]
    path, digest = fetch(remote(url), tmp_path, pause_s=0)
    assert digest == DIGEST
    assert path.read_bytes() == DATA
    assert [asked.get("Range") for asked in behaviour.asked] == [
        None,
        "bytes=100000-",
        "bytes=400000-",
    ]


def test_a_later_call_goes_on_too(url: str, tmp_path: Path, behaviour: Behaviour) -> None:
    behaviour.break_after = [10_000] * 5
    with pytest.raises(ModelError, match="Run the same command again to go on from 50000 bytes"):
        fetch(remote(url), tmp_path, pause_s=0)
    assert fetch(remote(url), tmp_path, pause_s=0)[1] == DIGEST
    assert behaviour.asked[-1]["Range"] == "bytes=50000-"


def test_a_server_without_ranges_sends_all_again(
    url: str, tmp_path: Path, behaviour: Behaviour
) -> None:
    behaviour.ranges = False
    behaviour.break_after = [100_000]
    assert fetch(remote(url), tmp_path, pause_s=0)[1] == DIGEST


def test_a_file_that_changed_meanwhile_is_fetched_from_its_start(
    url: str, tmp_path: Path, behaviour: Behaviour
) -> None:
    behaviour.break_after = [1000] * 5
    with pytest.raises(ModelError):
        fetch(remote(url), tmp_path, pause_s=0)
    behaviour.data, behaviour.etag = DATA[::-1], '"two"'
    path, _ = fetch(remote(url), tmp_path, pause_s=0)
    assert path.read_bytes() == DATA[::-1]


def test_a_part_that_is_already_whole_is_taken(url: str, tmp_path: Path) -> None:
    (tmp_path / "w.safetensors.part").write_bytes(DATA)
    assert fetch(remote(url), tmp_path)[1] == DIGEST


def test_changed_bytes_are_removed(url: str, tmp_path: Path, behaviour: Behaviour) -> None:
    behaviour.data = DATA[:-1] + b"x"
    with pytest.raises(ModelError, match="SHA-256"):
        fetch(remote(url, sha256=DIGEST), tmp_path)
    assert not list(tmp_path.glob("w.safetensors*"))


@pytest.mark.parametrize("size", [len(DATA) - 1, len(DATA) + 1])
def test_another_size_is_refused_before_the_bytes(url: str, tmp_path: Path, size: int) -> None:
    with pytest.raises(ModelError, match="announces 1048576 bytes"):
        fetch(remote(url, size=size), tmp_path)
    assert not (tmp_path / "w.safetensors").exists()


def test_a_server_that_announces_too_much_breaks_off(
    url: str, tmp_path: Path, behaviour: Behaviour
) -> None:
    behaviour.announce = len(DATA) + 10
    behaviour.ranges = False
    with pytest.raises(ModelError, match="broke off 5 times"):
        fetch(remote(url), tmp_path, pause_s=0)


def test_a_wanted_token_is_asked_for_and_used(
    url: str, tmp_path: Path, behaviour: Behaviour
) -> None:
    behaviour.token = "secret"
    with pytest.raises(ModelError, match="EXPRESSEDIT_DOWNLOAD_TOKEN") as caught:
        fetch(remote(url, token_site="a.example"), tmp_path)
    assert "a.example" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert fetch(remote(url), tmp_path, token="secret")[1] == DIGEST


@pytest.mark.parametrize(("status", "says"), [(404, "answered 404"), (410, "answered 410")])
def test_a_moved_file_names_its_page(
    url: str, tmp_path: Path, behaviour: Behaviour, status: int, says: str
) -> None:
    behaviour.status = status
    with pytest.raises(ModelError, match=says) as caught:
        fetch(remote(url), tmp_path)
    assert "https://example.org/page" in str(caught.value)


def test_a_busy_server_is_tried_again(url: str, tmp_path: Path, behaviour: Behaviour) -> None:
    behaviour.status = 503
    with pytest.raises(ModelError, match="status 503"):
        fetch(remote(url), tmp_path, pause_s=0)
    assert len(behaviour.asked) == 5


def test_a_login_page_is_no_file(url: str, tmp_path: Path, behaviour: Behaviour) -> None:
    behaviour.content_type = "text/html; charset=utf-8"
    with pytest.raises(ModelError, match="web page"):
        fetch(remote(url), tmp_path)


def test_nobody_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="broke off 5 times"):
        fetch(remote("http://127.0.0.1:9/none"), tmp_path, pause_s=0)
