"""Names, numbers and files of the pictures, and the options of `limner paint`."""

from __future__ import annotations

import inspect
import os
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from limner.cli import files, paint, progress, words
from limner.errors import OutputError, UsageError
from limner.pipeline.fields import Group
from limner.pipeline.statement import STORED, fields_in

OF_EDITS, OF_RESTYLING = fields_in(Group.EDITING), fields_in(Group.RESTYLING)
RED, BLUE = (Image.new("RGBA", (2, 2), colour) for colour in ("red", "blue"))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("A red apple, 3d", "a-red-apple-3d"),
        ("a cat/../../etc", "a-cat-etc"),
        ("ein Äpfelchen 🍎", "ein-äpfelchen"),
        ("cafe\u0301", "caf\u00e9"),
        ("?!", "picture"),
        ("", "picture"),
        ("word " * 40, "-".join(["word"] * 12)),
        ("x" * 100, "x" * 60),
    ],
)
def test_slug(prompt: str, name: str) -> None:
    assert files.slug(prompt) == name


@given(st.text())
def test_slug_is_always_a_file_name(prompt: str) -> None:
    name = f"{files.slug(prompt)}-1024.png"
    assert 0 < len(name.encode("utf-8")) <= 255
    assert not set(name) & {"/", "\\", "\0", ":"}
    assert not name.startswith((".", "-"))


def test_target_path(tmp_path: Path) -> None:
    assert files.target_path(None, "a cat") == Path("a-cat.png")
    assert files.target_path("x/cat.PNG", "a dog") == Path("x/cat.PNG")
    assert files.target_path("x/cat", "a dog") == Path("x/cat.png")
    assert files.target_path(str(tmp_path), "a dog") == tmp_path / "a-dog.png"
    assert files.target_path("new/", "a dog") == Path("new/a-dog.png")
    assert files.target_path("cat.JPG", "a dog") == Path("cat.JPG")
    with pytest.raises(UsageError, match=r"ends in \.png, \.jpg, \.jpeg, \.webp is right"):
        files.target_path("cat.gif", "a dog")


def test_existing_pictures_are_numbered_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "apple.png"
    assert files.save_picture(RED, path) == path
    assert files.save_picture(BLUE, path) == tmp_path / "apple-2.png"
    assert files.save_picture(BLUE, path) == tmp_path / "apple-3.png"
    assert names(tmp_path) == ["apple-2.png", "apple-3.png", "apple.png"]
    assert Image.open(path).getpixel((0, 0)) == (255, 0, 0, 255)


def test_force_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "apple.png"
    files.save_picture(RED, path)
    assert files.save_picture(BLUE, path, force=True) == path
    assert files.save_picture(BLUE, path, first=2, force=True) == tmp_path / "apple-2.png"
    assert names(tmp_path) == ["apple-2.png", "apple.png"]
    assert Image.open(path).getpixel((0, 0)) == (0, 0, 255, 255)


def test_dangling_link_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "apple.png"
    path.symlink_to(tmp_path / "nowhere")
    assert files.save_picture(RED, path) == tmp_path / "apple-2.png"
    assert path.is_symlink()


def test_picture_keeps_its_text(tmp_path: Path) -> None:
    written = files.save_picture(RED, tmp_path / "apple.png", {"limner": "Äpfel"})
    assert Image.open(written).text == {"limner": "Äpfel"}


def test_the_name_says_the_format(tmp_path: Path) -> None:
    """A JPEG has no transparency, so it is seen on white; a WebP keeps every pixel."""
    half = Image.new("RGBA", (8, 8), (255, 0, 0, 128))
    with Image.open(files.save_picture(half, tmp_path / "a.jpg")) as picture:
        assert (picture.format, picture.mode) == ("JPEG", "RGB")
        assert picture.getpixel((4, 4)) == pytest.approx((255, 127, 127), abs=2)
    with Image.open(files.save_picture(half, tmp_path / "a.WebP")) as picture:
        assert (picture.format, picture.mode) == ("WEBP", "RGBA")
        assert picture.tobytes() == half.tobytes()


def test_file_has_the_permissions_of_a_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    written = files.save_picture(RED, tmp_path / "apple.png")
    assert written.stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert written.stat().st_nlink == 1


class Interrupted(Image.Image):
    """A picture whose writing is interrupted halfway."""

    def save(self, fp: object, *args: object, **kwargs: object) -> None:
        fp.write(b"half")  # type: ignore[attr-defined]
        raise KeyboardInterrupt


def test_interrupted_writing_leaves_no_half_file(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        files.save_picture(Interrupted(), tmp_path / "apple.png")
    assert names(tmp_path) == []


def test_unwritable_output_is_found_before_painting(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no folder"):
        files.check_writable(tmp_path / "nowhere" / "apple.png")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="no folder"):
        files.check_writable(tmp_path / "file" / "apple.png")
    files.check_writable(tmp_path / "apple.png")
    assert names(tmp_path) == ["file"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write")
def test_folder_that_cannot_be_written_is_found_before_painting() -> None:
    with pytest.raises(OutputError, match="-o names another place"):
        files.check_writable(Path("/proc/self/apple.png"))


def test_failed_writing_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "apple.png").mkdir()
    with pytest.raises(OutputError, match=r"apple\.png"):
        files.save_picture(RED, tmp_path / "apple.png", force=True)
    assert names(tmp_path) == ["apple.png"]


def test_every_field_of_a_request_is_an_option() -> None:
    options = set(inspect.signature(paint.command).parameters)
    assert set(STORED) - {*OF_EDITS, *OF_RESTYLING} <= options
    assert options.isdisjoint({*OF_EDITS, *OF_RESTYLING})


def test_summary() -> None:
    assert paint.summary((7,), {"text": 0.1, "denoise": 2.0}) == "seed 7, 2.1 s"
    assert paint.summary((7, 8, 9), {"text": 1.0}) == "seed 7 to 9, 1.0 s"


@dataclass(frozen=True)
class Numbered:
    index: int
    total: int


def test_follow_reports_every_step_and_returns_the_result() -> None:
    def steps() -> Generator[Numbered, None, str]:
        yield from (Numbered(index, 3) for index in (1, 2, 3))
        return "done"

    seen: list[tuple[int, int]] = []
    assert progress.follow(steps(), lambda done, total: seen.append((done, total))) == "done"
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_words_are_searched_whatever_their_case() -> None:
    lines = words.listing(["red apple", "Pineapple", "cat"], ["3d"], "APPLE")
    assert lines == ["concept red apple", "concept Pineapple"]
    assert words.listing(["cat"], ["3d"], None) == ["style   3d", "concept cat"]


def test_unwritable_output_costs_no_painting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The output is looked at first: a model that is not there goes unnoticed."""
    from limner.cli import main

    target = os.path.join(tmp_path, "nowhere", "apple.png")
    assert main(["apple", "-o", target, "--model", str(tmp_path / "no-model")]) == 1
    assert "nowhere" in capsys.readouterr().err
