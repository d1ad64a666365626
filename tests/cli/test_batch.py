"""`limner batch` on a tiny model: pictures, what is left as it is, and what fails."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from limner.cli import main
from limner.pipeline.metadata import read_request

LINES = '{"prompt": "a red apple", "seed": 7}\n\n# more\n{"prompt": "a blue cat", "name": "cat"}\n'


@pytest.fixture
def run(tiny_model, tmp_path, monkeypatch, capsys):
    """Runs the command on lines; gives exit code, output, errors, and the files in its folder."""
    monkeypatch.chdir(tmp_path)

    def command(lines, *words, file="lines.txt"):
        Path("lines.txt").write_text(lines, encoding="utf-8")
        fixed = ("--out", "out", "--steps", "2", "--model", str(tiny_model))
        code = main(["batch", file, *fixed, *words])
        said = capsys.readouterr()
        found = sorted(path.name for path in Path("out").iterdir()) if Path("out").is_dir() else []
        told = [line for line in said.err.splitlines() if not line.startswith("painting: ")]
        return code, said.out.split(), told, found

    return command


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture).astype(int)


def test_every_line_becomes_its_picture(run, tiny_model):
    code, out, err, found = run(LINES)
    assert (code, found) == (0, ["0001-a-red-apple.png", "cat.png"])
    assert out == ["out/0001-a-red-apple.png", "out/cat.png"]
    assert err == ["2 painted"]
    request = read_request(Path("out/0001-a-red-apple.png"))
    assert (request.prompt, request.seed, request.steps) == ("a red apple", 7, 2)
    alone = ["a red apple", "--seed", "7", "--steps", "2", "--model", str(tiny_model)]
    main([*alone, "-o", "alone.png"])
    assert np.abs(pixels("alone.png") - pixels(out[0])).max() <= 1


def test_run_again_it_leaves_what_is_there_and_paints_what_is_not(run):
    run(LINES)
    before = {path: path.read_bytes() for path in Path("out").iterdir()}
    Path("out/cat.png").unlink()
    code, out, err, _ = run(LINES)
    assert (code, out, err) == (0, ["out/cat.png"], ["1 painted, 1 painted before"])
    kept = Path("out/0001-a-red-apple.png")
    assert kept.read_bytes() == before[kept]
    assert run(LINES, "-q") == (0, [], [], sorted(path.name for path in before))


def test_of_several_pictures_of_a_line_the_missing_one_is_painted(run):
    lines = '{"prompt": "a cat", "seed": 3, "count": 3}\n'
    _, out, _, _ = run(lines)
    assert out == ["out/0001-a-cat.png", "out/0001-a-cat-2.png", "out/0001-a-cat-3.png"]
    old = Path(out[1]).read_bytes()
    Path(out[1]).unlink()
    assert run(lines)[1] == [out[1]]
    assert Path(out[1]).read_bytes() == old


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"steps": 3}, "painted with steps 2, not 3"),
        ({"seed": 8}, "painted with seed 7, not 8"),
        ({"prompt": "a blue apple"}, "painted with prompt 'a red apple', not 'a blue apple'"),
        ({"negative": "dog"}, "painted with negative '', not 'dog'"),
    ],
)
def test_another_picture_in_a_lines_place_is_told_and_kept(run, change, said):
    line = {"prompt": "a red apple", "seed": 7}
    run(json.dumps(line), "--pattern", "{index}")
    before = Path("out/0001.png").read_bytes()
    changed = json.dumps(line | change) + "\na cat"
    code, out, err, _ = run(changed, "--pattern", "{index}")
    assert (code, out) == (1, ["out/0002.png"])
    assert err[0] == (
        f"limner: line 1: out/0001.png is there already, {said}: --force paints it again, "
        "--out names another folder"
    )
    assert Path("out/0001.png").read_bytes() == before
    assert run(changed, "--pattern", "{index}", "--force")[0] == 0
    assert Path("out/0001.png").read_bytes() != before


def test_a_file_that_says_of_no_painting_is_kept(run):
    Path("out").mkdir()
    Path("out/cat.png").write_text("mine", encoding="utf-8")
    code, out, err, _ = run(LINES)
    assert (code, out) == (1, ["out/0001-a-red-apple.png"])
    assert "line 4: out/cat.png is there already, and says of no painting" in err[0]
    assert Path("out/cat.png").read_text(encoding="utf-8") == "mine"


def test_a_picture_of_another_model_is_no_picture_of_this_one(run, tiny_model, tmp_path):
    run(LINES)
    other = tmp_path / "other"
    other.symlink_to(tiny_model)
    (tmp_path / "copy").mkdir()
    for path in tiny_model.iterdir():
        (tmp_path / "copy" / path.name).symlink_to(path)
    assert run(LINES, "--model", str(other))[0] == 0
    code, _, err, _ = run(LINES, "--model", str(tmp_path / "copy"))
    assert code == 1
    assert f"painted by {tiny_model.name}" in err[0]


def test_lines_that_fail_are_told_and_the_others_painted(run):
    wrong = ['{"prompt": "a", "steps": 0}', "a (dog:1.5.2)", '{"prompt": "b", "size": [17, 16]}']
    code, out, err, found = run("\n".join(["a cat", *wrong, "a ghost"]))
    assert (code, len(out)) == (1, len(found))
    assert err[-1] == "2 painted, 3 failed"
    told = [line for line in err if line.startswith("limner: line")]
    assert [line[8:14] for line in told] == ["line 2", "line 3", "line 4"]
    assert "steps is 0: a whole number from 1 to 10000 is right" in told[0]
    assert "multiples of 4 are right" in told[2]
    assert [name[:4] for name in found] == ["0001", "0005"]


def test_standard_input(run, monkeypatch):
    monkeypatch.setattr(
        "sys.stdin", io.TextIOWrapper(io.BytesIO(b"a cat\na dog\n"), encoding="utf-8")
    )
    code, out, _, _ = run("", "--seed", "3", "--pattern", "{prompt}-{seed}.webp", file="-")
    assert (code, out) == (0, ["out/a-cat-3.webp", "out/a-dog-3.webp"])


@pytest.mark.parametrize(
    ("words", "file", "said"),
    [
        ([], "nowhere.txt", "nowhere.txt cannot be read: No such file or directory"),
        ([], ".", ". cannot be read: Is a directory"),
        (["--pattern", "{colour}"], "lines.txt", "{colour} is unknown"),
        (["--noise", "gpu"], "lines.txt", "noise 'gpu' is unknown"),
    ],
)
def test_what_is_wrong_with_the_whole_is_one_line(run, words, file, said):
    code, out, err, found = run("a cat\n", *words, file=file)
    assert (out, found) == ([], [])
    assert said in err[0]
    assert code == 2


def test_interrupted_it_keeps_what_is_done_and_goes_on(tiny_model, tmp_path):
    lines = "".join(f"a cat {n}\n" for n in range(400))
    (tmp_path / "lines.txt").write_text(lines)
    words = ("batch", "lines.txt", "--out", "out", "--steps", "20", "--model", str(tiny_model))
    process = subprocess.Popen(
        [sys.executable, "-m", "limner", *words], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=heed_interrupts,
    )  # fmt: skip
    try:
        while not list(tmp_path.glob("out/0002*.png")) and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, err
    assert "interrupted" in err
    done = sorted(tmp_path.glob("out/*"))
    assert 2 <= len(done) < 400
    assert [path.suffix for path in done] == [".png"] * len(done)
    assert all(read_request(path).steps == 20 for path in done)


def heed_interrupts():
    """A shell lets its background jobs ignore Ctrl-C, and a child would inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
