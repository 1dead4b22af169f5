"""Versions on disk: content-addressed, immutable, complete or not there."""

import os
from threading import Event

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_versions import (
    CHANNELS,
    REQUEST,
    a_patch,
    a_picture,
    contents,
    derived,
    from_disk,
)

from expressedit_mcp.errors import ExpressEditError, InputError
from expressedit_mcp.images import ImageStore, Version, request_key
from expressedit_mcp.images.recent import RecentPictures
from expressedit_mcp.images.store import ID_PATTERN
from expressedit_mcp.imaging import Box, Patch, Picture, apply_patch

TEXT = ((b"tEXt", b"parameters\0Steps: 30"),)


@pytest.mark.parametrize("mode", CHANNELS)
def test_an_added_picture_is_loaded_exactly(store, mode):
    picture = a_picture(mode=mode)
    version = store.add(picture, "hero.png", ("turned upright",))
    assert np.array_equal(from_disk(store).load(version.image_id).pixels, picture.pixels)
    assert (version.width, version.height, version.mode) == (30, 20, mode)
    assert (version.parent, version.source, version.operation) == (None, "hero.png", "open")
    assert version.notes == ("turned upright",)
    assert version.uri == f"expressedit://images/{version.image_id}"


def test_profile_and_resolution_are_stored_with_the_pixels(store):
    picture = Picture(a_picture().pixels.copy(), bytes(200), (300.0, 300.0))
    loaded = from_disk(store).load(store.add(picture, "hero.png").image_id)
    assert loaded.icc == picture.icc
    assert loaded.dpi == pytest.approx(picture.dpi, abs=0.02)


def test_16_bits_profile_and_text_live_on_in_every_version(store):
    rng = np.random.default_rng(2)
    pixels = rng.integers(0, 65536, (20, 30, 3), np.uint16)
    pixels[0, 0] = 12345
    picture = Picture(pixels, bytes(200), None, TEXT)
    parent = store.add(picture, "hero.png")
    alpha = np.full((8, 12), 200, np.uint8)
    patch = Patch(Box(3, 5, 15, 13), rng.integers(0, 65536, (8, 12, 3), np.uint16), alpha)
    child = store.derive(parent, picture, patch, "edit", REQUEST)
    after, stored = from_disk(store).load(child.image_id), store.load_patch(child.image_id)
    assert np.array_equal(after.pixels, apply_patch(picture, patch).pixels)
    assert after.pixels[0, 0].tolist() == [12345] * 3
    assert (after.icc, after.text) == (picture.icc, TEXT)
    assert stored.pixels.dtype == np.uint16
    assert np.array_equal(stored.pixels, patch.pixels)
    assert np.array_equal(stored.alpha, alpha)


def test_an_id_is_a_word_that_the_pattern_knows(store):
    assert ID_PATTERN.fullmatch(store.add(a_picture(), "x").image_id)


def test_the_same_pixels_are_the_same_version(store):
    first = store.add(a_picture(), "hero.png")
    before = contents(store)
    assert store.add(a_picture(), "copy of hero.png") == first
    assert contents(store) == before


@pytest.mark.parametrize(
    "other",
    [
        a_picture(1),
        a_picture(0, "RGBA"),
        Picture(a_picture().pixels.reshape(30, 20, 3).copy()),
        Picture(a_picture().pixels.copy(), icc=b"profile"),
        Picture(a_picture().pixels.copy(), dpi=(72.0, 72.0)),
        Picture(a_picture().pixels.copy(), text=TEXT),
        Picture(a_picture().pixels.astype(np.uint16)),
    ],
    ids=["pixels", "mode", "shape", "profile", "resolution", "text", "depth"],
)
def test_anything_that_differs_makes_another_version(store, other):
    assert store.add(a_picture(), "x").image_id != store.add(other, "x").image_id


