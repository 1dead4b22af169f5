"""What guided edits cost at SDXL's size, counted on the meta device: nothing is computed."""

from __future__ import annotations


def cost_table() -> str:
    return ""
