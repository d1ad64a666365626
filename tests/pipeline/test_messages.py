"""What is said of what goes wrong names what did it, and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import limner
from limner.checkpoints.lora import save_lora
from limner.checkpoints.lora_names import adaptable
from limner.cli import main
from limner.errors import CheckpointError, NumericsError, RequestError, UsageError
from limner.nn.trainable import TrainableUpdates
from limner.pipeline.statement import FIELDS


@pytest.fixture
def painter(tiny_model: Path) -> limner.Painter:
    return limner.load(tiny_model, device="cpu")


def test_numbers_that_a_lora_breaks_name_the_lora(painter: limner.Painter, tmp_path: Path) -> None:
    models = {"unet": painter.parts.denoiser}
    updates = TrainableUpdates(adaptable(models), rank=2).updates()
    for low in updates.values():
        torch.nn.init.normal_(low.up, std=1e10)
    save_lora(tmp_path / "ink.safetensors", updates, models)
    painter.add_lora(tmp_path / "ink.safetensors", 1e30)
    with pytest.raises(NumericsError, match=r"denoiser at step 1 .* with LoRA 'ink' at 1e\+30: "):
        painter.generate("a cat", seed=1)
    painter.remove_lora("ink")
    assert painter.generate("a cat", seed=1).images


def test_numbers_that_nothing_asked_for_breaks_name_the_model(painter: limner.Painter) -> None:
    with torch.no_grad():
        painter.parts.denoiser.conv_out.bias.fill_(torch.nan)
    with pytest.raises(NumericsError, match="load the model in fp32, or use another one"):
        painter.generate("a cat", seed=1)
    with pytest.raises(NumericsError, match="with guidance 400: try without, or with less of it"):
        painter.generate("a cat", seed=1, guidance=400.0)


@pytest.mark.parametrize(("place", "said"), [("a:b", "text encoder"), ("a:1:b", "denoiser")])
def test_a_loras_weight_is_said_in_words(place: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"a LoRA's weight in the {said} must be a number"):
        limner.prompt.parse(f"a cat <lora:{place}>")


def test_numbers_that_a_scale_breaks_name_the_scale(painter: limner.Painter) -> None:
    with pytest.raises(NumericsError, match=r"infinity, with guidance 1e\+30: try without, or"):
        painter.generate("a cat", seed=1, guidance=1e30, steps=8)


@pytest.mark.parametrize("device", ["foo", "meta", "", "cpu:x"])
def test_an_unknown_device_is_said_to_be_unknown(device: str, tiny_model: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be used here: cpu, cuda, cuda:1 or mps is right"):
        limner.load(tiny_model, device=device)


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float8_e5m2])
def test_an_embedding_of_eight_bits_is_read(
    dtype: torch.dtype, painter: limner.Painter, tmp_path: Path
) -> None:
    width = painter.parts.text_encoder.config.width
    vectors = torch.linspace(-1, 1, width)[None].to(dtype)
    save_file({"moga": vectors}, tmp_path / "moga.safetensors")
    painter.add_embedding(tmp_path / "moga.safetensors")
    assert painter.generate("a moga cat", seed=1).images
    (tmp_path / "whole.safetensors").unlink(missing_ok=True)
    save_file({"whole": torch.zeros(1, width, dtype=torch.int8)}, tmp_path / "whole.safetensors")
    with pytest.raises(CheckpointError, match="no tensor of floating point"):
        painter.add_embedding(tmp_path / "whole.safetensors")


LONG = "x" * 300


@pytest.mark.parametrize(
    "words",
    [
        ["a cat", "--lora", LONG], ["a cat", "--embedding", LONG], ["a cat", "--from", LONG],
        ["a cat", "--lora-folder", LONG], ["edit", LONG, "a"], ["batch", LONG, "--out", "o"],
        ["finetune", LONG, "--data", ".", "-o", "r"], ["words", "--model", LONG],
        ["convert", LONG, "b"], ["inspect", LONG], ["train", "emoji-unet", "-o", LONG],
    ],
)  # fmt: skip
def test_a_name_of_300_characters_is_one_line(
    words: list[str], tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) in (1, 2)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "unexpected" not in said
    assert "File name too long" in said or "is missing" in said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"prompt": 5}, "prompt is 5: text is right"),
        ({"steps": "20"}, "steps is '20': a whole number"),
        ({"seed": 1.5}, "seed is 1.5: a whole number"),
        ({"guidance": "7"}, "guidance is '7': a finite number"),
        ({"count": True}, "count is True: a whole number"),
        ({"size": "64x64"}, "two whole numbers of pixels"),
        ({"lenient": None}, "lenient is None: true or false"),
        ({"negative": None}, "negative is None: text"),
        ({"loras": "ink"}, "a list of pairs"),
        ({"mask": 3}, "a PIL picture, or text,"),
        ({"picture": "a.png"}, "a PIL picture is right"),
        ({"regions": "box"}, "a list of regions"),
    ],
)
def test_what_a_field_takes_is_said_in_python(fields: dict, said: str) -> None:
    """Checked as Python checks nothing: the tests' own checker of types would be before it."""
    ((name, value),) = fields.items()
    with pytest.raises(RequestError) as error:
        FIELDS[name].check(value)
    assert said in str(error.value)
