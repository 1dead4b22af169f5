"""The arrows between the rooms, read from the imports of every module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# what a room may import of our own; a room may always import itself
ARROWS = {
    "expressedit_mcp.errors": set(),
    "expressedit_mcp.regions": set(),
    "expressedit_mcp.settings": set(),
    "expressedit_mcp.jobs": {"expressedit_mcp.errors"},
    "expressedit_mcp.imaging": {"expressedit_mcp.errors"},
    "expressedit_mcp.images": {"expressedit_mcp.errors", "expressedit_mcp.imaging"},
    "expressedit_mcp.engine": {"expressedit_mcp.errors", "expressedit_mcp.imaging"},
    "expressedit_mcp.preview.train": {  # before the room it lies in: the first that fits counts
        "expressedit_mcp.errors",
        "expressedit_mcp.imaging",
        "expressedit_mcp.engine",
        "expressedit_mcp.preview",
    },
    "expressedit_mcp.preview": {"expressedit_mcp.errors", "expressedit_mcp.imaging"},
    "expressedit_mcp.studio": {
        "expressedit_mcp.errors",
        "expressedit_mcp.regions",
        "expressedit_mcp.settings",
        "expressedit_mcp.imaging",
        "expressedit_mcp.images",
        "expressedit_mcp.engine",
        "expressedit_mcp.preview",
        "expressedit_mcp.jobs",
        "photoshop_bridge",
        "tagdb",
    },
    "expressedit_mcp.tools": {
        "expressedit_mcp.errors",
        "expressedit_mcp.regions",
        "expressedit_mcp.studio",
        "expressedit_mcp.jobs",
        "expressedit_mcp.images",
        "expressedit_mcp.imaging",
        "photoshop_bridge",
        "tagdb",
    },
    "tagdb": set(),
    "photoshop_bridge": set(),
}
FORBIDDEN_LIBRARIES = {
    "expressedit_mcp.imaging": {"torch", "diffusers", "PIL", "mcp", "pathlib", "lancedb"},
    "expressedit_mcp.tools": {"torch", "numpy", "cv2", "PIL", "lancedb"},
    "tagdb": {"torch", "mcp", "cv2", "PIL"},
}


def modules() -> Iterator[tuple[str, Path]]:
    for package in ("expressedit_mcp", "tagdb", "photoshop_bridge"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(part for part in parts if part != "__init__"), path


def imported(name: str, path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it; relative imports made absolute."""
    found = set()
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *filter(None, [node.module])])
            found.add(base)
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def room_of(name: str) -> str | None:
    return next((room for room in ARROWS if name == room or name.startswith(f"{room}.")), None)


CASES = [(name, path) for name, path in modules() if room_of(name)]


@pytest.mark.parametrize(("name", "path"), CASES, ids=[name for name, _ in CASES])
def test_imports_run_down_only(name: str, path: Path) -> None:
    room = room_of(name)
    assert room is not None
    reached = {found for module in imported(name, path) if (found := room_of(module))}
    assert reached <= ARROWS[room] | {room}
    libraries = {module.split(".")[0] for module in imported(name, path)}
    if name.startswith("tagdb.training"):
        libraries.discard("torch")
    if name == "tagdb.encoders.folder":
        # runs any model that sentence-transformers saved, and is imported only when one is named
        libraries.discard("torch")
    if name == "tagdb.plot":
        libraries.discard("PIL")
    assert not libraries & FORBIDDEN_LIBRARIES.get(room, set())


@pytest.mark.parametrize(
    "room", ["server", "cli", "serving", "demo", "doctor", "tags_cli", "tools"]
)
def test_nothing_below_imports_the_top(room: str) -> None:
    top = f"expressedit_mcp.{room}"
    for name, path in CASES:
        if room_of(name) != "expressedit_mcp.tools":
            assert not any(m == top or m.startswith(f"{top}.") for m in imported(name, path)), name


def test_every_room_is_judged() -> None:
    known = {room.split(".")[1] for room in ARROWS if "." in room}
    folders = {p.name for p in (ROOT / "expressedit_mcp").iterdir() if (p / "__init__.py").exists()}
    assert folders <= known
