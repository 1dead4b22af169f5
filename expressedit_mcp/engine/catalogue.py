"""The models that `models pull` knows by name.

Addresses are those their makers publish; sizes and hashes are left open where no page that could be read states
them, and are recorded at the first download.
"""

from __future__ import annotations

from dataclasses import dataclass

from expressedit_mcp.engine.card import Card, Files, LoraFile, Steps
from expressedit_mcp.engine.download import RemoteFile


@dataclass(frozen=True)
class NamedSet:
    """A model and the files it needs. The card names them relative to its folder in the library."""

    card: Card
    files: tuple[RemoteFile, ...]


_BASE = RemoteFile(
    name="wai_illustrious_sdxl_v14.safetensors",
    url="https://civitai.com/api/download/models/1761560",
    page="https://civitai.com/models/827184?modelVersionId=1761560",
    token_site="civitai.com",
)
_CANNY = RemoteFile(
    name="diffusers_xl_canny_mid.safetensors",
    url="https://huggingface.co/lllyasviel/sd_control_collection/resolve/main/diffusers_xl_canny_mid.safetensors",
    page="https://huggingface.co/lllyasviel/sd_control_collection",
)
_LIGHTNING = RemoteFile(
    name="sdxl_lightning_8step_lora.safetensors",
    url="https://huggingface.co/ByteDance/SDXL-Lightning/resolve/main/sdxl_lightning_8step_lora.safetensors",
    page="https://huggingface.co/ByteDance/SDXL-Lightning",
)
NAMED_SETS: dict[str, NamedSet] = {
    found.card.name: found
    for found in (
        NamedSet(
            Card(
                name="wai-illustrious",
                description="WAI-Illustrious SDXL with the mid-sized Canny ControlNet.",
                files=Files(base=f"../files/{_BASE.name}", controlnet=f"../files/{_CANNY.name}"),
            ),
            (_BASE, _CANNY),
        ),
        NamedSet(
            Card(
                name="wai-illustrious-lightning",
                description="The same with the SDXL-Lightning 8-step LoRA: few steps, no guidance, so negative "
                "prompts have no effect.",
                sampler="euler",
                spacing="trailing",
                # the LoRA was distilled on this grid; strength snaps to eighths
                steps=Steps(draft=8, final=8),
                strength=0.75,
                guidance_scale=1.0,
                files=Files(
                    base=f"../files/{_BASE.name}",
                    controlnet=f"../files/{_CANNY.name}",
                    loras=(LoraFile(path=f"../files/{_LIGHTNING.name}"),),
                ),
            ),
            (_BASE, _CANNY, _LIGHTNING),
        ),
    )
}
