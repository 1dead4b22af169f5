"""`expressedit-mcp engine`: one loaded model for several clients."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from expressedit_mcp.settings import Settings

DEFAULT_ENGINE_PORT = 8933


def engine_command(read_settings: Callable[[], Settings]) -> click.Command:
    """The command; settings are read when it runs."""

    @click.command()
    @click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
    @click.option(
        "--port", default=DEFAULT_ENGINE_PORT, show_default=True, type=click.IntRange(0, 65535)
    )
    def engine(host: str, port: int) -> None:
        """Serve one loaded model to several chat clients.

        Clients set EXPRESSEDIT_ENGINE to the address that is shown; those of the same user find the token
        by themselves.
        """
        from expressedit_mcp.serving import serve_engine

        settings = read_settings()
        serve_engine(settings, host, port, engine_token(settings))

    return engine


def engine_token(settings: Settings) -> str:
    """The token of EXPRESSEDIT_ENGINE_TOKEN, else the one in the user's own folder, made when it is not there."""
    if given := settings.engine_token.get_secret_value():
        return given
    file = settings.engine_token_file
    try:
        return file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        token = secrets.token_urlsafe(32)
        _write_private(file, token)
        return token


def _write_private(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    # on Windows the user's own folder is private already, and the mode has no effect
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
