"""The models a user has added, each a folder with a card; one of them may be the one in use."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from expressedit_mcp.engine.card import Card, read_card
from expressedit_mcp.errors import ModelError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CURRENT, _FILES = "current", "files"


@dataclass(frozen=True)
class ModelLibrary:
    """The folder of added models. `shipped` is the model that is used when none was chosen."""

    folder: Path
    shipped: Path

    @property
    def files(self) -> Path:
        """The folder of downloaded weights, which several models may share."""
        return self.folder / _FILES

    def names(self) -> tuple[str, ...]:
        """The added models, sorted by name."""
        if not self.folder.is_dir():
            return ()
        return tuple(sorted(p.parent.name for p in self.folder.glob("*/card.json")))

    def path(self, name: str) -> Path:
        """The folder of an added model. Raises ModelError."""
        if name not in self.names():
            known = ", ".join(self.names()) or "none yet; `expressedit-mcp models add` adds one"
            raise ModelError(f"There is no model {name!r}. Added models: {known}.")
        return self.folder / name

    def resolve(self, wanted: Path | None) -> Path:
        """Where the model of a setting is: an added model's name, else a path; None is the one in use.

        A path is not checked. Raises ModelError when the one in use has been removed by hand.
        """
        if wanted is None:
            name = self.current()
            return self.shipped if name is None else self.path(name)
        return self.folder / wanted if str(wanted) in self.names() else wanted.expanduser()

    def current(self) -> str | None:
        """The name of the model in use; None for the shipped one."""
        file = self.folder / _CURRENT
        return file.read_text(encoding="utf-8").strip() or None if file.is_file() else None

    def use(self, name: str | None) -> None:
        """Chooses the model in use; None is the shipped one. Raises ModelError for an unknown name."""
        if name is not None:
            self.path(name)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / _CURRENT).write_text(name or "", encoding="utf-8")

    def add(self, card: Card) -> Path:
        """Stores a card under its name; returns its folder.

        Raises ModelError for a name that is taken or cannot be a folder's.
        """
        if not _NAME.fullmatch(card.name) or card.name in (_CURRENT, _FILES):
            raise ModelError(
                f"{card.name!r} cannot be a model's name: use letters, digits, '-', '_' and '.', 64 at most."
            )
        if card.name in self.names():
            raise ModelError(
                f"There is a model {card.name!r} already; choose another name, or remove it first."
            )
        folder = self.folder / card.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "card.json").write_text(
            card.model_dump_json(indent=2, exclude_unset=True) + "\n", encoding="utf-8"
        )
        return folder

    def remove(self, name: str) -> None:
        """Forgets a model. Its weights stay where they are."""
        folder = self.path(name)
        if self.current() == name:
            self.use(None)
        shutil.rmtree(folder)

    def unused_files(self) -> tuple[Path, ...]:
        """Downloaded weights that no added model names."""
        if not self.files.is_dir():
            return ()
        used = {path.resolve() for name in self.names() for path in _named(self.folder / name)}
        return tuple(sorted(p for p in self.files.iterdir() if p.resolve() not in used))


def _named(folder: Path) -> list[Path]:
    files = read_card(folder).files
    if files is None:
        return []
    texts = [files.base, files.controlnet, files.vae, *(lora.path for lora in files.loras)]
    texts += [files.ip_adapter, files.image_encoder]
    return [folder / text for text in texts if text]
