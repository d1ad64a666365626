"""`limner restyle`."""

import inspect
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from limner.cli import main, restyle
from limner.pipeline.fields import Group
from limner.pipeline.metadata import read_request
from limner.pipeline.statement import STORED, fields_in


@pytest.fixture
def run(restyling_model, tmp_path, monkeypatch, capsys):
    """Runs the command beside pictures; gives exit code, errors, and the files there."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("a.png", "b.png")):
        noise = np.random.default_rng(seed).integers(0, 256, (16, 16, 4), np.uint8)
        Image.fromarray(noise).save(name)

    def command(*words, picture="a.png"):
        options = ("--model", str(restyling_model), "--steps", "2", "--seed", "1")
        code = main(["restyle", picture, *words, *options])
        return code, capsys.readouterr().err, sorted(path.name for path in tmp_path.iterdir())

    return command


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture).copy()


def test_a_picture_in_a_style_is_named_after_both_and_says_how_it_was_painted(run):
    code, _, found = run("--style", "3d")
    assert (code, found) == (0, ["a-3d.png", "a.png", "b.png"])
    request = read_request(Path("a-3d.png"))
    assert (request.prompt, request.style, request.size) == ("", "3d", (16, 16))
    assert (request.content_weight, request.style_weight, request.seed) == (1.0, 1.0, 1)


def test_a_style_by_a_picture_with_words_and_weights(run):
    words = ("a red apple", "--content-weight", "0.5", "--style-weight", "2")
    assert run("--style", "b.png", *words)[2] == ["a-red-apple.png", "a.png", "b.png"]
    request = read_request(Path("a-red-apple.png"))
    assert (request.content_weight, request.style_weight, request.style) == (0.5, 2.0, None)


def test_a_restyling_again_with_its_settings_on_another_picture(run):
    run("--style", "3d", "--content-weight", "0.5", "-o", "c.png")
    assert run("--from", "c.png", "-o", "d.png")[0] == 0
    assert np.array_equal(pixels("c.png"), pixels("d.png"))
    assert run("--from", "c.png", "-o", "e.png", picture="b.png")[0] == 0
    assert not np.array_equal(pixels("c.png"), pixels("e.png"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "a style is missing: --style noto"),
        (["--style", "oil"], "style 'oil' is unknown: one of 3d is right, or a picture"),
        (["--style", "nowhere.png"], "nowhere.png is no picture that can be edited: No such file"),
        (["--style", "text.png"], "cannot identify"),
        (["--style", "wide.png"], "50000x2 is too large"),
        (["--style", "3d", "--content-weight", "-1"], "content_weight is -1.0: a number of 0 or"),
        (["--style", "3d", "--style-weight", "nan"], "style_weight is nan: a number of 0 or more"),
        (["--style", "3d", "--size", "17"], "size 17x17 does not fit this model"),
        (["--style", "3d", "--from", "a.png"], "holds no record of how it was painted"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_nothing_is_written(run, options, said):
    Image.new("1", (50_000, 2)).save("wide.png")
    Path("text.png").write_text("hello", encoding="utf-8")
    before = pixels("a.png")
    code, err, found = run(*options, "-o", "a.png", "--force")
    assert code == 2
    assert said in err
    assert err.count("\n") == 1
    assert found == ["a.png", "b.png", "text.png", "wide.png"]
    assert np.array_equal(pixels("a.png"), before)


@pytest.mark.parametrize(
    ("name", "said"), [("wide.png", "50000x2 is too large"), ("none.png", "No such file")]
)
def test_a_picture_that_is_none_or_too_wide(run, name, said):
    Image.new("1", (50_000, 2)).save("wide.png")
    code, err, _ = run("--style", "3d", picture=name)
    assert (code, err.count("\n")) == (2, 1)
    assert said in err


def test_a_model_without_what_restyles(run, tiny_model, capsys):
    assert main(["restyle", "a.png", "--style", "3d", "--model", str(tiny_model)]) == 2
    assert "no content branch, so it cannot restyle" in capsys.readouterr().err


def test_a_restyling_is_no_prompt_alone(run, restyling_model, capsys):
    run("--style", "3d", "-o", "c.png")
    assert main(["--from", "c.png", "--model", str(restyling_model)]) == 2
    assert "there is no content: limner restyle PICTURE" in capsys.readouterr().err


def test_every_field_of_a_request_is_an_option():
    options = set(inspect.signature(restyle.command).parameters)
    assert set(STORED) - set(fields_in(Group.EDITING)) <= options
