"""Sentence vectors from a server with OpenAI's /v1/embeddings."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import numpy as np

from tagdb.errors import TagdbError

_BATCH = 64
_ATTEMPTS = 3
_TIMEOUT_S, _CONNECT_S = 60.0, 5.0
_BUSY = frozenset({408, 429, 500, 502, 503, 504})


class HttpEncoder:
    """An OpenAI-compatible embeddings server.

    It is sent the texts that are searched: the store's texts once, the user's own, and each query.
    `url` may end with /v1 or /v1/embeddings or before them; a `#` and a model name may follow.
    Time-outs, refused connections and busy answers are tried three times. Thread-safe.
    """

    def __init__(
        self, url: str, model: str = "", key: str = "", *, first_wait_s: float = 0.5
    ) -> None:
        parts = urlsplit(url)
        self._model = model or unquote(parts.fragment)
        if not parts.hostname:
            raise TagdbError(f"The encoder's URL {_without_secrets(url)} names no host.")
        if parts.username or parts.password:
            raise TagdbError("The encoder's URL must not hold a password; give the key by itself.")
        if not self._model:
            raise TagdbError(
                f"The encoder at {_without_secrets(url)} needs a model name: put it behind a # in the "
                "URL, as in http://localhost:8080/v1#my-model."
            )
        path = parts.path.rstrip("/")
        if not path.endswith("/embeddings"):
            path += "/embeddings" if path.endswith("/v1") else "/v1/embeddings"
        self._url = urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._lock = threading.Lock()
        self._first_wait_s = first_wait_s
        self._client: Any = None
        self._dim = 0
        self._id = f"http:{parts.netloc}{path}#{self._model}"

    @property
    def id(self) -> str:
        """The server and the model; a server that changes a model's weights should rename it."""
        return self._id

    @property
    def dim(self) -> int:
        """The width of a vector; the server is asked for one the first time."""
        if not self._dim:
            self.embed(["smile"])
        return self._dim

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors (n, dim) float32. Raises TagdbError when the server does not give them."""
        parts = [self._ask(texts[i : i + _BATCH]) for i in range(0, len(texts), _BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, self.dim), np.float32)

    def _ask(self, texts: Sequence[str]) -> np.ndarray:
        body = {"model": self._model, "input": list(texts), "encoding_format": "float"}
        vectors = self._vectors(self._post(body), len(texts))
        if self._dim not in (0, vectors.shape[1]):
            raise self._error(f"gave vectors of {vectors.shape[1]} numbers after {self._dim}")
        self._dim = vectors.shape[1]
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.maximum(norms, 1e-12)

    def _post(self, body: dict[str, Any]) -> Any:
        import httpx

        with self._lock:
            if self._client is None:
                timeout = httpx.Timeout(_TIMEOUT_S, connect=_CONNECT_S)
                self._client = httpx.Client(headers=self._headers, timeout=timeout)
        attempt = 0
        while True:
            attempt += 1
            try:
                reply = self._client.post(self._url, json=body)
            except httpx.TransportError as error:
                if attempt == _ATTEMPTS:
                    what = f"cannot be reached ({type(error).__name__}: {error})"
                    raise self._error(what) from error
            else:
                if reply.is_success:
                    return self._json(reply)
                if attempt == _ATTEMPTS or reply.status_code not in _BUSY:
                    raise self._error(f"answered {reply.status_code}: {reply.text[:200]}")
            time.sleep(self._first_wait_s * 2 ** (attempt - 1))

    def close(self) -> None:
        """Closes the connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _json(self, reply: Any) -> Any:
        try:
            return reply.json()
        except ValueError as error:
            raise self._error(f"answered no JSON: {reply.text[:80]!r}") from error

    def _vectors(self, answer: Any, count: int) -> np.ndarray:
        try:
            rows = sorted(answer["data"], key=lambda row: row["index"])
            vectors = np.array([row["embedding"] for row in rows], np.float32)
        except (KeyError, TypeError, ValueError) as error:
            raise self._error("answered without `data` rows of `index` and `embedding`") from error
        if vectors.ndim != 2 or len(vectors) != count or not np.isfinite(vectors).all():
            raise self._error(f"gave {len(vectors)} vectors for {count} texts, or no numbers")
        return vectors

    def _error(self, what: str) -> TagdbError:
        return TagdbError(
            f"The encoder at {_without_secrets(self._url)} {what}. Check that it runs, its model name "
            "and its key, or unset EXPRESSEDIT_ENCODER to use the shipped encoder."
        )


def _without_secrets(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
