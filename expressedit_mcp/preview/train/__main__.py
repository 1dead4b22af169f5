"""`python -m expressedit_mcp.preview.train --out DIR`: the shipped model from nothing."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, fields, replace
from pathlib import Path

from .recipe import Recipe
from .stages import STAGES, run_stage


def main() -> None:
    """Runs the asked-for stages, each going on from what its folder holds."""
    parser = argparse.ArgumentParser(
        prog="python -m expressedit_mcp.preview.train", description=main.__doc__
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for drawings, checkpoints, the model"
    )
    parser.add_argument("--stage", choices=["all", *STAGES], default="all")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument(
        "--from",
        dest="start",
        type=Path,
        help="a model directory of the same vocabulary and shapes to start from instead of random weights",
    )
    for field in fields(Recipe):
        option = "--" + field.name.replace("_", "-")
        parser.add_argument(
            option, type=int, default=field.default, help=f"default {field.default}"
        )
    given = parser.parse_args()
    chosen = {field.name: getattr(given, field.name) for field in fields(Recipe)}
    recipe = replace(Recipe(), **chosen)
    timed = recipe.vae_seconds or recipe.decoder_seconds or recipe.unet_seconds
    if timed and given.device == "cpu" and recipe.processes > 1:
        parser.error(
            "several processes do not end at one time: give steps instead of seconds, or --processes 1"
        )
    given.out.mkdir(parents=True, exist_ok=True)
    file = given.out / "recipe.json"
    file.write_text(json.dumps(asdict(recipe), indent=2) + "\n", encoding="utf-8")
    for stage in STAGES if given.stage == "all" else [given.stage]:
        run_stage(stage, recipe, given.out, given.device, given.start)


if __name__ == "__main__":
    main()
