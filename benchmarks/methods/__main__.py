"""`python -m benchmarks.methods`: what the methods beside the plain edit do and cost, on the shipped model."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

PARTS = ("structure", "words", "guidance", "expressions", "characters")


def main() -> None:
    """Runs each part and prints its tables; contact sheets go to the output folder."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.methods", description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("methods-sheets"))
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--count", type=int, help="how many drawings; each part has its default")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    for part in given.only or PARTS:
        module = importlib.import_module(f"benchmarks.methods.{part}")
        print(module.run(given.out, given.count), flush=True)


if __name__ == "__main__":
    main()
