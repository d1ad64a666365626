"""What is said where: very names on standard output, and no picture lost for what nobody hears."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from limner.cli import main, progress, streams
from limner.errors import OutputError

FULL = Path("/dev/full")
full = pytest.mark.skipif(not FULL.exists(), reason="needs a file that is always full")
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "OMP_NUM_THREADS": "1"}


def python(source: str, *, shell: str = "", cwd: Path) -> subprocess.CompletedProcess[bytes]:
    """Some lines of Python in a process of their own, led as a shell's words say."""
    line = f'exec "$0" -c "$1" {shell}'
    words = ["sh", "-c", line, sys.executable, source]
    return subprocess.run(words, cwd=cwd, capture_output=True, timeout=60)


@full
def test_a_full_standard_error_loses_no_picture(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with FULL.open("w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        assert main(["a cat", "--steps", "1", "--model", str(tiny_model), "-o", "a.png"]) == 0
    with Image.open("a.png") as picture:
        assert picture.size == (16, 16)


def test_a_closed_standard_error_is_no_files_number(tmp_path: Path) -> None:
    source = (
        "from limner.cli import streams\n"
        "streams.prepare()\n"
        "with open('a', 'w') as file:\n"
        "    print(file.fileno() > 2)\n"
        "    streams.say('unheard')\n"
    )
    done = python(source, shell="2>&- 0<&-", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"True\n")
    assert (tmp_path / "a").read_bytes() == b""


@full
def test_a_full_standard_output_is_told(tmp_path: Path) -> None:
    source = (
        "from limner.cli import streams\n"
        "from limner.errors import OutputError\n"
        "try:\n"
        "    streams.tell('a.png')\n"
        "except OutputError as error:\n"
        "    streams.say(error)\n"
    )
    done = python(source, shell=">/dev/full", cwd=tmp_path)
    said = b"standard output cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (0, said)


def test_a_program_that_takes_text_alone_is_told_text() -> None:
    taken = io.StringIO()
    with contextlib.redirect_stdout(taken):
        streams.tell(Path("猫.png"))
        streams.tell("a cat")
    assert taken.getvalue() == "猫.png\na cat\n"


def test_a_name_is_told_byte_for_byte(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for name in (b"caf\xe9.png", "猫.png".encode(), b"a\nb.png"):
        streams.tell(Path(os.fsdecode(name)))
        assert capfdbinary.readouterr().out == name + b"\n"


@pytest.mark.skipif(sys.platform != "linux", reason="a locale of ASCII alone")
def test_an_ascii_locale_paints_any_prompt_into_any_name(tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "Bücher 猫"
    folder.mkdir()
    words = ["ein Äpfelchen 猫", "--steps", "1", "--model", str(tiny_model), "-o", f"{folder}/"]
    done = subprocess.run(
        [sys.executable, "-m", "limner", *words],
        capture_output=True, env={**os.environ, **ASCII}, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    path = folder / "ein-äpfelchen-猫.png"
    assert done.stdout == f"{path}\n".encode()
    with Image.open(path) as picture:
        assert picture.text["parameters"].startswith("ein Äpfelchen 猫")


def test_a_dash_writes_the_picture_to_standard_output(
    tiny_model: Path, tmp_path: Path, monkeypatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["a cat", "--steps", "1", "--seed", "3", "--model", str(tiny_model)]
    assert main([*words, "-o", "-"]) == 0
    said = capfdbinary.readouterr()
    with Image.open(io.BytesIO(said.out)) as picture:
        assert "Seed: 3" in picture.text["parameters"]
    assert b"seed 3" in said.err
    assert list(tmp_path.iterdir()) == []
    assert main([*words, "-o", "-", "-n", "2"]) == 2
    assert b"--grid makes them one" in capfdbinary.readouterr().err
    assert main(["explain", *words, "-o", "-"]) == 2
    assert main([*words, "-o", "-", "--open"]) == 2
    assert capfdbinary.readouterr().out == b""


@pytest.mark.parametrize(
    "words",
    [
        ["a cat", "-o", ""],
        ["a cat", "-o", " "],
        ["a cat", "--model", ""],
        ["a cat", "--embedding="],
        ["a cat", "--lora", ""],
        ["edit", "", "a cat"],
        ["inspect", ""],
        ["convert", "a", ""],
        ["finetune", "--data", "", "-o", "run"],
        ["train", "emoji-unet", "-o", ""],
        ["data", "shards", "", "-o", "shards"],
        ["text", "similarity", "a", "b", "-o", ""],
        ["batch", "a.txt", "--out", ""],
    ],
)
def test_an_empty_name_is_none(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "is right" in said or "write FILE" in said


def test_a_name_too_long_costs_no_painting(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["a cat", "-o", f"{'x' * 300}.png", "--model", "nowhere"]) == 1
    assert "is too long a name: -o gives another" in capsys.readouterr().err
    for words in (["a cat", "--model", "x" * 300], ["inspect", "x" * 300]):
        assert main(words) in (1, 2)
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "unexpected" not in said


def test_progress_is_a_plain_line_now_and_then(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with progress.progress_bar("painting") as report:
        report(1, 3)
        monkeypatch.setattr(progress, "EVERY", 0.0)
        report(2, 3)
        report(2, None)
        monkeypatch.setattr(progress, "EVERY", 60.0)
        report(2, None)
        report(3, 3)
    assert capfd.readouterr() == ("", "painting: 2 of 3\npainting: 2\npainting: 3 of 3\n")
    for how in ({"quiet": True}, {"lines": False}):
        with progress.progress_bar("painting", **how) as report:
            report(3, 3)
    assert capfd.readouterr() == ("", "")


@full
def test_what_cannot_be_written_is_an_error_of_limner(monkeypatch: pytest.MonkeyPatch) -> None:
    with FULL.open("w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        with pytest.raises(OutputError, match="No space left"):
            streams.write(b"a")
