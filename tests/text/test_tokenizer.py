from __future__ import annotations

import json
import pickle
import random
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import CLIPTokenizer

from limner.errors import CheckpointError, UsageError
from limner.text.tokenizer import Tokenizer

WORDS = """
a photo of the cat's dog they're I'll we've you'd I'm don't DON'T 'S ' '' rock'n'roll
cinematic lighting 8k (masterpiece:1.2) [blurry] 3.14 2024 x2 ½ ² Ⅳ ١٢٣ 1,000,000 #1 50%
café cafe\u0301 naïve Ångström ﬁre ẞ ß İstanbul \u0131\u0131 ŒUVRE Ǆ ς Σ ΟΔΟΣ привет ПРИВЕТ
字 漢字 日本語のテキスト 한국어 \u1112\u1161\u11ab สวัสดี שלום مرحبا हिन्दी a\u0300\u0301b
🐱 👩\u200d👩\u200d👧 🇩🇪 ❤\ufe0f 👍🏽 ☃ ™ © … — “quoted” !? ... --- ~~ @user http://a.b/c?d=e&f
<|startoftext|> <|endoftext|> <|ENDOFTEXT|> <|endoftext| _snake_case_ CamelCase </w> Ġ Ċ
"""
PIECES = [*WORDS.split(), "\x00", "\x7f", "\u200b", "\ufeff"]
SPACES = [
    " ",
    " ",
    " ",
    "",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\n\n  ",
    "\u00a0",
    "\u3000",
    "\u2028",
    "\x0b",
]


def _strings(count: int, seed: int) -> list[str]:
    """Random joins of the pieces, random code points, and the edge cases."""
    rng = random.Random(seed)
    joined = [
        "".join(rng.choice(PIECES) + rng.choice(SPACES) for _ in range(rng.randrange(1, 12)))
        for _ in range(count)
    ]
    points = [*range(0x20, 0x3000), *range(0xAC00, 0xAD00), *range(0x1F300, 0x1F700)]
    scattered = ["".join(chr(rng.choice(points)) for _ in range(20)) for _ in range(count // 4)]
    edges = ["", " ", "\n", *PIECES, *SPACES, "a" * 500, "cat " * 200, "!" * 300]
    return joined + scattered + edges


@pytest.fixture(scope="module")
def clip() -> Tokenizer:
    return Tokenizer.clip()


@pytest.fixture(scope="module")
def reference(clip, tmp_path_factory) -> CLIPTokenizer:
    folder = tmp_path_factory.mktemp("clip")
    clip.save(folder)
    return CLIPTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module")
def small() -> Tokenizer:
    return Tokenizer.train(_strings(300, seed=5), 1000, length=16)


def test_published_vocabulary(clip):
    assert clip.vocabulary_size == 49_408
    assert (clip.start, clip.end, clip.pad, clip.length) == (49_406, 49_407, 49_407, 77)
    # The ids of OpenAI's own example prompts.
    assert clip.encode("a photo of a cat") == [320, 1125, 539, 320, 2368]
    assert clip.encode("a diagram") == [320, 22697]


def test_agrees_with_transformers(clip, reference):
    strings = _strings(2000, seed=0)
    assert len(strings) > 2500
    expected = reference(strings, add_special_tokens=False).input_ids
    assert [clip.encode(text) for text in strings] == expected


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=60))
def test_agrees_with_transformers_on_any_text(clip, reference, text):
    assert clip.encode(text) == reference(text, add_special_tokens=False).input_ids


def test_normalised_rows_agree_with_transformers(clip, reference):
    strings = _strings(300, seed=1)
    expected = reference(
        strings, padding="max_length", truncation=True, max_length=77, return_tensors="pt"
    ).input_ids
    assert torch.equal(clip(strings), expected)


