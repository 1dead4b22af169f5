"""The demo: a real MCP client that edits a drawn character through the real server, over stdio."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from mcp import Client, StdioServerParameters
from PIL import Image
from rich.console import Console

from expressedit_mcp.errors import ExpressEditError
from expressedit_mcp.preview import (
    CHARACTERS,
    contact_sheet,
    draw_character,
    expression_from_tags,
)

STORY = "He closed his eyes and laughed, his mouth wide open."
CHARACTER = "Toma"
REPAIR_STRENGTH = 0.7
SEED = 7  # of some that were looked at
SIZE_PX = 512
_SHOWN_PX = 256


def run_demo(out: Path) -> None:
    """Runs the demo and writes its pictures to `out`."""
    anyio.run(_Demo(out.resolve()).run)


class _Demo:
    def __init__(self, out: Path) -> None:
        self.out = out
        self.console = Console(highlight=False)

    async def run(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        character = CHARACTERS[CHARACTER]
        drawn = draw_character(character, expression_from_tags([]), size_px=SIZE_PX).pixels
        before = self.out / "before.png"
        Image.fromarray(drawn).save(before)
        started = time.perf_counter()
        # a store of its own, so that the edits are computed and not remembered
        with tempfile.TemporaryDirectory(prefix="expressedit-demo-") as home:
            environment = {
                **os.environ,
                "EXPRESSEDIT_HOME": home,
                "EXPRESSEDIT_ROOTS": str(self.out),
            }
            server = StdioServerParameters(
                command=sys.executable, args=["-m", "expressedit_mcp", "serve"], env=environment
            )
            async with Client(server) as client:
                self._say(f"connected over stdio, protocol {client.protocol_version}", started)
                pictures = await self._edit(client, ", ".join(character.tags), before)
        sheet = contact_sheet(
            [_small(pixels) for pixels in (drawn, *map(_read, pictures.values()))],
            columns=len(pictures) + 1,
            captions=["before", *pictures],
        )
        Image.fromarray(sheet).save(self.out / "sheet.png")
        self._say(f"[bold]contact sheet: {self.out / 'sheet.png'}[/bold]", started)

    async def _edit(self, client: Client, look: str, before: Path) -> dict[str, Path]:
        """The edits of the demo; the saved pictures by caption."""
        opened = await self._call(client, "open_image", source=str(before))
        for face in opened["faces"]:
            self.console.print(
                f"  a face at {face['box']}, {face['confidence']:.2f}: {', '.join(face['parts'])}"
            )
        self.console.print(f'  story: "{STORY}"')
        hits = (await self._call(client, "search_expression_tags", query=STORY))["hits"]
        for hit in hits[:4]:
            self.console.print(f"    {hit['score']:.2f}  {hit['tag']}: {hit['definition']}")

        edited = opened
        pictures = {}
        for part in ("mouth", "eyes"):
            tag, edit = await self._choose(client, hits, part, look)
            edited = await self._call(
                client,
                "edit_expression",
                image=edited["image_id"],
                region=edit["region"] or {"part": part},
                prompt=edit["prompt"],
                seed=SEED,
            )
            pictures[f"{part}: {tag}"] = await self._save(client, edited, f"after-{part}.png")
            self._outside(edited)

        irises = [{"part": "left_iris"}, {"part": "right_iris"}]
        scaled = await self._call(
            client, "apply_scale_transform", image=opened["image_id"], region=irises, scale_x=0.5
        )
        pictures["irises at 50 %"] = await self._save(client, scaled, "after-scale.png")
        repaired = await self._call(
            client,
            "apply_scale_transform",
            image=opened["image_id"],
            region=irises,
            scale_x=0.5,
            repair=True,
            tags=["constricted pupils"],
            character=look,
            strength=REPAIR_STRENGTH,
            seed=SEED,
        )
        pictures["… and repaired"] = await self._save(client, repaired, "after-repair.png")
        return pictures

    async def _choose(
        self, client: Client, hits: list[dict[str, Any]], part: str, look: str
    ) -> tuple[str, dict[str, Any]]:
        """The best hit for a part alone that the model has a word for, and its edit."""
        for hit in hits:
            if hit["parts"] != [part]:
                continue
            built = await self._call(client, "build_prompt", tags=[hit["tag"]], character=look)
            if not built["unknown_to_model"]:
                self.console.print(f"    {part}: {built['prompt']}")
                return hit["tag"], built["edits"][0]
            self.console.print(f"    {part}: not {hit['tag']}, the model has no word for it")
        raise ExpressEditError(f"No tag for the {part} was found for the demo's story line.")

    async def _call(self, client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
        started = time.perf_counter()
        result = await client.call_tool(tool, arguments)
        if result.is_error:
            text = " ".join(getattr(block, "text", "") for block in result.content)
            raise ExpressEditError(f"{tool} failed: {text}")
        self._say(tool, started)
        return result.structured_content or {}

    async def _save(self, client: Client, image: dict[str, Any], name: str) -> Path:
        path = self.out / name
        await self._call(
            client, "save_image", image_id=image["image_id"], path=str(path), overwrite=True
        )
        return path

    def _outside(self, edited: dict[str, Any]) -> None:
        """Compares an edit with its parent, as an onlooker would."""
        path = Path(edited["path"])
        after, before = _read(path), _read(path.with_name(f"{edited['parent']}.png"))
        left, top, right, bottom = edited["changed_box"]
        outside = np.ones(after.shape[:2], bool)
        outside[top:bottom, left:right] = False
        differing = int((after != before).any(axis=2)[outside].sum())
        self.console.print(f"    {differing} of {int(outside.sum())} pixels outside the box differ")

    def _say(self, what: str, started: float) -> None:
        self.console.print(f"  {time.perf_counter() - started:6.2f} s  {what}")


def _small(pixels: np.ndarray) -> np.ndarray:
    """The picture at the size of the sheet's cells."""
    shown = Image.fromarray(pixels).resize((_SHOWN_PX, _SHOWN_PX), Image.Resampling.LANCZOS)
    return np.asarray(shown)


def _read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))
