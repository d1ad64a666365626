"""`limner explain`."""

import numpy as np
import pytest
from PIL import Image

from limner.cli import main

STEPS = ("--steps", "4", "--seed", "1")


@pytest.fixture
def run(tiny_model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: main(["explain", *words, "--model", str(tiny_model), *STEPS])


def picture(path):
    with Image.open(path) as file:
        return file.copy()


def test_a_sheet_and_the_raw_maps(run, tmp_path, capsys):
    assert run("a red apple", "-o", "sheet.png", "--stages", "2") == 0
    assert capsys.readouterr().out.split() == ["sheet.png", "sheet.npz"]
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size[0] > 4 * 192
        assert sheet.size[1] > 3 * 192
    with np.load(tmp_path / "sheet.npz") as file:
        maps = dict(file)
    assert {name.split("/")[1] for name in maps if name.startswith("maps")} == set("1234")
    (layer, *_) = [name for name in maps if name.startswith("maps/1/")]
    assert maps[layer].shape[:3] == (2, 1, 12)
    np.testing.assert_allclose(maps[layer].astype(float).sum(2), 1, atol=5e-3)
    assert maps["tokens/1/prompt"].shape == (12,)


def test_the_picture_is_that_of_paint(run, tmp_path, tiny_model):
    run("a red apple", "-o", "sheet.png", "--stages", "0", "--words", "apple")
    main(["a red apple", "-o", "plain.png", "--model", str(tiny_model), *STEPS])
    plain = picture("plain.png").convert("RGBA")
    on_white = Image.new("RGBA", plain.size, "white")
    on_white.alpha_composite(plain)
    scale = 192 // plain.size[0]
    corner = picture("sheet.png").crop((6, 6, 6 + 192, 6 + 192)).resize(plain.size, 0)
    assert scale == 12
    assert np.array_equal(np.asarray(corner), np.asarray(on_white.convert("RGB")))


def test_a_painted_picture_is_explained_with_its_settings(run, tiny_model, tmp_path):
    main(["a [red:blue:2] apple", "-o", "plain.png", "--model", str(tiny_model), *STEPS])
    assert main(["explain", "--from", "plain.png", "--model", str(tiny_model), "-o", "e.png"]) == 0
    with np.load("e.npz") as maps:
        assert {"1", "4"} <= {name.split("/")[1] for name in maps}


def test_nothing_is_overwritten(run, tmp_path, capsys):
    (tmp_path / "sheet.npz").write_text("mine")
    assert run("a red apple", "-o", "sheet.png") == 1
    assert "sheet.npz is there already" in capsys.readouterr().err
    assert (tmp_path / "sheet.npz").read_text() == "mine"
    assert not (tmp_path / "sheet.png").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--words", "dog"], "'dog' is not in the prompt: its tokens are a red apple"),
        (["--side", "prompt 2"], "has no word that could be shown"),
        (["--layers", "side"], "no layer begins with"),
        (["--stages", "-1"], "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_shown_is_one_line(run, tmp_path, capsys, options, said):
    assert run("a red apple", *options) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
