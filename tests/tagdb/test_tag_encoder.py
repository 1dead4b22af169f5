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


def test_abstention_tells_a_face_from_a_kettle():
    model = Abstention()
    assert model.log_odds("Her lips trembled and her eyes filled.") > 0
    assert model.log_odds("The report is due on Friday.") <= 0


def test_a_missing_package_is_told_in_words(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(encoder, "_PACKAGE", "no_such_package_here")
    with pytest.raises(TagdbError, match="pip install"):
        package_folder()
