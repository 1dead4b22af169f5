"""The plugin's types against `@types/photoshop`, and the fake's table of members against the same.

Needs the packages of package-lock.json: `python tests/helpers/plugin_node.py` installs them.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from plugin_node import HERE, PACKAGES, PLUGIN, package_file, run_node

TYPES = "@types/photoshop"
TSC = "typescript/bin/tsc"
PRETTIER = "prettier/bin/prettier.cjs"

# where the class or module of the fake stands in the package
SOURCES = {
    "photoshop": "index.d.ts",
    "app": "dom/Photoshop.d.ts",
    "core": "dom/CoreModules.d.ts",
    "action": "dom/CoreModules.d.ts",
    "constants": "dom/Constants.d.ts",
    "Document": "dom/Document.d.ts",
    "Layer": "dom/Layer.d.ts",
    "HistoryState": "dom/HistoryState.d.ts",
    "Selection": "dom/Selection.d.ts",
    "imaging": "dom/ImagingModule.d.ts",
    "PhotoshopImageData": "dom/ImagingModule.d.ts",
    "ExecutionContext": "dom/CoreModules.d.ts",
    "hostControl": "dom/CoreModules.d.ts",
}
# members that the package lacks although a page documents them; types/photoshop.d.ts corrects the first
MISSING = {("PhotoshopImageData", "isChunky")}


def test_the_plugin_type_checks() -> None:
    done = run_node(package_file(TSC), "-p", "tsconfig.json")
    assert done.returncode == 0, done.stdout


def test_the_scripts_are_formatted() -> None:
    files = [
        *HERE.glob("*.js"),
        *(HERE / "fake").glob("*.js"),
        *PLUGIN.glob("*.js"),
        *PLUGIN.glob("*.css"),
    ]
    done = run_node(package_file(PRETTIER), "--config", "prettier.json", "--check", *files)
    assert done.returncode == 0, done.stdout


def test_a_wrong_type_is_found(tmp_path: Path) -> None:
    """The check is switched on: a member that does not exist and a missing argument are errors."""
    bad = 'const { app } = require("photoshop");\napp.activeDocument.fileName;\n'
    (tmp_path / "bad.js").write_text(bad, encoding="utf-8")
    config = json.loads((HERE / "tsconfig.json").read_text(encoding="utf-8"))
    options = config["compilerOptions"]
    options["paths"] = {
        name: [str(HERE / path) for path in paths] for name, paths in options["paths"].items()
    }
    options["typeRoots"] = [str(PACKAGES / "@types")]
    config["include"] = ["bad.js"]
    (tmp_path / "tsconfig.json").write_text(json.dumps(config), encoding="utf-8")
    done = run_node(package_file(TSC), "-p", tmp_path / "tsconfig.json")
    assert "'fileName' does not exist" in done.stdout


def members() -> dict[str, dict[str, Any]]:
    script = 'process.stdout.write(JSON.stringify(require("./fake/documented.js").MEMBERS))'
    return json.loads(run_node("-e", script).stdout)


@pytest.mark.parametrize("kind", SOURCES)
def test_the_fake_has_documented_members_only(kind: str) -> None:
    text = package_file(f"{TYPES}/{SOURCES[kind]}").read_text(encoding="utf-8")
    for name, member in members()[kind].items():
        if (kind, name) in MISSING:
            continue
        assert re.search(rf"\b{name}\b\s*[?:;(<]|\b(enum|const|function|get|set) {name}\b", text), (
            name
        )
        if since := member.get("since"):
            assert f"@minVersion {since}" in text, f"{name}: no member of {since}"


def test_the_lock_file_names_no_host_and_pins_every_package() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))
    asked = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    locked = {name: entry for name, entry in lock["packages"].items() if name}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in asked.values())
    assert {name: locked[f"node_modules/{name}"]["version"] for name in asked} == asked
    for name, entry in locked.items():
        assert entry["integrity"].startswith("sha512-"), name
        assert "resolved" not in entry, name
