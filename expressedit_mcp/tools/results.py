"""What the tools answer: structured facts, the same facts in words, a small preview, a link."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from mcp.types import (
    Annotations,
    CallToolResult,
    ContentBlock,
    ImageContent,
    ResourceLink,
    TextContent,
)
from pydantic import BaseModel, Field

from expressedit_mcp.tools.placements import PlacementFacts, placement_facts, placements_in_words

if TYPE_CHECKING:
    from expressedit_mcp.images import Preview, Version
    from expressedit_mcp.imaging import Face
    from expressedit_mcp.studio import Outcome, Seen, Studio

_SEEN_TAGS = 6
_SURE = 0.5


class ImageFacts(BaseModel):
    """A stored, immutable version of a picture."""

    image_id: str = Field(description="Handle for later calls")
    path: str = Field(description="Absolute path of the lossless PNG on the user's machine")
    uri: str = Field(description="Resource to read the full picture from")
    mime_type: str = "image/png"
    width: int
    height: int
    mode: str = Field(description="L, RGB or RGBA")
    operation: str = Field(description="open, edit, scale, liquify or brush")
    parent: str | None = Field(description="image_id that this version was made from")
    source: str = Field(description="Name of the file that was opened first")
    changed_box: list[int] | None = Field(
        description="[left, top, right, bottom] of what differs from parent"
    )
    notes: list[str] = Field(default=[], description="What was done to the picture on opening")


class SeenTag(BaseModel):
    """A tag that a face seems to show."""

    tag: str
    chance: float = Field(description="0..1, of each tag by itself")


class FaceFacts(BaseModel):
    """A found face, and what was read in it."""

    box: list[int] = Field(description="[left, top, right, bottom], usable as context")
    confidence: float = Field(description="0..1 that it is a face")
    parts: dict[str, list[int]] = Field(
        description='Box by part; {"part": name} selects it, a face by its outline'
    )
    tags: list[SeenTag] = Field(description="Expression tags it seems to show, the likeliest first")


class OpenedImage(ImageFacts):
    """An opened picture; `faces` is null when there is no face finder."""

    faces: list[FaceFacts] | None


class ModelFacts(BaseModel):
    """The model that made an edit."""

    name: str
    domain: str = Field(description="The pictures it was made for")


class SeenFace(BaseModel):
    """What the changed face shows now, as far as the face reader can tell; it knows drawings like the demo's."""

    confidence: float = Field(description="0..1 that it is a face")
    asked: dict[str, float] = Field(description="Chance 0..1 of each asked-for tag it can read")
    shown: dict[str, float] = Field(description="The likeliest tags and their chances")


class Made(BaseModel):
    """One variation of a result."""

    image_id: str
    path: str
    uri: str
    seed: int | None
    elapsed_s: float
    cached: bool = Field(description="True when the same request had been computed before")
    seen: SeenFace | None = Field(None, description="Null where no face is found, or no model drew")


class EditedImage(ImageFacts):
    """The result of an edit or a transform."""

    seed: int | None
    elapsed_s: float
    cached: bool = Field(description="True when the same request had been computed before")
    parameters: dict[str, Any] = Field(description="Everything the result depends on")
    model: ModelFacts | None = Field(description="Null when no model took part")
    warnings: list[str]
    seen: SeenFace | None = Field(None, description="Null where no face is found, or no model drew")
    variations: list[Made]
    placements: list[PlacementFacts] = Field(description="Layers in or on their way to Photoshop")


class ImageList(BaseModel):
    """Stored versions, the newest first."""

    images: list[ImageFacts]


class SavedImage(BaseModel):
    """Where a picture was saved."""

    image_id: str
    path: str


def image_facts(studio: Studio, version: Version) -> dict[str, Any]:
    """The fields of ImageFacts."""
    return {
        "image_id": version.image_id,
        "path": str(studio.images.path(version.image_id)),
        "uri": version.uri,
        "width": version.width,
        "height": version.height,
        "mode": version.mode,
        "operation": version.operation,
        "parent": version.parent,
        "source": version.source,
        "changed_box": list(version.changed_box) if version.changed_box else None,
        "notes": list(version.notes),
    }


def face_facts(face: Face) -> FaceFacts:
    """A face as a tool tells of it."""
    likeliest = sorted(face.tags, key=lambda tag: -face.tags[tag])[:_SEEN_TAGS]
    return FaceFacts(
        box=face.box.as_list(),
        confidence=face.confidence,
        parts={name: box.as_list() for name, box in face.parts.items()},
        tags=[SeenTag(tag=tag, chance=round(face.tags[tag], 3)) for tag in likeliest],
    )


