"""Rules of the plugin's files: the manifest, what the code may not contain, how it is written."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from plugin_node import PLUGIN, ROOT, run_node

from photoshop_bridge.bridge import DEFAULT_PORT

SCRIPTS = sorted(PLUGIN.glob("*.js"))
TEXTS = [*SCRIPTS, *PLUGIN.glob("*.html"), *PLUGIN.glob("*.css"), PLUGIN / "manifest.json"]
MAX_LINES = 400

FORBIDDEN = {
    "code made from text": r"\beval\s*\(|new\s+Function|\bimport\s*\(|setTimeout\(\s*[\"'`]",
    "markup made from text": r"innerHTML|outerHTML|insertAdjacentHTML|document\.write",
    "other ways to the network": r"\bfetch\s*\(|XMLHttpRequest|EventSource|sendBeacon|<webview|<iframe",
    "files and processes": r"localFileSystem|require\(\"(?:fs|os|shell)\"\)|\bshell\b|launchProcess|executeAction",
    "the clipboard": r"clipboard",
    "unfinished work": r"TODO|FIXME|XXX|console\.",
}
# the only commands that may be played in Photoshop
DESCRIPTORS = {"make", "delete", "select", "selectNoLayers"}
LOOPBACK = {"ws://localhost", "ws://127.0.0.1"}


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def code(path: Path) -> str:
    """The file without its comments."""
    text = re.sub(r"/\*.*?\*/", "", read(path), flags=re.DOTALL)
    return re.sub(r"(^|\s)// .*", "", text)


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return json.loads(read(PLUGIN / "manifest.json"))


def test_manifest_fields(manifest: dict[str, Any]) -> None:
    """guides/uxp-guide/uxp-misc/manifest-v5 of AdobeDocs/uxp-photoshop."""
    known = {"manifestVersion", "id", "name", "version", "main", "host", "entrypoints", "icons"}
    assert set(manifest) == known | {"requiredPermissions"}
    assert manifest["manifestVersion"] == 5
    assert 3 <= len(manifest["name"]) <= 45
    parts = [int(part) for part in manifest["version"].split(".")]
    assert len(parts) == 3 and max(parts) <= 99
    assert (PLUGIN / manifest["main"]).is_file()


def test_manifest_host_is_one_object_of_photoshop_25(manifest: dict[str, Any]) -> None:
    host = manifest["host"]
    assert host == {
        "app": "PS",
        "minVersion": "25.0.0",
        "data": {"apiVersion": 2, "loadEvent": "startup"},
    }


def test_manifest_asks_for_the_network_alone(manifest: dict[str, Any]) -> None:
    """The text "all": arrays are denied for loopback addresses by Photoshop 27 (field reports)."""
    assert manifest["requiredPermissions"] == {"network": {"domains": "all"}}


def test_manifest_panel_and_icons(manifest: dict[str, Any]) -> None:
    (panel,) = manifest["entrypoints"]
    assert (panel["type"], panel["id"]) == ("panel", "expressedit")
    assert f"panels: {{ {panel['id']}:" in read(PLUGIN / "main.js")
    themes = [theme for icon in panel["icons"] for theme in icon["theme"]]
    assert sorted(themes) == ["dark", "darkest", "light", "lightest"]
    assert all(icon["species"] == ["toolbar"] for icon in panel["icons"])
    assert all(icon["species"] == ["pluginList"] for icon in manifest["icons"])
    for icon in [*panel["icons"], *manifest["icons"]]:
        path = PLUGIN / icon["path"]
        for scale in icon["scale"]:
            with Image.open(path.with_stem(f"{path.stem}@{scale}x")) as picture:
                assert picture.size == (icon["width"] * scale, icon["height"] * scale)


def test_version_and_port_are_the_server_s(manifest: dict[str, Any]) -> None:
    project = tomllib.loads(read(ROOT / "pyproject.toml"))["project"]
    assert manifest["version"] == project["version"]
    assert f"DEFAULT_PORT = {DEFAULT_PORT};" in read(PLUGIN / "storage.js")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
@pytest.mark.parametrize("what", FORBIDDEN)
def test_forbidden(path: Path, what: str) -> None:
    found = re.search(FORBIDDEN[what], code(path))
    assert found is None, f"{path.name} has {what}: {found and found[0]}"


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_no_address_but_loopback(path: Path) -> None:
    assert set(re.findall(r"\w+://[\w.]+", read(path))) <= LOOPBACK


def test_photoshop_is_played_known_commands_only() -> None:
    played = {word for path in SCRIPTS for word in re.findall(r'_obj: "(\w+)"', read(path))}
    assert played == DESCRIPTORS
    callers = {path.name for path in SCRIPTS if "batchPlay" in read(path)}
    assert callers == {"host_layers.js"}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_requires(path: Path) -> None:
    """Flat files, so that a relative path means the same to both readings of it; Photoshop in the adapter only."""
    for name in re.findall(r'require\("([^"]+)"\)', code(path)):
        if name == "photoshop":
            assert path.name in {"host.js", "host_layers.js", "host_pixels.js"}
        elif name == "uxp":
            assert path.name == "main.js"
        else:
            assert re.fullmatch(r"\./\w+\.js", name) and (PLUGIN / name).is_file()


def test_no_file_is_left_over() -> None:
    named = {"main.js", "index.html", "manifest.json", "style.css", "icons"}
    for path in SCRIPTS:
        named |= set(re.findall(r'require\("\./(\w+\.js)"\)', code(path)))
    assert {path.name for path in PLUGIN.iterdir()} == named


def test_the_page_runs_the_plugin_s_own_script_only() -> None:
    page = read(PLUGIN / "index.html")
    assert re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL) == [""]
    assert re.findall(r'(?:src|href)="([^"]+)"', page) == ["style.css", "main.js"]
    assert not re.search(r"\son\w+=|style=", page)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_how_scripts_are_written(path: Path) -> None:
    text = read(path)
    assert text.startswith('"use strict";\n/**')
    assert len(text.splitlines()) <= MAX_LINES
    assert max(len(line) for line in text.splitlines()) <= 124
    exported = re.findall(r"^exports\.(\w+)", text, re.MULTILINE)
    if match := re.search(r"module\.exports = \{([^}]*)\}", text):
        exported += [name.strip() for name in match[1].split(",") if name.strip()]
    lines = text.splitlines()
    for name in exported:
        at = next(
            i
            for i, line in enumerate(lines)
            if re.match(rf"(async )?(function|class|const) {name}\b", line)
        )
        assert (
            lines[at].startswith("class") or lines[at - 1].rstrip().endswith("*/") or name.isupper()
        ), name
    done = run_node("--check", path)
    assert done.returncode == 0, done.stdout
