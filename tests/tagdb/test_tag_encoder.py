"""The encoder in NumPy against the same weights in torch; what training writes, the store reads."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tagdb import TagdbError, encoder
from tagdb.abstention import Abstention
from tagdb.encoder import MiniLM, package_folder
from tagdb.english_classifier import EnglishClassifier
from tagdb.training import english

TEXTS = ["She shut her eyes and smiled.", "word " * 200, ">_<", ""]


def test_the_plain_encoder_is_that_of_transformers():
    from transformers import AutoModel, AutoTokenizer

    folder = str(package_folder() / "model")
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    ours = MiniLM({}, "plain").embed(TEXTS)
    for text, vector in zip(TEXTS, ours, strict=True):
        ids = tokenizer(text, truncation=True, max_length=128, return_tensors="pt")
        with torch.no_grad():
            mean = model(**ids).last_hidden_state.mean(1)[0]
        expected = torch.nn.functional.normalize(mean, dim=0).numpy()
        assert float(vector @ expected) == pytest.approx(1.0, abs=1e-5)


def test_what_training_saves_scores_as_it_did_in_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    torch.manual_seed(1)
    model = english.Classifier(4).eval()
    with torch.no_grad():
        for name, parameter in model.encoder.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.02)
        expected = torch.log_softmax(model(model.tokenize(TEXTS[:1])) / english.TEMPERATURE, 1)
    path = tmp_path / "english.safetensors"
    monkeypatch.setattr(english, "MODEL_FILE", path)
    english._save(model, ["a", "b", "c"])
    classifier = EnglishClassifier(path)
    assert classifier.labels == ("a", "b", "c")
    assert classifier.log_probabilities(TEXTS[:1]) == pytest.approx(expected.numpy(), abs=0.02)


def test_probabilities_sum_to_one_over_tags_and_none():
    classifier = EnglishClassifier()
    rows = np.exp(classifier.log_probabilities(TEXTS))
    assert rows.shape == (4, len(classifier.labels) + 1)
    assert rows.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-4)


def test_texts_embed_alike_alone_and_together():
    encoder = EnglishClassifier().encoder
    together = encoder.embed(TEXTS * 10)
    alone = np.concatenate([encoder.embed([text]) for text in TEXTS])
    assert together == pytest.approx(np.tile(alone, (10, 1)), abs=1e-5)
    assert encoder.embed([]).shape == (0, encoder.dim)


@pytest.mark.parametrize(
    ("text", "shows"),
    [
        ("Her lips trembled and her eyes filled.", True),
        ("The report is due on Friday.", False),
        ("彼女は唇をかみ、目に涙をためた。", True),
        ("報告書の締め切りは金曜です。", False),
        ("她咬着嘴唇，眼眶红了。", True),
        ("报告周五交。", False),
        ("그녀는 입술을 깨물었고 눈가가 젖었다.", True),
        ("보고서는 금요일까지입니다.", False),
    ],
)
def test_abstention_tells_a_face_from_a_report(text: str, shows: bool):
    assert (Abstention().log_odds([text], None, None) > 0) is shows


def test_the_vector_and_the_classifiers_none_weigh_in():
    model, vector = Abstention(), EnglishClassifier().encoder.embed([TEXTS[0]])[0]
    sure, unsure = (model.log_odds([TEXTS[0]], vector, chance) for chance in (0.001, 0.9))
    assert sure > 0
    assert sure > unsure
    assert model.log_odds([TEXTS[0], TEXTS[0]], vector, 0.001) > 0


def test_a_missing_package_is_told_in_words(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(encoder, "_PACKAGE", "no_such_package_here")
    with pytest.raises(TagdbError, match="pip install"):
        package_folder()