def opened_result(studio: Studio, version: Version) -> CallToolResult:
    """The answer to opening a picture."""
    faces = studio.find_faces(version.image_id)
    found = None if faces is None else [face_facts(face) for face in faces]
    facts = OpenedImage(**image_facts(studio, version), faces=found)
    summary = (
        f"Opened {facts.source} as {facts.image_id}, {facts.width} x {facts.height} {facts.mode}."
    )
    for number, face in enumerate(found or ()):
        seen = ", ".join(f"{tag.tag} {tag.chance:.2f}" for tag in face.tags)
        summary += f" Face {number} at {face.box} seems to show {seen}."
    return picture_result(studio, version, summary, facts)


def edited_result(studio: Studio, outcomes: list[Outcome]) -> CallToolResult:
    """The answer to an edit or a transform; the first outcome stands at top level."""
    first = outcomes[0]
    version = first.version
    facts = EditedImage(
        **image_facts(studio, version),
        seed=version.request.get("seed"),
        elapsed_s=round(first.elapsed_s, 3),
        cached=first.cached,
        parameters={**version.request, **version.facts},
        model=_model(studio, version),
        warnings=list(first.warnings),
        seen=_seen_face(first.seen),
        variations=[_made(studio, outcome) for outcome in outcomes],
        placements=[placement_facts(p) for outcome in outcomes for p in outcome.placings],
    )
    left, top, right, bottom = version.changed_box or (0, 0, 0, 0)
    retry = (
        f" Seed {facts.seed}; the same request gives the same picture, so for another try pass another seed."
        if facts.seed is not None
        else ""
    )
    known = " (already computed)" if first.cached else ""
    summary = (
        f"Made {facts.image_id}{known}: {facts.path}\nOnly pixels in [{left}, {top}, {right}, {bottom}] "
        f"changed; all others are byte for byte those of {facts.parent}.{retry}{seen_in_words(facts.seen)}"
        f"{placements_in_words(facts.placements)}"
    )
    return picture_result(studio, version, summary, facts)


def plain_result(facts: BaseModel, summary: str) -> CallToolResult:
    """Structured facts and the same in text."""
    return CallToolResult(
        content=[TextContent(text=f"{summary}\n{facts.model_dump_json()}")],
        structured_content=facts.model_dump(mode="json"),
    )


def preview_content(preview: Preview) -> ImageContent:
    """An image block."""
    return ImageContent(data=base64.b64encode(preview.data).decode(), mime_type=preview.mime_type)


def picture_result(
    studio: Studio, version: Version, summary: str, facts: BaseModel
) -> CallToolResult:
    """Facts in text and structure, a preview of the version, and a link to it."""
    from expressedit_mcp.images import make_preview

    text = TextContent(text=f"{summary}\n{facts.model_dump_json()}")
    preview = make_preview(studio.images.load(version.image_id).pixels)
    link = ResourceLink(
        uri=version.uri,
        name=studio.images.path(version.image_id).name,
        mime_type="image/png",
        annotations=Annotations(audience=["user"]),
    )
    content: list[ContentBlock] = [text, preview_content(preview), link]
    return CallToolResult(content=content, structured_content=facts.model_dump(mode="json"))


def _model(studio: Studio, version: Version) -> ModelFacts | None:
    if version.operation != "edit":
        return None
    return ModelFacts(name=version.facts["model_name"], domain=studio.engine.card.domain)


def _made(studio: Studio, outcome: Outcome) -> Made:
    version = outcome.version
    return Made(
        image_id=version.image_id,
        path=str(studio.images.path(version.image_id)),
        uri=version.uri,
        seed=version.request.get("seed"),
        elapsed_s=round(outcome.elapsed_s, 3),
        cached=outcome.cached,
        seen=_seen_face(outcome.seen),
    )


def seen_in_words(seen: SeenFace | None) -> str:
    """What a changed face shows now, and whether that is what was asked for, as sentences after a space."""
    if seen is None:
        return ""
    sure = [f"{tag} {chance:.2f}" for tag, chance in seen.shown.items() if chance >= _SURE]
    missed = [f"{tag} {chance:.2f}" for tag, chance in seen.asked.items() if chance < _SURE]
    words = f" The face now seems to show {', '.join(sure) or 'no tag for sure'}."
    if missed:
        words += (
            f" Asked for and not seen: {', '.join(missed)}. The reader knows drawings like the demo's alone: "
            "look, and if it is missing pass another seed."
        )
    return words


def _seen_face(seen: Seen | None) -> SeenFace | None:
    return None if seen is None else SeenFace(**seen.facts())
