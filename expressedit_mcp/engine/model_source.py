"""Which files a model is made of, found and judged without loading them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from expressedit_mcp.engine.card import Card, read_card
from expressedit_mcp.engine.fingerprint import fingerprint
from expressedit_mcp.engine.weights_file import WeightsFile, read_weights_file
from expressedit_mcp.errors import ModelError

SDXL_CONFIGS = Path(__file__).parent / "configs" / "sdxl"
PARTS = ("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler")


@dataclass(frozen=True)
class ModelSource:
    """The parts of one model: a diffusers directory or a single .safetensors file as its base, and
    what is put beside or on it. `loras` are (file, weight); `configs` describe a single file's modules.
    `image_encoder` is the folder of the CLIP vision encoder of an `ip_adapter`.
    """

    card: Card
    base: Path
    controlnet: Path | None = None
    vae: Path | None = None
    loras: tuple[tuple[Path, float], ...] = ()
    configs: Path = SDXL_CONFIGS
    ip_adapter: Path | None = None
    image_encoder: Path | None = None

    @property
    def single_file(self) -> bool:
        return self.base.is_file()

    @property
    def config_folder(self) -> Path:
        """The folder of the configs of UNet, scheduler and first tokenizer."""
        return self.configs if self.single_file else self.base

    @property
    def tokenizer(self) -> Path:
        """The folder of the first tokenizer, the one that limits the prompt's length."""
        return self.config_folder / "tokenizer"

    @property
    def fingerprint(self) -> str:
        """Changes with whatever decides an edit: weights, configs, tokenizers, and the card but for its labels."""
        labels = {"name", "domain", "description", "files"}
        return fingerprint(self.card.model_dump_json(exclude=labels), self._parts())

    def _parts(self) -> dict[str, Path]:
        """Files and folders that the model is loaded from, by what they are used as."""
        own = {"controlnet": self.controlnet, "own vae": self.vae}
        parts = {role: path for role, path in own.items() if path is not None}
        if self.single_file:
            parts["base"] = self.base
        else:
            parts |= {name: self.base / name for name in (*PARTS, "model_index.json")}
        if any(path.is_file() and path.suffix != ".json" for path in parts.values()):
            parts |= {f"configs/{name}": self.configs / name for name in (*PARTS, "controlnet")}
        parts |= {f"lora {at} x {weight}": path for at, (path, weight) in enumerate(self.loras)}
        adapter = {"ip adapter": self.ip_adapter, "image encoder": self.image_encoder}
        return parts | {role: path for role, path in adapter.items() if path is not None}


def find_source(path: Path) -> ModelSource:
    """The model at a path: a diffusers directory, a folder with a `card.json` that names files, or a
    single .safetensors file.

    Raises ModelError when there is no model there.
    """
    path = path.expanduser()
    if path.is_file():
        return ModelSource(Card(name=path.stem), path)
    card = read_card(path)
    diffusers = (path / "model_index.json").is_file()
    if card.files is None and not diffusers:
        raise ModelError(
            f"{path} is not a model: it has no model_index.json, and no card.json that names its files. "
            "Name a folder in diffusers layout (unet/, vae/, text_encoder/, …), a .safetensors checkpoint, or a "
            "model that `expressedit-mcp models list` shows; if it stands in EXPRESSEDIT_MODEL, unset that to use "
            "the small model that ships with expressedit-mcp."
        )
    files = card.files

    def named(text: str, otherwise: Path | None) -> Path | None:
        return path / Path(text).expanduser() if text else otherwise

    own_control = path / "controlnet"
    base = named(files.base if files else "", path)
    configs = named(files.configs if files else "", SDXL_CONFIGS)
    assert base is not None and configs is not None
    loras = files.loras if files else ()
    return ModelSource(
        card,
        base,
        named(files.controlnet if files else "", own_control if own_control.is_dir() else None),
        named(files.vae if files else "", None),
        tuple((path / Path(lora.path).expanduser(), lora.weight) for lora in loras),
        configs,
        named(files.ip_adapter if files else "", None),
        named(files.image_encoder if files else "", None),
    )


def check_source(source: ModelSource) -> dict[str, WeightsFile]:
    """The headers of the single files of a model, by what they are used as.

    Raises ModelError for one that is not there, damaged, a pickle or of the wrong kind.
    """
    headers = {}
    if source.single_file:
        headers["base"] = read_weights_file(source.base)
        headers["base"].require("SDXL checkpoint", use="the base model")
    else:
        missing = [part for part in PARTS if not (source.base / part).is_dir()]
        if missing:
            raise ModelError(
                f"{source.base} is not a whole SDXL model: it lacks {', '.join(missing)}."
            )
    if source.controlnet is not None and not source.controlnet.is_dir():
        headers["controlnet"] = read_weights_file(source.controlnet)
        headers["controlnet"].require("SDXL ControlNet", use="the ControlNet")
    if source.vae is not None and not source.vae.is_dir():
        headers["vae"] = read_weights_file(source.vae)
        headers["vae"].require("VAE", "SDXL checkpoint", use="the VAE")
    for path, _ in source.loras:
        headers[f"LoRA {path.name}"] = read_weights_file(path)
        headers[f"LoRA {path.name}"].require("SDXL LoRA", use="a LoRA")
    if source.ip_adapter is not None:
        headers["IP-Adapter"] = read_weights_file(source.ip_adapter)
        headers["IP-Adapter"].require("SDXL IP-Adapter", use="the IP-Adapter")
    if (source.ip_adapter is None) != (source.image_encoder is None):
        raise ModelError(
            f"{source.ip_adapter or source.image_encoder}: an IP-Adapter and its image encoder go together; give "
            "both (--ip-adapter FILE --image-encoder FOLDER), or neither."
        )
    return headers
