"""`limner finetune`, on a few tiny pictures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

import limner
from limner.cli import main
from limner.data.pixels import to_picture


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Captioned pictures, one of them without a caption."""
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(4):
        to_picture(torch.rand(4, 20, 20) * 2 - 1).save(folder / f"{number}.png")
        if number:
            (folder / f"{number}.txt").write_text(f"a <moga> cat {number}")
    return folder


def command(model: Path, data: Path, output: Path, *more: str) -> list[str]:
    words = ["finetune", str(model), "--data", str(data), "-o", str(output), "--batch", "2"]
    return [*words, "--steps", "2", *more]


def test_a_lora_that_is_painted_with(
    tiny_model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--rank", "2", "--targets", "linear, conv_in", "--text", "--spelling", "kohya"]
    assert main(command(tiny_model, data, tmp_path / "ink", *options)) == 0
    printed = capsys.readouterr()
    file = tmp_path / "ink" / "ink.safetensors"
    assert printed.out.strip() == str(file)
    assert "skipped 0.png: it has no caption" in printed.err
    keys = load_file(file)
    assert "lora_unet_conv_in.lora_down.weight" in keys
    assert any(key.startswith("lora_te") for key in keys)
    apple = str(tmp_path / "apple.png")
    paint = ["a red apple", "--model", str(tiny_model), "--lora", str(file), "-o", apple]
    assert main(paint) == 0
    with Image.open(apple) as picture:
        assert picture.size == (16, 16)


def test_a_word(tiny_model: Path, data: Path, tmp_path: Path) -> None:
    options = ["--kind", "embedding", "--word", "<moga>", "--start", "cat"]
    assert main(command(tiny_model, data, tmp_path / "run", *options)) == 0
    painter = limner.load(tiny_model, device="cpu")
    assert painter.add_embedding(tmp_path / "run" / "<moga>.safetensors") == "<moga>"


def test_a_whole_model(tiny_model: Path, data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert main(command(tiny_model, data, run, "--kind", "full", "--mirror")) == 0
    assert limner.load(run / "model", device="cpu").generate("a cat", seed=0).images
    assert json.loads((run / "tuning.json").read_text())["mirror"] is True


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "file"),
    [
        (["--text"], "run.safetensors"),
        (["--kind", "embedding", "--word", "<moga>", "--start", "cat"], "<moga>.safetensors"),
    ],
)
def test_two_processes_fine_tune_as_one_does(
    tiny_model: Path, data: Path, tmp_path: Path, options: list[str], file: str
) -> None:
    launcher = ["accelerate.commands.launch", "--cpu", "--num_processes", "2", "--module"]
    made, losses = [], []
    for name, launched in (("one", []), ("two", launcher)):
        run = tmp_path / name / "run"
        words = command(tiny_model, data, run, "--precision", "fp32", *options)
        done = subprocess.run(
            [sys.executable, "-m", *launched, "limner", *words],
            check=True, timeout=300, capture_output=True, text=True,
        )  # fmt: skip
        assert done.stdout.splitlines().count(str(run / file)) == 1
        tensors = load_file(run / file)  # of a LoRA what began at zero, and so is all learned
        made.append({n: t for n, t in tensors.items() if "lora_A" not in n})
        losses.append(json.loads((run / "log.jsonl").read_text())["losses"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    one, two = (torch.cat([t.flatten().float() for t in tensors.values()]) for tensors in made)
    assert (two - one).norm() <= 1e-4 * one.norm()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--kind", "embedding"], "an embedding needs --word '<my-cat>' and --start cat"),
        (["--kind", "embedding", "--word", "red", "--start", "cat"], "in the model's vocabulary"),
        (["--rank", "0"], "rank 0 of a LoRA"),
        (["--targets", "attn9"], "no module of this model is meant by 'attn9'"),
        (["--targets", ","], "a LoRA needs targets"),
        (["--size", "18"], "pictures of 18 pixels do not fit this model: a multiple of 4"),
        (["--device", "nowhere"], "device 'nowhere' cannot be used here"),
    ],
)
def test_what_cannot_be_done(
    tiny_model: Path,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    assert main(command(tiny_model, data, tmp_path / "run", *options)) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_pictures_without_captions_and_a_model_that_is_missing(
    tiny_model: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for text in data.glob("*.txt"):
        text.unlink()
    assert main(command(tiny_model, data, tmp_path / "run")) == 1
    assert "has no readable picture with a caption" in capsys.readouterr().err
    assert main(command(tmp_path / "none", data, tmp_path / "run")) == 1
    assert "none is missing" in capsys.readouterr().err
