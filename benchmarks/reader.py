"""How well the face reader and the finder do on characters that they were not trained on.

Run: python -m benchmarks.reader. The drawings are the rig's own: this says nothing of other people's.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import cv2
import numpy as np

from benchmarks.machine import describe, spread
from expressedit_mcp.imaging import Box
from expressedit_mcp.preview import View, draw_character, sample_character, sample_view
from expressedit_mcp.preview.expression import PARTS
from expressedit_mcp.preview.finder import FaceFinder
from expressedit_mcp.preview.reader import FaceReader, Reading
from expressedit_mcp.preview.tags import RULES
from expressedit_mcp.preview.train.reader_samples import (
    LOOKS,
    random_expression,
    truth_of,
)
from expressedit_mcp.preview.words import WORDS

TAGS = (*RULES, *WORDS, *LOOKS)
SEED = 90_001  # held out: training draws from other seeds
Rng = np.random.Generator


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drawings", type=int, default=600)
    parser.add_argument("--pages", type=int, default=60)
    options = parser.parse_args()
    print(describe("numpy", "opencv-python-headless"))
    finder = FaceFinder()
    for row in read_rows(finder.reader, options.drawings):
        print(row)
    for row in find_rows(finder, options.pages):
        print(row)


def read_rows(reader: FaceReader, count: int) -> Iterator[str]:
    """The reader's errors over `count` drawings of as many characters, as rows of a table."""
    places, radii, seconds = [], [], []
    right: dict[str, list[bool]] = {part: [] for part in PARTS}
    asked, given = np.zeros((count, len(TAGS)), bool), np.zeros((count, len(TAGS)))
    for number in range(count):
        rng = np.random.default_rng([SEED, number])
        character, expression = sample_character(rng), random_expression(rng)
        drawing = draw_character(character, expression, sample_view(rng), 256)
        truth = truth_of(drawing)
        started = time.perf_counter()
        reading = reader.read(drawing.pixels, _roughly(Box(*drawing.crop_box), rng))
        seconds.append((time.perf_counter() - started) / 2)
        apart = np.linalg.norm(truth["boxes"][2][:2] - truth["boxes"][3][:2])
        places.append(np.linalg.norm(reading.landmarks - truth["points"], axis=1) / apart)
        radii += list(_radius_errors(reading, truth["irises"]))
        asked[number] = [tag in drawing.tags for tag in TAGS]
        given[number] = list({**reading.tags, **reading.looks}.values())
        for part, seen in reading.states.items():
            if part not in ("iris", "gaze") or truth["irises"][:, 2].any():
                right[part].append(max(seen, key=seen.__getitem__) == getattr(expression, part))
    errors = 100 * np.array(places)
    figure = f"{errors.mean():.2f} (median {np.median(errors):.2f})"
    yield f"| landmark error, % of the distance between the eyes | {figure} | {count} |"
    seen = np.array([error for error in radii if error is not None])
    yield f"| iris radius, mean absolute error, % | {100 * np.abs(seen).mean():.1f} | {len(seen)} |"
    yield f"| iris seen or not, wrong | {sum(error is None for error in radii)} | {2 * count} |"
    scores = {tag: average_precision(asked[:, n], given[:, n]) for n, tag in enumerate(TAGS)}
    known = {tag: score for tag, score in scores.items() if asked[:, TAGS.index(tag)].sum() >= 2}
    for kind, names in (("a part", RULES), ("the whole face", WORDS), ("the character", LOOKS)):
        mean = np.mean([known[tag] for tag in names if tag in known])
        yield f"| average precision, mean over tags of {kind} | {mean:.3f} | {len(names)} tags |"
    for part, hits in right.items():
        yield f"| state of the {part} right, of {len(PARTS[part])} | {np.mean(hits):.3f} | {len(hits)} |"
    yield f"| tags right at 0.5 | {((given >= 0.5) == asked).mean():.4f} | {asked.size} |"
    worst = sorted((tag for tag in known if tag in RULES), key=lambda tag: known[tag])[:16]
    yield f"| the worst | {', '.join(f'{tag} {known[tag]:.2f}' for tag in worst)} | |"
    yield f"| one crop, ms | {spread([1000 * s for s in seconds], 1)} | {count} |"


