"""Trains the English classifier: python -m tagdb.training.english [--hold-out]

A low-rank adapter (LoRA, rank 16) on every linear layer of all-MiniLM-L6-v2 and a linear head over the
196 tags and "no expression", by cross-entropy against softened labels: a tag's near tags share 12 %.
Texts: cues, English stories, definitions, names and the first texts without an expression. About 12 minutes of
one CPU core. With --hold-out a fifth of the cues and stories is kept back and scored, and nothing is written.
"""

from __future__ import annotations

import argparse
import json
import random
from typing import Any, NamedTuple

import numpy as np
import torch

from tagdb.encoder import package_folder
from tagdb.english_classifier import MODEL_FILE
from tagdb.records import ExpressionTag, load_tags, load_texts

EPOCHS, BATCH, RANK, ALPHA, DROPOUT = 6, 32, 16, 32, 0.1
RATE_ADAPTER, RATE_HEAD, WARM_UP, MAX_TOKENS = 6e-4, 5e-3, 60, 96
OWN_SHARE, NEAR_SHARE = 0.8, 0.12
TEMPERATURE = 0.735  # minimises the held-out log loss
NONE_TEXTS = 100
"""So many of the English texts without an expression; the later ones measure abstention."""
IDENTITY = "minilm-l6-v2+expressions-1"


class Example(NamedTuple):
    """A text with the index of its label."""

    text: str
    label: int
    kind: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hold-out", action="store_true")
    hold_out = parser.parse_args().hold_out
    torch.manual_seed(0)
    random.seed(0)
    tags = sorted(load_tags(), key=lambda tag: tag.tag)
    examples = _examples(tags)
    kept_back = _kept_back(examples) if hold_out else set()
    train = [i for i in range(len(examples)) if i not in kept_back]
    model = Classifier(len(tags) + 1)
    tokens = model.tokenize([example.text for example in examples])
    _train(model, tokens, examples, train, _soft_labels(tags))
    if hold_out:
        _score(model, tokens, examples, sorted(kept_back))
    else:
        _save(model, [tag.tag for tag in tags])


class Classifier(torch.nn.Module):
    """The encoder with its adapter, mean-pooled to unit vectors, and the head."""

    def __init__(self, labels: int) -> None:
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModel, AutoTokenizer

        super().__init__()
        folder = str(package_folder() / "model")
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        config = LoraConfig(
            r=RANK,
            lora_alpha=ALPHA,
            lora_dropout=DROPOUT,
            target_modules=["query", "key", "value", "dense"],
        )
        self.encoder: Any = get_peft_model(AutoModel.from_pretrained(folder), config)
        self.head = torch.nn.Linear(384, labels)

    def tokenize(self, texts: list[str]) -> list[list[int]]:
        return self.tokenizer(texts, truncation=True, max_length=MAX_TOKENS)["input_ids"]

    def forward(self, rows: list[list[int]]) -> torch.Tensor:
        """Logits (batch, labels) of token id rows."""
        width = max(map(len, rows))
        ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
        mask = torch.tensor([[1.0] * len(row) + [0.0] * (width - len(row)) for row in rows])
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        mean = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
        return self.head(torch.nn.functional.normalize(mean, dim=1))


def _examples(tags: list[ExpressionTag]) -> list[Example]:
    index = {tag.tag: i for i, tag in enumerate(tags)}
    found = []
    for tag in tags:
        found.append(Example(tag.definition["en"], index[tag.tag], "definition"))
        found += [Example(name, index[tag.tag], "name") for name in tag.names["en"]]
    english = [text for text in load_texts() if text.lang == "en"]
    later = [text for text in english if text.tag is None][NONE_TEXTS:]
    for text in english:
        if text not in later:
            label = len(tags) if text.tag is None else index[text.tag]
            found.append(Example(text.text, label, text.kind))
    return found


def _kept_back(examples: list[Example]) -> set[int]:
    rng = np.random.default_rng(0)
    return {
        i
        for i, example in enumerate(examples)
        if example.kind in ("cue", "story", "none") and rng.random() < 0.2
    }


