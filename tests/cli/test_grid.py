"""`limner grid`, and what all commands that paint share."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
import typer
from PIL import Image

import limner
from limner.cli import main
from limner.cli.options import ModelOptions, flattened
from limner.cli.request_options import RequestOptions, Without
from limner.pipeline.metadata import read_request

FAST = ("--steps", "2", "--seed", "3")


@pytest.fixture
def run(tiny_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: main(["grid", *words, "--model", str(tiny_model)])


def test_a_sheet_holds_every_cell_as_it_is_painted_alone(run, tiny_model, capsys):
    axes = ("--over", "guidance=1,2,4", "--over", "steps=1,2")
    assert run("a red apple", *axes, "--seed", "3", "-o", "sheet.webp") == 0
    assert run("a red apple", *axes, "--seed", "3", "-o", "sheet.png") == 0
    assert capsys.readouterr().out.split() == ["sheet.webp", "sheet.png"]
    with Image.open("sheet.png") as file:
        sheet = np.asarray(file)
    painter = limner.load(tiny_model)
    corners = set()
    for steps in (1, 2):
        for guidance in (1, 2, 4):
            alone = painter.generate("a red apple", seed=3, steps=steps, guidance=float(guidance))
            corners.add(place_of(alone.images[0], sheet))
    xs, ys = ({corner[axis] for corner in corners} for axis in (0, 1))
    assert (len(corners), len(xs), len(ys)) == (6, 3, 2)


def place_of(picture: Image.Image, sheet: np.ndarray) -> tuple[int, int]:
    """Where a picture stands on a sheet, enlarged 8 times on a checkerboard of as many pixels."""
    from limner.evaluate.sheet import contact_sheet

    alone = np.asarray(contact_sheet([picture], columns=1, scale=8))[6:-6, 6:-6]
    height, width = alone.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(sheet, alone.shape)[:, :, 0]
    first = (sheet[: 1 - height, : 1 - width] == alone[0, 0]).all(-1)
    places = [(x, y) for y, x in np.argwhere(first) if np.array_equal(windows[y, x], alone)]
    assert len(places) == 1
    return places[0]


def test_the_sheet_says_its_first_request_and_what_varies(run):
    assert run("a red apple", "--over", "word:red=blue,red", *FAST, "-o", "sheet.png") == 0
    first = read_request(Path("sheet.png"))
    assert (first.prompt, first.seed, first.steps) == ("a blue apple", 3, 2)
    with Image.open("sheet.png") as file:
        assert json.loads(file.text["limner-grid"]) == {"word:red": ["blue", "red"]}
    assert run("--from", "sheet.png", "--over", "seed=1,2", "-o", "again.png") == 0
    assert read_request(Path("again.png")).prompt == "a blue apple"


def test_prompts_as_an_axis_need_no_other_prompt(run):
    assert run("--over", 'prompt="a red apple, 3d","a blue cat"', *FAST) == 0
    assert read_request(Path("a-red-apple-3d-grid.png")).prompt == "a red apple, 3d"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Missing option '--over'"),
        (["--over", "guidence=1"], "'guidence' cannot be an axis: one of prompt"),
        (["--over", "seed=0..500"], "more than 400 values"),
        (["--over", "weight:dog=1"], "'dog' is not in the prompt 'a red apple'"),
        (["--over", "size=16,17"], "multiples of 4 are right"),
        (["--over", "seed=1", "--over", "eta=1", "--over", "steps=1"], "3 axes"),
        (["--over", "seed=1", "-n", "2"], "No such option: -n"),
    ],
)
def test_what_cannot_be_a_sheet_is_one_line(run, tmp_path, capsys, options, said):
    assert run("a red apple", *options) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_options_are_taken_apart_in_their_place():
    seen = []

    @flattened
    def command(
        first: Annotated[str, typer.Argument()],
        *,
        options: Annotated[RequestOptions, Without("count")],
        between: bool = False,
        painted_by: ModelOptions,
    ) -> None:
        seen.append((first, options, between, painted_by))

    names = list(inspect.signature(command).parameters)
    assert names[:3] == ["first", "negative", "dialect"]
    assert names.index("variation_strength") < names.index("between") < names.index("model")
    assert "count" not in names
    app = typer.Typer(add_completion=False)
    app.command()(command)
    line = ["x", "--seed", "0", "--lora", "a:1", "--lora", "b"]
    typer.main.get_command(app).main(line, standalone_mode=False)
    painted_by = ModelOptions(loras=["a:1", "b"], embeddings=seen[0][3].embeddings)
    assert seen == [("x", RequestOptions(given={"seed": 0}), False, painted_by)]


def test_two_things_are_painted_over_settings_as_limner_paints_them(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ("grid", "a cat left of a dog, 3d", "--over", "steps=1,2", "--seed", "3")
    assert main([*words, "-o", "sheet.png"]) == 0
    assert "read as: a cat left of a dog, 3d" in capsys.readouterr().err
    with Image.open("sheet.png") as sheet:
        assert sheet.width > 2 * 128
    prompts = ('prompt="a cat left of a dog, 3d","a cat, 3d"', "steps=1")
    assert main(["grid", "--over", prompts[0], "--over", prompts[1], "-o", "prompts.png"]) == 0
    assert "read as: a cat left of a dog, 3d" in capsys.readouterr().err
