"""`limner upscale`, and `--upscale` of the commands that paint."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from limner.cli import main
from limner.pipeline.metadata import read_request

TOLD = "enlarging: 1 of 1\n"  # of one tile, where nobody sees a bar


@pytest.fixture
def run(tiny_model, tiny_upscaler, tmp_path, monkeypatch, capsys):
    """Runs a command beside a picture a.png; gives exit code, errors, and the files there."""
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).integers(0, 256, (7, 13, 4), np.uint8)
    Image.fromarray(noise).save("a.png")
    models = ("--model", str(tiny_model), "--upscaler", str(tiny_upscaler), "--device", "cpu")

    def command(*words):
        code = main([*words, *models])
        return code, capsys.readouterr().err, sorted(path.name for path in tmp_path.iterdir())

    return command


def opened(path):
    with Image.open(path) as picture:
        return picture.copy()


def test_a_picture_becomes_larger(run):
    assert run("upscale", "a.png") == (0, TOLD, ["a-2x.png", "a.png"])
    assert (opened("a-2x.png").size, opened("a-2x.png").mode) == ((26, 14), "RGBA")
    opened("a.png").convert("RGB").save("b.png")
    assert run("upscale", "b.png", "--by", "4", "--noise", "0.1", "-o", "c.webp")[0] == 0
    assert (opened("c.webp").size, opened("c.webp").mode) == ((52, 28), "RGB")


def test_the_seed_decides(run):
    for name, seed in (("b.png", "3"), ("c.png", "3"), ("d.png", "4")):
        assert run("upscale", "a.png", "--seed", seed, "--steps", "2", "-o", name)[0] == 0
    assert opened("b.png").tobytes() == opened("c.png").tobytes() != opened("d.png").tobytes()


def test_the_picture_itself_is_written_over_by_force_alone(run):
    before = opened("a.png").tobytes()
    assert run("upscale", "a.png", "-o", "a.png") == (0, TOLD, ["a-2.png", "a.png"])
    assert opened("a.png").tobytes() == before
    assert run("upscale", "a.png", "-o", "a.png", "--force")[2] == ["a-2.png", "a.png"]
    assert opened("a.png").tobytes() == opened("a-2.png").tobytes()


def test_painting_over_what_was_enlarged(run):
    assert run("upscale", "a.png", "--refine", "a red apple", "--seed", "2")[0] == 0
    assert opened("a-2x.png").size == (26, 14)
    request = read_request(Path("a-2x.png"))
    assert (request.prompt, request.strength, request.seed) == ("a red apple", 0.3, 2)


def test_a_painted_picture_is_enlarged_and_repeated(run):
    asked = ("--seed", "1", "--steps", "3", "--upscale", "2", "--refine", "0.5")
    assert run("a red apple", *asked, "-o", "b.png")[0] == 0
    assert opened("b.png").size == (32, 32)
    assert run("--from", "b.png", "-o", "c.png")[0] == 0
    assert opened("b.png").tobytes() == opened("c.png").tobytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--by", "3"], "by is 3: 2 or 4 is right"),
        (["--by", "0"], "by is 0: 2 or 4 is right"),
        (["--steps", "0"], "steps is 0: a number from 1 to 100 is right"),
        (["--noise", "2"], "noise is 2.0: a number from 0 to 1 is right"),
        (["--tile", "65"], "tile is 65: a multiple of 4"),
        (["--seed", "-1"], "seed is -1"),
        (["--strength", "0.5"], "--strength is of --refine"),
        (["--refine", "a cat", "--strength", "2"], "strength is 2.0: a number from 0 to 1"),
        (["--by", "4", "--refine", "a cat"], "pixels are too many to refine"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_nothing_is_written(run, words, said):
    opened("a.png").resize((64, 64)).save("a.png")
    before = opened("a.png").tobytes()
    code, err, found = run("upscale", "a.png", *words, "-o", "a.png", "--force")
    assert (code, err.count("\n"), found) == (2, 1, ["a.png"])
    assert said in err
    assert opened("a.png").tobytes() == before


def test_a_picture_that_is_none_or_too_wide(run):
    Image.new("1", (50_000, 2)).save("wide.png")
    Image.new("1", (9000, 2)).save("half.png")
    Path("text.png").write_text("hello", encoding="utf-8")
    said = {"wide.png": "50000x2 is too large", "half.png": "18000x4 is too large"}
    for name, line in {**said, "text.png": "cannot identify"}.items():
        code, err, found = run("upscale", name)
        assert (code, err.count("\n"), len(found)) == (2, 1, 4)
        assert line in err


def test_a_folder_without_an_upscaler(run, tiny_model, capsys):
    assert main(["upscale", "a.png", "--upscaler", str(tiny_model)]) == 1
    assert "has no upscaler: a folder that `limner train emoji-upscaler`" in capsys.readouterr().err
