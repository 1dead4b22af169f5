"""Edits, and masks from words, between processes: JSON, PNG and safetensors, nothing else.

A request is one frame of JSON and its pictures as PNG, as the JSON says; an answer is frames of JSON (progress,
heartbeats, an error or facts of a result), each result followed by its colour or mask as PNG, or by the learned
file. A frame is one byte of kind, four bytes little-endian length, and so many bytes.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np

from expressedit_mcp.engine.backend import EditRequest, EditResult, Located, LocateRequest
from expressedit_mcp.engine.methods.method import Method
from expressedit_mcp.engine.tokenizer import PromptTokenizer
from expressedit_mcp.errors import Cancelled, ExpressEditError, InputError, ModelError
from expressedit_mcp.imaging import Size

MAX_FRAME_BYTES = 1 << 28
_JSON, _PNG, _FILE = b"J", b"P", b"S"
_QUICKLY = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP)
_PICTURES = ("source", "part", "reference", "reference_selection", "image_prompt")
_ERRORS: dict[str, type[ExpressEditError]] = {
    "cancelled": Cancelled,
    "input": InputError,
    "model": ModelError,
}


class WireError(ValueError):
    """Bytes that are no frames of this protocol."""


def json_frame(value: Any) -> bytes:
    """A frame of JSON."""
    return _frame(_JSON, json.dumps(value, ensure_ascii=False).encode())


def png_frame(pixels: np.ndarray) -> bytes:
    """A frame of PNG: (H, W) or (H, W, 3) RGB, uint8 or uint16, without loss."""
    bgr = pixels[..., ::-1] if pixels.ndim == 3 else pixels
    done, data = cv2.imencode(".png", bgr, _QUICKLY)
    if not done:
        raise WireError(f"pixels of shape {pixels.shape} and type {pixels.dtype} are no PNG")
    return _frame(_PNG, data.tobytes())


def file_frame(data: bytes) -> bytes:
    """A frame of a safetensors file."""
    return _frame(_FILE, data)


def frames(chunks: Iterable[bytes]) -> Iterator[Any]:
    """The frames of a stream of bytes, each as soon as it is whole: JSON values, arrays of pixels, files as bytes.

    Raises WireError for bytes that are no frames, or too long ones, before they are kept.
    """
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= 5:
            kind, length = bytes(buffer[:1]), int.from_bytes(buffer[1:5], "little")
            if kind not in _READ or length > MAX_FRAME_BYTES:
                raise WireError(f"no frame: kind {kind!r}, {length} bytes")
            if len(buffer) < 5 + length:
                break
            body = bytes(buffer[5 : 5 + length])
            del buffer[: 5 + length]
            yield _READ[kind](body)
    if buffer:
        raise WireError("the stream ended inside a frame")


def request_frames(request: EditRequest, batch: bool, seeds: Sequence[int] = ()) -> bytes:
    """An edit request as frames; `seeds` are those of several variations."""
    fields = {
        field.name: getattr(request, field.name)
        for field in dataclasses.fields(request)
        if field.name not in ("crop", "selection", "model_size", "method", *_PICTURES)
    }
    pictures = {name: getattr(request, name) for name in _PICTURES}
    pictures = {name: pixels for name, pixels in pictures.items() if pixels is not None}
    if pictures:
        fields["pictures"] = list(pictures)
    # left out where it is plain, so that an engine without methods takes the request
    if not request.method.is_plain:
        fields["method"] = request.method.model_dump(mode="json", exclude_defaults=True)
    fields["model_size"] = [request.model_size.width, request.model_size.height]
    # left out for one, so that an engine without them takes the request
    more = {"seeds": list(seeds)} if len(seeds) > 1 else {}
    return (
        json_frame({"request": fields, "batch": batch, **more})
        + png_frame(request.crop)
        + png_frame(request.selection)
        + b"".join(png_frame(pixels) for pixels in pictures.values())
    )


def read_request(parts: Iterable[Any]) -> tuple[EditRequest, bool, tuple[int, ...]]:
    """The request of frames, whether it is a batch one, and its seeds. Raises WireError for anything else."""
    try:
        head, crop, selection, *more = parts
        fields = dict(head["request"])
        pictures = dict(zip(fields.pop("pictures", []), more, strict=True))
        if not pictures.keys() <= set(_PICTURES):
            raise ValueError(f"unknown pictures among {list(pictures)}")
        size = Size(*fields.pop("model_size"))
        for name in ("prompt", "negative_prompt"):
            fields[name] = tuple((str(text), float(weight)) for text, weight in fields[name])
        fields["method"] = Method.model_validate_json(json.dumps(fields.get("method", {})))
        if crop.ndim != 3 or selection.shape != crop.shape[:2]:
            raise ValueError("the pictures do not fit each other")
        request = EditRequest(crop=crop, selection=selection, model_size=size, **fields, **pictures)
        seeds = tuple(int(seed) for seed in head.get("seeds", [request.seed]))
        return request, bool(head["batch"]), seeds
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WireError(f"no edit request: {error}") from error


def result_frames(result: EditResult) -> bytes:
    """An edit result as frames."""
    facts = {
        "model_calls": result.model_calls,
        "controlled_calls": result.controlled_calls,
        "elapsed_s": result.elapsed_s,
    }
    return json_frame({"result": facts}) + png_frame(result.rgb)


def locate_frames(request: LocateRequest) -> bytes:
    """A request for a mask from words as frames."""
    size = [request.model_size.width, request.model_size.height]
    fields = {"words": request.words, "threshold": request.threshold, "model_size": size}
    return json_frame({"locate": fields}) + png_frame(request.crop)


def read_locate(parts: Iterable[Any]) -> LocateRequest:
    """The request of `locate_frames`. Raises WireError for anything else."""
    try:
        head, crop = parts
        fields = dict(head["locate"])
        size = Size(*fields.pop("model_size"))
        words = tuple(str(word) for word in fields.pop("words"))
        if crop.ndim != 3 or not words:
            raise ValueError("a colour picture and words are needed")
        threshold = float(fields.pop("threshold"))
        return LocateRequest(crop, size, words, threshold, **fields)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise WireError(f"no request for a mask: {error}") from error


def located_frames(located: Located) -> bytes:
    """A mask from words as frames."""
    return json_frame({"result": {"found": located.found}}) + png_frame(located.mask)


def error_frame(error: ExpressEditError) -> bytes:
    """An error as a frame; `raise_error` raises it on the other side."""
    kind = next((name for name, known in _ERRORS.items() if isinstance(error, known)), "model")
    return json_frame({"error": kind, "message": str(error)})


def raise_error(frame: dict[str, Any]) -> None:
    """Raises the error that a frame carries."""
    raise _ERRORS.get(frame["error"], ModelError)(frame["message"])


def tokenizer_to_json(tokenizer: PromptTokenizer) -> dict[str, Any]:
    """All of a prompt tokenizer."""
    fields = dataclasses.fields(tokenizer)
    values = {f.name: getattr(tokenizer, f.name) for f in fields if f.name != "backend"}
    return {**values, "backend": tokenizer.backend.to_str()}


def tokenizer_from_json(values: dict[str, Any]) -> PromptTokenizer:
    """The prompt tokenizer of `tokenizer_to_json`."""
    from tokenizers import Tokenizer

    return PromptTokenizer(**{**values, "backend": Tokenizer.from_str(values["backend"])})


def _frame(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "little") + body


def _pixels(body: bytes) -> np.ndarray:
    image = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise WireError("a frame holds no PNG")
    return np.ascontiguousarray(image[..., ::-1]) if image.ndim == 3 else image


_READ: dict[bytes, Callable[[bytes], Any]] = {_JSON: json.loads, _PNG: _pixels, _FILE: bytes}
