"""A prompt tokenizer from a model's own files, without transformers or torch."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expressedit_mcp.errors import ModelError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_CLIP_SPLIT = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"


@dataclass(frozen=True)
class PromptTokenizer:
    """Text to token ids. `room` is the number of tokens of one chunk without its start and end marks."""

    backend: Tokenizer
    bos: int
    eos: int
    pad: int
    unknown: int | None
    max_length: int

    @property
    def room(self) -> int:
        return self.max_length - 2

    def encode(self, text: str) -> list[int]:
        """Token ids of a text, without start and end marks."""
        return self.backend.encode(text, add_special_tokens=False).ids

    def count(self, text: str) -> int:
        """Number of tokens of a text."""
        return len(self.encode(text))

    def knows(self, text: str) -> bool:
        """False when part of the text has no token of its own."""
        return self.unknown is None or self.unknown not in self.encode(text)

    def nearest(self, text: str, limit: int = 5) -> list[str]:
        """Words of a vocabulary of whole words that are like a text: those that hold it, then similar ones."""
        words = [word for word in self.backend.get_vocab() if not word.startswith("<")]
        holding = sorted((word for word in words if text.lower() in word), key=len)
        similar = difflib.get_close_matches(text.lower(), words, limit, 0.5)
        return list(dict.fromkeys([*holding, *similar]))[:limit]


def load_tokenizer(folder: Path) -> PromptTokenizer:
    """The tokenizer of a diffusers `tokenizer/` folder (tokenizer.json, or CLIP's vocab and merges).

    Raises ModelError when files are missing.
    """
    from tokenizers import Tokenizer

    config = _read(folder / "tokenizer_config.json")
    if (folder / "tokenizer.json").is_file():
        backend = Tokenizer.from_file(str(folder / "tokenizer.json"))
    elif (folder / "merges.txt").is_file():
        backend = _clip_bpe(folder)
    else:
        raise ModelError(f"{folder} has neither tokenizer.json nor CLIP's merges.txt.")

    def token_id(name: str, default: str) -> int:
        token = config.get(name, default)
        content = token["content"] if isinstance(token, dict) else token
        found = backend.token_to_id(content)
        if found is None:
            raise ModelError(f"{folder}: the {name} {content!r} is not in the vocabulary.")
        return found

    eos = token_id("eos_token", "<|endoftext|>")
    unknown = token_id("unk_token", "<|endoftext|>")
    return PromptTokenizer(
        backend=backend,
        bos=token_id("bos_token", "<|startoftext|>"),
        eos=eos,
        pad=token_id("pad_token", "<|endoftext|>"),
        unknown=None if unknown == eos else unknown,
        max_length=int(config.get("model_max_length", 77)),
    )


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ModelError(f"{path} is missing; the model directory is incomplete.")
    return json.loads(path.read_text(encoding="utf-8"))


def _clip_bpe(folder: Path) -> Tokenizer:
    """CLIP's byte-level BPE (A. Radford et al., 2021) from merges.txt, and vocab.json where it is there."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()
    merges = [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]
    vocab = folder / "vocab.json"
    model = models.BPE(
        vocab=_read(vocab) if vocab.is_file() else _clip_vocabulary(merges),
        merges=[(left, right) for left, right in merges],
        continuing_subword_prefix="",
        end_of_word_suffix="</w>",
        unk_token="<|endoftext|>",
    )
    backend = Tokenizer(model)
    backend.normalizer = normalizers.Sequence(  # type: ignore[assignment]
        [
            normalizers.NFC(),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Lowercase(),
        ]
    )
    backend.pre_tokenizer = pre_tokenizers.Sequence(  # type: ignore[assignment]
        [
            pre_tokenizers.Split(Regex(_CLIP_SPLIT), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return backend


def _clip_vocabulary(merges: Sequence[tuple[str, ...]]) -> dict[str, int]:
    """Token ids in CLIP's order: bytes, bytes that end a word, merged pairs, start and end."""
    letters = _byte_alphabet()
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *map("".join, merges)]
    return {t: i for i, t in enumerate([*tokens, "<|startoftext|>", "<|endoftext|>"])}


def _byte_alphabet() -> list[str]:
    """A printable stand-in for each byte in CLIP's order: those that print first, then the others."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = len(set(range(256)) - set(printable))
    return [*map(chr, printable), *(chr(256 + index) for index in range(hidden))]