def test_openclip_padding_agrees_with_transformers(tmp_path):
    tokenizer = Tokenizer.clip(pad=0)
    tokenizer.save(tmp_path)
    reference = CLIPTokenizer.from_pretrained(tmp_path)
    strings = ["hi! there!!", "a cat", "!", ""]
    expected = reference(strings, padding="max_length", max_length=77, return_tensors="pt")
    assert torch.equal(tokenizer(strings), expected.input_ids)
    assert tokenizer(["!"])[0, :4].tolist() == [49_406, 256, 49_407, 0]
    loaded = Tokenizer.load(tmp_path)
    assert loaded.pad == 0
    assert torch.equal(loaded(strings), tokenizer(strings))


def test_a_folder_whose_pad_is_special_is_read_as_transformers_reads_it(tmp_path):
    Tokenizer.clip(pad=0).save(tmp_path)
    file = tmp_path / "tokenizer_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"split_special_tokens": False}))
    reference = CLIPTokenizer.from_pretrained(tmp_path)
    loaded = Tokenizer.load(tmp_path)
    assert loaded.encode("hi! there!!") == [1883, 0, 997, 0, 0]
    assert reference("hi! there!!", add_special_tokens=False).input_ids == [1883, 0, 997, 0, 0]
    loaded.save(tmp_path)
    assert Tokenizer.load(tmp_path).encode("hi!") == [1883, 0]


@settings(deadline=None)
@given(
    content=st.lists(st.integers(0, 49_405), max_size=120),
    length=st.integers(2, 100),
    pad=st.sampled_from([0, 49_407]),
)
def test_length_normalisation(content, length, pad):
    """Lecture eq. 7, by its properties."""
    tokenizer = _clip_padded_with(pad)
    row = tokenizer.normalise(content, length)
    assert len(row) == length
    assert row[0] == tokenizer.start
    kept = min(len(content), length - 2)
    assert row[1 : 1 + kept] == content[:kept]
    assert row[1 + kept] == tokenizer.end
    assert row[2 + kept :] == [pad] * (length - 2 - kept)
    if len(content) <= length - 2:  # nothing is lost, and normalising again changes nothing
        assert tokenizer.normalise(row[1 : row.index(tokenizer.end)], length) == row


@cache
def _clip_padded_with(pad: int) -> Tokenizer:
    return Tokenizer.clip(pad=pad)


def test_batch_shape(clip):
    assert clip([]).shape == (0, 77)
    assert clip(["a", "b c"], length=5).tolist() == [
        [49_406, 320, 49_407, 49_407, 49_407],
        [49_406, 321, 322, 49_407, 49_407],
    ]
    assert clip(["a"]).dtype == torch.long


def test_tokens_and_spans(clip):
    text = "A  café, Cats"
    assert clip.tokens(text) == ["a</w>", "cafÃ©</w>", ",</w>", "cats</w>"]
    assert [text[a:b] for a, b in clip.spans(text)] == ["A", "café", ",", "Cats"]


def test_decode(clip, reference):
    assert clip.decode(clip.encode("A  Photo of\na café")) == "a photo of a café"
    assert clip.decode(clip(["a red cat!"])[0]) == "a red cat !"
    assert clip.decode([]) == ""
    for text in _strings(200, seed=2):
        ids = [i for i in clip.encode(text) if i < clip.start]
        assert clip.decode(ids) == reference.decode(ids)


@settings(deadline=None)
@given(text=st.text(alphabet="abcdefghij ", max_size=40))
def test_decode_undoes_encode_on_plain_words(small, text):
    assert small.decode(small.encode(text)) == " ".join(text.split())


def test_trained_vocabulary(small):
    assert small.vocabulary_size == 1000
    assert (small.start, small.end, small.pad, small.length) == (998, 999, 999, 16)
    assert small(["a cat"]).shape == (1, 16)
    assert len(small.encode("cat")) < 3  # merged: "cat" is often in the texts
    unseen = "ꙮ \U0001f9ff"  # no byte is unknown
    assert small.end not in small.encode(unseen)
    assert small.decode(small.encode(unseen)) == unseen


