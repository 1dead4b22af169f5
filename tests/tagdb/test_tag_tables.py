"""Kept vectors, and the table of texts over a real LanceDB table."""

import logging
import os

import numpy as np
import pytest
from small_encoder import SmallEncoder

from tagdb import TagdbError, TagStore, load_tags, text_table
from tagdb.english_classifier import EnglishClassifier
from tagdb.records import Text
from tagdb.resources import Remembering, shipped_texts
from tagdb.tables import CachedTable, TableSource, remove_old
from tagdb.text_table import TextTable
from tagdb.vectors import SHIPPED_VECTORS, embed_texts, read_vectors, text_key, write_vectors

TEXTS = [
    Text(kind="cue", tag="smile", lang="en", text="her lips curve up, warm and slow"),
    Text(kind="story", tag="smile", lang="ja", text="口元がほころび、目が細くなった。"),
    Text(kind="cue", tag="frown", lang="en", text="the corners of his mouth drop"),
    Text(kind="story", tag="frown", lang="ko", text="그는 입꼬리를 내렸다."),
    Text(kind="cue", tag="wink", lang="en", text="one lid shuts, quick and sly"),
]


def table_of(folder, embedded=("en", "ja", "zh", "ko"), encoder=None, name="texts"):
    encoder = encoder or SmallEncoder()
    return TextTable(name, lambda: TEXTS, encoder.id, embedded, encoder.embed, folder)


def test_the_shipped_vectors_are_of_the_shipped_encoder_and_texts():
    keys = frozenset(text_key(t.text) for t in shipped_texts() if t.lang == "en")
    encoder = EnglishClassifier().encoder
    kept = read_vectors(SHIPPED_VECTORS, encoder.id, keys)
    assert kept.keys() == keys, "run python -m tagdb.training.vectors"
    text = shipped_texts()[0].text
    assert float(kept[text_key(text)] @ encoder.embed([text])[0]) > 0.99
    assert SHIPPED_VECTORS.stat().st_size < 2_000_000


def test_vectors_come_back_as_they_were_kept(tmp_path):
    made = SmallEncoder().embed([t.text for t in TEXTS])
    path = tmp_path / "deep" / "v.safetensors"
    write_vectors(path, "small-1", {i: row for i, row in enumerate(made)})
    back = read_vectors(path, "small-1", frozenset({0, 3, 99}))
    assert back.keys() == {0, 3}
    np.testing.assert_allclose(back[3], made[3], atol=np.abs(made[3]).max() / 254 + 1e-6)
    assert [p.name for p in path.parent.iterdir()] == ["v.safetensors"]


@pytest.mark.parametrize("content", [None, b"", b"garbage" * 50])
def test_vectors_of_another_encoder_or_a_broken_file_are_not_taken(tmp_path, content):
    path = tmp_path / "v.safetensors"
    write_vectors(path, "another", {1: np.ones(4)})
    if content is not None:
        path.write_bytes(content)
    assert read_vectors(path, "small-1", frozenset({1})) == {}


def test_only_what_is_not_kept_is_embedded_and_it_is_said(tmp_path, caplog):
    keep, encoder = tmp_path / "keep.safetensors", SmallEncoder()
    with caplog.at_level(logging.WARNING):
        embed_texts(encoder, ["a smile", "a frown"], (), keep)
    assert "Embedding 2 of 2 texts with the encoder small-1" in caplog.text
    again = SmallEncoder()
    vectors = embed_texts(again, ["a frown", "a wink", "a wink"], (), keep)
    assert again.seen == ["a wink"] and vectors.shape == (3, 64)
    other = SmallEncoder("small-2")
    embed_texts(other, ["a frown"], (keep,), tmp_path / "other.safetensors")
    assert other.seen == ["a frown"]


def test_a_stopped_run_goes_on_where_it_ended(tmp_path):
    texts = [f"line {i}" for i in range(1200)]
    keep, encoder = tmp_path / "keep.safetensors", SmallEncoder()
    with pytest.raises(TagdbError, match="closed"):
        embed_texts(encoder, texts, (), keep, lambda: len(encoder.seen) >= 600)
    again = SmallEncoder()
    embed_texts(again, texts, (), keep)
    assert 0 < len(again.seen) < len(texts)


