from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from deep_pictures import ramp, save_ramp
from PIL import Image

from limner.data.captions import canonical
from limner.data.folder import load_folder, read_square
from limner.data.records import PictureSet
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


@pytest.mark.parametrize("kind", ["16 bits", "float"])
def test_deep_pictures_are_learned_as_bright_as_they_are(tmp_path: Path, kind: str) -> None:
    found = []
    for depth in (kind, "8 bits"):
        folder = tmp_path / f"with {depth}"
        folder.mkdir()
        save_ramp(folder, depth).with_suffix(".txt").write_text("a ramp")
        found.append(load_folder(folder, size=8).pictures)
    assert torch.equal(*found)


def test_a_picture_whose_range_nothing_tells_is_named(tmp_path: Path) -> None:
    ramp().convert("F").save(tmp_path / "a.tiff")
    ramp().save(tmp_path / "b.png")
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text("a ramp")
    found = load_folder(tmp_path, size=8)
    assert len(found) == 1
    assert "a.tiff: a picture of 32-bit floats from 0 to 254" in found.skipped[0]


def captioned(folder: Path, files: dict[str, bytes]) -> PictureSet:
    """A folder with pictures a.png and b.png, and these files of captions."""
    paint(folder / "a.png")
    paint(folder / "b.png")
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return load_folder(folder, size=4)


def captions(pictures: PictureSet) -> list[tuple[str, ...]]:
    return [record.captions for record in pictures.records]


SEPARATED = "one\u2028still one\x85still\x0b\x0c\x1c"  # `str.splitlines` makes six lines of it


def test_a_line_feed_alone_ends_a_caption(tmp_path: Path) -> None:
    texts = {"a.txt": f"{SEPARATED}!\r\ntwo\n".encode(), "b.txt": "\ufeffb".encode()}
    found = captioned(tmp_path, texts)
    assert captions(found) == [(f"{SEPARATED}!", "two"), ("b",)]


def test_a_line_feed_alone_ends_a_line_of_metadata(tmp_path: Path) -> None:
    rows = [
        {"file_name": "a.png", "text": "line\u2028sep"},
        {"file_name": "b.png", "text": "ok \x85 nel"},
    ]
    text = "\r\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    found = captioned(tmp_path, {"metadata.jsonl": text.encode()})
    assert captions(found) == [("line\u2028sep",), ("ok \x85 nel",)]
    assert found.skipped == ()


def test_a_caption_in_another_encoding_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    found = captioned(tmp_path, {"a.txt": "a cat".encode("utf-16"), "b.txt": b"ok"})
    assert captions(found) == [("ok",)]
    assert "a.png: its caption a.txt is no UTF-8 text" in found.skipped[0]


def test_captions_go_by_either_name_in_metadata(tmp_path: Path) -> None:
    rows = [
        {"file_name": "a.png", "caption": "first"},
        {"file_name": "b.png", "caption": "not this", "text": "second"},
    ]
    lines = "\n".join(map(json.dumps, rows))
    assert captions(captioned(tmp_path, {"metadata.jsonl": lines.encode()})) == [
        ("first",),
        ("second",),
    ]


def test_a_table_of_captions(tmp_path: Path) -> None:
    table = 'file_name,caption\na.png,"a wall, ""red""\nand wide"\nb.png,\n,nothing\n'
    found = captioned(tmp_path, {"metadata.csv": table.encode("utf-8-sig")})
    assert captions(found) == [('a wall, "red"\nand wide',)]
    assert found.skipped[0] == "b.png: it has no caption"
    assert len(found.skipped) == 2


def test_a_table_without_names_is_told_line_by_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"metadata\.csv line 2: not a line with file_name"):
        captioned(tmp_path, {"metadata.csv": b"image,text\na.png,wall\n"})


@pytest.mark.parametrize("name", ["a.TXT", "a.Txt", "a.caption", "a.CAPTION"])
def test_caption_files_by_their_other_endings(tmp_path: Path, name: str) -> None:
    assert captions(captioned(tmp_path, {name: b"a wall"})) == [("a wall",)]


def test_text_files_come_before_caption_files(tmp_path: Path) -> None:
    files = {"a.caption": b"not this", "a.txt": b"a wall"}
    assert captions(captioned(tmp_path, files)) == [("a wall",)]


def test_hidden_files_and_folders_are_left_out(tmp_path: Path) -> None:
    for path in (
        tmp_path / ".thumbnails" / "a.png",
        tmp_path / "deep" / ".git" / "a.png",
        tmp_path / "._a.png",
    ):
        paint(path)
        path.with_suffix(".txt").write_text("hidden")
    found = captioned(tmp_path, {"a.txt": b"seen", "b.txt": b"seen too"})
    assert captions(found) == [("seen",), ("seen too",)]
    assert found.skipped == ()


def test_a_folder_that_is_hidden_itself_can_be_named(tmp_path: Path) -> None:
    assert len(captioned(tmp_path / ".mine", {"a.txt": b"seen", "b.txt": b"seen"})) == 2
