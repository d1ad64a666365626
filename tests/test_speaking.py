"""What the command line does with a prompt, Python does: both read it in the model's language."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import limner
from limner import Request
from limner.cli import main
from limner.errors import CheckpointError, RequestError
from limner.loading import language_of

PAIR = "a green apple and a yellow banana"


@pytest.fixture(scope="module")
def painter() -> limner.Painter:
    return limner.load(device="cpu")


def test_the_same_words_give_the_same_bytes_in_python_and_at_the_command_line(
    painter: limner.Painter, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "two.png"
    assert main([PAIR, "--seed", "7", "--steps", "2", "-o", str(path), "--device", "cpu"]) == 0
    result = painter.generate(PAIR, seed=7, steps=2)
    assert np.array_equal(np.asarray(Image.open(path)), np.asarray(result.images[0]))
    told = capsys.readouterr().err
    assert result.warnings
    assert all(line in told for line in result.warnings)
    assert result.request.layout == "collage"


def test_what_was_read_is_read_as_itself(painter: limner.Painter) -> None:
    once = painter.complete(Request(prompt=PAIR, seed=1))
    assert painter.complete(once).prompt == once.prompt
    again = painter.paint(Request.from_json(once.to_json()))
    assert again.request.prompt == once.prompt
    assert not any("read as" in line for line in again.warnings)


def test_a_layout_brings_the_lora_that_was_trained_for_it_and_takes_it_away(
    painter: limner.Painter,
) -> None:
    plain = painter.generate("a cat, 3d", seed=3, steps=2).latents
    two = painter.generate("a cat, 3d AND a dog, 3d", layout="beside", seed=3, steps=2).latents
    folder = limner.load("emoji-pairs", device="cpu")
    asked = Request(prompt="a cat, 3d AND a dog, 3d", layout="beside", seed=3, steps=2)
    assert np.array_equal(folder.paint(asked).latents, two)
    assert np.array_equal(painter.generate("a cat, 3d", seed=3, steps=2).latents, plain)


def test_an_edit_is_read_as_one_text(painter: limner.Painter) -> None:
    request = painter.complete(Request(prompt=PAIR, picture=Image.new("RGBA", (64, 64)), seed=1))
    assert request.layout is None


def test_a_language_that_nobody_knows_is_told(tiny_model: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    file = tmp_path / "model" / "limner.json"
    said = json.loads(file.read_text("utf-8"))
    said["words"]["language"] = "klingon"
    file.write_text(json.dumps(said), "utf-8")
    with pytest.raises(CheckpointError, match="language 'klingon' is unknown: one of emoji"):
        limner.load(tmp_path / "model")
    assert language_of(None) is None


def test_more_pictures_than_memory_should_hold_are_refused(painter: limner.Painter) -> None:
    with pytest.raises(RequestError, match=r"1024 pictures of 1024x1024 .* at most 128"):
        painter.complete(Request(prompt="a cat", size=(1024, 1024), count=1024))
