"""Before and after of 24 tags on four characters, made by the shipped model as a user would make them.

Run: python -m benchmarks.gallery. It writes docs/gallery.md and its pictures.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from benchmarks.fidelity.setting import Bench, Subject
from benchmarks.fidelity.tags import reads_as
from expressedit_mcp.preview import CHARACTERS, View, contact_sheet
from expressedit_mcp.settings import SHIPPED_MODEL

NAMES = ("Mirelle", "Toma", "Sefa", "Zuri")
TAGS = (
    "smile",
    ":d",
    "grin",
    "laughing",
    "open mouth",
    ":o",
    "frown",
    "pout",
    "wavy mouth",
    "clenched teeth",
    ":3",
    ":p",
    "smirk",
    "closed eyes",
    "^_^",
    ">_<",
    "one eye closed",
    "half-closed eyes",
    "wide-eyed",
    "constricted pupils",
    "heart-shaped pupils",
    "looking up",
    "v-shaped eyebrows",
    "blush",
)
_CELL_PX, _COLUMNS, _QUALITY = 224, 5, 85
_DOCS = Path(__file__).parent.parent / "docs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL)
    parser.add_argument("--docs", type=Path, default=_DOCS)
    options = parser.parse_args()
    pictures = options.docs / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    with Bench.open(options.model) as bench:
        tags = [tag for tag in TAGS if tag in bench.words]
        lines = list(_page(bench, tags, pictures))
    page = options.docs / "gallery.md"
    page.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    print(f"wrote {page}")


def _page(bench: Bench, tags: Sequence[str], folder: Path) -> Iterator[str]:
    """The lines of the page; its pictures are written to the folder."""
    card = bench.studio.engine.card
    yield "# Gallery"
    yield ""
    yield (
        f"Drawings of 512 px, each edited once by the shipped model ({card.name}) with its default settings and "
        "seed, not chosen by hand. Made by `python -m benchmarks.gallery`; the model edits drawings like these "
        "and nothing else."
    )
    read = 0
    for name in NAMES:
        subject = Subject(-1, CHARACTERS[name], View())
        cells = [("before", subject.neutral.pixels)]
        for tag in tags:
            edited = bench.edit(subject, [tag])
            read += reads_as(edited.reading, [tag])
            cells.append((tag, edited.after))
        path = folder / f"gallery-{name.lower()}.jpg"
        _write(cells, path)
        print(f"wrote {path}, {path.stat().st_size / 1e3:.0f} kB", flush=True)
        yield ""
        yield f"## {name}: {subject.look}"
        yield ""
        yield f"![{name}, before and after {len(tags)} edits]({folder.name}/{path.name})"
    yield ""
    yield f"The face reader reads {read} of these {len(tags) * len(NAMES)} edits as the tag that was asked for."


def _write(cells: Sequence[tuple[str, np.ndarray]], path: Path) -> None:
    size = (_CELL_PX, _CELL_PX)
    small = [cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) for _, pixels in cells]
    sheet = contact_sheet(small, _COLUMNS, [caption for caption, _ in cells])
    Image.fromarray(sheet).save(path, quality=_QUALITY, optimize=True)


if __name__ == "__main__":
    main()
