"""The command line on real (tiny) model folders: pictures, files, one-line errors, exit codes."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from limner.cli import main
from limner.pipeline.metadata import read_request


@pytest.fixture
def paint(tiny_model, tmp_path, monkeypatch, capsys):
    """Runs the command in an empty folder; gives the exit code, the errors and the files there."""
    monkeypatch.chdir(tmp_path)

    def run(*words, model=tiny_model):
        code = main([*words, "--model", str(model)])
        return code, capsys.readouterr().err, sorted(p.name for p in tmp_path.iterdir())

    return run


def test_a_prompt_becomes_a_picture_that_says_how_it_was_made(paint, tmp_path):
    code, _, found = paint("a red apple, 3d", "--seed", "7", "-o", "apple.png")
    assert (code, found) == (0, ["apple.png"])
    with Image.open(tmp_path / "apple.png") as picture:
        assert (picture.mode, picture.size) == ("RGBA", (16, 16))
    request = read_request(tmp_path / "apple.png")
    assert (request.prompt, request.seed, request.steps) == ("a red apple, 3d", 7, 4)


def test_an_existing_picture_is_kept_and_the_new_one_numbered(paint, tmp_path):
    paint("a cat", "--seed", "1", "-o", "a.png")
    first = (tmp_path / "a.png").read_bytes()
    code, _, found = paint("a cat", "--seed", "2", "-o", "a.png")
    assert (code, found) == (0, ["a-2.png", "a.png"])
    assert (tmp_path / "a.png").read_bytes() == first
    paint("a cat", "--seed", "2", "-o", "a.png", "--force")
    assert (tmp_path / "a.png").read_bytes() != first


def test_many_pictures_or_one_sheet(paint, tmp_path):
    _, _, found = paint("a cat", "-n", "3", "--seed", "0")
    assert found == ["a-cat-2.png", "a-cat-3.png", "a-cat.png"]
    code, _, _ = paint("a cat", "-n", "6", "--grid", "--seed", "0", "-o", "grid.png")
    with Image.open(tmp_path / "grid.png") as sheet:
        assert (code, sheet.mode) == (0, "RGB")
        assert sheet.width >= 3 * 16


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--steps", "0"], "steps is 0: a whole number from 1"),
        (["--guidance", "nan"], "guidance is nan: a finite number"),
        (["--size", "17x16"], "multiples of 4 are right, such as 16x16"),
        (["--size", "big"], "--size big: write WIDTHxHEIGHT"),
        (["--solver", "eulr"], "solver 'eulr' is unknown: one of euler"),
        (["--seed", "-1"], "seed is -1"),
        (["--count", "x"], "--count"),
        (["--nonsense"], "--nonsense"),
        (["--device", "abacus"], "device 'abacus' cannot be used here"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_with_exit_code_2(paint, words, message):
    code, err, found = paint("a cat", *words)
    assert code == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert found == []


def test_an_unknown_model_folder(paint):
    code, err, found = paint("a cat", model="nowhere")
    assert (code, found) == (1, [])
    assert "nowhere is missing" in err


def test_a_truncated_model_file(paint, tiny_model, tmp_path_factory):
    copy = shutil.copytree(tiny_model, tmp_path_factory.mktemp("broken") / "model")
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    code, err, found = paint("a cat", model=copy)
    assert (code, found) == (1, [])
    assert "broken or cut short" in err
    assert len(err.strip().splitlines()) == 1


def test_an_output_that_cannot_be_written_is_found_before_painting(paint):
    code, err, _ = paint("a cat", "-o", "no/such/folder/a.png")
    assert code == 1
    assert "there is no folder no/such/folder" in err


def test_a_prompt_without_a_known_word_is_warned_of_and_painted(paint):
    code, err, found = paint("qwerty", "--seed", "0")
    assert (code, found) == (0, ["qwerty.png"])
    assert "no word of 'qwerty'" in err


def test_words_are_listed(tiny_model, capsys):
    assert main(["words", "--model", str(tiny_model), "--search", "apple"]) == 0
    assert capsys.readouterr().out.split() == ["concept", "red", "apple"]


def test_an_interrupted_run_leaves_no_half_file(tiny_model, tmp_path):
    command = [sys.executable, "-m", "limner", "a cat", "--model", str(tiny_model)]
    process = subprocess.Popen(
        [*command, "--steps", "10000"], cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, preexec_fn=heed_interrupts,
    )  # fmt: skip
    try:
        time.sleep(5)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, err
    assert "interrupted" in err
    assert list(tmp_path.iterdir()) == []


def heed_interrupts():
    """A shell lets its background jobs ignore Ctrl-C, and a child would inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
