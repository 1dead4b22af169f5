"""The panel as a .ccx file, the zip that Creative Cloud installs, and the rules for its manifest."""

from __future__ import annotations

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

PLUGIN = Path(__file__).parent / "plugin"
# zip knows no time before 1980; the same files give the same bytes
_DATE = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644 << 16
_SIZES = "minimumSize maximumSize preferredDockedSize preferredFloatingSize"
_KEYS = {
    "manifest": "manifestVersion id name version main host entrypoints icons requiredPermissions "
    "featureFlags strings",
    "host": "app minVersion maxVersion data",
    "host.data": "apiVersion loadEvent enableMenuRecording",
    "panel": f"type id label icons {_SIZES}",
    "panel icon": "width height path scale theme species",
    "plugin icon": "width height path scale theme species",
}
_SPECIES = {"panel": ["toolbar"], "plugin": ["pluginList"]}
_THEMES = {"lightest", "light", "dark", "darkest", "all"}


class ManifestError(Exception):
    """What Photoshop would stumble over, one fault per line."""


def package_name(manifest: dict[str, Any]) -> str:
    """The name Creative Cloud's own tools give the file."""
    return f"{manifest['id']}_PS.ccx"


def build_ccx(folder: Path = PLUGIN) -> tuple[str, bytes]:
    """The file's name and bytes; the same files give the same bytes. Raises ManifestError."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    faults = manifest_faults(manifest, folder)
    if faults:
        raise ManifestError("\n".join(faults))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path in plugin_files(folder):
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _DATE)
            info.external_attr = _MODE
            info.create_system = 3
            # stored, not deflated: what deflate writes depends on zlib's version
            info.compress_type = zipfile.ZIP_STORED
            archive.writestr(info, path.read_bytes())
    return package_name(manifest), out.getvalue()


def plugin_files(folder: Path) -> list[Path]:
    """The plugin's files in a fixed order, hidden ones left out."""
    found = (path for path in folder.rglob("*") if path.is_file())
    shown = [p for p in found if not any(part[0] == "." for part in p.relative_to(folder).parts)]
    return sorted(shown, key=lambda path: path.relative_to(folder).as_posix())


def manifest_faults(manifest: dict[str, Any], folder: Path) -> list[str]:
    """What is wrong with a manifest of version 5 and the files it names, in words.

    Rules: Adobe's manifest v5 page, SchemaStore's uxp-manifest-5.json, and what the packager of
    Adobe's developer tools refuses.
    """
    faults = _unknown_keys(manifest, "manifest")
    if manifest.get("manifestVersion") != 5:
        faults.append("manifestVersion is not 5")
    if not re.fullmatch(r"[A-Za-z0-9.\-]+", str(manifest.get("id", ""))):
        faults.append("id is missing or has other than letters, digits, dots and hyphens")
    if not 3 <= len(str(manifest.get("name", ""))) <= 45:
        faults.append("name has not 3 to 45 characters")
    version = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{1,2})", str(manifest.get("version", "")))
    if version is None:
        faults.append("version is not x.y.z with parts of 0 to 99")
    if not (folder / str(manifest.get("main", "index.html"))).is_file():
        faults.append("main names no file")
    faults += _host_faults(manifest.get("host"))
    if manifest.get("requiredPermissions") != {"network": {"domains": "all"}}:
        faults.append('requiredPermissions is not just {"network": {"domains": "all"}}')
    panels = [e for e in manifest.get("entrypoints", []) if e.get("type") == "panel"]
    if not panels:
        faults.append("entrypoints has no panel")
    for panel in panels:
        faults += _unknown_keys(panel, "panel")
        faults += _icon_faults(panel.get("icons"), "panel", folder)
    return faults + _icon_faults(manifest.get("icons"), "plugin", folder)


def _unknown_keys(value: dict[str, Any], where: str) -> list[str]:
    return [
        f"{where}: unknown key {key!r}" for key in sorted(set(value) - set(_KEYS[where].split()))
    ]


def _host_faults(host: Any) -> list[str]:
    if not isinstance(host, dict):
        return ["host is not one object; an installed package may name one program only"]
    faults = _unknown_keys(host, "host") + _unknown_keys(host.get("data", {}), "host.data")
    if host.get("app") != "PS":
        faults.append("host.app is not PS")
    lowest = re.fullmatch(r"(\d+)\.\d+\.\d+", str(host.get("minVersion", "")))
    if lowest is None or int(lowest[1]) < 25:
        faults.append("host.minVersion is not x.y.z from 25.0.0 on")
    if host.get("data", {}).get("apiVersion") != 2:
        faults.append("host.data.apiVersion is not 2")
    return faults


def _icon_faults(icons: Any, where: str, folder: Path) -> list[str]:
    if not icons:
        return [f"{where}: no icons"]
    faults = []
    for icon in icons:
        faults += _unknown_keys(icon, f"{where} icon")
        if icon.get("species") != _SPECIES[where]:
            faults.append(f"{where} icon {icon.get('path')}: species is not {_SPECIES[where]}")
        if not set(icon.get("theme", [])) <= _THEMES:
            faults.append(f"{where} icon {icon.get('path')}: a theme that is not known")
        path = folder / str(icon.get("path"))
        for scale in icon.get("scale", [1]):
            if not path.with_stem(f"{path.stem}@{scale}x").is_file():
                faults.append(f"{where} icon {icon.get('path')}: no file at scale {scale}")
    return faults