def test_a_derived_version_knows_where_it_comes_from(store):
    picture = a_picture()
    parent = store.add(picture, "hero.png")
    child = store.derive(
        parent, picture, a_patch(picture), "edit", REQUEST, {"model_calls": 4}, ("a note",)
    )
    assert (child.parent, child.source, child.operation) == (parent.image_id, "hero.png", "edit")
    assert child.changed_box == (3, 5, 15, 13)
    assert (child.request, child.facts, child.notes) == (REQUEST, {"model_calls": 4}, ("a note",))
    assert store.get(child.image_id) == child


def test_a_derived_version_is_its_parent_with_the_patch_applied(store):
    _, child = derived(store)
    expected = apply_patch(a_picture(), a_patch(a_picture()))
    assert np.array_equal(from_disk(store).load(child.image_id).pixels, expected.pixels)


def test_the_parent_is_untouched_by_a_derived_version(store):
    parent = store.add(a_picture(), "hero.png")
    before = contents(store)
    derived(store)
    after = contents(store)
    assert {name: after[name] for name in before} == before
    assert np.array_equal(from_disk(store).load(parent.image_id).pixels, a_picture().pixels)


def test_the_same_pixels_by_another_request_are_another_version(store):
    _, first = derived(store)
    _, second = derived(store, {**REQUEST, "seed": 8})
    assert first.image_id != second.image_id


def test_a_patch_that_changes_nothing_still_makes_a_version_of_its_own(store):
    picture = a_picture()
    parent = store.add(picture, "hero.png")
    patch = Patch(Box(0, 0, 2, 2), picture.pixels[:2, :2], np.full((2, 2), 255, np.uint8))
    child = store.derive(parent, picture, patch, "edit", REQUEST)
    assert child.image_id != parent.image_id


def test_a_version_is_found_by_its_request_whatever_the_order_of_its_keys(store):
    _, child = derived(store)
    assert store.find(dict(reversed(REQUEST.items()))) == child


def test_an_unknown_request_finds_nothing(store):
    assert store.find(REQUEST) is None
    derived(store)
    assert store.find({**REQUEST, "seed": 8}) is None


def test_deriving_again_leaves_every_file_as_it_was(store):
    _, first = derived(store)
    before = contents(store)
    _, again = derived(store)
    assert again == first
    assert contents(store) == before


@pytest.mark.parametrize("mode", CHANNELS)
def test_the_stored_patch_makes_the_child_from_the_parent(store, mode):
    picture = a_picture(mode=mode)
    parent = store.add(picture, "hero.png")
    child = store.derive(parent, picture, a_patch(picture), "edit", REQUEST)
    patch = store.load_patch(child.image_id)
    again = apply_patch(from_disk(store).load(parent.image_id), patch)
    assert np.array_equal(again.pixels, from_disk(store).load(child.image_id).pixels)
    assert np.array_equal(patch.pixels, a_patch(picture).pixels)
    assert np.array_equal(patch.alpha, a_patch(picture).alpha)


def test_an_opened_picture_has_no_patch(store):
    assert store.load_patch(store.add(a_picture(), "x").image_id) is None


@pytest.mark.parametrize(
    "image_id",
    ["img_" + "0" * 20, "img_123", "", "../hero", "hero.png", "IMG_" + "0" * 20, "img_" + "g" * 20],
)
@pytest.mark.parametrize("ask", ["get", "load", "load_patch"])
def test_an_unknown_id_is_refused(store, image_id, ask):
    store.add(a_picture(), "x")
    with pytest.raises(InputError):
        getattr(store, ask)(image_id)


def test_the_refusal_of_an_unknown_id_says_what_to_do(store):
    with pytest.raises(InputError, match=r"list_images\(\)"):
        store.get("img_" + "0" * 20)


def test_an_id_cannot_lead_out_of_the_folder(store, tmp_path):
    version = store.add(a_picture(), "x")
    (tmp_path / "x.json").write_bytes((store.folder / f"{version.image_id}.json").read_bytes())
    with pytest.raises(InputError, match="no image"):
        store.get("../x")


