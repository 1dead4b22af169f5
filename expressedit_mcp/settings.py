"""Every setting, from the environment with the prefix EXPRESSEDIT_."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import platformdirs
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ToolGroup = Literal["core", "photoshop", "methods", "characters"]
SHIPPED_MODEL = Path(__file__).parent / "preview" / "weights"


class Settings(BaseSettings):
    """Where things are and how large they may be. `roots` is a list joined by the system's path separator."""

    model_config = SettingsConfigDict(env_prefix="EXPRESSEDIT_", frozen=True, extra="ignore")

    home: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("expressedit-mcp", appauthor=False),
        description="Folder for pictures and caches; made when first needed",
    )
    roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(),
        description="Folders from which pictures may be read and to which they may be saved",
    )
    model: Path | None = Field(
        default=None,
        description="Name of an added model, a .safetensors checkpoint or a directory in diffusers layout; "
        "unset: the one chosen with `expressedit-mcp models use`, else the shipped one",
    )
    download_token: SecretStr = Field(
        default=SecretStr(""), description="Token for sites that want one to download models"
    )
    device: str = Field(default="auto", pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")
    engine: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Address of an `expressedit-mcp engine` that computes the edits; unset: this process",
    )
    engine_token: SecretStr = Field(
        default=SecretStr(""), description="Its token, where it is not in the same user's folder"
    )
    unload_after_s: float = Field(
        default=900.0,
        ge=0,
        description="The model is freed after so long without an edit; 0 keeps it",
    )
    encoder: str = Field(
        default="minilm",
        description="Sentence encoder of the tag search: minilm, the path of a sentence-transformers "
        "folder, or the URL of an OpenAI-compatible server with #model behind it",
    )
    encoder_model: str = Field(default="", description="Model name for an encoder's server")
    encoder_key: SecretStr = Field(
        default=SecretStr(""), description="Bearer token for an encoder's server"
    )
    max_pixels: int = Field(
        default=100_000_000, ge=1, description="Largest picture, width x height"
    )
    max_file_mb: int = Field(default=200, ge=1, description="Largest picture file")
    max_data_uri_mb: int = Field(default=20, ge=1, description="Largest data: URI, decoded")
    store_limit_mb: int = Field(
        default=4096, ge=1, description="Stored pictures beyond this are warned of"
    )
    tools: Annotated[tuple[ToolGroup, ...], NoDecode] = Field(
        default=("core", "photoshop"),
        min_length=1,
        description="Groups of tools that are offered, joined by commas: core, photoshop, methods, characters",
    )

    bridge: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="The port for Photoshop: opened when a panel is paired or a code is open, always, never",
    )
    bridge_port: int = Field(
        default=8932, ge=1, le=65535, description="Port on 127.0.0.1 and ::1 for Photoshop"
    )

    @field_validator("roots", mode="before")
    @classmethod
    def _split_roots(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(Path(part).expanduser() for part in value.split(os.pathsep) if part)
        return value

    @field_validator("tools", mode="before")
    @classmethod
    def _split_tools(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        groups = tuple(part.strip().lower() for part in value.split(",") if part.strip())
        known = get_args(ToolGroup)
        if not groups or not set(groups) <= set(known):
            raise ValueError(f"takes one or more of {', '.join(known)}, joined by commas")
        return groups

    @cached_property
    def pictures_dir(self) -> Path:
        """Where the versions of pictures are kept."""
        return self.home.expanduser().resolve() / "images"

    @cached_property
    def cache_dir(self) -> Path:
        """Where things that can be made again are kept."""
        return self.home.expanduser().resolve() / "cache"

    @cached_property
    def jobs_dir(self) -> Path:
        """Where the records of background jobs are kept."""
        return self.home.expanduser().resolve() / "jobs"

    @cached_property
    def engine_token_file(self) -> Path:
        """Where the token of this user's engine server is kept."""
        return self.home.expanduser().resolve() / "engine-token"

    @cached_property
    def models_dir(self) -> Path:
        """Where added models are kept."""
        return self.home.expanduser().resolve() / "models"

    @cached_property
    def learned_dir(self) -> Path:
        """Where learned characters and attributes are kept."""
        return self.home.expanduser().resolve() / "learned"

    @cached_property
    def tag_cache_dir(self) -> Path:
        """Where the tables of the tag search are kept."""
        return self.cache_dir / "tagdb"

    @cached_property
    def own_tags_dir(self) -> Path:
        """Where the user's own tags are kept."""
        return self.home.expanduser().resolve() / "tags"

    @cached_property
    def bridge_dir(self) -> Path:
        """Where pairings and the results that wait for Photoshop are kept."""
        return self.home.expanduser().resolve() / "bridge"

    def allowed_roots(self, working_dir: Path) -> tuple[Path, ...]:
        """The folders that may be read and written, absolute and without symlinks.

        The picture folder always; then `roots`, or without any the working directory, unless that
        is a drive's root or the home folder.
        """
        if self.roots:
            named = tuple(root.expanduser().resolve() for root in self.roots)
        else:
            here = working_dir.resolve()
            too_wide = here == Path(here.anchor) or here == Path.home().resolve()
            named = () if too_wide else (here,)
        return (*named, self.pictures_dir)
