"""The README and the other pages say what is true of the code."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from expressedit_mcp.settings import Settings

ROOT = Path(__file__).parent.parent
PAGES = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "benchmarks/RESULTS.md",
    "docs/photoshop.md",
    "docs/characters.md",
]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_ci_runs_the_two_commands_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    first, second = (block.strip() for block in blocks("sh")[:2])
    assert first in script
    assert second in script


def test_client_snippets_are_json() -> None:
    for block in blocks("json"):
        servers = json.loads(block)
        (entry,) = next(iter(servers.values())).values()
        assert entry["args"] == ["serve"]


def test_the_table_of_tools_is_complete() -> None:
    from expressedit_mcp.tools import all_tools

    table = README.split("## The tools")[1].split("## ")[0]
    named = re.findall(
        r"`([a-z_]+)`", "".join(row.split("|")[1] for row in table.splitlines() if "|" in row)
    )
    offered = [tool.name for tool in all_tools(lambda: None)]  # type: ignore[arg-type, return-value]
    assert sorted(named) == sorted(offered)
    assert len(offered) <= 15


def test_the_settings_named_exist() -> None:
    names = {f"EXPRESSEDIT_{field.upper()}" for field in Settings.model_fields}
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert set(re.findall(r"EXPRESSEDIT_[A-Z_]+", text)) <= names, page


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    path = ROOT / page
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_every_dependency_has_its_reason() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## Why")[1]
    for requirement in project["dependencies"]:
        name = re.match(r"[a-z0-9-]+", requirement)
        assert name
        assert re.search(rf"\b{re.escape(name[0])}\b", table), requirement


def test_constraints_pin_every_dependency_within_its_range() -> None:
    import tomllib

    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.lower().split("==") for line in lines if "==" in line and line[0] != "#")
    assert pins["torch"] == "2.13.0"
    for text in (*project["dependencies"], *project["optional-dependencies"]["test"]):
        requirement = Requirement(text)
        assert requirement.specifier.contains(pins[requirement.name]), text
