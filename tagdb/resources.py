"""What a search needs whichever tags there are: the encoder, the classifiers, the shipped texts."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tagdb.encoder import Encoder
from tagdb.errors import TagdbError
from tagdb.records import LANGUAGES, Language, Text, load_texts

if TYPE_CHECKING:
    from tagdb.abstention import Abstention
    from tagdb.english_classifier import EnglishClassifier
    from tagdb.text_table import TextTable

_REMEMBERED = 16


class Models(NamedTuple):
    """`english` is None with an encoder that is not the shipped one; `encoder` is always there."""

    english: EnglishClassifier | None
    encoder: Encoder
    abstention: Abstention


class Remembering:
    """An encoder that keeps the vectors of the last texts: a search asks twice for its own."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._vectors: dict[str, np.ndarray] = {}
        self._lock = threading.Lock()

    @property
    def id(self) -> str:
        return self._encoder.id

    @property
    def dim(self) -> int:
        return self._encoder.dim

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors (n, dim) float32."""
        with self._lock:
            known = {text: self._vectors[text] for text in texts if text in self._vectors}
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        if missing:
            known |= zip(missing, self._encoder.embed(missing), strict=True)
            with self._lock:
                self._vectors |= {text: known[text] for text in missing[:_REMEMBERED]}
                for text in list(self._vectors)[:-_REMEMBERED]:
                    del self._vectors[text]
        return np.stack([known[text] for text in texts]) if texts else self._encoder.embed([])


def shipped_texts() -> list[Text]:
    """The shipped cues and stories."""
    return [text for text in load_texts() if text.tag is not None]


class Resources:
    """Owns the models, the table of shipped texts and the folder; loads at the first use.

    Thread-safe. An encoder that has `close` is closed with it.
    """

    def __init__(self, cache_dir: Path | None, encoder: Encoder | None) -> None:
        self._cache_dir = cache_dir
        self._encoder = encoder
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._models: Models | None = None
        self._texts: TextTable | None = None
        self._lock = threading.RLock()
        self._closed = False

    @property
    def languages(self) -> tuple[Language, ...]:
        """The languages the encoder reads: English for the shipped one, else taken to be all."""
        return ("en",) if self._encoder is None else LANGUAGES

    def folder(self) -> Path:
        """Where tables are kept; a temporary folder when no other was given."""
        with self._lock:
            self._check_open()
            if self._cache_dir is not None:
                return self._cache_dir
            if self._temporary is None:
                self._temporary = tempfile.TemporaryDirectory(
                    prefix="tagdb-", ignore_cleanup_errors=True
                )
            return Path(self._temporary.name)

    def models(self) -> Models:
        """The models and the shipped texts. Raises TagdbError when closed."""
        with self._lock:
            self._check_open()
            if self._models is None:
                # lancedb takes over a second to import, so the first search pays, not start-up.
                from tagdb.abstention import Abstention
                from tagdb.english_classifier import EnglishClassifier

                if self._encoder is not None:
                    self._models = Models(None, Remembering(self._encoder), Abstention())
                else:
                    english = EnglishClassifier()
                    english.encoder = Remembering(english.encoder)
                    self._models = Models(english, english.encoder, Abstention())
            return self._models

    def texts(self) -> TextTable:
        """The table of the shipped texts."""
        with self._lock:
            if self._texts is None:
                self._texts = self.text_table("texts", shipped_texts)
            return self._texts

    def text_table(self, name: str, read: Callable[[], Sequence[Text]]) -> TextTable:
        """The table of the texts that `read` gives, with vectors of this store's encoder."""
        from tagdb.text_table import TextTable
        from tagdb.vectors import SHIPPED_VECTORS, embed_texts

        encoder, folder = self.models().encoder, self.folder()
        identity = hashlib.sha256(encoder.id.encode("utf-8")).hexdigest()[:16]
        keep = folder / f"vectors-{name}-{identity}.safetensors"

        def vectors(texts: Sequence[str]) -> np.ndarray:
            return embed_texts(encoder, texts, (SHIPPED_VECTORS,), keep, self.is_closed)

        return TextTable(name, read, encoder.id, self.languages, vectors, folder)

    def is_closed(self) -> bool:
        """True after `close`, at once also while something is being loaded."""
        return self._closed

    def close(self) -> None:
        """Lets everything go and removes the temporary folder, if there is one."""
        self._closed = True
        with self._lock:
            self._models = self._texts = None
            close = getattr(self._encoder, "close", None)
            if close is not None:
                close()
            if self._temporary is not None:
                self._temporary.cleanup()
                self._temporary = None

    def _check_open(self) -> None:
        if self._closed:
            raise TagdbError("The tag store is closed; make another one to search.")
