"""`--open`: the system's viewer, or a line that says that there is none."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from limner.cli import main, viewer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="openers are programs on the path")


def opener(folder: Path, script: str, name: str = viewer.OPENERS[0]) -> None:
    """A program that opens pictures, alone on the path."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all of the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


def test_the_opener_is_given_the_whole_path(path: Path, tmp_path: Path) -> None:
    opener(path, f'echo "$1" > {tmp_path}/seen')
    assert viewer.show(Path("a b.png"))
    assert (tmp_path / "seen").read_text().strip() == str(tmp_path / "a b.png")


def test_without_an_opener_or_with_one_that_fails(path: Path) -> None:
    assert not viewer.show(Path("a.png"))
    opener(path, "exit 3")
    assert not viewer.show(Path("a.png"))


def test_a_viewer_that_stays_is_not_waited_for(path: Path, monkeypatch) -> None:
    monkeypatch.setattr(viewer, "PATIENCE", 0.2)
    opener(path, "exec /bin/sleep 2")
    began = time.monotonic()
    assert viewer.show(Path("a.png"))
    assert time.monotonic() - began < 1.9


def test_the_command_opens_the_first_or_says_that_nothing_does(
    path: Path, tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("a cat", "-n", "2", "--steps", "1", "--open", "--model", str(tiny_model))
    assert main(list(words)) == 0
    said = capsys.readouterr()
    assert said.out.split() == ["a-cat.png", "a-cat-2.png"]
    assert "no viewer was found here that opens a-cat.png" in said.err
    opener(path, f'echo "$1" >> {tmp_path}/seen')
    assert main(list(words)) == 0
    assert "viewer" not in capsys.readouterr().err
    assert (tmp_path / "seen").read_text().split() == [str(tmp_path / "a-cat-3.png")]
