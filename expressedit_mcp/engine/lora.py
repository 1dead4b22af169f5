"""LoRAs, merged into the weights when a model is loaded (E. Hu et al., 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from expressedit_mcp.errors import ModelError


def merge_loras(
    unet: Any, text_encoder: Any, text_encoder_2: Any, loras: Sequence[tuple[Path, float]]
) -> None:
    """Adds each (file, weight) to the weights, in order; kohya's and peft's names are both taken.

    Raises ModelError for a file that fits none of the modules.
    """
    from diffusers.loaders.lora_pipeline import StableDiffusionXLLoraLoaderMixin as Loader
    from safetensors.torch import load_file

    for path, weight in loras:
        try:
            found: Any = Loader.lora_state_dict(
                load_file(path), unet_config=unet.config, return_lora_metadata=True
            )
            state, alphas, metadata = found
            if not all("lora" in name for name in state):
                raise ValueError("not all of its tensors belong to a LoRA")
            Loader.load_lora_into_unet(state, alphas, unet, adapter_name="lora", metadata=metadata)
            for prefix, encoder in (
                ("text_encoder", text_encoder),
                ("text_encoder_2", text_encoder_2),
            ):
                Loader.load_lora_into_text_encoder(
                    state, alphas, encoder, prefix=prefix, adapter_name="lora", metadata=metadata
                )
        except (ValueError, KeyError, RuntimeError) as error:
            raise ModelError(f"The LoRA {path} does not fit the model: {error}") from error
        for module in (unet, text_encoder, text_encoder_2):
            _merge(module, weight)


def _merge(module: Any, weight: float) -> None:
    """Merges the adapter of a module, if it has one, and takes the adapter's layers out again."""
    from diffusers.utils.peft_utils import recurse_remove_peft_layers
    from peft.tuners.tuners_utils import BaseTunerLayer

    layers: list[Any] = [layer for layer in module.modules() if isinstance(layer, BaseTunerLayer)]
    for layer in layers:
        layer.scale_layer(weight)
        layer.merge()
    if layers:
        recurse_remove_peft_layers(module)
        module.eval().requires_grad_(False)
        for name in ("peft_config", "_hf_peft_config_loaded"):
            module.__dict__.pop(name, None)
