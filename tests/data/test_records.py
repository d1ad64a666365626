from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from limner.data.records import PictureSet, Record
from limner.errors import DataError


def record(picture: int, concept: str, style: str = "", held_out: bool = False) -> Record:
    return Record(
        picture=picture,
        concept=concept,
        style=style,
        names=(concept, "ünïcode"),
        keywords=("x",),
        held_out=held_out,
    )


@pytest.fixture
def four() -> PictureSet:
    return PictureSet(
        pictures=torch.arange(4, dtype=torch.uint8).reshape(4, 1, 1, 1).expand(4, 4, 2, 2) * 85,
        records=(
            record(0, "cat", "3d"),
            record(1, "cat", "noto", held_out=True),
            record(2, "dog", "3d"),
            record(3, "dog", held_out=True),
        ),
        skipped=("owl (noto): broken",),
    )


def test_views(four: PictureSet) -> None:
    assert len(four) == 4
    assert four.size == 2
    assert four.concepts == ("cat", "dog")
    assert four.styles == ("3d", "noto")
    assert [row.picture for row in four.seen.records] == [0, 2]
    assert [row.picture for row in four.held_out.records] == [1, 3]


def test_a_subset_shares_the_pictures_and_counts_its_own_records(four: PictureSet) -> None:
    dogs = four.select(lambda row: row.concept == "dog")
    assert dogs.pictures is four.pictures
    assert dogs.picture_indices().tolist() == [2, 3]
    assert dogs.picture_indices([1]).tolist() == [3]
    assert dogs.to_float([1, 0])[:, 0, 0, 0].tolist() == pytest.approx([1.0, 1 / 3])
    assert dogs.skipped == four.skipped


def test_save_and_load(four: PictureSet, tmp_path: Path) -> None:
    four.save(tmp_path / "new" / "set")
    loaded = PictureSet.load(tmp_path / "new" / "set")
    assert loaded.records == four.records
    assert loaded.skipped == four.skipped
    assert torch.equal(loaded.pictures, four.pictures)
    names = {path.name for path in (tmp_path / "new" / "set").iterdir()}
    assert names == {"pictures.npy", "records.json"}


def test_a_saved_subset_holds_only_its_own_pictures(four: PictureSet, tmp_path: Path) -> None:
    four.held_out.save(tmp_path)
    loaded = PictureSet.load(tmp_path)
    assert [row.concept for row in loaded.records] == ["cat", "dog"]
    assert [row.picture for row in loaded.records] == [0, 1]
    assert loaded.pictures[:, 0, 0, 0].tolist() == [85, 255]


@pytest.mark.parametrize("name", ["pictures.npy", "records.json"])
def test_missing_and_broken_files(four: PictureSet, tmp_path: Path, name: str) -> None:
    four.save(tmp_path)
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="no readable picture set"):
        PictureSet.load(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match="no readable picture set"):
        PictureSet.load(tmp_path)


def test_records_that_do_not_fit_the_pictures(four: PictureSet, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="picture 4, the set has 4"):
        PictureSet(pictures=four.pictures, records=(record(4, "cat"),))
    four.save(tmp_path)
    written = json.loads((tmp_path / "records.json").read_text())
    written["records"][0]["picture"] = -1
    (tmp_path / "records.json").write_text(json.dumps(written))
    with pytest.raises(DataError, match="index of 0 or more"):
        PictureSet.load(tmp_path)


def test_a_record_needs_a_concept_or_a_caption() -> None:
    with pytest.raises(DataError, match="neither concept nor caption"):
        Record(picture=0, concept="")
    assert Record(picture=0, concept="", captions=("a view",)).captions == ("a view",)
