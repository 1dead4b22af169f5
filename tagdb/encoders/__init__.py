"""Encoders beside the shipped one: a folder of sentence-transformers, or a server."""

from __future__ import annotations

from pathlib import Path

from tagdb.encoder import Encoder
from tagdb.errors import TagdbError

DEFAULT = "minilm"


def choose_encoder(name: str, model: str = "", key: str = "") -> Encoder | None:
    """The encoder of a name; None for `minilm`, the shipped one. Nothing is loaded or asked yet.

    A name is `minilm`, the path of a sentence-transformers folder, or the http(s) URL of an
    OpenAI-compatible server, whose model is `model` or stands behind a `#` in the URL; `key` is
    sent to the server as its bearer token. Raises TagdbError.
    """
    name = name.strip()
    if name in ("", DEFAULT):
        return None
    if name.lower().startswith(("http://", "https://")):
        from tagdb.encoders.http import HttpEncoder

        return HttpEncoder(name, model, key)
    folder = Path(name).expanduser()
    if not (folder / "config.json").is_file():
        raise TagdbError(
            f"There is no encoder {name!r}: it is neither {DEFAULT!r}, nor an http(s) URL, nor a "
            "folder with a config.json (as sentence-transformers saves one)."
        )
    from tagdb.encoders.folder import FolderEncoder

    return FolderEncoder(folder)


__all__ = ["DEFAULT", "choose_encoder"]
