"""`expressedit-mcp bridge …`, and the package that it writes."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bridge_setup import QUICK, RecordingService, layer_for, wait_until
from click.testing import CliRunner
from document_host import Document, DocumentHost, Storage, running

from expressedit_mcp.cli import main
from expressedit_mcp.settings import Settings
from photoshop_bridge import Bridge
from photoshop_bridge.package import PLUGIN, ManifestError, build_ccx, manifest_faults


def run(*arguments: str) -> str:
    done = CliRunner().invoke(main, ["bridge", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_code_of_the_command_line_pairs_with_a_running_server(
    settings: Settings, document: Document
) -> None:
    assert "No ExpressEdit server listens" in run("status")
    bridge = Bridge(settings.bridge_dir, RecordingService, port=settings.bridge_port, timing=QUICK)
    bridge.start()
    try:
        code = run("pair").split()[0]
        wait_until(lambda: bridge.status().state == "listening")
        with running(DocumentHost(settings.bridge_port, Storage(), [document]), code):
            wait_until(lambda: "page.psd" in run("status"))
            told = run("status")
        assert "Connected: fake 27.8.0." in told
        assert "Paired panels: 1." in told
    finally:
        bridge.close()
    assert "No ExpressEdit server listens" in run("status")
    assert "Forgot 1 panels" in run("unpair")
    assert "Paired panels: 0." in run("status")


def test_the_outbox_is_listed_and_results_thrown_away(
    settings: Settings, document: Document
) -> None:
    assert run("outbox") == "No result waits.\n"
    box = Bridge(settings.bridge_dir, mode="off").outbox
    host = DocumentHost(0, Storage(), [document])
    first = box.put(layer_for(host, number=1))
    second = box.put(layer_for(host, number=2, known=False))
    lines = run("outbox").splitlines()
    assert [line.split()[0] for line in lines] == [first.result, second.result]
    assert "for page.psd" in lines[0]
    assert "by a click" in lines[1]
    assert "Results that wait: 2." in run("status")
    run("outbox", "--discard", first.result)
    assert len(run("outbox").splitlines()) == 1
    assert CliRunner().invoke(main, ["bridge", "outbox", "--discard", "x"]).exit_code == 1


def test_the_package_holds_the_plugin_and_is_the_same_each_time(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(PLUGIN, copy)
    (copy / ".hidden").write_text("left out", "utf-8")
    name, data = build_ccx()
    assert build_ccx(copy) == (name, data)
    assert name == "org.expressedit.photoshop_PS.ccx"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert json.loads(archive.read("manifest.json"))["manifestVersion"] == 5
        for path in (p for p in PLUGIN.rglob("*") if p.is_file()):
            assert archive.read(path.relative_to(PLUGIN).as_posix()) == path.read_bytes()
    assert names == sorted(names)
    assert "manifest.json" in names


def test_the_command_writes_the_package(settings: Settings, tmp_path: Path) -> None:
    run("package", "--out", str(tmp_path / "new"))
    (written,) = (tmp_path / "new").iterdir()
    assert written.read_bytes() == build_ccx()[1]


def manifest() -> dict[str, Any]:
    return json.loads((PLUGIN / "manifest.json").read_text("utf-8"))


def test_the_shipped_manifest_is_without_fault() -> None:
    assert manifest_faults(manifest(), PLUGIN) == []


def set_in(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(changed: Any) -> None:
        for step in path[:-1]:
            changed = changed[step]
        changed[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (set_in("extra", value=1), "unknown key 'extra'"),
        (set_in("host", "extra", value=1), "host: unknown key 'extra'"),
        (set_in("host", "data", "extra", value=1), "host.data: unknown key 'extra'"),
        (set_in("entrypoints", 0, "extra", value=1), "panel: unknown key 'extra'"),
        (set_in("icons", 0, "extra", value=1), "plugin icon: unknown key 'extra'"),
        (set_in("manifestVersion", value=4), "manifestVersion"),
        (set_in("id", value="no spaces"), "id is missing"),
        (set_in("name", value="ab"), "3 to 45"),
        (set_in("version", value="1.2"), "x.y.z"),
        (set_in("version", value="1.2.100"), "x.y.z"),
        (set_in("main", value="absent.html"), "main names no file"),
        (set_in("host", value=[{"app": "PS"}]), "host is not one object"),
        (set_in("host", "app", value="ID"), "host.app"),
        (set_in("host", "minVersion", value="24.4.0"), "host.minVersion"),
        (set_in("host", "data", value={}), "apiVersion"),
        (set_in("requiredPermissions", value={"network": {"domains": ["all"]}}), "Permissions"),
        (
            set_in("requiredPermissions", "localFileSystem", value="fullAccess"),
            "requiredPermissions",
        ),
        (set_in("entrypoints", value=[]), "no panel"),
        (set_in("entrypoints", 0, "icons", value=[]), "panel: no icons"),
        (set_in("entrypoints", 0, "icons", 0, "theme", value=["medium"]), "not known"),
        (set_in("icons", 0, "species", value=["generic"]), "species"),
        (set_in("icons", 0, "path", value="icons/absent.png"), "no file at scale 1"),
    ],
)
def test_faults_of_a_manifest_are_found(
    change: Callable[[dict[str, Any]], None], fault: str, tmp_path: Path
) -> None:
    copy = tmp_path / "plugin"
    shutil.copytree(PLUGIN, copy)
    changed = manifest()
    change(changed)
    (copy / "manifest.json").write_text(json.dumps(changed), "utf-8")
    with pytest.raises(ManifestError, match=fault) as caught:
        build_ccx(copy)
    assert len(str(caught.value).splitlines()) <= 2
