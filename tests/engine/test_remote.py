"""The remote back end against a real server on a real socket: the same result, progress, cancel, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serving import TOKEN, serving
from test_edit import request

from expressedit_mcp.engine import LocalEngine, LocateRequest, wire
from expressedit_mcp.engine.backend import EditRequest, EditResult
from expressedit_mcp.engine.methods.method import Attention, Interval, Method, Projection, Source
from expressedit_mcp.engine.remote import RemoteEngine
from expressedit_mcp.errors import Cancelled, InputError, ModelError
from expressedit_mcp.imaging import Size


@pytest.fixture(scope="module")
def local(tiny_dir: Path) -> Iterator[LocalEngine]:
    engine = LocalEngine(tiny_dir, "cpu")
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def url(local: LocalEngine) -> Iterator[str]:
    with serving(local) as url:
        yield url


@pytest.fixture
def remote(url: str) -> Iterator[RemoteEngine]:
    engine = RemoteEngine(url, TOKEN)
    yield engine
    engine.close()


def quiet(*step: object) -> None:
    pass


def never() -> bool:
    return False


def test_the_model_is_the_same_over_there(local: LocalEngine, remote: RemoteEngine) -> None:
    assert remote.card == local.card
    assert remote.fingerprint == local.fingerprint
    text = "smile, closed eyes"
    assert remote.tokenizer.encode(text) == local.tokenizer.encode(text)
    assert remote.tokenizer.room == local.tokenizer.room


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_same_request_gives_the_same_pixels(
    local: LocalEngine, remote: RemoteEngine, dtype: type
) -> None:
    crop = request(side=70).crop
    wanted = request(
        side=70,
        crop=crop.astype(dtype) * (257 if dtype is np.uint16 else 1),
        preserve_structure=0.5,
        preserve_color=0.25,
    )
    here = local.edit(wanted, quiet, never)
    there = remote.edit(wanted, quiet, never)
    assert there.rgb.dtype == np.uint16
    assert np.array_equal(here.rgb, there.rgb)
    assert (here.model_calls, here.controlled_calls) == (there.model_calls, there.controlled_calls)


@pytest.mark.parametrize("at_once", [1, 4])
def test_variations_come_one_by_one_and_as_from_here(
    local: LocalEngine, remote: RemoteEngine, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    local.edit(request(), quiet, never)
    monkeypatch.setattr(local, "_at_once", at_once)
    here, there = list[np.ndarray](), list[np.ndarray]()
    said: list[str] = []
    for engine, results in ((local, here), (remote, there)):
        said.clear()
        engine.edit_all(
            request(),
            (3, 4, 9),
            lambda at, one, to=results: to.append(one.rgb),
            lambda done, total, what: said.append(what),
            never,
        )
    assert len(there) == 3 and not np.array_equal(there[0], there[1])
    assert all(np.array_equal(a, b) for a, b in zip(here, there, strict=True))
    which = "variations 1-3 of 3" if at_once > 1 else "variation 3 of 3"
    assert f"{which}: denoising step 3 of 3" in said


def test_variations_that_were_told_before_a_stop_stand(remote: RemoteEngine) -> None:
    results: list[EditResult] = []
    with pytest.raises(Cancelled):
        remote.edit_all(
            request(steps=60, strength=1.0),
            (3, 4, 9),
            lambda at, one: results.append(one),
            quiet,
            lambda: bool(results),
        )
    assert len(results) == 1
    assert remote.edit(request(), quiet, never).model_calls == 3


def test_words_are_found_over_there_as_here(local: LocalEngine, remote: RemoteEngine) -> None:
    wanted = LocateRequest(request(side=70).crop, Size(64, 64), ("smile", "closed eyes"), 0.4)
    here, there = local.locate(wanted, quiet, never), remote.locate(wanted, quiet, never)
    assert np.array_equal(here.mask, there.mask)
    assert here.found == there.found
    with pytest.raises(Cancelled):
        remote.locate(replace(wanted, words=("girl",)), quiet, lambda: True)


def test_progress_comes_across(remote: RemoteEngine) -> None:
    seen: list[tuple[int, int, str]] = []
    remote.edit(request(), lambda *step: seen.append(step), never)
    assert seen[-1] == (3, 3, "decoding")


def test_a_cancelled_edit_stops_over_there_and_frees_the_device(remote: RemoteEngine) -> None:
    seen: list[int] = []
    with pytest.raises(Cancelled):
        remote.edit(
            request(steps=200, strength=1.0), lambda i, n, w: seen.append(i), lambda: len(seen) > 3
        )
    # the next edit gets the device long before 200 steps could have run out
    assert remote.edit(request(), quiet, never).model_calls == 3


def test_errors_keep_their_kind(remote: RemoteEngine) -> None:
    with pytest.raises(InputError, match="seed"):
        wire.raise_error(next(wire.frames([wire.error_frame(InputError("another seed"))])))


def test_a_wrong_token_is_refused_with_the_way_out(url: str) -> None:
    with pytest.raises(ModelError, match="EXPRESSEDIT_ENGINE_TOKEN"):
        _ = RemoteEngine(url, "wrong").card
    assert httpx.get(f"{url}/v1/model").status_code == 401


def test_nobody_there_says_how_to_start_it() -> None:
    with pytest.raises(ModelError, match="expressedit-mcp engine"):
        _ = RemoteEngine("http://127.0.0.1:9", TOKEN).card


@dataclass(frozen=True)
class LaterRequest(EditRequest):
    """A request of a version to come."""

    invented_later: float = 0.5


def test_an_older_engine_is_to_be_updated(remote: RemoteEngine) -> None:
    later = LaterRequest(**vars(request()))
    with pytest.raises(ModelError, match=r"invented_later.*update it"):
        remote.edit(later, quiet, never)
    with pytest.raises(ModelError, match="update it"):
        list(remote._answers("/v1/invented_later", b"", 1, quiet, never))


def test_another_model_over_there_is_noticed(remote: RemoteEngine) -> None:
    _ = remote.card
    remote.__dict__["_model"]["fingerprint"] = "0" * 16
    with pytest.raises(ModelError, match="another model"):
        remote.edit(request(), quiet, never)
    # what was read of the old one was dropped, so the next try goes through
    assert remote.edit(request(), quiet, never).model_calls == 3


@pytest.mark.parametrize(
    "body",
    [b"", b"x" * 100, wire.json_frame({}), wire.json_frame([1]), wire.png_frame(np.zeros((2, 2), np.uint8)),
     wire.request_frames(request(), False)[:-1], b"J\xff\xff\xff\xff", wire.file_frame(b"file")],
    ids=["empty", "noise", "no request", "list", "png alone", "cut", "too long", "file alone"],
)  # fmt: skip
def test_nonsense_is_answered_and_the_server_goes_on(
    url: str, remote: RemoteEngine, body: bytes
) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    for verb in ("edits", "masks", "learnings"):
        assert httpx.post(f"{url}/v1/{verb}", content=body, headers=headers).status_code == 400
    assert remote.fingerprint


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(1, 50))
def test_any_bytes_are_frames_or_refused(data: bytes, size: int) -> None:
    chunks = [data[i : i + size] for i in range(0, len(data), size)]
    try:
        found = list(wire.frames(chunks))
    except (wire.WireError, ValueError):
        return
    assert len(found) <= len(data) // 5


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 30), st.booleans(), st.booleans())
def test_requests_and_results_cross_whole(
    width: int, height: int, size: int, deep: bool, batch: bool
) -> None:
    rng = np.random.default_rng(width * height)
    dtype = np.uint16 if deep else np.uint8
    crop = rng.integers(0, np.iinfo(dtype).max, (height, width, 3), dtype, endpoint=True)
    selection = rng.integers(0, 256, (height, width), dtype=np.uint8)
    wanted = request(
        crop=crop,
        selection=selection,
        preserve_structure=0.5,
        preserve_color=1.0,
        method=Method(
            solver="consistency",
            source=Source(prompt=(("smile", 1.1),), anchor=0.5),
            attention=Attention(self_until=0.8, mode="replace", weights=(("smile", 2.0),)),
            projection=Projection(structure=0.5, when=Interval(start=0.5)),
        ),
        reference=crop[::-1],
        reference_selection=selection[::-1],
    )
    data = wire.request_frames(wanted, batch)
    chunks = [data[i : i + size] for i in range(0, len(data), size)]
    got, got_batch, seeds = wire.read_request(wire.frames(chunks))
    assert seeds == (wanted.seed,)
    assert np.array_equal(got.crop, crop)
    assert got.crop.dtype == dtype
    assert np.array_equal(got.selection, selection)
    assert got.source is None and got.part is None
    assert got.reference is not None and got.reference_selection is not None
    assert np.array_equal(got.reference, crop[::-1])
    assert np.array_equal(got.reference_selection, selection[::-1])
    fields = ("prompt", "model_size", "seed", "preserve_structure", "preserve_color", "method")
    assert all(getattr(got, name) == getattr(wanted, name) for name in fields)
    assert got_batch == batch
    result = EditResult(crop.astype(np.uint16), 3, 2, 0.5)
    head, pixels = wire.frames([wire.result_frames(result)])
    assert np.array_equal(pixels, result.rgb)
    assert head["result"]["controlled_calls"] == 2
