"""Words that a model has not read, as those that it has."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file

import limner
from limner.checkpoints import Words
from limner.pipeline.words import meant, warnings

LEXICON = {"poodle": "dog", "toy poodle": "small dog", "jumbo jet": "airplane", "bus": "car"}
WORDS = Words(concepts=("red apple", "dog"), styles=("3d",), others=("fruit",), lexicon=LEXICON)
FIXED = {"seed": 1, "steps": 2}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a poodle, 3d", "a dog, 3d"),
        ("A Poodle and two poodles", "A dog and two dog"),
        ("a toy poodle.", "a small dog."),
        ("a toy  poodle", "a small dog"),
        ("jumbo jets over a bus", "airplane over a car"),
        ("buses", "car"),
        ("a poodlebird, poodle-like", "a poodlebird, poodle-like"),
        ("", ""),
        ("  spaces, kept  ", "  spaces, kept  "),
    ],
)
def test_entries_are_read_as_what_they_mean(text, read):
    assert meant(text, LEXICON)[0] == read


def test_what_was_replaced_is_told():
    _, found = meant("a toy poodle and a jumbo jet", LEXICON)
    assert found == (("toy poodle", "small dog"), ("jumbo jet", "airplane"))
    assert meant("a poodle", {}) == ("a poodle", ())


def test_warnings():
    assert warnings(None, "anything") == ()
    assert warnings(WORDS, "a red apple") == ()
    assert warnings(WORDS, "a poodle beside a poodle") == (
        "'poodle' was not in this model's captions and is painted as 'dog'",
    )
    (said,) = warnings(WORDS, "a zyzzyva")
    assert "so the picture is a guess" in said


@pytest.fixture
def reader(painter):
    """The tiny painter with a lexicon."""
    words = replace(painter.words, lexicon={"crimson": "red", "pomme": "apple"})
    return limner.Painter(replace(painter.parts, words=words))


def test_a_painter_reads_them(reader):
    red = reader.generate("a red apple", **FIXED)
    crimson = reader.generate("a crimson pomme", **FIXED)
    assert torch.equal(crimson.latents, red.latents)
    assert len(crimson.warnings) == 2
    assert crimson.request.prompt == "a crimson pomme"
    weighted = reader.generate("a (crimson:1.3) apple", **FIXED, weighting="lerp")
    same = reader.generate("a (red:1.3) apple", **FIXED, weighting="lerp")
    assert torch.equal(weighted.latents, same.latents)
    batch = reader.paint_batch(["a crimson apple", "a red apple"], [1, 1])
    assert torch.equal(batch[0], batch[1])


def test_a_learned_word_is_what_it_was_learned_as(reader, tmp_path):
    save_file({"pomme": torch.randn(1, 24)}, tmp_path / "pomme.safetensors")
    reader.add_embedding(tmp_path / "pomme.safetensors")
    learned = reader.generate("a pomme", **FIXED)
    assert not torch.equal(learned.latents, reader.generate("a apple", **FIXED).latents)
