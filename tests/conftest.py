"""What several rooms' tests share: a drawn character, settings in a temporary folder, a studio."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from expressedit_mcp.preview import CHARACTERS, Drawing, draw_character, expression_from_tags
from expressedit_mcp.settings import Settings
from expressedit_mcp.studio import Studio

# as the command line does, before torch is imported: waiting OpenMP threads would spin
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def drawing() -> Drawing:
    return draw_character(CHARACTERS["Toma"], expression_from_tags([]), size_px=256)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    (tmp_path / "pictures").mkdir()
    monkeypatch.setenv("EXPRESSEDIT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EXPRESSEDIT_ROOTS", str(tmp_path / "pictures"))
    monkeypatch.setenv("EXPRESSEDIT_DEVICE", "cpu")
    monkeypatch.delenv("EXPRESSEDIT_MODEL", raising=False)
    return Settings()


@pytest.fixture
def pictures_dir(settings: Settings) -> Path:
    return settings.roots[0]


@pytest.fixture
def hero(pictures_dir: Path, drawing: Drawing) -> Path:
    """A drawn character as a file inside the roots."""
    path = pictures_dir / "hero.png"
    Image.fromarray(drawing.pixels).save(path)
    return path


@pytest.fixture
def studio(settings: Settings) -> Iterator[Studio]:
    opened = Studio.open(settings)
    yield opened
    opened.close()
