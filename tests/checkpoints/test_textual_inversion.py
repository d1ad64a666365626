"""Textual inversion files, against diffusers' `load_textual_inversion`."""

import pytest
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextModel, CLIPTokenizer

from limner.checkpoints import load_folder
from limner.checkpoints.textual_inversion import (
    TextualInversion,
    parse_textual_inversion,
    read_textual_inversion,
    save_textual_inversion,
)
from limner.errors import CheckpointError
from limner.text.encode import TextEncoder
from limner.text.learned import LearnedWords

ONE = {"text_encoder": 4}
TWO = {"text_encoder": 4, "text_encoder_2": 6}
ROWS = torch.arange(8.0).reshape(2, 4)


@pytest.mark.parametrize(
    "content",
    [
        {"moga": torch.randn(24)},
        {"moga": torch.randn(3, 24)},
        {"string_to_param": {"*": torch.randn(2, 24)}, "name": "moga", "step": 3},
    ],
    ids=["one vector", "several", "A1111"],
)
def test_the_context_is_that_of_diffusers(tiny_model, content):
    theirs = StableDiffusionPipeline(
        unet=UNet2DConditionModel.from_pretrained(tiny_model / "unet"),
        vae=AutoencoderKL.from_pretrained(tiny_model / "vae"),
        text_encoder=CLIPTextModel.from_pretrained(tiny_model / "text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(tiny_model / "tokenizer"),
        scheduler=DDIMScheduler(steps_offset=1, clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    theirs.load_textual_inversion(dict(content))
    parts = load_folder(tiny_model)
    learned = parse_textual_inversion(content, {"text_encoder": 24})
    assert learned.word == "moga"
    words = LearnedWords(parts.tokenizer, parts.text_encoder)
    words.set({learned.word: learned.vectors["text_encoder"]})
    encode = TextEncoder(parts.tokenizer, parts.text_encoder)
    for prompt in ("a red moga", "moga , 3d moga", "a blue cat"):
        expected = theirs.encode_prompt(prompt, "cpu", 1, False)[0]
        with torch.no_grad():
            torch.testing.assert_close(encode([prompt]).context, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ({"<cat>": ROWS}, "<cat>"),
        ({"string_to_param": {"*": ROWS}, "name": "cat"}, "cat"),
        ({"string_to_param": {"*": ROWS}}, "file"),
        ({"string_to_param.*": ROWS}, "file"),
        ({"emb_params": ROWS}, "file"),
        ({"*": ROWS}, "file"),
        ({"clip_l": ROWS}, "file"),
        ({"string_to_param": {"*": ROWS}, "name": "*"}, "file"),
    ],
)
def test_each_spelling_gives_the_vectors_and_the_word(content, word):
    learned = parse_textual_inversion(content, ONE, unnamed="file")
    assert learned.word == word
    assert torch.equal(learned.vectors["text_encoder"], ROWS)
    assert parse_textual_inversion(content, ONE, " mine ", unnamed="file").word == "mine"


def test_sdxl_has_vectors_for_both_towers(tmp_path):
    save_file({"clip_l": ROWS.clone(), "clip_g": torch.ones(2, 6)}, tmp_path / "Moga.safetensors")
    learned = read_textual_inversion(tmp_path / "Moga.safetensors", TWO)
    assert learned.word == "Moga"
    assert {part: tuple(rows.shape) for part, rows in learned.vectors.items()} == {
        "text_encoder": (2, 4),
        "text_encoder_2": (2, 6),
    }


@pytest.mark.parametrize(
    ("content", "widths", "message"),
    [
        ({"x": torch.ones(2, 5)}, ONE, r"another model: its vectors are \(2, 5\).*width 4"),
        ({"x": torch.ones(5)}, ONE, r"another model.*\(5,\)"),
        ({"x": torch.ones(1, 1, 4)}, ONE, "another model"),
        ({"x": torch.ones(())}, ONE, "another model"),
        ({"x": torch.ones(4)}, TWO, "it is for text_encoder, this model has .* text_encoder_2"),
        ({"clip_l": ROWS, "clip_g": torch.ones(2, 6)}, ONE, "for another model"),
        ({"clip_l": ROWS, "clip_g": torch.ones(3, 6)}, TWO, "as many vectors"),
        ({"x": torch.ones(0, 4)}, ONE, "it has 0 vectors"),
        ({"x": torch.ones(76, 4)}, ONE, "it has 76 vectors: 1 to 75"),
        ({"x": torch.ones(4, dtype=torch.int8)}, ONE, "floating point"),
        ({"x": torch.full((4,), torch.nan)}, ONE, "not all finite"),
        ({"x": "y"}, ONE, "floating point"),
        ({" ": ROWS}, ONE, "must have 1 to 100"),
        ({"x" * 101: ROWS}, ONE, "must have 1 to 100"),
        ({"a.weight": ROWS, "b.weight": ROWS}, ONE, "no textual inversion; .*a.weight, b.weight"),
        ({"string_to_param": {"*": ROWS, "+": ROWS}}, ONE, "no textual inversion"),
        ({}, ONE, "there is none"),
    ],
)
def test_what_does_not_fit(content, widths, message):
    with pytest.raises(CheckpointError, match=message):
        parse_textual_inversion(content, widths)


def test_a_pickle_is_not_opened_and_errors_name_the_file(tmp_path):
    path = tmp_path / "moga.pt"
    torch.save({"string_to_param": {"*": ROWS}}, path)
    with pytest.raises(CheckpointError, match=r"moga\.pt .*limner convert moga\.pt NEW"):
        read_textual_inversion(path, ONE)
    save_file({"a": torch.ones(1), "b": torch.ones(1)}, path)
    with pytest.raises(CheckpointError, match=r"moga\.pt: this is no textual inversion"):
        read_textual_inversion(path, ONE)


@pytest.mark.parametrize("widths", [ONE, TWO], ids=["one tower", "SDXL"])
def test_what_is_written_is_read_again(tmp_path, widths):
    vectors = {tower: torch.randn(2, width) for tower, width in widths.items()}
    path = tmp_path / "<cat>.safetensors"
    save_textual_inversion(path, TextualInversion(word="<cat>", vectors=vectors))
    again = read_textual_inversion(path, widths)
    assert again.word == "<cat>"
    assert all(torch.equal(again.vectors[tower], rows) for tower, rows in vectors.items())
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
