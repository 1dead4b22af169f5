"""What is installed, where things are, and what is missing with its remedy."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from expressedit_mcp import __version__
from expressedit_mcp.errors import ExpressEditError
from expressedit_mcp.settings import SHIPPED_MODEL, Settings

_PACKAGES = (
    "mcp",
    "torch",
    "diffusers",
    "transformers",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "lancedb",
)


class Finding(NamedTuple):
    """One line of the report; `remedy` is empty when all is well."""

    what: str
    found: str
    remedy: str = ""


def run_doctor(settings: Settings, port: int) -> int:
    """Prints the report; 0 when nothing is missing, else 1."""
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column()
    table.add_column()
    table.add_column(overflow="fold")
    findings = list(_findings(settings, port))
    for finding in findings:
        mark = "[red]missing[/red]" if finding.remedy else "[green]ok[/green]"
        table.add_row(mark, finding.what, escape(finding.found))
    console = Console(highlight=False)
    console.print(table)
    for finding in findings:
        if finding.remedy:
            console.print(f"- {finding.what}: {finding.remedy}", markup=False, soft_wrap=True)
    return int(any(finding.remedy for finding in findings))


def _findings(settings: Settings, port: int) -> Iterator[Finding]:
    yield Finding(
        "expressedit-mcp",
        f"{__version__} on Python {platform.python_version()}, {platform.platform()}",
    )
    for package in _PACKAGES:
        yield _package(package)
    yield _device(settings)
    if settings.engine:
        yield _remote_engine(settings)
    else:
        yield _model(settings)
        yield from _memory(settings)
    yield _home(settings)
    yield from _folders(settings)
    yield _port(port)
    yield _bridge(settings)


def _package(name: str) -> Finding:
    try:
        return Finding(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "not installed", "pip install -c constraints.txt .")


def _device(settings: Settings) -> Finding:
    try:
        import torch

        from expressedit_mcp.engine.models import choose_device, choose_dtype

        device = choose_device(settings.device)
        if device.type == "cuda" and not torch.cuda.is_available():
            return Finding(
                "device", str(device), "no CUDA here; unset EXPRESSEDIT_DEVICE or use cpu"
            )
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
        return Finding(
            "device", f"{device} ({name}, {choose_dtype(device)}, {os.cpu_count()} CPU cores)"
        )
    except (ImportError, RuntimeError) as error:
        return Finding(
            "device", f"torch does not work: {error}", "reinstall torch for this machine"
        )


def _model(settings: Settings) -> Finding:
    from expressedit_mcp.engine import ModelLibrary, find_source
    from expressedit_mcp.engine.model_source import check_source

    try:
        path = ModelLibrary(settings.models_dir, SHIPPED_MODEL).resolve(settings.model)
        source = find_source(path)
        check_source(source)
    except ExpressEditError as error:
        return Finding("model", str(settings.model or "the one in use"), str(error))
    card = source.card
    shipped = (
        ", shipped; for real pictures see `expressedit-mcp models`" if path == SHIPPED_MODEL else ""
    )
    control = "" if source.controlnet else ", without a ControlNet"
    return Finding(
        "model", f"{card.name} for {card.domain} ({card.native_px} px{control}{shipped})"
    )


def _remote_engine(settings: Settings) -> Finding:
    from expressedit_mcp.studio.engines import open_engine

    engine = open_engine(settings)
    try:
        card = engine.card
    except ExpressEditError as error:
        return Finding("engine", str(settings.engine), str(error))
    finally:
        engine.close()
    return Finding("engine", f"{card.name} for {card.domain}, at {settings.engine}")


def _memory(settings: Settings) -> Iterator[Finding]:
    """How the model would lie in memory; nothing where the model or the device is what is missing."""
    try:
        import torch

        from expressedit_mcp.engine import ModelLibrary, find_source, memory
        from expressedit_mcp.engine.learning.cost import describe_cost
        from expressedit_mcp.engine.models import choose_device, choose_dtype

        device = choose_device(settings.device)
        if device.type == "cuda" and not torch.cuda.is_available():
            return
        path = ModelLibrary(settings.models_dir, SHIPPED_MODEL).resolve(settings.model)
        source = find_source(path)
        size = memory.footprint_of_files(source, choose_dtype(device))
        free = memory.free_gib(device)
    except (ExpressEditError, ImportError, RuntimeError):
        return
    yield Finding("memory plan", memory.describe_plan(size, free))
    weights_gib = size.denoisers_gib + size.texts_gib + size.vae_gib
    yield Finding("learning a character", describe_cost(source.card, weights_gib))


def _home(settings: Settings) -> Finding:
    folder = settings.pictures_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        return Finding(
            "picture store", str(folder), "not writable; set EXPRESSEDIT_HOME to a folder that is"
        )
    from expressedit_mcp.images import ImageStore

    used = ImageStore(folder).used_bytes() / (1 << 20)
    return Finding("picture store", f"{folder} ({used:.0f} of {settings.store_limit_mb} MB)")


def _folders(settings: Settings) -> Iterator[Finding]:
    """Where pictures may be read and saved besides the store."""
    *folders, _ = settings.allowed_roots(Path.cwd())
    if not folders:
        what = "the picture store alone; EXPRESSEDIT_ROOTS names the folders of your pictures"
        yield Finding("allowed folder", what)
    where = "" if settings.roots else " (the working directory; EXPRESSEDIT_ROOTS is not set)"
    for folder in folders:
        remedy = "" if folder.is_dir() else "make it, or change EXPRESSEDIT_ROOTS"
        yield Finding("allowed folder", f"{folder}{where}", remedy)


def _port(port: int) -> Finding:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        taken = probe.connect_ex(("127.0.0.1", port)) == 0
    return Finding("HTTP port", f"{port} {'in use (by a running server?)' if taken else 'free'}")


def _bridge(settings: Settings) -> Finding:
    from photoshop_bridge import Bridge

    status = Bridge(settings.bridge_dir, mode="off").status()
    port = "off" if settings.bridge == "off" else f"port {settings.bridge_port}"
    return Finding(
        "Photoshop",
        f"{port}, {status.paired} panels paired, {len(status.pending)} results wait ({settings.bridge_dir})",
    )
