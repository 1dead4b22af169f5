"""The attention slot: what a method may read and change in the UNet's attention layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from expressedit_mcp.engine.denoise import Layout


@dataclass(frozen=True)
class Place:
    """One attention layer in one UNet call.

    `part` is `down`, `mid` or `up`; `layout` tells the rows of the batch; `step` is the index of the loop's step.
    """

    name: str
    part: str
    is_cross: bool
    layout: Layout
    step: int


TokenEdit = Callable[[Place, Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]
"""(place, q (B, heads, n, d), k, v (B, heads, m, d)) -> q, k, v; m may grow."""
Bias = Callable[[Place, int, int], Tensor | None]
"""(place, n queries, m keys) -> what is added to the logits, broadcast to (B, heads, n, m), or None."""
MapEdit = Callable[[Place, Tensor], Tensor]
"""(place, maps (B, heads, n, m), rows of which sum to 1) -> maps."""
Addition = Callable[[Place, Tensor], Tensor | None]
"""(place, q (B, heads, n, d)) -> what is added to what the queries found (B, heads, n, d), or None."""
MapReader = Callable[[Place, Tensor], None]
"""Told the maps (B, heads, n, m) of a layer, before they are edited."""


@dataclass
class AttentionControl:
    """What is done in the attention layers, in order. Without anything the layers are the stock ones.

    Editors and readers of maps see cross-attention alone, where maps are small.
    """

    tokens: Sequence[TokenEdit] = ()
    bias: Sequence[Bias] = ()
    maps: Sequence[MapEdit] = ()
    added: Sequence[Addition] = ()
    readers: Sequence[MapReader] = ()
    layout: Layout = field(default=Layout((0,), (None,)))
    step: int = 0

    def on_call(self, layout: Layout, step: int) -> None:
        """Tells where the branches lie in the call that follows."""
        self.layout, self.step = layout, step

    @property
    def is_empty(self) -> bool:
        return not (self.tokens or self.bias or self.maps or self.added or self.readers)


@contextmanager
def installed(unet: Any, control: AttentionControl) -> Iterator[None]:
    """Inside, the UNet's attention runs under `control`; afterwards its own processors are back."""
    if control.is_empty:
        yield
        return
    names = unet.attn_processors
    with processors(
        unet, {name: _Processor(name.removesuffix(".processor"), control) for name in names}
    ):
        yield


@contextmanager
def processors(unet: Any, chosen: Mapping[str, Any]) -> Iterator[None]:
    """Inside, the UNet's attention runs by the chosen processors; afterwards by those from before."""
    current = unet.attn_processors
    # diffusers empties the mapping it is given
    unet.set_attn_processor(dict(chosen))
    try:
        yield
    finally:
        unet.set_attn_processor(current)


class _Processor:
    """Scaled dot-product attention (A. Vaswani et al., 2017) with the control's edits."""

    def __init__(self, name: str, control: AttentionControl) -> None:
        self._name, self._control = name, control
        self._part = name.partition("_")[0]

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
    ) -> Tensor:
        control = self._control
        is_cross = encoder_hidden_states is not None
        place = Place(self._name, self._part, is_cross, control.layout, control.step)
        context = encoder_hidden_states if is_cross else hidden_states
        q = _split(attn.to_q(hidden_states), attn.heads)
        k, v = _split(attn.to_k(context), attn.heads), _split(attn.to_v(context), attn.heads)
        for edit in control.tokens:
            q, k, v = edit(place, q, k, v)
        mixed = self._mixed(place, q, k, v, self._bias(place, q.shape[2], k.shape[2]))
        for addition in control.added:
            more = addition(place, q)
            mixed = mixed if more is None else mixed + more
        out = mixed.transpose(1, 2).flatten(2).to(hidden_states.dtype)
        return attn.to_out[1](attn.to_out[0](out))

    def _bias(self, place: Place, queries: int, keys: int) -> Tensor | None:
        parts = [bias(place, queries, keys) for bias in self._control.bias]
        found = [part for part in parts if part is not None]
        return sum(found[1:], found[0]) if found else None

    def _mixed(self, place: Place, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
        control = self._control
        if place.is_cross and (control.maps or control.readers):
            maps = attention_maps(q, k, bias)
            for read in control.readers:
                read(place, maps)
            for edit in control.maps:
                maps = edit(place, maps)
            if control.maps:
                return maps @ v
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)


def attention_maps(q: Tensor, k: Tensor, bias: Tensor | None = None) -> Tensor:
    """softmax(q k^T / sqrt(d) + bias), (B, heads, n, m), computed in float32."""
    logits = (q.float() @ k.float().transpose(-1, -2)) * q.shape[-1] ** -0.5
    return torch.softmax(logits if bias is None else logits + bias, dim=-1).to(q.dtype)


def _split(x: Tensor, heads: int) -> Tensor:
    """(B, n, heads * d) to (B, heads, n, d)."""
    return x.unflatten(2, (heads, -1)).transpose(1, 2)
