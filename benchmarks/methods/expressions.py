"""Another face's expression brought to a face by `match_landmarks`. The rig's own drawing of it is the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from benchmarks.fidelity.setting import SIZE_PX, Bench, Subject, region_of
from expressedit_mcp.imaging import Picture
from expressedit_mcp.preview import contact_sheet
from expressedit_mcp.settings import SHIPPED_MODEL
from expressedit_mcp.studio import EditCommand, MatchCommand
from expressedit_mcp.studio.landmarks import STEADY, aligned, expression_on

COUNT = 12
TAGS = (":d", "closed eyes", "frown", "raised eyebrows", "wide-eyed", "open mouth")
_FEATURES = (*range(17, 27), *range(36, 68))  # brows, eyes, mouth
_CELL_PX = 224


@dataclass
class Row:
    """What was measured of one way: landmark errors, tags read."""

    errors: list[float] = field(default_factory=list)
    read: list[float] = field(default_factory=list)

    def line(self, name: str) -> str:
        error, read = np.mean(self.errors), np.mean(self.read)
        return f"| {name} | {error:.1f} | {read:.2f} | {len(self.errors)} |"


def run(out: Path, count: int | None) -> str:
    """The table; a contact sheet goes to `out`. `count` is the number of faces."""
    cv2.setNumThreads(1)
    rows: dict[str, Row] = {}
    pictures: list[np.ndarray] = []
    captions: list[str] = []
    count = count or COUNT
    with Bench.open(SHIPPED_MODEL) as bench:
        for number in range(count):
            tag = TAGS[number % len(TAGS)]
            subject, other = Subject.of(number), Subject.of(number + 1)
            shown = _edits(bench, subject, other, tag)
            for name, pixels in shown.items():
                if name != "reference":
                    _judge(bench, subject, tag, pixels, rows.setdefault(name, Row()))
            if number < 6:
                faces = {n: other if n == "reference" else subject for n in shown}
                pictures += [_face(faces[name], pixels) for name, pixels in shown.items()]
                captions += [f"{tag}: {name}" for name in shown]
            print(f"{number + 1} of {count} faces", flush=True)
    columns = len(pictures) // min(count, 6)
    sheet = contact_sheet(pictures, columns, captions, caption_px=11)
    cv2.imwrite(str(out / "expressions.png"), sheet[..., ::-1])
    head = (
        "| Face | MSE of landmarks, px^2 of 256 | read as the tag | n |\n| --- | --- | --- | --- |"
    )
    return "\n".join([head, *(row.line(name) for name, row in rows.items())])


def _edits(bench: Bench, subject: Subject, other: Subject, tag: str) -> dict[str, np.ndarray]:
    """The reference, the face before, as the rig draws it with the tag, and edited in each way."""
    studio, drawn = bench.studio, other.drawn([tag]).pixels
    before = studio.images.add(Picture(subject.neutral.pixels.copy()), "before").image_id
    reference = studio.images.add(Picture(drawn.copy()), "reference").image_id
    here, there = (_landmarks(bench, image_id) for image_id in (before, reference))
    laid, carried = (
        tuple((float(x), float(y)) for x, y in points)
        for points in (aligned(there, here, STEADY), expression_on(there, here))
    )
    region = region_of(subject.neutral, "face")
    commands = {
        "landmarks laid over the face, no words": MatchCommand(before, region, landmarks=laid),
        "expression carried, no words": MatchCommand(before, region, landmarks=carried),
        "expression carried (`match_landmarks`)": MatchCommand(before, region, reference=reference),
        "the same, with the character's look": MatchCommand(
            before, region, reference=reference, character=subject.look
        ),
    }
    plain = EditCommand(before, region, tags=(tag,), character=subject.look)
    shown = {
        "reference": drawn,
        "before": subject.neutral.pixels,
        "drawn": subject.drawn([tag]).pixels,
    }
    edited = studio.edit(plain)[0].version
    shown["plain edit with the tag and the look"] = studio.images.load(edited.image_id).pixels
    for name, command in commands.items():
        version = studio.guide(command).version
        shown[name] = studio.images.load(version.image_id).pixels
    return shown


def _landmarks(bench: Bench, image_id: str) -> np.ndarray:
    faces = bench.studio.find_faces(image_id)
    assert faces and faces[0].landmarks is not None
    return faces[0].landmarks


def _judge(bench: Bench, subject: Subject, tag: str, pixels: np.ndarray, row: Row) -> None:
    reading = bench.read(subject, pixels)
    wanted = subject.drawn([tag]).landmarks.points
    apart = (reading.landmarks - wanted)[list(_FEATURES)] * 256 / SIZE_PX
    row.errors.append(float((apart**2).sum(axis=1).mean()))
    row.read.append(float(reading.tags[tag] >= 0.5))


def _face(subject: Subject, pixels: np.ndarray) -> np.ndarray:
    left, top, right, bottom = _clipped(subject.neutral.crop_box)
    return cv2.resize(pixels[top:bottom, left:right], (_CELL_PX, _CELL_PX))


def _clipped(box: Sequence[int]) -> list[int]:
    return [min(max(edge, 0), SIZE_PX) for edge in box]
