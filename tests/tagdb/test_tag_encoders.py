"""Encoders beside the shipped one, against a real local server and real model folders."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from small_encoder import SmallEncoder

from expressedit_mcp.settings import Settings
from expressedit_mcp.studio.tag_store import open_tag_store
from tagdb import TagdbError
from tagdb.encoder import MiniLM, package_folder
from tagdb.encoders import choose_encoder
from tagdb.encoders.folder import FolderEncoder
from tagdb.encoders.http import HttpEncoder

TEXTS = ["She shut her eyes and smiled.", "word " * 200, ">_<"]


@contextmanager
def serving(answer):
    """The base URL of a server; `answer(body, headers)` gives status and JSON, or raw bytes."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, reply = answer(body, {**self.headers, "path": self.path})
            data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def embeddings(body, headers):
    vectors = 3 * SmallEncoder().embed(body["input"])
    rows = [{"index": i, "embedding": row.tolist()} for i, row in enumerate(vectors)]
    return 200, {"data": rows[::-1], "model": body["model"]}


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/embeddings", "/proxy/v1/"])
def test_a_server_gives_unit_vectors_in_the_order_of_the_texts(path):
    asked = []

    def answer(body, headers):
        asked.append((body, headers))
        return embeddings(body, headers)

    texts = [f"text number {i}" for i in range(70)]
    with serving(answer) as url:
        encoder = HttpEncoder(f"{url}{path}#some%2Fmodel", key="secret")
        vectors = encoder.embed(texts)
        assert encoder.embed([]).shape == (0, 64) and encoder.dim == 64
        encoder.close()
    np.testing.assert_allclose(vectors, SmallEncoder().embed(texts), atol=1e-6)
    assert [len(body["input"]) for body, _ in asked] == [64, 6]
    assert [text for body, _ in asked for text in body["input"]] == texts
    body, headers = asked[0]
    assert body["model"] == "some/model" and headers["Authorization"] == "Bearer secret"
    assert headers["path"].endswith("/v1/embeddings")
    assert "some/model" in encoder.id and "secret" not in encoder.id


def test_a_busy_server_is_asked_again():
    answers = [(503, {}), (429, {})]

    def answer(body, headers):
        return answers.pop() if answers else embeddings(body, headers)

    with serving(answer) as url:
        encoder = HttpEncoder(f"{url}#m", first_wait_s=0.0)
        assert encoder.embed(["smile"]).shape == (1, 64)
        encoder.close()


@pytest.mark.parametrize(
    ("answer", "words", "calls"),
    [
        ((401, {"error": "no key"}), "answered 401.*no key.*unset EXPRESSEDIT_ENCODER", 1),
        ((500, {}), "answered 500", 3),
        ((200, b"<html>"), "answered no JSON", 1),
        ((200, {"error": "x"}), "without `data`", 1),
        ((200, {"data": []}), "0 vectors for 1 texts", 1),
        ((200, {"data": [{"index": 0, "embedding": ["x"]}]}), "without `data`", 1),
        ((200, {"data": [{"index": 0, "embedding": [float("nan")]}]}), "no numbers", 1),
    ],
)
def test_what_a_server_does_wrong_is_told_in_words(answer, words, calls):
    count = []

    def counted(body, headers):
        count.append(body)
        return answer

    with serving(counted) as url:
        encoder = HttpEncoder(f"{url}#m", key="secret", first_wait_s=0.0)
        with pytest.raises(TagdbError, match=f"(?s){words}") as caught:
            encoder.embed(["smile"])
        encoder.close()
    assert len(count) == calls and "secret" not in str(caught.value)


def test_a_server_that_is_not_there_is_told_in_words():
    with serving(embeddings) as url:
        pass
    encoder = HttpEncoder(f"{url}#m", first_wait_s=0.0)
    with pytest.raises(TagdbError, match="cannot be reached"):
        encoder.embed(["smile"])
    encoder.close()


def test_vectors_that_change_their_width_are_refused():
    widths = [3, 4]

    def answer(body, headers):
        return 200, {"data": [{"index": 0, "embedding": [1.0] * widths.pop()}]}

    with serving(answer) as url:
        encoder = HttpEncoder(f"{url}#m")
        encoder.embed(["smile"])
        with pytest.raises(TagdbError, match="3 numbers after 4"):
            encoder.embed(["frown"])
        encoder.close()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("http://localhost:1/v1", "needs a model name"),
        ("http:///v1#m", "names no host"),
        ("http://user:hunter2@host/v1#m", "must not hold a password"),
        ("no/such/folder", "neither 'minilm', nor"),
    ],
)
def test_an_encoder_that_cannot_be_is_refused_at_once(name, words):
    with pytest.raises(TagdbError, match=words) as caught:
        choose_encoder(name)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "minilm", " minilm "])
def test_the_shipped_encoder_is_no_other(name):
    assert choose_encoder(name) is None


