"""Tokenizers and prompt chunks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tiny_sdxl
from transformers import CLIPTokenizer

from expressedit_mcp.engine import load_tokenizer
from expressedit_mcp.engine.edit import Editor
from expressedit_mcp.engine.text import chunk, encode
from expressedit_mcp.errors import ModelError
from expressedit_mcp.settings import SHIPPED_MODEL


@pytest.mark.parametrize(
    "text", ["smile", "closed eyes, Smile", "it's 3 o'clock", ">_<, +_+ :)", "ünïcödé  笑顔", ""]
)
def test_clip_files_tokenize_as_transformers_does(tiny_dir: Path, text: str) -> None:
    folder = tiny_dir / "tokenizer"
    lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
    merges: Any = [(left, right) for left, right in (line.split() for line in lines)]
    vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    reference = CLIPTokenizer(vocab=vocabulary, merges=merges)
    expected = reference(text, add_special_tokens=False)["input_ids"]
    assert load_tokenizer(folder).encode(text) == expected


def test_shipped_tokenizer_takes_one_token_a_tag_and_knows_what_it_lacks() -> None:
    tokenizer = load_tokenizer(SHIPPED_MODEL / "tokenizer")
    assert tokenizer.count("closed eyes, >_<, smile") == 3
    assert tokenizer.knows("closed eyes")
    assert not tokenizer.knows("gesugao")
    assert set(tokenizer.nearest("mouth")) >= {"open mouth", "closed mouth"}
    assert tokenizer.nearest("blsh")[0] == "blush"
    assert tokenizer.room == 30


def test_the_second_encoder_pads_with_its_own_token(tiny_dir: Path) -> None:
    first, second = (load_tokenizer(tiny_dir / f"tokenizer{n}") for n in ("", "_2"))
    assert first.pad == first.eos
    assert second.pad == second.encode("!")[0] or second.pad == second.backend.token_to_id("!")


def test_long_prompts_fill_chunks_of_the_tokenizers_length(tiny_dir: Path) -> None:
    tokenizer = load_tokenizer(tiny_dir / "tokenizer")
    chunks = chunk((("smile " * 100, 1.0), ("eyes", 1.3)), tokenizer)
    assert [len(ids) for ids, _ in chunks] == [77, 77]
    ids, weights = chunks[1]
    assert ids[0] == tokenizer.bos
    assert ids[27] == tokenizer.eos
    assert weights[26] == 1.3
    assert weights[27:] == [1.0] * 50


def test_an_empty_prompt_is_one_chunk(tiny_dir: Path) -> None:
    tokenizer = load_tokenizer(tiny_dir / "tokenizer")
    assert len(chunk((), tokenizer)) == 1


def test_weights_change_the_context_and_keep_its_mean(editor: Editor) -> None:
    encoders = editor.models.encoders
    plain, _ = encode(encoders, (("smile", 1.0),), chunks=1, device="cpu")
    heavy, _ = encode(encoders, (("smile", 1.5),), chunks=1, device="cpu")
    assert not plain.equal(heavy)
    half = encoders[0].model.config.hidden_size
    assert float(heavy[..., :half].mean()) == pytest.approx(
        float(plain[..., :half].mean()), rel=1e-3
    )


def test_context_grows_by_whole_chunks_and_pooled_text_is_the_first_ones(editor: Editor) -> None:
    encoders = editor.models.encoders
    short, pooled_short = encode(encoders, (("smile", 1.0),), chunks=2, device="cpu")
    assert short.shape[1] == 2 * 77
    _, pooled = encode(encoders, (("smile", 1.0),), chunks=1, device="cpu")
    assert pooled.allclose(pooled_short, atol=1e-5)


def test_a_folder_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"tokenizer_config\.json is missing"):
        load_tokenizer(tmp_path)
    tiny_sdxl.save_tokenizer(tmp_path / "t", "!")
    (tmp_path / "t" / "merges.txt").unlink()
    with pytest.raises(ModelError, match=r"neither tokenizer\.json"):
        load_tokenizer(tmp_path / "t")
