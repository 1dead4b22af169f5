"""A request to learn, between processes: the frames of `engine.wire`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from expressedit_mcp.engine import wire
from expressedit_mcp.engine.learning.request import Example, LearnRequest, LearnSettings
from expressedit_mcp.engine.methods.method import Learned
from expressedit_mcp.imaging import Size

_PLAIN = ("name", "kind", "class_word", "attributes", "seed", "pictures")


def learn_frames(request: LearnRequest, checkpoint: bytes | None) -> bytes:
    """A request to learn as frames, with the checkpoint that it goes on from."""
    head = {name: getattr(request, name) for name in _PLAIN}
    head["settings"] = request.settings.model_dump(mode="json")
    head["others"] = [other.model_dump(mode="json") for other in request.others]
    head["examples"] = [
        {"model_size": [e.model_size.width, e.model_size.height], "caption": e.caption}
        for e in request.examples
    ]
    return (
        wire.json_frame({"learn": head})
        + b"".join(wire.png_frame(e.crop) + wire.png_frame(e.mask) for e in request.examples)
        + (wire.file_frame(checkpoint) if checkpoint else b"")
    )


def read_learn(parts: Iterable[Any]) -> tuple[LearnRequest, bytes | None]:
    """The request of `learn_frames` and its checkpoint. Raises WireError for anything else."""
    try:
        head, *more = parts
        told = dict(head["learn"])
        about = told.pop("examples")
        pictures, files = more[: 2 * len(about)], more[2 * len(about) :]
        examples = tuple(
            _example(one, crop, mask)
            for one, crop, mask in zip(about, pictures[::2], pictures[1::2], strict=True)
        )
        if not examples or len(files) > 1 or not all(isinstance(file, bytes) for file in files):
            raise ValueError("examples and at most one checkpoint are needed")
        settings = LearnSettings.model_validate(told.pop("settings"))
        others = tuple(Learned.model_validate(other) for other in told.pop("others"))
        lists = {name: tuple(str(v) for v in told.pop(name)) for name in ("attributes", "pictures")}
        request = LearnRequest(examples=examples, settings=settings, others=others, **lists, **told)
        return _checked(request), files[0] if files else None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise wire.WireError(f"no request to learn: {error}") from error


def _example(about: dict[str, Any], crop: Any, mask: Any) -> Example:
    if crop.ndim != 3 or mask.shape != crop.shape[:2]:
        raise ValueError("the pictures do not fit each other")
    caption = tuple((str(text), float(weight)) for text, weight in about["caption"])
    return Example(crop, mask, Size(*about["model_size"]), caption)


def _checked(request: LearnRequest) -> LearnRequest:
    """The request, when its plain fields are what they should be."""
    wanted = {"name": str, "kind": str, "class_word": str, "seed": int}
    for field in fields(request):
        kind = wanted.get(field.name)
        if kind and not isinstance(getattr(request, field.name), kind):
            raise ValueError(f"{field.name} is no {kind.__name__}")
    if request.kind not in ("character", "attribute"):
        raise ValueError(f"there is no kind {request.kind!r}")
    return request
