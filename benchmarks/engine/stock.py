"""The baseline: diffusers' own ControlNet inpainting pipeline on the same modules."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from diffusers.pipelines.controlnet.pipeline_controlnet_inpaint_sd_xl import (
    StableDiffusionXLControlNetInpaintPipeline,
)
from diffusers.schedulers.scheduling_euler_ancestral_discrete import (
    EulerAncestralDiscreteScheduler,
)
from diffusers.utils import logging
from PIL import Image
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from expressedit_mcp.engine import EditRequest, PromptTokenizer
from expressedit_mcp.engine.models import ModelSet
from expressedit_mcp.imaging import canny_hint, resize


class Stock:
    """The stock pipeline; on a GPU its VAE is in the UNet's precision, which it needs and which is faster."""

    def __init__(self, models: ModelSet) -> None:
        logging.set_verbosity_error()
        self.vae = models.vae
        if models.dtype != torch.float32:
            self.vae = copy.deepcopy(models.vae).to(models.dtype)
        first, second = models.encoders
        self._card = models.card
        scheduler = EulerAncestralDiscreteScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            prediction_type=models.prediction,
        )
        parts: dict[str, Any] = {
            "vae": self.vae,
            "text_encoder": first.model,
            "text_encoder_2": second.model,
            "tokenizer": _transformers_tokenizer(first.tokenizer),
            "tokenizer_2": _transformers_tokenizer(second.tokenizer),
            "unet": models.unet,
            "controlnet": models.controlnet,
            "scheduler": scheduler,
        }
        pipeline = StableDiffusionXLControlNetInpaintPipeline
        self._pipe: Any = pipeline(**parts, add_watermarker=False)
        self._pipe.set_progress_bar_config(disable=True)

    def prepared(self, request: EditRequest, calls: int, guidance: float) -> Callable[[], None]:
        """The same edit in `calls` model calls; crop, mask and hint are made beforehand, outside its time."""
        size = request.model_size
        rgb = np.clip(resize(request.crop.astype(np.float32) / 255, size), 0, 1)
        mask = resize(request.selection.astype(np.float32) / 255, size)
        hint = canny_hint(rgb, self._card.canny_low, self._card.canny_high)
        arguments = {
            "prompt": ", ".join(text for text, _ in request.prompt),
            "negative_prompt": ", ".join(text for text, _ in request.negative_prompt),
            "image": _image(rgb),
            "mask_image": _image(mask),
            "control_image": _image(hint),
            "height": size.height,
            "width": size.width,
            "num_inference_steps": calls,
            # at strength 1 every step of the grid is a call; its ControlNet runs in all of them anyway
            "strength": 1.0,
            "guidance_scale": guidance,
            "control_guidance_end": max(request.control_end, 0.01),
            "generator": torch.Generator().manual_seed(request.seed),
        }
        return lambda: self._pipe(**arguments)


def _transformers_tokenizer(tokenizer: PromptTokenizer) -> PreTrainedTokenizerFast:
    backend = Tokenizer.from_str(tokenizer.backend.to_str())
    begin, end, fill = (
        backend.id_to_token(i) for i in (tokenizer.bos, tokenizer.eos, tokenizer.pad)
    )
    backend.post_processor = TemplateProcessing(  # type: ignore[assignment]
        single=f"{begin} $A {end}",
        special_tokens=[(begin, tokenizer.bos), (end, tokenizer.eos)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=begin,
        eos_token=end,
        pad_token=fill,
        model_max_length=tokenizer.max_length,
    )


def _image(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(pixels * 255).astype(np.uint8))
