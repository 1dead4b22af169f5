"""The model card: what a model directory's own configs do not say."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from expressedit_mcp.errors import InputError, ModelError

Sampler = Literal["euler_a", "euler", "ddim"]
Quality = Literal["draft", "final"]
ControlInside = Literal["keep", "erase"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Steps(_Frozen):
    """Length of the full step grid per quality; an edit runs the last `strength` of it."""

    draft: int = Field(default=12, ge=1, le=200)
    final: int = Field(default=30, ge=1, le=200)


class StyleText(_Frozen):
    """The words that go round the expression tags: a prompt style's, with what the card changes.

    What is None is the style's of that name, or empty for a name that no style has.
    """

    name: str = "illustrious"
    prefix: str | None = None
    suffix: str | None = None
    negative_prompt: str | None = None
    cutoff_year: int | None = Field(default=None, ge=0)
    slot_negatives: bool | None = None


class LoraFile(_Frozen):
    """A LoRA that is merged into the weights when the model is loaded."""

    path: str
    weight: float = Field(default=1.0, ge=-4, le=4)


class Files(_Frozen):
    """The files of a model that is no diffusers directory itself; paths are absolute or relative to the card.

    `base` is a .safetensors checkpoint or a diffusers directory. `configs` is a folder of diffusers configs
    (unet/, vae/, text_encoder/, text_encoder_2/, tokenizer/, …) for a checkpoint of another shape than SDXL's.
    `ip_adapter` is a .safetensors file, `image_encoder` the folder of the CLIP vision encoder that it was made for.
    """

    base: str
    controlnet: str = ""
    vae: str = ""
    loras: tuple[LoraFile, ...] = ()
    configs: str = ""
    ip_adapter: str = ""
    image_encoder: str = ""


class Card(_Frozen):
    """Defaults of one model; the field defaults fit SDXL checkpoints for illustrations.

    `domain` names the pictures it was made for; a domain other than `illustrations` is warned of.
    `framing` is `face` for a model that must see the whole face, `selection` for one that works at
    any zoom. `margin` and `feather` are fractions of the selection's sides. `prediction`,
    `zero_terminal_snr` and `spacing` overrule what the model's own files say; null believes them.
    """

    name: str
    domain: str = "illustrations"
    description: str = ""
    native_px: int = Field(default=1024, ge=32, le=4096)
    sampler: Sampler = "euler_a"
    steps: Steps = Steps()
    strength: float = Field(default=0.7, gt=0, le=1)
    guidance_scale: float = Field(default=7.0, ge=1, le=30)
    guidance_end: float = Field(default=1.0, ge=0, le=1)
    control_scale: float = Field(default=1.0, ge=0, le=2)
    control_weights: Literal["balanced", "soft"] = "soft"
    control_end: float = Field(default=0.5, ge=0, le=1)
    control_inside: ControlInside = "keep"
    canny_low: int = Field(default=100, ge=0, le=1000)
    canny_high: int = Field(default=200, ge=0, le=1000)
    framing: Literal["selection", "face"] = "selection"
    margin: float = Field(default=0.25, ge=0, le=4)
    min_crop_px: int = Field(default=384, ge=1)
    feather: float = Field(default=0.08, ge=0, le=0.5)
    prompt_style: StyleText = StyleText()
    prediction: Literal["epsilon", "v_prediction"] | None = None
    zero_terminal_snr: bool | None = None
    spacing: Literal["linspace", "trailing", "leading"] | None = None
    files: Files | None = None

    @property
    def has_ip_adapter(self) -> bool:
        """Whether the model takes image prompts."""
        return self.files is not None and bool(self.files.ip_adapter)

    def require_ip_adapter(self) -> None:
        """Raises InputError unless the model takes image prompts."""
        if not self.has_ip_adapter:
            raise InputError(
                f"The model {self.name} has no IP-Adapter, so it takes no image prompt. Add a model that has one: "
                "`expressedit-mcp models add NAME --base … --ip-adapter FILE --image-encoder FOLDER`, then "
                "`expressedit-mcp models use NAME`; or leave image_prompt out."
            )


def read_card(folder: Path) -> Card:
    """The card of a folder; without a `card.json`, SDXL's usual settings.

    Raises ModelError when the card is not valid.
    """
    path = folder / "card.json"
    if not path.is_file():
        return Card(name=folder.name)
    try:
        return Card.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        raise ModelError(f"{path} is not a valid model card: {error}") from error
