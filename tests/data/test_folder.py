from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from limner.data.captions import canonical
from limner.data.folder import load_folder, read_square
from limner.errors import DataError, UsageError


def paint(
    path: Path, colour: str | tuple[int, ...] = "red", size: tuple[int, int] = (6, 4)
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB" if isinstance(colour, str) else "RGBA", size, colour).save(path)


def test_text_files_beside_the_pictures(tmp_path: Path) -> None:
    paint(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("a red wall\n\na wall\n", encoding="utf-8")
    paint(tmp_path / "inner" / "b.JPG", "blue")
    (tmp_path / "inner" / "b.txt").write_text("blau für alle", encoding="utf-8")
    (tmp_path / "notes.md").write_text("not a picture")
    pictures = load_folder(tmp_path, size=3)
    assert [row.captions for row in pictures.records] == [
        ("a red wall", "a wall"),
        ("blau für alle",),
    ]
    assert pictures.pictures.shape == (2, 3, 3, 3)
    assert pictures.pictures[0, :, 1, 1].tolist() == [255, 0, 0]
    assert pictures.skipped == ()
    assert canonical(pictures.records[0]) == "a red wall"


def test_broken_pictures_and_empty_captions_are_named(tmp_path: Path) -> None:
    for name in ("good", "empty", "missing", "cut"):
        paint(tmp_path / f"{name}.png", size=(40, 40))
        (tmp_path / f"{name}.txt").write_text("a caption" if name != "empty" else " \n")
    (tmp_path / "missing.txt").unlink()
    whole = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "fake.png").write_text("no picture at all")
    (tmp_path / "fake.txt").write_text("a caption")
    pictures = load_folder(tmp_path, size=4)
    assert len(pictures) == len(pictures.pictures) == 1
    assert sorted(reason.split(":")[0] for reason in pictures.skipped) == [
        "cut.png",
        "empty.png",
        "fake.png",
        "missing.png",
    ]


def test_metadata_file(tmp_path: Path) -> None:
    paint(tmp_path / "deep" / "a.png")
    paint(tmp_path / "unlisted.png")
    lines = [
        json.dumps({"file_name": "deep/a.png", "text": "a red wall"}),
        json.dumps({"file_name": "gone.png", "text": "nothing"}),
        json.dumps({"file_name": "deep/a.png", "text": ""}),
        json.dumps({"text": "no file"}),
        "{broken",
        json.dumps(["a list"]),
        json.dumps({"file_name": "deep/a.png", "text": 7}),
        "",
    ]
    (tmp_path / "metadata.jsonl").write_text("\n".join(lines))
    pictures = load_folder(tmp_path, size=4)
    assert [row.captions for row in pictures.records] == [("a red wall",)]
    starts = [reason.split(":")[0] for reason in pictures.skipped]
    assert starts == [
        "gone.png",
        "deep/a.png",
        "metadata.jsonl line 4",
        "metadata.jsonl line 5",
        "metadata.jsonl line 6",
        "metadata.jsonl line 7",
    ]


def test_the_middle_square_is_kept_undistorted(tmp_path: Path) -> None:
    picture = Image.new("RGB", (12, 4), "black")
    picture.paste("white", (4, 0, 8, 4))
    picture.save(tmp_path / "wide.png")
    assert read_square(tmp_path / "wide.png", 4).tolist() == [[[255] * 4] * 4] * 3


def test_a_picture_lies_as_its_camera_says(tmp_path: Path) -> None:
    picture = Image.new("RGB", (4, 4), "black")
    picture.paste("white", (0, 0, 4, 2))
    exif = Image.Exif()
    exif[0x0112] = 3  # turned by half a turn
    picture.save(tmp_path / "turned.png", exif=exif)
    assert read_square(tmp_path / "turned.png", 4)[0, :, 0].tolist() == [0, 0, 255, 255]


def test_transparency_is_kept_or_laid_on_white(tmp_path: Path) -> None:
    paint(tmp_path / "a.png", (255, 0, 0, 51))
    (tmp_path / "a.txt").write_text("a veil")
    kept = load_folder(tmp_path, size=2, channels=4)
    assert kept.pictures[0, :, 0, 0].tolist() == [51, 0, 0, 51]
    laid = load_folder(tmp_path, size=2)
    assert laid.pictures[0, :, 0, 0].tolist() == [255, 204, 204]


def test_nothing_to_learn_from(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        load_folder(tmp_path / "none", size=4)
    with pytest.raises(DataError, match=r"no readable picture with a caption$"):
        load_folder(tmp_path, size=4)
    paint(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"the first was skipped: a\.png"):
        load_folder(tmp_path, size=4)
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(DataError, match="UTF-8"):
        load_folder(tmp_path, size=4)


@pytest.mark.parametrize("wrong", [{"size": 0}, {"size": 4, "channels": 2}])
def test_impossible_wishes(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        load_folder(tmp_path, **wrong)
