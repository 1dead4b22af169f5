"""How well masks from words fit what the rig draws, on characters the model was not trained on.

Judged inside the found face, which is what the model is shown. What a word names is the rig's own mask of the part,
or for a mark on the face the pixels that differ from the drawing without it. The baseline is what the face finder
gives without words: the part's box (irises: ellipses), for a mark the face's.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from benchmarks.fidelity.setting import SIZE_PX, Subject
from benchmarks.machine import describe
from expressedit_mcp.engine import LocateRequest, find_source
from expressedit_mcp.engine.edit import Editor
from expressedit_mcp.engine.methods.words import LEVELS, mask_of, read_maps
from expressedit_mcp.engine.models import load_models
from expressedit_mcp.engine.pixels import encode
from expressedit_mcp.engine.text import token_positions
from expressedit_mcp.imaging import (
    Face,
    Size,
    box_selection,
    ellipse_selection,
    extract,
    guided_upsample,
    resize,
    union,
)
from expressedit_mcp.preview import contact_sheet, expression_from_tags, part_masks
from expressedit_mcp.preview.finder import FaceFinder
from expressedit_mcp.settings import SHIPPED_MODEL

THRESHOLD = 0.5
_PARTS = {  # word, or whose colour: the rig's mask, the finder's parts
    "hair": ("hair", ("face",)),
    "eyes": ("irises", ("left_iris", "right_iris")),
    "closed mouth": ("mouth", ("mouth",)),
    ":d": ("mouth", ("mouth",)),
    "open mouth": ("mouth", ("mouth",)),
    "closed eyes": ("eyes", ("left_eye", "right_eye")),
}
_MARKS = ("blush", "light blush", "tears", "sweatdrop")
_MARK_LEVELS = 8  # by which a pixel must differ to belong to a mark
_CELL_PX, _SHOWN = 150, 5
_WAY_CASES = 20


@dataclass(frozen=True)
class Case:
    """A drawing that shows a word: its face's crop (h, w, 3), where the word is in it, and the finder's guess."""

    kind: str
    word: str
    crop: np.ndarray
    truth: np.ndarray
    baseline: np.ndarray

    @cached_property
    def rgb(self) -> np.ndarray:
        return self.crop.astype(np.float32) / 255


def run(out: Path, count: int | None) -> str:
    """The tables, and a contact sheet in `out`; `count` characters, by default 10."""
    editor = Editor(load_models(find_source(SHIPPED_MODEL), torch.device("cpu"), torch.float32))
    cases = [case for number in range(count or 10) for case in _cases(Subject.of(number))]
    rows: dict[str, list[tuple[float, ...]]] = defaultdict(list)
    cells = []
    started = time.process_time()
    for case in cases:
        mask = _looked(editor, case)
        rows[case.kind].append((*_fit(mask, case.truth), *_fit(case.baseline, case.truth)))
        cells.append((_shown(case, mask), f"{case.word} {rows[case.kind][-1][0]:.2f}"))
    seconds = (time.process_time() - started) / max(len(cases), 1)
    cells = cells[: _SHOWN * len(rows)]
    sheet = contact_sheet(
        [cell for cell, _ in cells], columns=len(rows), captions=[text for _, text in cells]
    )
    Image.fromarray(sheet).save(out / "words.png")
    return "\n\n".join(
        [
            describe("torch", "diffusers", "numpy"),
            _word_table(rows, seconds),
            _way_table(editor, cases[:_WAY_CASES]),
        ]
    )


def _cases(subject: Subject) -> Iterator[Case]:
    finder = FaceFinder()
    for kind in (*_PARTS, *_MARKS):
        own = {"hair": subject.character.hair_color, "eyes": subject.character.eye_color}
        tags = [] if kind in own or kind == "closed mouth" else [kind]
        word = own.get(kind, kind)
        pixels = subject.drawn(tags).pixels
        faces = finder.find_faces(pixels)
        shown = _where(subject, kind, tags, pixels)
        if not faces or word == "bald":
            continue
        box = faces[0].box
        truth = extract(shown, box) > 0
        if truth.any():
            yield Case(kind, word, extract(pixels, box), truth, _guess(faces[0], kind))


def _where(subject: Subject, kind: str, tags: Sequence[str], pixels: np.ndarray) -> np.ndarray:
    """Where the rig draws a word, (H, W) uint8."""
    if kind in _PARTS:
        expression = expression_from_tags(tags)
        masks = part_masks(subject.character, expression, subject.view, SIZE_PX)
        return masks[_PARTS[kind][0]]
    change = np.abs(pixels.astype(int) - subject.neutral.pixels).max(axis=2)
    return (change > _MARK_LEVELS).astype(np.uint8) * 255


def _guess(face: Face, kind: str) -> np.ndarray:
    """What the finder alone gives for a word, (h, w) bool of the face's box."""
    names = _PARTS[kind][1] if kind in _PARTS else ("face",)
    size = Size(SIZE_PX, SIZE_PX)
    selections = [
        (ellipse_selection if name.endswith("iris") else box_selection)(part.as_list(), size)
        for name in names
        if (part := face.box if name == "face" else face.parts.get(name)) is not None
    ]
    if not selections:
        return np.zeros(face.box.size.shape, bool)
    return union(selections).within(face.box) > 0


