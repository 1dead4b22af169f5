"""The settings of guided edits: `fast`, ours, and `paper`, those of DiffEditor's released demo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from expressedit_mcp.engine.methods.method import (
    Guidance,
    ImagePrompt,
    Interval,
    Memory,
    Method,
    Pieces,
    RegionalNoise,
    Source,
    Task,
    Travel,
)

Profile = Literal["fast", "paper"]

_MEMORY: dict[Task, Literal["replace", "concat", "masked"]] = {
    "drag": "concat",
    "landmark": "concat",
    "move": "replace",
    "appearance": "masked",
    "paste": "masked",
}
# C. Mou et al., 2024, released demo: energy, then weights of edit, content, contrast, inpaint
_DEMO: dict[Task, dict[str, float]] = {
    "drag": {"strength": 2.0, "weight_edit": 4.0, "weight_inpaint": 0.2},
    "landmark": {"strength": 3.0, "weight_edit": 12.0},
    "move": {"strength": 0.5, "weight_edit": 4.0, "weight_contrast": 0.2, "weight_inpaint": 0.8},
    "appearance": {"strength": 2.0, "weight_edit": 3.5, "weight_content": 5.0},
    "paste": {"strength": 1.5, "weight_edit": 4.0},
}
_DEMO_IMAGE_STEPS = Interval(start=0.2, end=0.4)  # steps 10 to 19 of 50
_DEMO_STEPS = (Interval(end=0.2), Interval(start=0.2, end=0.6, every=2))


@dataclass(frozen=True)
class Preset:
    """How a guided edit runs: its step grid, strength and guidance scale, and whether it starts from a warp.

    Until `control_end`, a share of the steps, the ControlNet sees the edges of what it starts from.
    """

    steps: int
    strength: float
    guidance_scale: float
    warped: bool
    control_end: float = 0.0


FAST = Preset(steps=20, strength=0.5, guidance_scale=4.0, warped=True, control_end=0.3)
# A part moved or scaled as a whole needs its edges mended, not another shape: less noise, all of its
# edges, and no words louder than it.
_MOVED = Preset(steps=20, strength=0.25, guidance_scale=1.0, warped=True, control_end=1.0)
PRESETS: dict[Profile, dict[Task, Preset]] = {
    "fast": {
        "drag": FAST,
        "landmark": FAST,
        "move": _MOVED,
        "appearance": Preset(25, 0.6, 5.0, warped=False),
        "paste": Preset(25, 0.5, 5.0, warped=True),
    },
    "paper": {
        task: Preset(50, 1.0, 5.0 if task == "appearance" else 4.0, warped=False) for task in _DEMO
    },
}


def guided_method(
    profile: Profile, prompt: Pieces, task: Task, *, ip_adapter: bool = False, **guidance: Any
) -> Method:
    """The method of a guided edit; `prompt` says what the source shows, `guidance` are fields of Guidance.

    With an IP-Adapter `paper` has the released demo's image prompt, `fast` one where a reference gives the look.
    """
    image = _image_prompt(profile, task) if ip_adapter else None
    if profile == "paper":
        outside = 0.2 if task == "landmark" else 0.0
        demo: dict[str, Any] = {"mode": "fixed", "steps": _DEMO_STEPS, **_DEMO[task]}
        return Method(
            solver="inverted",
            source=Source(prompt=prompt, anchor=0.0, anchor_inside=0.0),
            guidance=Guidance(**{"task": task, "content": "energy", **demo, **guidance}),
            noise=RegionalNoise(
                inside=outside or 0.4, outside=outside, steps=Interval(start=0.21, end=0.4)
            ),
            recurrence=Travel(),
            memory=Memory(kind=_MEMORY[task]),
            image=image,
        )
    weights = {name: weight for name, weight in _DEMO[task].items() if name != "strength"}
    ours: dict[str, Any] = {"strength": 0.3, "steps": (Interval(end=0.8),)}
    return Method(
        solver="anchored",
        source=Source(prompt=prompt, anchor_inside=0.0),
        guidance=Guidance(**{"task": task, **ours, **weights, **guidance}),
        noise=RegionalNoise(inside=0.3, steps=Interval(start=0.2, end=0.4)),
        memory=Memory(kind=_MEMORY[task]),
        image=image,
    )


def _image_prompt(profile: Profile, task: Task) -> ImagePrompt | None:
    if profile == "paper":
        return ImagePrompt(scale=0.05 if task == "landmark" else 0.1, steps=_DEMO_IMAGE_STEPS)
    return ImagePrompt(scale=0.3) if task in ("appearance", "paste") else None
