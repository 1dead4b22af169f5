"""DiffEditor's face manipulation on drawn faces (the protocol of its Table 1), with its ablations."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.methods.correspondence import correspondence_table
from benchmarks.methods.faces import ALL, SEVENTEEN, Bench, Edited, Pair
from benchmarks.methods.guidance_cost import cost_table
from benchmarks.methods.irises import iris_table
from expressedit_mcp.engine.methods.method import Interval, Method, Travel
from expressedit_mcp.engine.methods.profiles import FAST, PRESETS, guided_method
from expressedit_mcp.imaging import Box
from expressedit_mcp.preview import contact_sheet

COUNT = 16
_PAPER_SHARE = 4  # one face in so many is also edited by the slow profile


@dataclass
class Row:
    """What was measured of one way to edit."""

    errors: list[float] = field(default_factory=list)
    kept: list[float] = field(default_factory=list)
    outside: list[float] = field(default_factory=list)

    def line(self, name: str) -> str:
        outside = f"{np.mean(self.outside):.1f}" if self.outside else ""
        error, kept = np.mean(self.errors), np.mean(self.kept)
        return f"| {name} | {error:.2f} | {kept:.2f} | {outside} | {len(self.errors)} |"


def run(out: Path, count: int | None) -> str:
    """Tables: correspondence, landmarks, irises, cost; the contact sheet goes to `out`."""
    cv2.setNumThreads(1)
    bench, count = Bench(), count or COUNT
    parts = [
        correspondence_table(bench.models, min(count, 8)),
        _landmark_table(bench, out, count),
        iris_table(bench, max(2, count // 3)),
        cost_table(),
    ]
    return "\n\n".join(parts)


def _method(pair: Pair, chosen: tuple[int, ...], **guidance: Any) -> Method:
    starts, ends = pair.points(chosen)
    points = tuple(zip(map(tuple, starts.tolist()), map(tuple, ends.tolist()), strict=True))
    return guided_method("fast", pair.words, "landmark", points=points, **guidance)


def _edits(bench: Bench, pair: Pair, number: int) -> dict[tuple[str, int], Edited]:
    """Every way to edit a pair's first face, by name and number of points."""
    edits: dict[tuple[str, int], Edited] = {}
    for chosen in (ALL, SEVENTEEN):
        n, method = len(chosen), _method(pair, chosen)
        warped: dict[str, Any] = {"crop": pair.warped(chosen), "source": pair.crop}
        start = warped | {"control_end": FAST.control_end}
        off = _with(method, guidance=None)
        edits["warp and redraw, no guidance", n] = bench.edit(pair, off, **start)
        edits["warp and redraw, guided: `fast`", n] = bench.edit(pair, method, **start)
        if chosen is SEVENTEEN:
            continue
        edits["redraw, no guidance", n] = bench.edit(pair, off)
        edits["redraw, guided", n] = bench.edit(pair, method)
        edits["redraw, guided, Eq. 4 as printed", n] = bench.edit(pair, method, "printed")
        edits["redraw, guided, sign flipped", n] = bench.edit(pair, method, -1.0)
        ablations = {
            "`fast` without regional guidance": _method(pair, chosen, regional=False),
            "`fast` without regional noise": _with(method, noise=None),
            "`fast` without the source's keys and values": _with(method, memory=None),
            "`fast` with time travel": _with(
                method, recurrence=Travel(repeats=2, steps=Interval(start=0.4, end=0.6))
            ),
        }
        edits["`fast` without edges", n] = bench.edit(pair, method, **warped)
        for name, changed in ablations.items():
            edits[name, n] = bench.edit(pair, changed, **start)
    if number % _PAPER_SHARE == 0:
        chosen, preset = ALL, PRESETS["paper"]["landmark"]
        guidance = _method(pair, chosen).guidance
        assert guidance is not None
        method = guided_method("paper", pair.words, "landmark", points=guidance.points)
        edits["`paper`", len(chosen)] = bench.edit(
            pair, method, strength=preset.strength, steps=preset.steps
        )
    return edits


def _landmark_table(bench: Bench, out: Path, count: int) -> str:
    rows: dict[tuple[str, int], Row] = {}
    pictures: list[np.ndarray] = []
    captions: list[str] = []
    for number in range(count):
        pair = Pair.of(number)
        shown = {
            ("before", 68): pair.before.pixels,
            ("the target's own drawing (the reader's error)", 68): pair.target.pixels,
            ("warp alone", 68): _pasted(pair, ALL),
        }
        edits = _edits(bench, pair, number)
        shown |= {key: edited.pixels for key, edited in edits.items()}
        for key in (*(k for k in shown if k not in edits), *edits):
            for n, chosen in ((68, ALL), (17, SEVENTEEN)):
                if n != key[1] and key in edits:
                    continue
                pixels = _pasted(pair, chosen) if key[0] == "warp alone" else shown[key]
                row = rows.setdefault((key[0], n), Row())
                row.errors.append(bench.error(pair, pixels, chosen))
                row.kept.append(bench.kept(pair, pixels))
                if key in edits:
                    row.outside.append(edits[key].outside_db)
        if number < 6:
            pictures += [pixels for key, pixels in shown.items() if key != ("`paper`", 68)]
            captions += [f"{name} ({n})" for name, n in shown if name != "`paper`"]
        print(f"{number + 1} of {count} faces\n{_lines(rows)}", flush=True)
    columns = len(pictures) // min(count, 6)
    sheet = contact_sheet(pictures, columns, captions, caption_px=11)
    cv2.imwrite(str(out / "guidance.png"), sheet[..., ::-1])
    return _lines(rows)


def _lines(rows: dict[tuple[str, int], Row]) -> str:
    lines = [
        "| Landmarks matched | MSE, px^2 of 256 | states read as before | PSNR outside, dB | n |",
        "| --- | --- | --- | --- | --- |",
    ]
    for n in (68, 17):
        lines += [row.line(f"{n} points: {name}") for (name, m), row in rows.items() if m == n]
    return "\n".join(lines)


def _pasted(pair: Pair, chosen: tuple[int, ...]) -> np.ndarray:
    """The picture with the warped crop in its place."""
    pixels = pair.before.pixels.copy()
    seen = pair.box & Box(0, 0, *pixels.shape[1::-1])
    inner = seen.shifted(-pair.box.left, -pair.box.top)
    pixels[seen.slices] = pair.warped(chosen)[inner.slices]
    return pixels


def _with(method: Method, **changes: Any) -> Method:
    return method.model_copy(update=changes)