def _looked(editor: Editor, case: Case) -> np.ndarray:
    native = editor.models.card.native_px
    request = LocateRequest(case.crop, Size(native, native), (case.word,), THRESHOLD)
    return editor.locate(request, lambda *step: None, lambda: False).mask > 0


def _fit(mask: np.ndarray, truth: np.ndarray) -> tuple[float, float, float]:
    """Intersection over union, the share of the truth that is selected, the share of the mask that is true."""
    both = (mask & truth).sum()
    return (
        float(both / (mask | truth).sum()),
        float(both / truth.sum()),
        float(both / max(mask.sum(), 1)),
    )


def _word_table(rows: dict[str, list[tuple[float, ...]]], seconds: float) -> str:
    lines = [
        f"Threshold {THRESHOLD:g}; {seconds:.2f} s of processor time a word.",
        "",
        "| word | n | IoU | of it selected | of selection right | finder alone: IoU | of it selected |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, found in rows.items():
        iou, recall, precision, base_iou, base_recall, _ = np.mean(found, axis=0)
        name = f"own {kind.removesuffix('s')} colour" if kind in ("hair", "eyes") else kind
        lines.append(
            f"| {name} | {len(found)} | {iou:.2f} | {recall:.2f} | {precision:.2f} | {base_iou:.2f} | "
            f"{base_recall:.2f} |"
        )
    means = np.mean([np.mean(found, axis=0) for found in rows.values()], axis=0)
    lines.append(
        f"| mean | | {means[0]:.2f} | {means[1]:.2f} | {means[2]:.2f} | {means[3]:.2f} | {means[4]:.2f} |"
    )
    return "\n".join(lines)


def _way_table(editor: Editor, cases: Sequence[Case]) -> str:
    """Mean IoU of the first cases by where maps are read and how they are brought up to the crop's size."""
    single = (*LEVELS, 0.55, 0.7, 0.85)
    scores: dict[str, list[list[float]]] = defaultdict(list)
    for case in cases:
        maps = {f"{level:g}": _maps(editor, case, (level,)) for level in single}
        maps["all of " + ", ".join(f"{level:g}" for level in LEVELS)] = _maps(editor, case, LEVELS)
        for name, one in maps.items():
            scores[name].append([_fit(mask, case.truth)[0] for mask in _ways(one, case.rgb)])
    kinds = [case.kind for case in cases]
    lines = [
        f"The mean over words of {len(cases)} of them, IoU:",
        "",
        "| maps read at noise | guided, colour | guided, grey | bicubic |",
        "|---|---|---|---|",
    ]
    for name, found in scores.items():
        by_kind = [
            np.mean([f for f, kind in zip(found, kinds, strict=True) if kind == one], axis=0)
            for one in dict.fromkeys(kinds)
        ]
        lines.append(
            f"| {name} | " + " | ".join(f"{v:.2f}" for v in np.mean(by_kind, axis=0)) + " |"
        )
    return "\n".join(lines)


def _ways(one: np.ndarray, rgb: np.ndarray) -> Iterator[np.ndarray]:
    """The mask of one map (1, h, w), brought up in each way."""
    yield mask_of(one, rgb, THRESHOLD)[0] > 0
    share = one[0] / one[0].max()
    yield guided_upsample(share, rgb.mean(axis=2)) > THRESHOLD
    yield resize(share, Size(rgb.shape[1], rgb.shape[0])) > THRESHOLD


@torch.no_grad()
def _maps(editor: Editor, case: Case, levels: Sequence[float]) -> np.ndarray:
    native = Size(editor.models.card.native_px, editor.models.card.native_px)
    prompt = ((case.word, 1.0),)
    condition = editor._encode_prompts(prompt, (), native, 1)
    positions = token_positions(prompt, editor.models.encoders[0].tokenizer)
    source = encode(editor.models, np.clip(resize(case.rgb, native), 0, 1))
    return read_maps(editor.models, source, condition, positions, lambda index: None, levels)


def _shown(case: Case, mask: np.ndarray) -> np.ndarray:
    """The crop with what is not selected dimmed, and the true outline in green."""
    picture = np.where(mask[..., None], case.crop, case.crop // 3)
    inner = cv2.erode(case.truth.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    picture[case.truth & ~inner] = (80, 255, 80)
    return cv2.resize(picture.astype(np.uint8), (_CELL_PX, _CELL_PX), interpolation=cv2.INTER_AREA)
