"""Pairing: a code that a person types once, and the token that proves both sides from then on.

docs/photoshop_protocol.md, sections 3.2 to 3.4. HMAC: RFC 2104; PBKDF2: RFC 8018.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from photoshop_bridge.errors import BridgeError
from photoshop_bridge.files import private_folder, read_record, write_record

CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_LENGTH = 8
CODE_LIFE_S = 300
ATTEMPTS = 5
_ITERATIONS = 4096


@dataclass(frozen=True)
class Nonces:
    """What makes the macs of one connection differ from those of every other; hex."""

    host: str
    server: str
    install: str


def mac(key: bytes, role: str, nonces: Nonces) -> str:
    """The keyed hash that proves the possession of `key` in this connection, in hex."""
    text = f"fxb/1|{role}|{nonces.host}|{nonces.server}|{nonces.install}"
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def pairing_key(code: str, nonces: Nonces) -> bytes:
    """The key that a code gives in this connection; slow to compute, so that codes are slow to guess."""
    salt = bytes.fromhex(nonces.host) + bytes.fromhex(nonces.server)
    return hashlib.pbkdf2_hmac("sha256", code.encode(), salt, _ITERATIONS, 32)


def mask_token(token: bytes, key: bytes, nonces: Nonces) -> bytes:
    """The token, masked for its one trip; the same call unmasks it."""
    pad = bytes.fromhex(mac(key, "token", nonces))
    return bytes(a ^ b for a, b in zip(token, pad, strict=True))


def shown(code: str) -> str:
    """The code as a person reads it: ABCD-2345."""
    return f"{code[:4]}-{code[4:]}"


def new_nonce() -> str:
    return secrets.token_hex(32)


class OpenCode(BaseModel):
    """A code that waits to be typed. `expires` is Unix time, s."""

    code: str
    expires: float
    attempts_left: int = ATTEMPTS

    @property
    def usable(self) -> bool:
        return self.attempts_left > 0 and time.time() < self.expires


class Paired(BaseModel):
    """An installation of a panel that holds a token."""

    token: str
    client: str
    paired: float


class _Book(BaseModel):
    installs: dict[str, Paired] = {}


class Pairings:
    """Owns the open code and the tokens, in files that all servers of a user share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._code_file, self._book_file = folder / "code.json", folder / "paired.json"
        self._lock = threading.Lock()

    @property
    def wanted(self) -> bool:
        """True when a panel is paired or a code is open: then there is something to listen for."""
        return self._book_file.exists() or self.code() is not None

    def code(self) -> OpenCode | None:
        """The code that may be typed now."""
        found = read_record(self._code_file, OpenCode)
        return found if found and found.usable else None

    def open_code(self) -> OpenCode:
        """The code that may be typed now, a fresh one when there is none."""
        with self._lock:
            code = self.code()
            if code is None:
                letters = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
                code = OpenCode(code=letters, expires=time.time() + CODE_LIFE_S)
                private_folder(self._folder)
                write_record(self._code_file, code)
            return code

    def installs(self) -> dict[str, Paired]:
        """The paired installations by their id."""
        return self._book().installs

    def token(self, install: str) -> bytes | None:
        known = self._book().installs.get(install)
        return bytes.fromhex(known.token) if known else None

    def pair(self, offered: str, nonces: Nonces, client: str) -> tuple[bytes, bytes]:
        """A fresh token for the install and the pairing key, when the mac is right.

        Raises BridgeError wrong_code or code_expired.
        """
        with self._lock:
            code = self.code()
            if code is None:
                raise BridgeError(
                    "code_expired",
                    "No pairing code is open.",
                    "Run `expressedit-mcp bridge pair` for a fresh one and type it within 5 minutes.",
                )
            key = pairing_key(code.code, nonces)
            if not hmac.compare_digest(mac(key, "pair", nonces), offered):
                left = code.attempts_left - 1
                write_record(self._code_file, code.model_copy(update={"attempts_left": left}))
                raise BridgeError(
                    "wrong_code",
                    "The code is not right.",
                    f"{left} attempts are left with this code.",
                )
            token = secrets.token_bytes(32)
            book = self._book()
            entry = Paired(token=token.hex(), client=client, paired=time.time())
            write_record(self._book_file, _Book(installs={**book.installs, nonces.install: entry}))
            self._code_file.unlink(missing_ok=True)
            return token, key

    def forget(self) -> int:
        """Unpairs every panel; returns how many there were."""
        with self._lock:
            count = len(self._book().installs)
            self._book_file.unlink(missing_ok=True)
            return count

    def _book(self) -> _Book:
        return read_record(self._book_file, _Book) or _Book()