def test_a_deleted_file_is_said_to_be_gone(store):
    version = store.add(a_picture(), "x")
    store.compressed(version.image_id).unlink()
    with pytest.raises(InputError, match="open the picture again"):
        store.load(version.image_id)


def test_opening_again_brings_a_deleted_file_back(store):
    version = store.add(a_picture(), "x")
    store.compressed(version.image_id).unlink()
    assert store.add(a_picture(), "x").image_id == version.image_id
    assert np.array_equal(from_disk(store).load(version.image_id).pixels, a_picture().pixels)


def test_a_derived_version_whose_file_was_deleted_is_made_again(store):
    _, child = derived(store)
    store.compressed(child.image_id).unlink()
    assert store.find(REQUEST) is None
    derived(store)
    assert store.find(REQUEST) is not None
    assert from_disk(store).load(child.image_id)


@pytest.mark.parametrize("kind", ["patch", "alpha"])
def test_a_deleted_patch_is_said_to_be_gone(store, kind):
    _, child = derived(store)
    store.settle()
    (store.folder / f"{child.image_id}.{kind}.png").unlink()
    with pytest.raises(InputError, match="gone"):
        store.load_patch(child.image_id)


@pytest.mark.parametrize("kind", ["patch", "alpha"])
def test_making_the_edit_again_brings_a_deleted_patch_back(store, kind):
    _, child = derived(store)
    store.settle()
    (store.folder / f"{child.image_id}.{kind}.png").unlink()
    assert store.find(REQUEST) is None
    derived(store)
    assert np.array_equal(store.load_patch(child.image_id).alpha, a_patch(a_picture()).alpha)


def test_a_damaged_file_is_said_to_be_damaged(store):
    version = store.add(a_picture(), "x")
    path = store.compressed(version.image_id)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match="damaged"):
        from_disk(store).load(version.image_id)


def test_what_was_just_made_is_not_decoded_again(store):
    parent, child = derived(store)
    assert store.load(child.image_id) is store.load(child.image_id)
    assert store.load(parent.image_id) is store.load(parent.image_id)
    again = from_disk(store)
    assert again.load(child.image_id) is again.load(child.image_id)


def test_recent_pictures_stay_within_their_bytes_and_the_unused_go_first():
    recent = RecentPictures(limit_bytes=2 * a_picture().pixels.nbytes)
    for name in ("a", "b"):
        recent.put(name, a_picture())
    assert recent.get("a") is not None
    recent.put("c", a_picture())
    assert [recent.get(name) is not None for name in "abc"] == [True, False, True]


def test_a_picture_larger_than_all_that_is_kept_is_not_kept():
    recent = RecentPictures(limit_bytes=10)
    recent.put("a", a_picture())
    assert recent.get("a") is None


def test_a_record_that_cannot_be_read_is_no_version(store):
    version = store.add(a_picture(), "x")
    (store.folder / f"{version.image_id}.json").write_text("{", "utf-8")
    assert store.versions() == []
    with pytest.raises(InputError):
        store.get(version.image_id)


def fail_at(monkeypatch: pytest.MonkeyPatch, ending: str, error: BaseException) -> None:
    """Makes the renaming of files with this ending fail, as a full disk or a kill would."""
    rename = os.replace

    def replace(source, target):
        if str(target).endswith(ending):
            raise error
        rename(source, target)

    monkeypatch.setattr(os, "replace", replace)


@pytest.mark.parametrize("ending", [".json", ".alpha.png"])
def test_an_interrupted_write_leaves_no_version(store, monkeypatch, ending):
    picture = a_picture()
    parent = store.add(picture, "x")
    with monkeypatch.context() as patched:
        fail_at(patched, ending, OSError(28, "No space left on device"))
        with pytest.raises(ExpressEditError, match="No space left on device"):
            store.derive(parent, picture, a_patch(picture), "edit", REQUEST)
    assert store.versions() == [parent]
    assert store.find(REQUEST) is None
    child = store.derive(parent, picture, a_patch(picture), "edit", REQUEST)
    assert store.find(REQUEST) == child


