"""The folders that may be read from and written to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from expressedit_mcp.errors import InputError

_SANDBOXES = (
    "/mnt/user-data",
    "/mnt/data",
    "/home/claude",
    "sandbox:",
    "file-",
    "file_",
    "attachment:",
)
_LONGEST_PATH = 4096


@dataclass(frozen=True)
class Roots:
    """Allowed folders, absolute and without symlinks. Whatever leads out of them is refused."""

    allowed: tuple[Path, ...]

    def existing(self, text: str) -> Path:
        """The real path of a file inside the roots.

        Raises InputError when it is outside, missing or no regular file; what lies outside is never
        told apart from what is missing there.
        """
        path = self._inside(text)
        # os.path answers False where Path raises: a name too long, a folder without access
        if not os.path.exists(path):
            raise InputError(f"There is no file {path}. Check the path; {self._accepted()}")
        if not os.path.isfile(path):
            raise InputError(f"{path} is not a file. Give the path of a PNG, JPEG or WebP picture.")
        return path

    def new(self, text: str) -> Path:
        """The real path where a file may be made; its folder must exist. Raises InputError."""
        path = self._inside(text)
        if not os.path.isdir(path.parent):
            raise InputError(
                f"The folder {path.parent} does not exist. Make it first, or choose another."
            )
        if os.path.isdir(path):
            raise InputError(f"{path} is a folder. Give a file name that ends in .png.")
        return path

    def _inside(self, text: str) -> Path:
        if not text.strip() or "\0" in text or len(text) > _LONGEST_PATH:
            raise InputError(f"The path is empty, too long or not a path. {self._accepted()}")
        given = Path(os.path.expanduser(text))
        # on Windows even a look at \\server\share speaks to that server
        remote = os.name == "nt" and text.startswith(("\\\\", "//"))
        if remote and not any(given.is_relative_to(root) for root in self.allowed):
            raise InputError(f"{text!r} is outside the allowed folders. {self._accepted()}")
        candidates = [root / given for root in self.allowed] or [given]
        path = next((p for p in candidates if os.path.lexists(p)), candidates[0])
        try:
            real = Path(os.path.realpath(path))
            # behind a symlink loop realpath leaves links unresolved; a second look finds them
            inside = Path(os.path.realpath(real)) == real and any(
                real.is_relative_to(root) for root in self.allowed
            )
        except (OSError, ValueError) as error:
            raise InputError(f"The path {text!r} cannot be followed: {error}.") from error
        known = inside and (given.is_absolute() or os.path.lexists(real))
        if text.startswith(_SANDBOXES) and not known:
            raise InputError(
                f"{text!r} is a path inside the chat's own sandbox, which this server cannot see: it runs on "
                f"the user's machine. Ask for the picture's path there. {self._accepted()}"
            )
        if not inside:
            raise InputError(f"{text!r} is outside the allowed folders. {self._accepted()}")
        return real

    def _accepted(self) -> str:
        folders = ", ".join(str(root) for root in self.allowed)
        return f"Pictures may be in: {folders} (set EXPRESSEDIT_ROOTS to change that)."
