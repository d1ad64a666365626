"""`limner text`: nearest words, analogies, and the matrix, on the tiny model."""

from __future__ import annotations

import json
import shutil

import pytest
import torch
from PIL import Image

import limner
from limner.checkpoints import ModelFolder
from limner.cli import main
from limner.data.pixels import from_picture
from limner.models.clip import TextTower, VisionTower, VisionTowerConfig


@pytest.fixture
def run(tiny_model, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*words, model=tiny_model):
        code = main(["text", *words, "--model", str(model)])
        shown = capsys.readouterr()
        assert code == 0, shown.err
        return shown.out

    return run


@pytest.fixture
def with_pictures(tiny_model, tmp_path):
    """The tiny model with a projection and an image tower of the same space."""
    from dataclasses import replace

    shutil.copytree(tiny_model, tmp_path / "clip")
    folder = ModelFolder(tmp_path / "clip")
    text = replace(folder.config("text_encoder"), projection_width=20)
    folder.save(TextTower(text))
    vision = VisionTowerConfig(
        image_size=16, patch=8, channels=4, width=16, layers=1, heads=2, mlp_width=16,
        projection_width=20,
    )  # fmt: skip
    folder.save(VisionTower(vision))
    return folder


def test_nearest(run, tiny_model):
    found = json.loads(run("nearest", "red apple", "--json"))
    assert {row["text"] for row in found} == {"blue cat", "3d", "fruit"}
    painter = limner.load(tiny_model)
    query, other = painter.encode(["red apple", found[0]["text"]]).pooled
    alike = torch.cosine_similarity(query, other, dim=0)
    assert found[0]["cosine"] == pytest.approx(float(alike), abs=1e-5)
    assert found == sorted(found, key=lambda row: -row["cosine"])
    lines = run("nearest", "red apple", "-n", "1").splitlines()
    assert lines == [f"{found[0]['cosine']:6.3f}  {found[0]['text']}"]


def test_nearest_among_other_words(run):
    found = json.loads(run("nearest", "cat", "--among", "cat, dog,,fox", "--json"))
    assert {row["text"] for row in found} == {"dog", "fox"}


def test_a_word_of_the_lexicon_is_what_it_means(run, tiny_model, tmp_path):
    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "model" / "lexicon.json").write_text('{"feline": "blue cat"}')
    words = ("similarity", "a feline", "a blue cat", "--json")
    for model, same in ((tmp_path / "model", True), (tiny_model, False)):
        cosine = json.loads(run(*words, model=model))["cosines"][0][1]
        assert (cosine == pytest.approx(1)) is same


def test_an_analogy_leaves_out_what_was_asked(run):
    found = json.loads(run("analogy", "red apple", "red", "blue cat", "--json"))
    assert {row["text"] for row in found} == {"3d", "fruit"}


def test_the_matrix_as_a_table_and_as_a_picture(run):
    shown = json.loads(run("similarity", "a cat", "a dog", "--json"))
    matrix = torch.tensor(shown["cosines"])
    torch.testing.assert_close(matrix, matrix.T)
    torch.testing.assert_close(matrix.diagonal(), torch.ones(2))
    lines = run("similarity", "a cat", "a dog", "-o", "matrix.png").splitlines()
    assert lines[1].split() == ["1", "a", "cat", "1.000", f"{matrix[0, 1]:.3f}"]
    assert lines[-1] == "matrix.png"
    with Image.open("matrix.png") as picture:
        assert picture.size > (128, 80)


def test_pictures_in_the_matrix(run, with_pictures):
    Image.new("RGBA", (24, 16), (255, 0, 0, 128)).save("red.png")
    words = ("similarity", "a cat", "--picture", "red.png", "--json")
    shown = json.loads(run(*words, model=with_pictures.path))
    assert shown["names"] == ["a cat", "red.png"]
    square = from_picture(Image.new("RGBA", (16, 16), (255, 0, 0, 128)))
    picture = with_pictures.load("image_encoder")(square[None]).projected[0].detach()
    text = limner.load(with_pictures.path).encode(["a cat"]).pooled[0]
    alike = torch.cosine_similarity(text, picture, dim=0)
    assert shown["cosines"][0][1] == pytest.approx(float(alike), abs=1e-5)


def test_published_towers_say_how_pixels_are_normalised(run, with_pictures):
    Image.new("RGB", (16, 16), (51, 102, 153)).save("blue.png")
    mean, spread = [0.5, 0.4, 0.3, 0.9], [0.2, 0.3, 0.4, 0.1]
    place = with_pictures.path / "feature_extractor"
    place.mkdir()
    file = place / "preprocessor_config.json"
    file.write_text(json.dumps({"image_mean": mean, "image_std": spread}))
    words = ("similarity", "a cat", "--picture", "blue.png", "--json")
    shown = json.loads(run(*words, model=with_pictures.path))
    normal = (torch.tensor([0.2, 0.4, 0.6, 1.0]) - torch.tensor(mean)) / torch.tensor(spread)
    pixels = normal.view(1, 4, 1, 1).expand(1, 4, 16, 16)
    picture = with_pictures.load("image_encoder")(pixels).projected[0].detach()
    text = limner.load(with_pictures.path).encode(["a cat"]).pooled[0]
    alike = torch.cosine_similarity(text, picture, dim=0)
    assert shown["cosines"][0][1] == pytest.approx(float(alike), abs=1e-5)
    file.write_text("{}")
    assert main(["text", *words, "--model", str(with_pictures.path)]) == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nearest", "cat", "--among", ","], 2, "--among has no words"),
        (["nearest", "cat", "-n", "0"], 2, "greater than or equal to 1"),
        (["similarity", "cat", "--picture", "a.png"], 2, "has no image_encoder"),
        (["similarity", "cat", "-o", "matrix.gif"], 2, "a name that ends in .png"),
        (["analogy", "king", "man"], 2, "Missing argument"),
    ],
)
def test_what_cannot_be_asked_is_one_line(tiny_model, capsys, words, code, said):
    assert main(["text", *words, "--model", str(tiny_model)]) == code
    assert said in capsys.readouterr().err


def test_a_model_without_words_asks_for_some(tiny_model, tmp_path, capsys):
    shutil.copytree(tiny_model, tmp_path / "model")
    settings = tmp_path / "model" / "limner.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "words": None}))
    assert main(["text", "nearest", "cat", "--model", str(tmp_path / "model")]) == 2
    assert "--among cat,dog,... gives some" in capsys.readouterr().err


def test_pictures_of_another_space_and_no_pictures(tiny_model, with_pictures, tmp_path, capsys):
    words = ["text", "similarity", "cat", "--picture"]
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    assert main([*words, str(broken), "--model", str(with_pictures.path)]) == 1
    assert "broken.png is no readable picture" in capsys.readouterr().err
    shutil.rmtree(with_pictures.path / "text_encoder")
    shutil.copytree(tiny_model / "text_encoder", with_pictures.path / "text_encoder")
    Image.new("RGB", (8, 8)).save(broken)
    assert main([*words, str(broken), "--model", str(with_pictures.path)]) == 2
    assert "not in the space of its pictures (no projection and 20" in capsys.readouterr().err
