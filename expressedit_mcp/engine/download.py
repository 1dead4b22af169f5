"""Fetches large files over HTTP: resumed where they broke off, checked by size and SHA-256."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from pydantic import BaseModel, ConfigDict

from expressedit_mcp.errors import ModelError

_CHUNK = 1 << 20
_TRIES, _PAUSE_S, _TIMEOUT_S = 5, 1.0, 30.0

OnBytes = Callable[[int, int | None], None]
"""Called with (bytes there, bytes in all or None when the server does not say)."""


class RemoteFile(BaseModel):
    """A file to fetch. `size` and `sha256` are None where no source states them; `page` is where the
    address was published, `token_site` a site that wants a token for it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    url: str
    page: str
    size: int | None = None
    sha256: str | None = None
    token_site: str | None = None


def fetch(
    file: RemoteFile,
    folder: Path,
    *,
    token: str | None = None,
    on_bytes: OnBytes = lambda done, whole: None,
    pause_s: float = _PAUSE_S,
) -> tuple[Path, str]:
    """The path and SHA-256 of the file in a folder, fetched unless it is there.

    A broken transfer is tried again from where it broke off, also by a later call: what is there waits in
    `NAME.part`. The token goes only to the address's own host. Raises ModelError with what to do.
    """
    target = folder / file.name
    if target.is_file():
        return target, _verified(file, target)
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{file.name}.part"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(follow_redirects=True, timeout=_TIMEOUT_S, headers=headers) as client:
        for attempt in range(_TRIES):
            try:
                _transfer(client, file, part, on_bytes)
                break
            except (httpx.TransportError, _BrokenOff) as error:
                if attempt == _TRIES - 1:
                    raise ModelError(
                        f"{file.url} broke off {_TRIES} times ({error or type(error).__name__}). Run the same "
                        f"command again to go on from {part.stat().st_size if part.is_file() else 0} bytes."
                    ) from error
                time.sleep(pause_s * 2**attempt)
    part.with_name(f"{part.name}.etag").unlink(missing_ok=True)
    digest = _verified(file, part)
    part.replace(target)
    return target, digest


class _BrokenOff(Exception):
    """The connection ended before the announced size."""


def _transfer(client: httpx.Client, file: RemoteFile, part: Path, on_bytes: OnBytes) -> None:
    there = part.stat().st_size if part.is_file() else 0
    if file.size is not None and there >= file.size:
        return
    tag_file = part.with_name(f"{part.name}.etag")
    # compression would make byte ranges and sizes mean something else
    asked = {"Accept-Encoding": "identity"}
    if there:
        asked["Range"] = f"bytes={there}-"
        if tag_file.is_file():
            # sent whole again when the file there has changed
            asked["If-Range"] = tag_file.read_text(encoding="utf-8")
    with client.stream("GET", file.url, headers=asked) as response:
        if there and response.status_code == 416:
            return  # nothing is left to send
        _refuse(file, response)
        if there and response.status_code != 206:
            there = 0  # the server sends the whole file again
        whole = _whole_size(response, there)
        if file.size is not None and whole is not None and whole != file.size:
            raise ModelError(
                f"{file.url} announces {whole} bytes, expected are {file.size}: the file there is another one. "
                f"See {file.page}."
            )
        if not there:
            _remember(tag_file, response.headers.get("etag", ""))
        with part.open("ab" if there else "wb") as out:
            for chunk in response.iter_raw():  # as it arrives: nothing is lost when it breaks off
                out.write(chunk)
                there += len(chunk)
                on_bytes(there, whole)
                if file.size is not None and there > file.size:
                    raise ModelError(
                        f"{file.url} sends more than the {file.size} bytes that were expected."
                    )
        if whole is not None and there < whole:
            raise _BrokenOff(f"{there} of {whole} bytes")


def _remember(tag_file: Path, etag: str) -> None:
    # a weak tag does not promise the same bytes
    if etag and not etag.startswith("W/"):
        tag_file.write_text(etag, encoding="utf-8")
    else:
        tag_file.unlink(missing_ok=True)


def _refuse(file: RemoteFile, response: httpx.Response) -> None:
    status = response.status_code
    if status in (401, 403):
        site = file.token_site or httpx.URL(file.url).host
        raise ModelError(
            f"{file.url} wants a token ({status}). Make one in your account of {site}, set "
            f"EXPRESSEDIT_DOWNLOAD_TOKEN to it and run the command again; or download the file from {file.page} "
            "and add it with `expressedit-mcp models add`."
        )
    if status >= 500 or status == 429:
        raise _BrokenOff(f"status {status}")
    if status not in (200, 206):
        raise ModelError(
            f"{file.url} answered {status}. See {file.page} for where the file is now."
        )
    if "text/html" in response.headers.get("content-type", ""):
        raise ModelError(
            f"{file.url} answered with a web page instead of a file; it may want a login. See {file.page}."
        )


def _whole_size(response: httpx.Response, there: int) -> int | None:
    found = re.search(r"/(\d+)$", response.headers.get("content-range", ""))
    if found:
        return int(found[1])
    length = response.headers.get("content-length")
    return there + int(length) if length else None


def _verified(file: RemoteFile, path: Path) -> str:
    """The SHA-256 of a file. Raises ModelError, and removes it, when size or hash are wrong."""
    digest = hashlib.sha256()
    with path.open("rb") as data:
        while block := data.read(_CHUNK):
            digest.update(block)
    size, found = path.stat().st_size, digest.hexdigest()
    wrong = ""
    if file.size is not None and size != file.size:
        wrong = f"it has {size} bytes instead of {file.size}"
    elif file.sha256 is not None and found != file.sha256:
        wrong = f"its SHA-256 is {found} instead of {file.sha256}"
    if wrong:
        path.unlink()
        raise ModelError(
            f"{path.name} is not the file that was expected: {wrong}. It was removed; run the command again, and "
            f"if it stays so, see {file.page}."
        )
    return found
