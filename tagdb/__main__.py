"""`python -m tagdb build` builds the search tables; `python -m tagdb evaluate` measures retrieval."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from tagdb.encoders import DEFAULT, choose_encoder
from tagdb.records import load_tags
from tagdb.store import TagStore


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tagdb", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build the search tables into a folder")
    build.add_argument("folder", type=Path)
    build.add_argument("--encoder", default=DEFAULT, help="as EXPRESSEDIT_ENCODER")
    evaluate = commands.add_parser("evaluate", help="measure retrieval on held-out queries")
    evaluate.add_argument("--queries", type=Path, default=Path("tests/data/queries"))
    evaluate.add_argument("--out", type=Path, help="write the report as Markdown, with a plot")
    arguments = parser.parse_args()
    if arguments.command == "build":
        started = time.perf_counter()
        encoder = choose_encoder(arguments.encoder)
        with TagStore(load_tags(), arguments.folder, encoder=encoder) as store:
            store.search("smile")
        print(f"Built in {time.perf_counter() - started:.1f} s: {arguments.folder}")
        return
    from tagdb.report import report

    report(arguments.queries, arguments.out)


if __name__ == "__main__":
    main()
