"""The command line of the Photoshop bridge and of layered files."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from expressedit_mcp.settings import Settings
    from photoshop_bridge import Bridge


def add_commands(main: click.Group, read_settings: Callable[[], Settings]) -> None:
    """Adds `bridge …` and `psd` to the command line."""

    def open_bridge() -> Bridge:
        """The bridge's files; nothing listens."""
        from photoshop_bridge import Bridge

        settings = read_settings()
        return Bridge(settings.bridge_dir, port=settings.bridge_port, mode="off")

    @main.group()
    def bridge() -> None:
        """The connection to Photoshop: pair a panel, see what waits."""

    @bridge.command()
    def pair() -> None:
        """Show a code to type into the ExpressEdit panel.

        A running server listens for it.
        """
        from photoshop_bridge.pairing import shown

        code = open_bridge().open_code()
        minutes = max(1, round((code.expires - time.time()) / 60))
        click.echo(
            f"{shown(code.code)}\nType it into the ExpressEdit panel in Photoshop within {minutes} minutes, port "
            f"{read_settings().bridge_port}. A server must be running (your chat client starts one, or "
            "`expressedit-mcp serve`)."
        )

    @bridge.command()
    def unpair() -> None:
        """Forget every paired panel."""
        click.echo(f"Forgot {open_bridge().pairings.forget()} panels.")

    @bridge.command()
    def status() -> None:
        """Say who listens on the port, what is connected and what waits."""
        found = open_bridge().listening_server()
        settings = read_settings()
        if settings.bridge == "off":
            click.echo("Switched off by EXPRESSEDIT_BRIDGE.")
        if found is None:
            click.echo(f"No ExpressEdit server listens on port {settings.bridge_port}.")
        else:
            click.echo(f"{found.instance} (process {found.pid}) listens on port {found.port}.")
            host = found.host
            click.echo(f"Connected: {host.kind} {host.host}." if host else "Nothing is connected.")
            for document in host.documents if host else ():
                click.echo(f"  {document.name}  {document.width}x{document.height}")
        opened = open_bridge()
        click.echo(f"Paired panels: {len(opened.pairings.installs())}.")
        click.echo(f"Results that wait: {len(opened.outbox.pending())}.")

    @bridge.command()
    @click.option("--discard", metavar="RESULT", help="Throw this waiting result away.")
    def outbox(discard: str | None) -> None:
        """List the results that wait for Photoshop."""
        box = open_bridge().outbox
        if discard is not None:
            if not box.discard(discard):
                raise click.ClickException(f"No result {discard!r} is waiting.")
            click.echo(f"Discarded {discard}.")
            return
        pending = box.pending()
        if not pending:
            click.echo("No result waits.")
        for waiting in pending:
            document = waiting.document.name if waiting.document else "any document, by a click"
            problem = f"  ({waiting.error.message})" if waiting.error else ""
            click.echo(
                f"{waiting.result}  {waiting.name}  for {document}  {list(waiting.rect)}{problem}"
            )

    @bridge.command()
    @click.option(
        "--out",
        default=Path("."),
        show_default=True,
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder for the file.",
    )
    def package(out: Path) -> None:
        """Write the ExpressEdit panel as a .ccx file to install.

        Creative Cloud installs it when it is opened.
        """
        from photoshop_bridge.package import ManifestError, build_ccx

        try:
            name, data = build_ccx()
        except ManifestError as error:
            raise click.ClickException(str(error)) from error
        out.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(data)
        click.echo(f"Wrote {(out / name).resolve()}. Open it to install the panel.")

    @main.command()
    @click.argument("image_id")
    @click.option(
        "--out",
        "path",
        help="The file, ending in .psd, in an allowed folder; default: in the first one.",
    )
    @click.option("--add-to", help="An existing PSD of that size; its layers are kept.")
    @click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
    def psd(image_id: str, path: str | None, add_to: str | None, overwrite: bool) -> None:
        """Write a stored version as a layered Photoshop file.

        Each edit is one masked layer. `images list` shows the IMAGE_ID.
        """
        from expressedit_mcp.studio import Studio

        studio = Studio.open(read_settings())
        try:
            click.echo(f"Wrote {studio.export_psd(image_id, path, add_to, overwrite)}.")
        finally:
            studio.close()
