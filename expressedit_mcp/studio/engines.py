"""Which engine edits, as the settings say."""

from __future__ import annotations

from expressedit_mcp.engine import Engine, LocalEngine, ModelLibrary
from expressedit_mcp.settings import SHIPPED_MODEL, Settings


def open_engine(settings: Settings) -> Engine:
    """The engine at EXPRESSEDIT_ENGINE, else one in this process. Nothing is loaded or asked yet."""
    if settings.engine is None:
        return local_engine(settings)
    token = settings.engine_token.get_secret_value()
    if not token and settings.engine_token_file.is_file():
        token = settings.engine_token_file.read_text(encoding="utf-8").strip()
    from expressedit_mcp.engine.remote import RemoteEngine

    return RemoteEngine(settings.engine, token)


def local_engine(settings: Settings) -> LocalEngine:
    """An engine in this process on the model and device of the settings."""
    model = ModelLibrary(settings.models_dir, SHIPPED_MODEL).resolve(settings.model)
    return LocalEngine(model, settings.device, idle_s=settings.unload_after_s)
