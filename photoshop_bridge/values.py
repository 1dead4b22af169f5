"""What the protocol speaks of: documents, results that wait, and the params of messages."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_PIXELS = 64 * 1024 * 1024
MAX_TRANSFER_BYTES = 256 * 1024 * 1024
GROUP = "Expressions"

Int = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]
Positive = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]
Flag = Annotated[bool, Field(strict=True)]
Rect = tuple[Int, Int, Int, Int]
Uuid = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Hex32 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Short = Annotated[str, Field(max_length=40)]
Name = Annotated[str, Field(max_length=200)]
ResultId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


class Value(BaseModel):
    """Frozen; unknown fields are ignored, as the protocol wants."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class DocRef(Value):
    """The document that a result was made for, as far as it can be found again."""

    session: str | None = None
    doc: Int | None = None
    file: Hex32 | None = None
    fingerprint: Name
    name: Name


class DocInfo(Value):
    """An open document. `doc` is valid in the host's session; `ppi` is only told to people."""

    doc: Positive
    name: Name
    width: Positive
    height: Positive
    mode: Short
    depth: Literal[8, 16, 32]
    profile: Name | None = None
    ppi: Annotated[float, Field(allow_inf_nan=False, ge=0)] = 72
    active: Flag = False
    saved: Flag = True
    file: Hex32 | None = None
    fingerprint: Name
    selection: Rect | None = None
    history: Int | None = None

    def ref(self, session: str) -> DocRef:
        """What finds this document again."""
        return DocRef(
            session=session,
            doc=self.doc,
            file=self.file,
            fingerprint=self.fingerprint,
            name=self.name,
        )

    def matches(self, ref: DocRef, session: str) -> bool:
        """True when a result made for `ref` may be placed here without asking (section 4.3)."""
        same = ref.session == session and ref.doc == self.doc
        same_file = ref.file is not None and ref.file == self.file
        return self.fingerprint == ref.fingerprint and (same or same_file)


class Client(Value):
    kind: Short
    plugin: Short
    host: Short
    uxp: Short | None = None


class Caps(Value):
    binary: Flag = True
    selection: Flag = True
    mask: Flag = True
    events: Flag = True


class Hello(Value):
    proto: Annotated[list[Int], Field(min_length=1, max_length=16)]
    client: Client
    install: Uuid
    session: Uuid
    nonce: Hex32
    caps: Caps = Caps()


class Mac(Value):
    mac: Hex32


Documents = Annotated[list[DocInfo], Field(max_length=200)]


class Ready(Value):
    mode: Literal["binary", "base64"]
    documents: Documents = []


class DocumentList(Value):
    documents: Documents


class ReadResult(Value):
    """The host's answer to `doc.read`."""

    document: DocInfo
    rect: Rect
    pixels: Int | None = None
    selection: Int | None = None
    active_layer: Int | None = None


class Fetch(Value):
    result: ResultId
    force: Flag = False


class Problem(Value):
    """Why a result could not be placed."""

    kind: Short
    message: Annotated[str, Field(max_length=1000)]
    advice: Annotated[str, Field(max_length=1000)] = ""


class Ack(Value):
    result: ResultId
    status: Literal["placed", "failed", "discarded"]
    doc: Int | None = None
    layer: Int | None = None
    mask: Literal["user", "selection", "baked"] | None = None
    verified: Flag | None = None
    history: Name | None = None
    error: Problem | None = None


class Search(Value):
    query: Annotated[str, Field(min_length=1, max_length=1000)]
    limit: Annotated[int, Field(strict=True, ge=1, le=20)] = 8


Finite = Annotated[float, Field(allow_inf_nan=False)]


class JobStart(Value):
    """What the panel wants edited: the selection of a document."""

    doc: Positive
    tags: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=40)] | None = None
    prompt: Annotated[str, Field(max_length=8000)] | None = None
    character: Annotated[str, Field(max_length=4000)] = ""
    strength: Annotated[Finite, Field(gt=0, le=1)] | None = None
    control_end: Annotated[Finite, Field(ge=0, le=1)] | None = None
    seed: Int | None = None
    context: Rect | None = None
    feather_px: Annotated[Finite, Field(ge=0, le=1000)] | None = None


class JobId(Value):
    job: ResultId


class SelfTest(Value):
    report: dict[str, Any]


class TransferSpec(Value):
    """The params of `xfer.begin`."""

    transfer: Positive
    owner: Annotated[str, Field(alias="for", min_length=1, max_length=64)]
    kind: Literal["pixels", "selection", "mask"]
    width: Positive
    height: Positive
    components: Literal[1, 3, 4]
    depth: Literal[8] = 8
    bytes: Positive
    profile: Literal["sRGB", "untagged"] | None = None

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class XferAck(Value):
    transfer: Positive
    next: Positive


class XferAbort(Value):
    transfer: Positive
    reason: Annotated[str, Field(max_length=1000)] = ""


class XferData(Value):
    frame: str


class CancelRequest(Value):
    id: Int
