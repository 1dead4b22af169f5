"""The learned characters and attributes of a user, one safetensors file and one JSON card each."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tagdb
from expressedit_mcp.engine import Engine
from expressedit_mcp.engine.learning.file import (
    LearnedCard,
    as_learned,
    decode_file,
    digest,
    read_card,
)
from expressedit_mcp.engine.methods.method import Learned
from expressedit_mcp.errors import ExpressEditError, InputError, ModelError

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,47}")


@dataclass(frozen=True)
class Chosen:
    """A learned character or attribute that an edit uses: what the record says of it, and what the engine gets."""

    card: LearnedCard
    digest: str
    learned: Learned

    def as_json(self) -> list[str | float]:
        """Name, digest of the file, weight."""
        return [self.card.name, self.digest, self.learned.weight]


class LearnedStore:
    """Owns the folder of learned files; it is made when the first is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check_free(self, name: str) -> None:
        """Raises InputError for a name that cannot be one, or that is taken."""
        if not _NAME.fullmatch(name):
            raise InputError(
                f"{name!r} cannot be a name: use 1 to 48 of a-z, 0-9, '-' and '_', the first a letter or digit."
            )
        if self._file(name).exists():
            raise InputError(
                f"There is a learned {name!r} already. Choose another name, or forget_character({name!r}) first."
            )

    def keep(self, data: bytes) -> LearnedCard:
        """Writes a learned file and its card; one of the same name is replaced."""
        card, _ = decode_file(data)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _write(self._file(card.name), data)
            _write(self._card(card.name), (card.model_dump_json(indent=1) + "\n").encode())
        except OSError as error:
            raise ExpressEditError(
                f"{card.name!r} could not be kept in {self._folder}: {error.strerror or error}. Free some space "
                "or set EXPRESSEDIT_HOME to another folder."
            ) from error
        return card

    def cards(self) -> list[LearnedCard]:
        """The cards of all, by name; files that are damaged are left out."""
        found = []
        for path in sorted(self._folder.glob("*.safetensors")):
            try:
                found.append(read_card(path.read_bytes()))
            except (ModelError, OSError):
                continue
        return found

    def choose(self, name: str, weight: float, engine: Engine) -> Chosen:
        """The learned file of a name, for an edit on an engine.

        Raises InputError for an unknown name, a weight out of range, or one that another model has learned.
        """
        if not 0 < weight <= 2:
            raise InputError(f"The weight of {name!r} is {weight}; accepted: above 0, up to 2.")
        data = self._read(name)
        card = read_card(data)
        if card.base != engine.fingerprint:
            raise InputError(
                f"{name!r} was learned on the model {card.base_name} ({card.base}) and means nothing to "
                f"{engine.card.name} ({engine.fingerprint}). Use that model, or learn it again on this one."
            )
        return Chosen(card, digest(data), as_learned(data, weight))

    def forget(self, name: str) -> LearnedCard:
        """Deletes a learned file and its card. Raises InputError for an unknown name."""
        card = read_card(self._read(name))
        self._file(name).unlink()
        self._card(name).unlink(missing_ok=True)
        return card

    def path(self, name: str) -> Path:
        """Where the file of a name is."""
        return self._file(name)

    def _read(self, name: str) -> bytes:
        path = self._file(name)
        if not _NAME.fullmatch(name) or not path.is_file():
            known = ", ".join(card.name for card in self.cards()) or "none"
            raise InputError(
                f"There is no learned character or attribute {name!r}. Learned are: {known}. "
                "learn_character learns one from a few pictures."
            )
        return path.read_bytes()

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}.safetensors"

    def _card(self, name: str) -> Path:
        return self._folder / f"{name}.json"


def parse_uses(character: str | None, attributes: Sequence[str]) -> tuple[tuple[str, float], ...]:
    """(name, weight) of a character and attributes, each as `name` or `(name:weight)`. Raises InputError."""
    uses = []
    for text in ([character] if character else []) + list(attributes):
        pieces = tagdb.parse_prompt(text)
        if len(pieces) != 1:
            raise InputError(f"{text!r} is no name; give one such as 'mirelle' or '(mirelle:0.8)'.")
        uses.append((pieces[0][0].strip(), float(pieces[0][1])))
    names = [name for name, _ in uses]
    if len(set(names)) != len(names):
        raise InputError(f"A learned character or attribute was named twice: {', '.join(names)}.")
    return tuple(uses)


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    os.replace(part, path)
