"""`expressedit-mcp models`: which models there are, and which one edits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from expressedit_mcp.errors import ModelError

if TYPE_CHECKING:
    from expressedit_mcp.engine import ModelSource
    from expressedit_mcp.engine.download import RemoteFile
    from expressedit_mcp.engine.library import ModelLibrary
    from expressedit_mcp.settings import Settings

_FILE = click.Path(path_type=Path)


def models_group(read_settings: Callable[[], Settings]) -> click.Group:
    """The commands of models; settings are read when one of them runs."""

    @click.group()
    def models() -> None:
        """The models that can edit: list, add, pull, check, use, remove."""

    @models.command("list")
    def list_models() -> None:
        """Added models, the one in use (*), and what can be pulled."""
        from expressedit_mcp.engine.catalogue import NAMED_SETS

        settings = read_settings()
        library = _library(settings)
        current = library.current() if settings.model is None else str(settings.model)
        if settings.model is not None:
            click.echo(f"EXPRESSEDIT_MODEL is set to {current}, which comes before `models use`.")
        click.echo(f"{'*' if current is None else ' '} (shipped)  drawn demo characters only")
        for name in library.names():
            click.echo(f"{'*' if name == current else ' '} {name}  {_summary(library.path(name))}")
        for name, found in NAMED_SETS.items():
            if name not in library.names():
                click.echo(f"  {name}  can be pulled: {found.card.description}")

    @models.command()
    @click.argument("name")
    @click.option(
        "--base", required=True, type=_FILE, help=".safetensors checkpoint or diffusers directory."
    )
    @click.option("--controlnet", type=_FILE, help="Canny ControlNet for SDXL, file or directory.")
    @click.option("--vae", type=_FILE, help="Another VAE, file or directory.")
    @click.option(
        "--lora", "loras", multiple=True, help="LoRA, FILE or FILE=WEIGHT; may be repeated."
    )
    @click.option("--ip-adapter", type=_FILE, help="IP-Adapter (plain or Plus) for SDXL, file.")
    @click.option(
        "--image-encoder", type=_FILE, help="The IP-Adapter's CLIP vision encoder, directory."
    )
    @click.option(
        "--lightning",
        is_flag=True,
        help="Settings for an SDXL-Lightning 8-step LoRA, which is among the LoRAs.",
    )
    @click.option(
        "--prediction",
        type=click.Choice(["epsilon", "v_prediction"]),
        help="What the model predicts; default: what its files say, else epsilon.",
    )
    def add(
        name: str,
        base: Path,
        controlnet: Path | None,
        vae: Path | None,
        loras: tuple[str, ...],
        ip_adapter: Path | None,
        image_encoder: Path | None,
        lightning: bool,
        prediction: str | None,
    ) -> None:
        """Check files on this machine and add them as the model NAME.

        A directory brings its own card.json and parts (controlnet/ and what the card names); options take
        their place.
        """
        from expressedit_mcp.engine import ModelSource, find_source
        from expressedit_mcp.engine.card import Card, Files, LoraFile
        from expressedit_mcp.engine.model_source import SDXL_CONFIGS

        wanted = [text.rpartition("=") if "=" in text else (text, "", "1") for text in loras]
        given = [(Path(path), _number(weight)) for path, _, weight in wanted]
        base = base.expanduser()
        own = find_source(base) if base.is_dir() else ModelSource(Card(name=name), base)
        files = Files(
            base=_absolute(own.base),
            controlnet=_absolute(controlnet or own.controlnet),
            vae=_absolute(vae or own.vae),
            loras=tuple(
                LoraFile(path=_absolute(path), weight=weight) for path, weight in given or own.loras
            ),
            configs=_absolute(None if own.configs == SDXL_CONFIGS else own.configs),
            ip_adapter=_absolute(ip_adapter or own.ip_adapter),
            image_encoder=_absolute(image_encoder or own.image_encoder),
        )
        few_steps = (
            {
                "sampler": "euler",
                "spacing": "trailing",
                "steps": {"draft": 8, "final": 8},
                "strength": 0.75,
                "guidance_scale": 1.0,
            }
            if lightning
            else {}
        )
        said = {"prediction": prediction} if prediction else {}
        about = own.card.model_dump(exclude_unset=True) | {"name": name, "files": files}
        card = Card.model_validate({**about, **few_steps, **said})
        library = _library(read_settings())
        folder = library.add(card)
        try:
            _show_check(folder)
        except ModelError:
            library.remove(name)
            raise
        click.echo(
            f"Added {name}. `expressedit-mcp models use {name}` makes it the one that edits."
        )

    @models.command()
    @click.argument("name")
    def pull(name: str) -> None:
        """Download the model set NAME and add it.

        `models list` shows the sets. A download that broke off goes on where it was.
        """
        from expressedit_mcp.engine.catalogue import NAMED_SETS

        if name not in NAMED_SETS:
            raise ModelError(
                f"There is no set {name!r} to pull; there are: {', '.join(NAMED_SETS)}."
            )
        settings = read_settings()
        library = _library(settings)
        if name in library.names():
            raise ModelError(
                f"{name} is there already; `expressedit-mcp models check {name}` judges it."
            )
        for file in NAMED_SETS[name].files:
            path, digest = _fetch_shown(settings, library, file)
            click.echo(f"{path}  SHA-256 {digest}")
        _show_check(library.add(NAMED_SETS[name].card))
        click.echo(
            f"Added {name}. `expressedit-mcp models use {name}` makes it the one that edits."
        )

    @models.command()
    @click.argument("name", required=False)
    def check(name: str | None) -> None:
        """Check the files of a model, by default the one in use.

        NAME is an added model or a path. Weights are not loaded.
        """
        settings = read_settings()
        path = _library(settings).resolve(Path(name) if name else settings.model)
        _show_check(path)
        click.echo(f"{path} can be used.")

    @models.command()
    @click.argument("name", required=False)
    @click.option("--shipped", is_flag=True, help="Go back to the model that ships.")
    def use(name: str | None, shipped: bool) -> None:
        """Choose the model that edits, from the next start of the server on.

        EXPRESSEDIT_MODEL, where it is set, comes first.
        """
        if shipped == (name is not None):
            raise click.UsageError("Give the name of an added model, or --shipped.")
        settings = read_settings()
        _library(settings).use(name)
        click.echo(f"{name or 'The shipped model'} edits from the next start of the server on.")
        if settings.model is not None:
            click.echo(
                f"But EXPRESSEDIT_MODEL is set to {settings.model}, which comes first. Unset it."
            )

    @models.command()
    @click.argument("name")
    @click.option(
        "--files", is_flag=True, help="Delete downloaded weights that no other model needs, too."
    )
    def remove(name: str, files: bool) -> None:
        """Forget a model; its weights stay unless --files is given."""
        library = _library(read_settings())
        library.remove(name)
        left = library.unused_files()
        for path in left:
            if files:
                path.unlink()
            click.echo(f"{'Deleted' if files else 'Left'}: {path}")

    return models


def _library(settings: Settings) -> ModelLibrary:
    from expressedit_mcp.engine.library import ModelLibrary
    from expressedit_mcp.settings import SHIPPED_MODEL

    return ModelLibrary(settings.models_dir, SHIPPED_MODEL)


def _summary(folder: Path) -> str:
    from expressedit_mcp.engine import find_source

    try:
        source = find_source(folder)
    except ModelError as error:
        return f"cannot be used: {error}"
    parts = [source.base.name]
    parts += [part.name for part in (source.controlnet, source.vae) if part]
    parts += [path.name for path, _ in source.loras]
    parts += [source.ip_adapter.name] if source.ip_adapter else []
    return " + ".join(parts)


def _show_check(path: Path) -> None:
    """Prints what each file is. Raises ModelError for the first that will not do."""
    from expressedit_mcp.engine import find_source
    from expressedit_mcp.engine.model_source import check_source

    source: ModelSource = find_source(path)
    headers = check_source(source)
    if not source.single_file:
        click.echo(f"base: {source.base} (diffusers directory)")
    for use, part in (("controlnet", source.controlnet), ("vae", source.vae)):
        if part is not None and part.is_dir():
            click.echo(f"{use}: {part} (diffusers directory)")
    for use, file in headers.items():
        click.echo(f"{use}: {file.path} ({file.kind}, {len(file.shapes)} tensors)")
    if "base" in headers:
        from expressedit_mcp.engine.single_file import missing_tensors

        missing = missing_tensors(headers["base"], source.configs)
        if missing:
            raise ModelError(
                f"{source.base} lacks {len(missing)} tensors of an SDXL checkpoint, such as "
                f"{', '.join(missing[:3])}."
            )
    if source.image_encoder is not None:
        from expressedit_mcp.engine.image_prompt import check_adapter

        check_adapter(headers["IP-Adapter"], source)
        click.echo(f"image encoder: {source.image_encoder} (CLIP vision encoder)")
    if source.controlnet is None:
        click.echo(
            "No ControlNet: edits will follow the prompt alone, not the lines of the drawing."
        )


def _fetch_shown(settings: Settings, library: ModelLibrary, file: RemoteFile) -> tuple[Path, str]:
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    from expressedit_mcp.engine.download import fetch

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress("{task.description}", *columns) as progress:
        bar = progress.add_task(file.name, total=file.size)

        def show(done: int, whole: int | None) -> None:
            progress.update(bar, completed=done, total=whole)

        # a token for one site is nobody else's business
        token = settings.download_token.get_secret_value() if file.token_site else None
        return fetch(file, library.files, token=token, on_bytes=show)


def _absolute(path: Path | None) -> str:
    return "" if path is None else str(path.expanduser().resolve())


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise click.UsageError(f"{text!r} is no weight; write --lora FILE=0.8.") from error
