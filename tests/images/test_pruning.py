"""What the store lists, how much it uses, and what pruning removes."""

import os
import time

import pytest
from stored_versions import REQUEST, a_picture, contents, dated, derived, five_versions, from_disk

from expressedit_mcp.errors import InputError
from expressedit_mcp.images import ImageStore


def test_versions_are_listed_the_newest_first(store):
    ids = five_versions(store)
    assert [version.image_id for version in store.versions()] == ids[::-1]


def test_a_store_without_a_folder_is_empty(store):
    assert store.versions() == []
    assert store.used_bytes() == 0
    assert store.prune(max_bytes=0) == []


def test_used_bytes_grow_with_each_version(store):
    store.add(a_picture(0), "x")
    store.settle()
    one = store.used_bytes()
    store.add(a_picture(1), "x")
    store.settle()
    assert one > 0
    assert store.used_bytes() > one


def test_pruning_by_size_removes_the_oldest_first_until_the_rest_fits(store):
    ids = five_versions(store)
    limit = store.used_bytes() * 3 // 5
    assert store.prune(max_bytes=limit) == ids[:2]
    assert store.used_bytes() <= limit
    assert [version.image_id for version in store.versions()] == ids[:1:-1]


def test_pruning_by_age_removes_what_is_older(store):
    ids = five_versions(store, time.time())
    assert store.prune(older_than_s=3.5 * 86400) == ids[:2]


def test_pruning_by_age_and_size_takes_both_into_account(store):
    ids = five_versions(store, time.time())
    limit = store.used_bytes() * 2 // 5
    assert store.prune(older_than_s=4.5 * 86400, max_bytes=limit) == ids[:3]


def test_pruning_what_fits_removes_nothing(store):
    five_versions(store)
    assert store.prune(max_bytes=store.used_bytes()) == []
    assert store.prune() == []


def test_pruning_removes_what_a_killed_writer_left_but_not_what_is_being_written(store):
    version = store.add(a_picture(), "x")
    left, fresh = store.folder / ".tmp-left", store.folder / ".tmp-fresh"
    for path in (left, fresh):
        path.write_bytes(b"half")
    a_day_ago = time.time() - 86400
    os.utime(left, (a_day_ago, a_day_ago))
    assert store.prune() == []
    assert not left.exists() and fresh.exists()
    assert store.versions() == [version]


def test_pruning_removes_every_file_of_a_version_and_its_request(store):
    derived(store)
    assert len(store.prune(max_bytes=0)) == 2
    assert contents(store) == {}


def test_a_child_outlives_its_pruned_parent(store):
    parent, child = derived(store)
    dated(store, parent, 0)
    assert store.prune(older_than_s=86400) == [parent.image_id]
    assert from_disk(store).load(child.image_id)
    assert store.find(REQUEST) == child


def test_a_version_pruned_by_one_store_is_gone_for_the_other(store):
    other = ImageStore(store.folder)
    _, child = derived(store)
    other.prune(max_bytes=0)
    with pytest.raises(InputError):
        store.get(child.image_id)
    assert store.find(REQUEST) is None
