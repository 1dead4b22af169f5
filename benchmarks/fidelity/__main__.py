"""How faithful the model's edits are, on characters it was not trained on, judged by the face reader.

Run: python -m benchmarks.fidelity --out FOLDER. `--quick` takes a small part of everything.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from benchmarks.fidelity.endurance import hundred_edits, sweeps
from benchmarks.fidelity.identity import identity, mouth_sharpness
from benchmarks.fidelity.outcome import Outcome
from benchmarks.fidelity.places import gazes, irises_scaled
from benchmarks.fidelity.setting import SIZE_PX, Bench, Subject, changed_parts
from benchmarks.fidelity.tags import pairs_of, single_tags, tag_pairs, winks, words
from benchmarks.machine import describe
from expressedit_mcp.preview import contact_sheet
from expressedit_mcp.preview.tags import RULES
from expressedit_mcp.preview.words import WORDS
from expressedit_mcp.settings import SHIPPED_MODEL

CHECKS = (
    "tags",
    "pairs",
    "words",
    "winks",
    "irises",
    "gaze",
    "identity",
    "sharpness",
    "stress",
    "sweeps",
)
_PICTURE_PX = 160


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL, help="model directory")
    parser.add_argument("--out", type=Path, help="folder for contact sheets")
    parser.add_argument(
        "--only", choices=CHECKS, action="append", help="one check; may be repeated"
    )
    parser.add_argument("--subjects", type=int, default=5)
    parser.add_argument(
        "--tags", type=int, default=0, help="most single tags; 0: all the model knows"
    )
    parser.add_argument(
        "--quick", action="store_true", help="two subjects, twelve tags, twenty edits"
    )
    options = parser.parse_args()
    if options.quick:
        options.subjects, options.tags = 2, 12
    print(describe("torch", "numpy", "opencv-python-headless"))
    with Bench.open(options.model) as bench:
        for name, check in _checks(bench, options).items():
            if options.only and name not in options.only:
                continue
            started = time.perf_counter()
            outcome = check()
            print(f"\n{name}, {time.perf_counter() - started:.0f} s", flush=True)
            for what, figure, count in outcome.rows:
                print(f"| {what} | {figure} | {count} |", flush=True)
            if options.out and outcome.pictures:
                _save_sheet(outcome, options.out / f"{name}.png")


def _checks(bench: Bench, options: argparse.Namespace) -> dict[str, Callable[[], Outcome]]:
    """Each check by name, ready to run."""
    subjects = [Subject.of(number) for number in range(options.subjects)]
    known = sorted(tag for tag in bench.words if changed_parts([tag]))
    states = [tag for tag in known if tag in RULES]
    whole = [tag for tag in known if tag in WORDS]
    chosen = states[:: max(1, len(states) // options.tags)] if options.tags else states
    few = [tag for tag in ("closed eyes", ":d", "constricted pupils", "frown") if tag in known]
    gaze = [tag for tag in known if changed_parts([tag]) == {"gaze"}]
    edits = 20 if options.quick else 100
    return {
        "tags": lambda: single_tags(bench, subjects, chosen),
        "pairs": lambda: tag_pairs(bench, subjects, pairs_of(states, 2 * len(chosen))),
        "words": lambda: words(bench, subjects, whole),
        "winks": lambda: winks(bench, subjects),
        "irises": lambda: irises_scaled(bench, subjects, (0.5, 0.75, 1.25)),
        "gaze": lambda: gazes(bench, subjects, gaze),
        "identity": lambda: identity(bench, subjects, [*few, "wide-eyed"]),
        "sharpness": lambda: mouth_sharpness(bench, subjects, [":d", "frown"]),
        "stress": lambda: hundred_edits(bench, subjects[0], few, edits),
        "sweeps": lambda: sweeps(bench, subjects[:2], few),
    }


def _save_sheet(outcome: Outcome, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    captions, pictures = zip(*outcome.pictures, strict=True)
    small = [_small(picture) for picture in pictures]
    Image.fromarray(contact_sheet(small, columns=10, captions=captions)).save(path)
    print(f"  {path}", flush=True)


def _small(pixels: np.ndarray) -> np.ndarray:
    """A drawing at the size of a sheet's cells; crops and plots are shown as they are."""
    if pixels.shape[:2] != (SIZE_PX, SIZE_PX):
        return pixels
    return cv2.resize(pixels, (_PICTURE_PX, _PICTURE_PX), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    main()
