"""The command line on real (tiny) model folders: pictures, files, one-line errors, exit codes."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

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


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
def test_a_picture_is_repeated_to_the_byte(paint, tmp_path, name):
    paint(
        "a rød cat", "--seed", "7", "--negative", "dog", "--solver", "euler_ancestral", "--steps",
        "2", "--noise", "nv", "--variation-seed", "3", "--variation-strength", "0.25", "-o", name,
    )  # fmt: skip
    again = f"again{name[1:]}"
    code, err, found = paint("--from", name, "-o", again)
    assert (code, found) == (0, [name, again])
    assert "not used" not in err
    assert (tmp_path / again).read_bytes() == (tmp_path / name).read_bytes()


def test_a_picture_of_a_batch_draw_is_repeated_with_its_batch(paint, tmp_path):
    paint("a cat", "-n", "2", "--seed", "7", "--noise", "batch", "--steps", "2", "-o", "a.png")
    code, _, found = paint("--from", "a-2.png", "-o", "b.png")
    assert (code, found) == (0, ["a-2.png", "a.png", "b-2.png", "b.png"])
    for old, new in (("a.png", "b.png"), ("a-2.png", "b-2.png")):
        assert (tmp_path / new).read_bytes() == (tmp_path / old).read_bytes()


def test_options_stand_before_what_a_picture_says(paint, tmp_path):
    paint(
        "a cat", "--seed", "7", "--steps", "2", "--size", "32x16", "--variation-strength", "0.5",
        "-o", "a.png",
    )  # fmt: skip
    code, _, _ = paint(
        "a dog", "--from", "a.png", "--seed", "0", "--guidance", "0", "--variation-strength", "0"
    )
    request = read_request(tmp_path / "a-dog.png")
    assert (code, request.prompt, request.seed, request.guidance) == (0, "a dog", 0, 0.0)
    assert (request.steps, request.size, request.variation_seed) == (2, (32, 16), None)


def test_a_picture_of_another_program_is_repeated_as_far_as_it_goes(paint, tmp_path):
    info = PngInfo()
    info.add_text(
        "parameters",
        "a red apple\nSteps: 2, Sampler: Euler, CFG scale: 7, Seed: 5, Size: 16x16, ENSD: 31337",
    )
    Image.new("RGB", (16, 16)).save(tmp_path / "theirs.png", pnginfo=info)
    code, err, found = paint("--from", "theirs.png")
    assert (code, found) == (0, ["a-red-apple.png", "theirs.png"])
    assert "of theirs.png not used: ENSD '31337'" in err
    request = read_request(tmp_path / "a-red-apple.png")
    assert (request.seed, request.noise, request.guidance) == (5, "nv", 7.0)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "a prompt is missing"),
        (["--from", "nowhere.png"], "nowhere.png is no readable picture"),
        (["a cat", "--from", "nowhere.png"], "nowhere.png is no readable picture"),
    ],
)
def test_a_prompt_is_given_or_read(paint, words, message):
    code, err, found = paint("paint", *words)
    assert (code, found) == (2, [])
    assert message in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--noise", "gpu"], "noise 'gpu' is unknown: one of cpu, nv, batch"),
        (["--variation-strength", "2"], "variation_strength is 2.0: a number from 0 to 1"),
        (["--variation-seed", "3"], "variation_seed is 3 but variation_strength is 0"),
        (["-o", "a.gif"], "ends in .png, .jpg, .jpeg, .webp"),
        (["--steps", "0"], "steps is 0: a whole number from 1"),
        (["--guidance", "nan"], "guidance is nan: a finite number"),
        (["--size", "17x16"], "multiples of 4 are right, such as 16x16"),
        (["--size", "big"], "size 'big': write WIDTHxHEIGHT"),
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