def test_trained_vocabulary_agrees_with_transformers(small, tmp_path):
    small.save(tmp_path)
    reference = CLIPTokenizer.from_pretrained(tmp_path)
    strings = _strings(300, seed=3)
    assert reference.vocab_size == small.vocabulary_size
    assert [small.encode(t) for t in strings] == reference(
        strings, add_special_tokens=False
    ).input_ids
    assert reference.model_max_length == 16


def test_training_on_few_texts_ends_early():
    tokenizer = Tokenizer.train(["a cat"], 4096)
    assert Tokenizer.train([], 4096).vocabulary_size == 514
    assert 514 < tokenizer.vocabulary_size < 520
    assert tokenizer.end == tokenizer.vocabulary_size - 1
    assert tokenizer.tokens("cat a") == ["cat</w>", "a</w>"]


@pytest.mark.parametrize("size", [514, 515, 600, 777])
def test_training_gives_the_size_asked_for(size):
    assert Tokenizer.train(_strings(200, seed=4), size).vocabulary_size == size


def test_save_and_load(small, tmp_path):
    small.save(tmp_path)
    loaded = Tokenizer.load(tmp_path)
    strings = _strings(300, seed=6)
    assert torch.equal(loaded(strings), small(strings))
    assert (loaded.pad, loaded.length) == (small.pad, small.length)


def test_load_tokenizer_json(clip, reference, tmp_path):
    reference.save_pretrained(tmp_path)  # transformers 5 writes tokenizer.json alone
    assert not (tmp_path / "vocab.json").exists()
    strings = _strings(100, seed=7)
    for source in (tmp_path, tmp_path / "tokenizer.json"):
        assert torch.equal(Tokenizer.load(source)(strings), clip(strings))


def test_pickles(small):
    assert torch.equal(pickle.loads(pickle.dumps(small))(["a cat"]), small(["a cat"]))


def test_errors(clip, small, tmp_path):
    with pytest.raises(CheckpointError, match="does not hold a tokenizer"):
        Tokenizer.load(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(CheckpointError, match="does not hold a tokenizer"):
        Tokenizer.load(tmp_path)
    with pytest.raises(UsageError, match="one string"):
        clip("a cat")
    with pytest.raises(UsageError, match="length must be at least 2"):
        clip(["a"], length=1)
    with pytest.raises(UsageError, match="at least 514"):
        Tokenizer.train(["a"], 513)
    with pytest.raises(UsageError, match="pad must be an id below"):
        Tokenizer.clip(pad=49_408)
    small.save(tmp_path / "pad")
    (tmp_path / "pad" / "tokenizer_config.json").write_text('{"pad_token": "[PAD]"}')
    with pytest.raises(CheckpointError, match="its vocabulary lacks"):
        Tokenizer.load(tmp_path / "pad")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"pad_token": 3}, "pad_token is 3: a token is right"),
        ({"pad_token": {"content": None}}, "pad_token is None"),
        ({"model_max_length": "77"}, "model_max_length is 77: a number of tokens is right"),
        ({"model_max_length": 0}, "model_max_length is 0"),
    ],
)
def test_settings_of_another_type_are_told(tmp_path, settings, said):
    Tokenizer.train(["a cat"] * 4, 600).save(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    (tmp_path / "special_tokens_map.json").unlink(missing_ok=True)
    with pytest.raises(CheckpointError, match=said):
        Tokenizer.load(tmp_path)


def test_a_null_in_the_settings_says_nothing(tmp_path):
    Tokenizer.train(["a cat"] * 4, 600).save(tmp_path)
    nothing = json.dumps({"pad_token": None, "model_max_length": None})
    (tmp_path / "tokenizer_config.json").write_text(nothing, encoding="utf-8")
    (tmp_path / "special_tokens_map.json").unlink(missing_ok=True)
    assert Tokenizer.load(tmp_path).length == 77
