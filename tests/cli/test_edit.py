"""`limner edit`."""

import inspect
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from limner.cli import edit, main
from limner.errors import UsageError
from limner.pipeline.compound_kinds import sides_named
from limner.pipeline.fields import Group
from limner.pipeline.metadata import read_request
from limner.pipeline.statement import STORED, fields_in


@pytest.fixture
def run(tiny_model, tmp_path, monkeypatch, capsys):
    """Runs the command beside a picture a.png; gives exit code, errors, and the files there."""
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 4), np.uint8)
    Image.fromarray(noise).save("a.png")

    def command(*words, picture="a.png"):
        options = ("--model", str(tiny_model), "--steps", "2", "--seed", "1")
        code = main(["edit", picture, *words, *options])
        return code, capsys.readouterr().err, sorted(path.name for path in tmp_path.iterdir())

    return command


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture).copy()


def test_a_picture_becomes_another(run):
    code, _, found = run("a red apple", "--strength", "0.5")
    assert (code, found) == (0, ["a-red-apple.png", "a.png"])
    assert pixels("a-red-apple.png").shape == (16, 16, 4)
    request = read_request(Path("a-red-apple.png"))
    assert (request.strength, request.steps, request.size) == (0.5, 2, (16, 16))


@pytest.mark.parametrize("name", ["b.png", "b.webp"])
def test_outside_the_mask_the_file_has_the_same_bytes(run, name):
    assert run("a red apple", "--mask", "box:0,0,16,7", "-o", name)[0] == 0
    assert np.array_equal(pixels(name)[7:], pixels("a.png")[7:])
    assert not np.array_equal(pixels(name)[:7], pixels("a.png")[:7])


def test_a_mask_from_a_file_and_an_edit_again_with_its_settings(run, tiny_model):
    Image.new("1", (16, 16), 1).save("mask.png")
    run("a red apple", "--mask", "mask.png", "--feather", "2", "-o", "b.png")
    again = ["--from", "b.png", "--mask", "mask.png", "-o", "c.png", "--model", str(tiny_model)]
    assert main(["edit", "a.png", *again]) == 0
    assert np.array_equal(pixels("b.png"), pixels("c.png"))


def test_room_is_painted(run):
    assert run("a red apple", "--extend", "left=4, bottom=8", "-o", "b.png")[0] == 0
    assert pixels("b.png").shape == (24, 20, 4)
    assert np.array_equal(pixels("b.png")[:16, 4:], pixels("a.png"))


def test_the_picture_itself_is_written_over_by_force_alone(run):
    before = pixels("a.png")
    code, _, found = run("a red apple", "-o", "a.png")
    assert (code, found) == (0, ["a-2.png", "a.png"])
    assert np.array_equal(pixels("a.png"), before)
    assert run("a red apple", "-o", "a.png", "--force")[2] == ["a-2.png", "a.png"]
    assert np.array_equal(pixels("a.png"), pixels("a-2.png"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--strength", "1.5"], "strength is 1.5: a number from 0 to 1 is right"),
        (["--strength", "-1"], "strength is -1.0"),
        (["--mask", "nowhere.png"], "nowhere.png is no picture that can be edited: No such file"),
        (["--mask", "small.png"], "the mask is 8x8 and the picture 16x16"),
        (["--mask", "black.png"], "the mask is empty"),
        (["--mask", "box:0,0,99,1"], "leaves the picture"),
        (["--mask", "box:1"], "is unknown"),
        (["--extend", "left=-4"], "write pixels of left, top, right, bottom, as left=64,top=32"),
        (["--extend", "up=4"], "write pixels of left, top, right, bottom"),
        (["--extend", "left=0"], "not all of them 0"),
        (["--feather", "3"], "feather is for a mask or for extend"),
        (["--context", "0"], "context is 0.0"),
        (["--from", "a.png"], "holds no record of how it was painted"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_nothing_is_written(run, options, said):
    Image.new("L", (8, 8), 255).save("small.png")
    Image.new("L", (16, 16)).save("black.png")
    before = pixels("a.png")
    code, err, found = run("a red apple", *options, "-o", "a.png", "--force")
    assert code == 2
    assert said in err
    assert err.count("\n") == 1
    assert found == ["a.png", "black.png", "small.png"]
    assert np.array_equal(pixels("a.png"), before)


def test_a_picture_that_is_none_or_too_wide(run):
    Image.new("1", (50_000, 2)).save("wide.png")
    Path("text.png").write_text("hello", encoding="utf-8")
    for name, said in (("wide.png", "50000x2 is too large"), ("text.png", "cannot identify")):
        code, err, _ = run("a cat", picture=name)
        assert (code, err.count("\n")) == (2, 1)
        assert said in err


def test_a_painted_edit_is_no_prompt_alone(run, tiny_model, capsys):
    run("a red apple", "--strength", "0.5", "-o", "b.png")
    assert main(["--from", "b.png", "--model", str(tiny_model)]) == 2
    assert "strength is of edits, and there is no picture: limner edit" in capsys.readouterr().err


def test_every_field_of_a_request_is_an_option():
    assert set(STORED) - set(fields_in(Group.RESTYLING)) <= set(
        inspect.signature(edit.command).parameters
    )


def test_sides():
    assert sides_named("top=3, left=64") == (64, 3, 0, 0)
    for text in ("", "left", "left=", "left=1.5", "left:3"):
        with pytest.raises(UsageError, match="extend"):
            sides_named(text)
