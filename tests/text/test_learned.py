import pytest
import torch

from limner.models.clip import BagOfWords, BagOfWordsConfig, TextTower, TextTowerConfig
from limner.text.encode import TextEncoder
from limner.text.learned import LearnedWords
from limner.text.tokenizer import Tokenizer

TOKENIZER = Tokenizer.train(["a red apple and a cat in a catalog"] * 3, 560, length=12)
V = TOKENIZER.vocabulary_size


@pytest.fixture
def tokenizer():
    return TOKENIZER.with_length(12)


def tower_of(kind):
    if kind is BagOfWords:
        config = BagOfWordsConfig(vocabulary_size=V, width=8, start=V - 2, end=V - 1)
        return BagOfWords(config).eval()
    config = TextTowerConfig(
        vocabulary_size=V, length=12, width=8, layers=1, heads=2, mlp_width=16, end=V - 1
    )
    return TextTower(config).eval()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a moga cat", 1),
        ("MOGA", 1),
        ("moga, Moga!moga", 3),
        ("mogas amoga moga_ 3moga moga4", 0),
        ("a<x>cat <X>", 2),
        ("moga deluxe", 1),
    ],
)
def test_a_word_is_found_whole_and_in_any_case(tokenizer, text, found):
    tokenizer.learn({"moga": [V], "<x>": [V + 1], "Moga Deluxe": [V + 2]})
    assert sum(i >= V for i in tokenizer.encode(text)) == found
    assert bool(tokenizer.learned_in(text)) == bool(found)


def test_ids_tokens_and_spans_stand_side_by_side(tokenizer):
    text = "a red  Moga cat"
    plain = [list(tokenizer.encode(part)) for part in ("a red", "cat")]
    tokenizer.learn({"moga": [V, V + 1]})
    assert tokenizer.encode(text) == [*plain[0], V, V + 1, *plain[1]]
    spans = [text[a:b] for a, b in tokenizer.spans(text)]
    assert len(spans) == len(tokenizer.tokens(text)) == len(tokenizer.encode(text))
    at = tokenizer.encode(text).index(V)
    assert tokenizer.tokens(text)[at : at + 2] == ["moga", "moga"]
    assert spans[at : at + 2] == ["Moga", "Moga"]
    assert spans[-1].endswith("t")


def test_the_longer_of_two_words_is_taken(tokenizer):
    tokenizer.learn({"moga": [V], "moga cat": [V + 1]})
    assert tokenizer.encode("moga cat") == [V + 1]


def test_words_that_match_by_an_odd_case_are_found(tokenizer):
    """Letters that only case folding joins: a long s, a dotted capital i."""
    tokenizer.learn({"sis": [V]})
    assert tokenizer.encode("\u017fi\u017f") == [V]
    assert tokenizer.learned_in("S\u0130S") in [(), ("sis",)]


def test_the_vocabulary_is_shared_and_does_not_change(tokenizer):
    ids = tokenizer.encode("a red moga")
    tokenizer.learn({"moga": [V]})
    assert TOKENIZER.encode("a red moga") == ids
    assert tokenizer.vocabulary_size == V
    assert tokenizer.with_length(8).encode("moga") == [V]
    tokenizer.learn({})
    assert tokenizer.encode("a red moga") == ids
    assert tokenizer.learned_in("moga") == ()


@pytest.mark.parametrize("kind", [TextTower, BagOfWords])
def test_the_tower_is_given_the_vectors_and_other_prompts_keep_their_bits(tokenizer, kind):
    tower = tower_of(kind)
    encode = TextEncoder(tokenizer, tower)
    names = list(tower.state_dict())
    other, before = encode(["a red cat"]), encode(["a moga cat"])
    words = LearnedWords(tokenizer, tower)
    assert words.width == 8
    vectors = torch.randn(2, 8)
    words.set({"moga": vectors, "other": torch.randn(1, 8)})

    assert torch.equal(encode(["a red cat"]).context, other.context)
    assert torch.equal(encode(["a red cat"]).pooled, other.pooled)
    assert list(tower.state_dict()) == names
    first = tower(tokenizer(["a moga cat"])).hidden[0][0]
    ids = tokenizer(["a moga cat"])[0].tolist()
    places = 0 if kind is BagOfWords else tower.text_model.embeddings.position_embedding.weight
    torch.testing.assert_close(
        (first - places)[ids.index(V) : ids.index(V) + 2], vectors, atol=1e-6, rtol=1e-6
    )
    words.set({})
    assert torch.equal(encode(["a moga cat"]).context, before.context)
    assert list(tower.state_dict()) == names
    assert not any("Extended" in type(module).__name__ for module in tower.modules())