@pytest.mark.parametrize("in_memory", [True, False])
def test_the_nearest_texts_are_those_of_a_full_scan(tmp_path, monkeypatch, in_memory):
    monkeypatch.setattr(text_table, "IN_MEMORY_ROWS", 100_000 if in_memory else 0)
    encoder = SmallEncoder()
    vectors = encoder.embed([t.text for t in TEXTS])
    query = encoder.embed(["the corners of her lips curve up"])[0]
    expected = np.argsort(-(vectors @ query))
    near = table_of(tmp_path).nearest(query, 3)
    assert [n.text for n in near] == [TEXTS[i].text for i in expected[:3]]
    assert [n.likeness for n in near] == pytest.approx((vectors @ query)[expected[:3]], abs=1e-5)
    assert (near[0].tag, near[0].kind, near[0].lang) == ("smile", "cue", "en")


def test_texts_without_a_vector_are_found_by_words_only(tmp_path):
    table = table_of(tmp_path, embedded=("en",))
    query = SmallEncoder().embed(["口元がほころび"])[0]
    assert {n.lang for n in table.nearest(query, 10)} == {"en"}
    found = table.by_words("彼女の口元がほころんだ", "ja", 5)
    assert [n.tag for n in found] == ["smile"]
    assert table.by_words("彼女の口元がほころんだ", "ko", 5) == []
    assert table.by_words(" ", "ja", 5) == table.by_words("smile", "en", 5) == []


def test_another_encoder_has_a_table_of_its_own_and_the_old_ones_go(tmp_path):
    for number in range(5):
        table_of(tmp_path, encoder=SmallEncoder(f"small-{number}"))
    assert len(list(tmp_path.glob("texts-*"))) == 3


def test_remove_old_keeps_the_newest_files_and_folders(tmp_path):
    for age, name in enumerate(["a-1", "a-2", "a-3", "a-4.npz", "b-1"]):
        path = tmp_path / name
        path.write_bytes(b"") if path.suffix else path.mkdir()
        os.utime(path, (1000 - age, 1000 - age))
    remove_old(tmp_path, "a-*")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a-1", "a-2", "a-3", "b-1"]


def test_a_build_that_fails_leaves_nothing_behind(tmp_path):
    def rows():
        raise TagdbError("stopped")

    with pytest.raises(TagdbError, match="stopped"):
        CachedTable(TableSource("texts", [], 1, rows), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_table_that_breaks_while_open_is_built_again(tmp_path):
    table = table_of(tmp_path, embedded=("en",))
    for path in tmp_path.rglob("*"):
        if path.is_file():
            path.write_bytes(b"")
    assert [n.tag for n in table.by_words("그는 입꼬리를 내렸다", "ko", 1)] == ["frown"]


def test_a_remembered_text_is_embedded_once():
    inner = SmallEncoder()
    encoder = Remembering(inner)
    first = encoder.embed(["a", "b", "a"])
    assert (encoder.embed(["b", "c"])[0] == first[1]).all()
    assert inner.seen == ["a", "b", "c"] and (first[0] == first[2]).all()
    encoder.embed([str(i) for i in range(40)])
    encoder.embed(["a"])
    assert inner.seen.count("a") == 2 and encoder.embed([]).shape == (0, 64)


def test_another_encoder_searches_texts_of_all_languages(tmp_path):
    encoder = SmallEncoder()
    gold = [t for t in shipped_texts() if t.kind == "story"][::211]
    with TagStore(load_tags(), tmp_path, encoder=encoder) as store:
        ranks = []
        for text in gold:
            hits = store.search(text.text, limit=len(store.tags)).hits
            ranks.append([hit.tag.tag for hit in hits].index(str(text.tag)))
            match = next(hit for hit in hits if hit.tag.tag == text.tag).matches[-1]
            assert (match.kind, match.text, match.language) == ("story", text.text, text.lang)
        assert {text.lang for text in gold} == {"en", "ja", "zh", "ko"}
        assert np.mean(np.array(ranks) < 3) > 0.9
        assert store.evidence(gold[0].text).english is not None
    assert encoder.closed
    again = SmallEncoder()
    with TagStore(load_tags(), tmp_path, encoder=again) as store:
        store.search("a warm smile")
    assert again.seen == ["a warm smile"]
