"""The image store of these tests."""

from pathlib import Path

import pytest

from expressedit_mcp.images import ImageStore


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images")