def test_an_interrupted_write_leaves_no_temporary_file(store, monkeypatch):
    fail_at(monkeypatch, ".json", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        store.add(a_picture(), "x")
    assert not list(store.folder.glob(".tmp-*"))
    assert store.versions() == []


class Held:
    """Holds up the compressing of a store until the block ends."""

    def __init__(self, store: ImageStore) -> None:
        self.store, self.let_go = store, Event()

    def __enter__(self) -> None:
        self.store._compressor.submit(self.let_go.wait, 30)

    def __exit__(self, *error: object) -> None:
        self.let_go.set()
        self.store.settle()


def flat(seed: int = 0) -> Picture:
    """A picture that compresses well."""
    return Picture(np.full((200, 300, 3), seed, np.uint8), bytes(200), (300.0, 300.0), TEXT)


def patched(store: ImageStore, picture: Picture) -> Version:
    parent = store.add(picture, "flat.png")
    pixels, alpha = np.full((80, 120, 3), 9, np.uint8), np.full((80, 120), 200, np.uint8)
    patch = Patch(Box(30, 50, 150, 130), pixels, alpha)
    return store.derive(parent, picture, patch, "edit", REQUEST)


def test_a_version_is_whole_at_once_and_its_files_are_compressed_afterwards(store):
    with Held(store):
        child = patched(store, flat())
        names = [f"{child.image_id}{kind}.png" for kind in ("", ".patch", ".alpha")]
        sizes = [(store.folder / name).stat().st_size for name in names]
        assert sizes[0] > flat().pixels.nbytes
        # as another process sees it, or this one after a kill
        before, patch = from_disk(store).load(child.image_id), store.load_patch(child.image_id)
    for name, size in zip(names, sizes, strict=True):
        assert (store.folder / name).stat().st_size < size / 5
    after, again = from_disk(store).load(child.image_id), store.load_patch(child.image_id)
    assert np.array_equal(before.pixels, after.pixels)
    assert (before.icc, before.dpi, before.text) == (after.icc, after.dpi, after.text)
    assert np.array_equal(patch.pixels, again.pixels)
    assert np.array_equal(patch.alpha, again.alpha)


def test_compressing_brings_no_removed_version_back(store):
    with Held(store):
        patched(store, flat())
        assert len(store.prune(max_bytes=0)) == 2
    assert contents(store) == {}


def test_a_file_that_cannot_be_compressed_stays_as_it_was(store, monkeypatch):
    with Held(store):
        child = patched(store, flat())
        size = store.path(child.image_id).stat().st_size
        fail_at(monkeypatch, ".png", OSError(28, "No space left on device"))
    assert store.compressed(child.image_id).stat().st_size == size
    assert from_disk(store).load(child.image_id)
    assert not list(store.folder.glob(".tmp-*"))


def test_two_stores_on_one_folder_share_their_versions(store):
    other = ImageStore(store.folder)
    parent, child = derived(store)
    assert other.get(parent.image_id) == parent
    assert other.find(REQUEST) == child
    assert other.versions() == store.versions()
    before = contents(store)
    assert derived(other) == (parent, child)
    assert contents(store) == before


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    in_the_way = tmp_path / "images"
    in_the_way.write_bytes(b"a file in the folder's place")
    with pytest.raises(ExpressEditError, match="could not be stored") as caught:
        ImageStore(in_the_way).add(a_picture(), "x")
    assert str(in_the_way) in str(caught.value)
    assert "EXPRESSEDIT_HOME" in str(caught.value)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), values, max_size=5))
def test_a_request_key_does_not_depend_on_the_order_of_keys(request_):
    assert request_key(request_) == request_key(dict(reversed(request_.items())))


def test_another_request_has_another_key():
    keys = {request_key({**REQUEST, **change}) for change in ({}, {"seed": 8}, {"more": None})}
    assert len(keys) == 3
