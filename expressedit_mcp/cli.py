"""The command line: serve, demo, doctor, images, models, engine, tags, bridge, psd."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from pydantic import ValidationError

from expressedit_mcp import __version__
from expressedit_mcp.bridge_cli import add_commands
from expressedit_mcp.engine_cli import engine_command
from expressedit_mcp.errors import ExpressEditError
from expressedit_mcp.models_cli import models_group
from expressedit_mcp.tags_cli import tags_group

if TYPE_CHECKING:
    from expressedit_mcp.images import ImageStore
    from expressedit_mcp.settings import Settings

DEFAULT_PORT = 8931


class _Group(click.Group):
    """Shows our own errors as one message instead of a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ExpressEditError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Edit the facial expressions of illustrated characters, over MCP.

    Begin with `expressedit-mcp demo`; if something is missing, `expressedit-mcp doctor` says what. A chat client
    that is configured as the README says starts `serve` by itself.
    """
    # waiting OpenMP threads would spin: on a busy machine an edit then takes twenty times as long
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@main.command()
@click.option("--http", is_flag=True, help="Serve streamable HTTP instead of stdio.")
@click.option("--host", default="127.0.0.1", show_default=True, help="A loopback address.")
@click.option("--port", default=DEFAULT_PORT, show_default=True, type=click.IntRange(0, 65535))
def serve(http: bool, host: str, port: int) -> None:
    """Run the MCP server on stdio, or on http://HOST:PORT/mcp."""
    from expressedit_mcp import serving

    if http:
        serving.serve_http(_settings(), host, port)
    else:
        serving.serve_stdio(_settings())


@main.command()
@click.option(
    "--out",
    default=Path("expressedit-demo"),
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the pictures.",
)
def demo(out: Path) -> None:
    """Edit a drawn character and write pictures of before and after.

    An MCP client calls the real server for it. It takes about half a minute with the model that ships, and needs
    no GPU and no download.
    """
    from expressedit_mcp.demo import run_demo

    run_demo(out)


@main.command()
def doctor() -> None:
    """Check this installation and say how to mend what is missing.

    Shows versions, device, model, memory, folders and ports, as the EXPRESSEDIT_ variables of this shell set
    them; a chat client may set others.
    """
    from expressedit_mcp.doctor import run_doctor

    raise SystemExit(run_doctor(_settings(), DEFAULT_PORT))


@main.group()
def images() -> None:
    """The stored versions of pictures: list or prune them."""


@images.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
def list_versions(limit: int) -> None:
    """The newest versions with their parents and files."""
    store = _store(_settings())
    for version in store.versions()[:limit]:
        made_from = f" from {version.parent}" if version.parent else ""
        click.echo(
            f"{version.image_id}  {version.operation}{made_from}  {version.width}x{version.height}  "
            f"{store.path(version.image_id)}"
        )


@images.command()
@click.option(
    "--max-mb", type=click.IntRange(0), help="Keep at most this much; the oldest go first."
)
@click.option(
    "--older-than-days", type=click.FloatRange(0), help="Remove versions older than this."
)
def prune(max_mb: int | None, older_than_days: float | None) -> None:
    """Remove stored versions. Without options the store is cut to EXPRESSEDIT_STORE_LIMIT_MB."""
    settings = _settings()
    store = _store(settings)
    if max_mb is None and older_than_days is None:
        max_mb = settings.store_limit_mb
    removed = store.prune(
        max_bytes=None if max_mb is None else max_mb << 20,
        older_than_s=None if older_than_days is None else older_than_days * 86400,
    )
    left = store.used_bytes() / (1 << 20)
    click.echo(f"Removed {len(removed)} versions; {left:.1f} MB are left in {store.folder}.")


def _settings() -> Settings:
    from expressedit_mcp.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        lines = [
            f"EXPRESSEDIT_{str(e['loc'][0]).upper()}: {e['msg'].removeprefix('Value error, ')}"
            for e in error.errors()
        ]
        raise click.ClickException(
            "The environment has a setting that cannot be used.\n" + "\n".join(lines)
        ) from error


def _store(settings: Settings) -> ImageStore:
    from expressedit_mcp.images import ImageStore

    return ImageStore(settings.pictures_dir)


main.add_command(models_group(_settings))
main.add_command(engine_command(_settings))
main.add_command(tags_group(_settings))
add_commands(main, _settings)