def test_the_packages_folder_gives_the_vectors_of_the_shipped_encoders_base():
    encoder = choose_encoder(str(package_folder() / "model"))
    assert isinstance(encoder, FolderEncoder) and encoder.dim == 384
    texts = ["She shut her eyes and smiled.", "a wink"]
    np.testing.assert_allclose(encoder.embed(texts), MiniLM({}, "plain").embed(texts), atol=1e-3)
    assert encoder.id.startswith("folder:model:") and encoder.embed([]).shape == (0, 384)


def tiny_model(folder, pooling="mean_tokens", seed=0, modules=("Transformer", "Pooling")):
    """A folder such as sentence-transformers writes, with a BERT of one narrow layer."""
    from transformers import BertConfig, BertModel, BertTokenizer

    torch.manual_seed(seed)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"abcdefghijklmnopqrstuvwxyz"]
    words += [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
    )
    BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    BertTokenizer(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)
    paths = {"Transformer": "", "Pooling": "1_Pooling", "Dense": "2_Dense"}
    listed = [
        {"idx": i, "name": str(i), "path": paths[m], "type": f"sentence_transformers.models.{m}"}
        for i, m in enumerate(modules)
    ]
    (folder / "modules.json").write_text(json.dumps(listed), encoding="utf-8")
    (folder / "1_Pooling").mkdir()
    chosen = {"pooling_mode_mean_tokens": False, f"pooling_mode_{pooling}": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(chosen), encoding="utf-8")
    return folder


@pytest.mark.parametrize("pooling", ["mean_tokens", "cls_token"])
def test_a_folder_is_pooled_as_its_config_says(tmp_path, pooling):
    from transformers import AutoModel, AutoTokenizer

    folder = tiny_model(tmp_path, pooling)
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    vectors = FolderEncoder(folder).embed(["smile", "a frown " * 20, "x"])
    for text, vector in zip(["smile", "a frown " * 20, "x"], vectors, strict=True):
        ids = tokenizer(text, truncation=True, max_length=16, return_tensors="pt")
        with torch.no_grad():
            hidden = model.eval()(**ids).last_hidden_state[0]
        pooled = hidden.mean(0) if pooling == "mean_tokens" else hidden[0]
        expected = torch.nn.functional.normalize(pooled, dim=0).numpy()
        np.testing.assert_allclose(vector, expected, atol=1e-5)


def test_other_weights_and_other_pooling_have_another_id(tmp_path):
    kinds = [("mean_tokens", 0), ("mean_tokens", 1), ("cls_token", 0)]
    folders = [tmp_path / str(i) / "model" for i in range(3)]
    for folder, (pooling, seed) in zip(folders, kinds, strict=True):
        folder.mkdir(parents=True)
        tiny_model(folder, pooling, seed)
    assert len({FolderEncoder(folder).id for folder in folders}) == 3


def test_a_prompt_for_queries_is_put_before_the_texts(tmp_path):
    folder = tiny_model(tmp_path)
    before = FolderEncoder(folder)
    config = folder / "config_sentence_transformers.json"
    config.write_text(json.dumps({"prompts": {"query": "query "}}), encoding="utf-8")
    after = FolderEncoder(folder)
    np.testing.assert_allclose(after.embed(["a"]), before.embed(["query a"]), atol=1e-6)
    assert after.id != before.id


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pooling": "max_tokens"}, "pools by 'max'; known are mean and cls"),
        ({"modules": ("Transformer", "Pooling", "Dense")}, "not known here: Dense"),
    ],
)
def test_a_folder_that_is_not_understood_is_refused_at_once(tmp_path, options, words):
    with pytest.raises(TagdbError, match=words):
        FolderEncoder(tiny_model(tmp_path, **options))


@pytest.mark.parametrize("broken", ["config.json", "model.safetensors"])
def test_a_broken_folder_is_told_in_words(tmp_path, broken):
    folder = tiny_model(tmp_path)
    (folder / broken).write_bytes(b"{")
    with pytest.raises(TagdbError, match=str(folder.name)):
        FolderEncoder(folder).embed(["smile"])


def test_the_settings_choose_the_encoder_and_the_server_is_sent_each_text_once(
    tmp_path, monkeypatch
):
    sent = []

    def answer(body, headers):
        sent.extend(body["input"])
        return embeddings(body, headers)

    with serving(answer) as url:
        monkeypatch.setenv("EXPRESSEDIT_ENCODER", url)
        monkeypatch.setenv("EXPRESSEDIT_ENCODER_MODEL", "m")
        monkeypatch.setenv("EXPRESSEDIT_HOME", str(tmp_path))
        with open_tag_store(Settings()) as store:
            line = "彼女は手紙を読み終えると、唇を結んだ。"
            store.search(line)
            store.search(line, limit=3)
    assert sent.count(line) == 1 and len(sent) == len(set(sent))
    assert len(sent) > 7000