def _soft_labels(tags: list[ExpressionTag]) -> torch.Tensor:
    """(labels, labels): most on the label itself, some on its near tags, the rest on all."""
    index = {tag.tag: i for i, tag in enumerate(tags)}
    soft = torch.eye(len(tags) + 1) * OWN_SHARE
    for i, tag in enumerate(tags):
        for near in tag.near:
            soft[i, index[near.tag]] += NEAR_SHARE / len(tag.near)
    return soft + (1 - soft.sum(1, keepdim=True)) / len(soft)


def _train(
    model: Classifier,
    tokens: list[list[int]],
    examples: list[Example],
    train: list[int],
    soft: torch.Tensor,
) -> None:
    _start_head(model, tokens, examples, train)
    adapter = [p for p in model.encoder.parameters() if p.requires_grad]
    rates = (RATE_ADAPTER, RATE_HEAD)
    groups = [{"params": adapter}, {"params": list(model.head.parameters())}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01)
    steps = EPOCHS * len(_batches(train, tokens))
    step = 0
    for epoch in range(EPOCHS):
        model.train()
        losses = []
        for batch in _batches(train, tokens):
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * min(1, (step + 1) / WARM_UP) * (1 - step / steps)
            logits = model([tokens[i] for i in batch])
            wanted = soft[[examples[i].label for i in batch]]
            loss = -(wanted * torch.log_softmax(logits, 1)).sum(1).mean()
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            losses.append(float(loss))
            step += 1
        print(f"epoch {epoch + 1} of {EPOCHS}: loss {np.mean(losses):.3f}", flush=True)


@torch.no_grad()
def _start_head(
    model: Classifier, tokens: list[list[int]], examples: list[Example], train: list[int]
) -> None:
    """The head starts as the centred mean vectors of its labels under the plain encoder."""
    model.eval()
    head, model.head = model.head, torch.nn.Identity()  # type: ignore[assignment]
    sums = torch.zeros_like(head.weight)
    for batch in _batches(train, tokens):
        labels = torch.tensor([examples[i].label for i in batch])
        sums.index_add_(0, labels, model([tokens[i] for i in batch]))
    means = torch.nn.functional.normalize(sums, dim=1)
    head.weight.copy_(torch.nn.functional.normalize(means - means.mean(0), dim=1) * 10)
    head.bias.zero_()
    model.head = head


def _batches(chosen: list[int], tokens: list[list[int]]) -> list[list[int]]:
    """Shuffled batches of texts of similar length."""
    order = random.sample(chosen, len(chosen))
    pools = [order[i : i + BATCH * 20] for i in range(0, len(order), BATCH * 20)]
    for pool in pools:
        pool.sort(key=lambda i: len(tokens[i]))
    batches = [pool[i : i + BATCH] for pool in pools for i in range(0, len(pool), BATCH)]
    return random.sample(batches, len(batches))


@torch.no_grad()
def _score(
    model: Classifier, tokens: list[list[int]], examples: list[Example], chosen: list[int]
) -> None:
    model.eval()
    ranks: dict[str, list[int]] = {}
    for i in chosen:
        logits = model([tokens[i]])[0]
        rank = int((logits > logits[examples[i].label]).sum())
        ranks.setdefault(examples[i].kind, []).append(rank)
    for kind, values in ranks.items():
        shares = [f"first {k}: {np.mean([v < k for v in values]):.3f}" for k in (1, 3, 8, 24)]
        print(f"held-out {kind} ({len(values)}): {', '.join(shares)}")


def _save(model: Classifier, labels: list[str]) -> None:
    """Adapter matrices A and B (scaled, so that the update is B A) and the head, in half precision."""
    from peft import get_peft_model_state_dict
    from safetensors.numpy import save_file

    tensors = {}
    for name, value in get_peft_model_state_dict(model.encoder).items():
        base, _, part = (
            name.removeprefix("base_model.model.").removesuffix(".weight").rpartition(".")
        )
        scale = ALPHA / RANK if part == "lora_B" else 1.0
        tensors[f"{base}.{part[-1]}"] = (value * scale).half().numpy()
    tensors["head.weight"] = model.head.weight.detach().half().numpy()
    tensors["head.bias"] = model.head.bias.detach().half().numpy()
    meta = {
        "labels": json.dumps(labels, ensure_ascii=False),
        "temperature": str(TEMPERATURE),
        "id": IDENTITY,
    }
    MODEL_FILE.parent.mkdir(exist_ok=True)
    save_file(tensors, MODEL_FILE, metadata=meta)


if __name__ == "__main__":
    main()
