from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
import torch

from limner.data.emoji import (
    build_emoji,
    cache_folder,
    choose_held_out,
    default_folder,
    load_emoji,
)
from limner.data.records import PictureSet, Record
from limner.errors import DataError, UsageError


def by_cell(pictures: PictureSet) -> dict[tuple[str, str], torch.Tensor]:
    return {(row.concept, row.style): pictures.pictures[row.picture] for row in pictures.records}


@pytest.fixture
def built(packages: Path, tmp_path: Path) -> PictureSet:
    return build_emoji(tmp_path / "set", size=16, packages=packages, held_out=0.2)


def test_concepts_and_words(built: PictureSet) -> None:
    assert built.concepts == ("grinning face", "red apple", "keycap: #")
    apple = next(row for row in built.records if row.concept == "red apple")
    assert apple.keywords == ("pie", "apple", "fruit")
    assert apple.names == ("red apple",)
    assert apple.group == "food-drink"


def test_every_style_that_has_the_drawing(built: PictureSet) -> None:
    styles = {"3d", "flat", "twemoji", "noto", "blob", "emojione"}
    cells = set(by_cell(built))
    assert {style for concept, style in cells if concept == "red apple"} == styles
    assert {style for concept, style in cells if concept == "keycap: #"} == styles
    assert {style for concept, style in cells if concept == "grinning face"} == styles - {
        "3d",
        "noto",
    }


def test_a_broken_drawing_is_named(built: PictureSet) -> None:
    assert len(built.skipped) == 1
    assert built.skipped[0].startswith("grinning face (noto): ")


def test_pixels_are_premultiplied_and_aliases_mirrored(built: PictureSet) -> None:
    cells = by_cell(built)
    half_red = torch.tensor([128, 0, 0, 128], dtype=torch.uint8)
    assert torch.equal(cells["red apple", "3d"], half_red[:, None, None].expand(4, 16, 16))
    assert cells["red apple", "noto"][:, 8, 8].tolist() == [255, 0, 0, 255]
    smiley = cells["grinning face", "flat"]
    assert smiley[:, 8, 13].tolist() == [0, 0, 255, 255]
    assert smiley[:, 8, 2].tolist() == [0, 0, 0, 0]
    assert cells["keycap: #", "blob"][:, 8, 8].tolist() == [0, 255, 0, 255]


def test_saved_whole_with_its_held_out_cells(built: PictureSet, tmp_path: Path) -> None:
    loaded = PictureSet.load(tmp_path / "set")
    assert loaded.records == built.records
    assert loaded.skipped == built.skipped
    assert torch.equal(loaded.pictures, built.pictures)
    written = json.loads((tmp_path / "set" / "held_out.json").read_text())
    cells = [[row.concept, row.style] for row in built.held_out.records]
    assert written["seed"] == 0
    assert sorted(cells) == written["cells"]
    assert len(cells) == 3  # a fifth of 16 cells


def test_progress_counts_the_concepts(packages: Path, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    build_emoji(
        tmp_path / "set", size=8, packages=packages, progress=lambda *call: calls.append(call)
    )
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_default_place(packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMNER_CACHE", str(tmp_path / "cache"))
    with pytest.raises(DataError, match="limner data emoji --size 8"):
        load_emoji(8)
    built = build_emoji(size=8, packages=packages)
    assert load_emoji(8).records == built.records
    assert default_folder(8) == tmp_path / "cache" / "emoji-8"
    monkeypatch.delenv("LIMNER_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "limner"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "limner"


@pytest.mark.parametrize("wrong", [{"size": 0}, {"held_out": 1.0}, {"held_out": -0.1}])
def test_impossible_wishes(packages: Path, tmp_path: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        build_emoji(tmp_path / "set", packages=packages, **wrong)


def cells_of(counts: dict[str, int]) -> list[Record]:
    pairs = [(concept, f"style {n}") for concept, count in counts.items() for n in range(count)]
    return [
        Record(picture=index, concept=concept, style=style)
        for index, (concept, style) in enumerate(pairs)
    ]


def test_held_out_is_a_function_of_the_seed_and_the_cells() -> None:
    records = cells_of({f"concept {n}": 6 for n in range(50)})
    chosen = choose_held_out(records, 0.05, seed=3)
    assert len(chosen) == 15
    assert choose_held_out(records[::-1], 0.05, seed=3) == chosen
    assert choose_held_out(records, 0.05, seed=4) != chosen


def test_held_out_leaves_two_styles_to_learn_from() -> None:
    records = cells_of({"one": 1, "two": 2, "three": 3, "six": 6})
    chosen = Counter(concept for concept, _ in choose_held_out(records, 0.99, seed=0))
    assert chosen == {"three": 1, "six": 4}