def _radius_errors(reading: Reading, irises: np.ndarray) -> Iterator[float | None]:
    """Relative errors of both radii; None where an iris was seen that is not there, or missed."""
    for found, (_, _, radius, _) in zip(
        (reading.left_iris, reading.right_iris), irises, strict=True
    ):
        if (found is None) != (radius == 0):
            yield None
        elif found is not None:
            yield found.radius / radius - 1


def find_rows(finder: FaceFinder, count: int) -> Iterator[str]:
    """Found, missed and false faces on pages, and false ones on what is no page."""
    found = wanted = false = 0
    parts, seconds = [], []
    for number in range(count):
        pixels, faces = _page(np.random.default_rng([SEED, 1, number]))
        started = time.perf_counter()
        readings = finder.find_readings(pixels)
        seconds.append(time.perf_counter() - started)
        frames = [reading.frame for reading in readings]
        for frame, mouth in faces:
            best = max(range(len(frames)), key=lambda n: overlap(frames[n], frame), default=None)
            if best is not None and overlap(frames[best], frame) >= 0.5:
                found += 1
                parts.append(overlap(readings[best].parts["mouth"], mouth))
        wanted += len(faces)
        false += sum(all(overlap(frame, face) < 0.3 for face, _ in faces) for frame in frames)
    yield f"| faces found on pages | {found} of {wanted} | {count} pages |"
    yield f"| false faces on those pages | {false} | {count} pages |"
    yield f"| mouth boxes, overlap (IoU) with the true | {np.mean(parts):.2f} | {len(parts)} |"
    yield f"| a page of 1664 x 2432, s | {spread(seconds)} | {count} |"
    empty = [_no_face(np.random.default_rng([SEED, 2, number])) for number in range(2 * count)]
    wrong = sum(bool(finder.find_faces(picture)) for picture in empty)
    yield f"| pictures without a face in which one was found | {wrong} | {len(empty)} |"
    sizes = (64, 96, 128, 256, 512, 1024, 2048)
    for size in sizes:
        right = 0
        for number in range(count // 3):
            rng = np.random.default_rng([SEED, 3, number])
            drawing = draw_character(sample_character(rng), random_expression(rng), View(), size)
            frames = [face.box for face in finder.find_faces(drawing.pixels)]
            right += len(frames) == 1 and overlap(frames[0], Box(*drawing.crop_box)) >= 0.5
        yield f"| one face and no other in a drawing of {size} px | {right} | {count // 3} |"


def average_precision(wanted: np.ndarray, scores: np.ndarray) -> float:
    """The mean of the precision at each wanted one, ranked by score; 0 where none is wanted."""
    ranked = wanted[np.argsort(-scores, kind="stable")]
    if not ranked.any():
        return 0.0
    precision = np.cumsum(ranked) / np.arange(1, len(ranked) + 1)
    return float(precision[ranked].mean())


def overlap(a: Box, b: Box) -> float:
    """Intersection over union."""
    both = a & b
    if both.is_empty:
        return 0.0
    shared = both.width * both.height
    return shared / (a.width * a.height + b.width * b.height - shared)


def _roughly(box: Box, rng: Rng) -> Box:
    """The box as a finder may give it: off by up to a tenth and a fifth larger or smaller."""
    side = round(box.width * np.exp(rng.uniform(-0.2, 0.2)))
    x, y = np.array(box.centre) + rng.uniform(-0.1, 0.1, 2) * box.width
    left, top = round(x - side / 2), round(y - side / 2)
    return Box(left, top, left + side, top + side)


def _page(rng: Rng) -> tuple[np.ndarray, list[tuple[Box, Box]]]:
    """A page 1664 x 2432 with one to five drawings on a plain ground; frames and mouth boxes."""
    pixels = np.full((2432, 1664, 3), rng.integers(0, 256, 3), np.uint8)
    faces: list[tuple[Box, Box]] = []
    places: list[Box] = []
    for _ in range(int(rng.integers(1, 6))):
        size = int(np.exp(rng.uniform(np.log(160), np.log(1000))))
        left, top = int(rng.integers(0, 1664 - size)), int(rng.integers(0, 2432 - size))
        place = Box(left, top, left + size, top + size)
        if any(not (place & other).is_empty for other in places):
            continue
        drawing = draw_character(
            sample_character(rng), random_expression(rng), sample_view(rng), size
        )
        pixels[place.slices] = drawing.pixels
        faces.append(
            (
                Box(*drawing.crop_box).shifted(left, top),
                Box(*drawing.part_boxes["mouth"]).shifted(left, top),
            )
        )
        places.append(place)
    return pixels, faces


def _no_face(rng: Rng) -> np.ndarray:
    """A picture without a face of a kind that is not trained on: plots, mazes, leaves, windows, fire."""
    kinds = (_plot, _maze, _leaves, _windows, _turbulence)
    return kinds[int(rng.integers(len(kinds)))](rng)


def _plot(rng: Rng) -> np.ndarray:
    pixels = np.full((480, 640, 3), 255, np.uint8)
    for _ in range(4):
        path = np.stack([np.linspace(60, 600, 50), 240 + np.cumsum(rng.normal(0, 15, 50))], axis=1)
        ink = rng.integers(0, 200, 3).tolist()
        cv2.polylines(pixels, [path.astype(np.int32)], False, ink, 2, cv2.LINE_AA)
        for x, y in path[::5].astype(int):
            cv2.circle(pixels, (int(x), int(y)), 5, ink, -1, cv2.LINE_AA)
    cv2.rectangle(pixels, (60, 30), (600, 450), (0, 0, 0), 1)
    return pixels


def _maze(rng: Rng) -> np.ndarray:
    cells = (rng.random((40, 40)) < 0.45).astype(np.uint8) * 255
    grown = cv2.resize(cells, (640, 640), interpolation=cv2.INTER_NEAREST)
    return np.repeat(cv2.GaussianBlur(grown, (0, 0), 1.0)[..., None], 3, axis=2)


def _leaves(rng: Rng) -> np.ndarray:
    pixels = np.full((600, 600, 3), (60, 90, 50), np.uint8)
    for _ in range(300):
        center, axes = rng.integers(0, 600, 2), rng.integers([4, 10], [14, 50])
        green = np.clip(rng.normal((90, 150, 70), 25), 0, 255).tolist()
        place, size = (int(center[0]), int(center[1])), (int(axes[0]), int(axes[1]))
        angle = rng.uniform(0, 180)
        cv2.ellipse(pixels, place, size, angle, 0, 360, green, -1, cv2.LINE_AA)
        cv2.ellipse(pixels, place, size, angle, 0, 360, (40, 60, 30), 1, cv2.LINE_AA)
    return pixels


def _windows(rng: Rng) -> np.ndarray:
    """A front of a house; windows and doors lie as eyes and mouths do."""
    pixels = np.full((600, 800, 3), rng.integers(120, 250, 3), np.uint8)
    for top in range(40, 520, 130):
        for left in range(40, 760, 150):
            glass = rng.integers(0, 255, 3).tolist()
            cv2.rectangle(pixels, (left, top), (left + 80, top + 90), glass, -1)
            cv2.rectangle(pixels, (left, top), (left + 80, top + 90), (40, 40, 40), 3)
            cv2.circle(pixels, (left + 40, top + 45), int(rng.integers(5, 30)), (250, 250, 250), -1)
    return pixels


def _turbulence(rng: Rng) -> np.ndarray:
    """Noise of all scales together, as in clouds, stone and fire."""
    total = np.zeros((512, 512, 3), np.float32)
    for cells in (4, 8, 16, 32, 64, 128):
        noise = rng.random((cells, cells, 3)).astype(np.float32)
        total += cv2.resize(noise, (512, 512), interpolation=cv2.INTER_CUBIC) * (2 / cells**0.7)
    low, high = total.min(), total.max()
    return ((total - low) / (high - low) * 255).astype(np.uint8)


if __name__ == "__main__":
    main()
