"""Opens the tag store as the settings describe it."""

from __future__ import annotations

import tagdb
from expressedit_mcp.settings import Settings
from tagdb.encoders import choose_encoder


def open_tag_store(settings: Settings, pictures: tagdb.PictureSet | None = None) -> tagdb.TagStore:
    """The shipped tags and the user's own, also found by picture. Nothing heavy is loaded.

    Raises TagdbError.
    """
    encoder = choose_encoder(
        settings.encoder, settings.encoder_model, settings.encoder_key.get_secret_value()
    )
    return tagdb.TagStore(
        tagdb.load_tags(),
        settings.tag_cache_dir,
        encoder=encoder,
        own_tags=settings.own_tags_dir,
        pictures=pictures,
    )
