"""Captions: which of a drawing's tags the model is told."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .vocabulary import regions_of

_NO_CAPTION = 0.1  # for classifier-free guidance
_NO_EXPRESSION = 0.3  # edges alone must then tell the expression
_ONLY_MASKED = 0.25  # as an edit of one part is asked for
_SPARSE = 0.1
_KEPT, _KEPT_SPARSE, _KEPT_CHARACTER = 0.92, 0.4, 0.8
_SUBJECT = 0.3


def random_caption(
    rng: np.random.Generator,
    character: Sequence[str],
    expression: Sequence[str],
    masked: frozenset[str],
) -> list[str]:
    """Tags in random order, some left out.

    `masked` are the parts that the mask covers.
    """
    if rng.random() < _NO_CAPTION:
        return []
    tags = [tag for tag in character if rng.random() < _KEPT_CHARACTER]
    if rng.random() >= _NO_EXPRESSION:
        share = _KEPT_SPARSE if rng.random() < _SPARSE else _KEPT
        only_masked = rng.random() < _ONLY_MASKED
        tags += [
            tag
            for tag in expression
            if rng.random() < share and (not only_masked or _shown(tag, masked))
        ]
    if rng.random() < _SUBJECT:
        tags.append("solo")
    rng.shuffle(tags)
    return tags


def _shown(tag: str, masked: frozenset[str]) -> bool:
    return all(regions & masked for regions in regions_of(tag))
