"""README's commands run from top to bottom, and what they make is no part of the checkout.

Each is given fewer steps than it has, and the files that a reader has are tiny models here.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from models_of_every_family import tiny_file
from safetensors.torch import save_file

from limner.cli import main
from limner.cli.main import dispatch
from limner.data.emoji import default_folder

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
LONG = ("data", "train", "evaluate")
NOT_HERE = ("scripts/test",)  # this is a part of it
FEWER = {
    "paint": "--steps 2", "edit": "--steps 2", "restyle": "--steps 2", "explain": "--steps 2",
    "grid": "--steps 1", "batch": "--steps 2", "upscale": "--steps 1",
    "finetune": "--steps 1 --batch 1", "train": "--steps 2 --batch 4",
    "serve": "--check",
    "evaluate": "--prompts 4 --held-out 4 --seeds 1 --judge-steps 2 --tasks 1",
}  # fmt: skip
FEW = {"emoji-clip": "--concepts 47", "emoji-unet": "--concepts 47"}  # the decoder too
SMALL = {"paint": "--size 64x64", "finetune": "--size 64"}  # of models that paint 512x512

pytestmark = pytest.mark.skipif(not README.exists(), reason="README is not installed")


def lines() -> Iterator[str]:
    """The commands of README: what is indented outside of fences."""
    text = re.sub(r"^```.*?^```$", "", README.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    for line in text.split("\n"):
        if line.startswith("    ") and re.match(r" {4}(limner|scripts/|printf|mkdir)", line):
            yield line.strip()


def command(line: str) -> tuple[str, list[str]] | None:
    """A line's command of Limner and its words; None for one of another program."""
    program, *words = shlex.split(line, comments=True)
    if program not in ("limner", "scripts/limner"):
        return None
    name, rest = ("--help", []) if words == ["--help"] else dispatch(words)
    return name, rest


def run(line: str) -> None:
    """Run a line as a shell would, in this folder."""
    found = command(line)
    if found is None:
        subprocess.run(["bash", "-c", line], check=True)
        return
    name, words = found
    target = None
    if ">" in words:
        place = words.index(">")
        words, target = words[:place], Path(words[place + 1])
    more = FEWER.get(name, "").split() + FEW.get(words[0] if words else "", "").split()
    if any(word.endswith(("model.safetensors", "sd15.safetensors")) for word in words):
        more += SMALL.get(name, "").split()
    out, said = io.BytesIO(), io.StringIO()
    stream = io.TextIOWrapper(out, encoding="utf-8")
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(said):
        code = main([name, *words, *more] if name != "--help" else [name])
        stream.flush()
    assert code == 0, f"{line}\n{said.getvalue()}"
    if target is not None:
        target.write_bytes(out.getvalue())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that README says a reader has."""
    place = tmp_path_factory.mktemp("readme")
    tensors = tiny_file("sd1")
    for name in ("model", "vae", "sd15"):
        save_file(tensors, place / f"{name}.safetensors")
    torch.save({"state_dict": tensors}, place / "old.ckpt")
    return place


def test_every_line_of_the_page_is_known() -> None:
    found = list(lines())
    assert len(found) > 40
    for line in found:
        words = shlex.split(line, comments=True)
        assert command(line) or words[0] in ("printf", "mkdir", *NOT_HERE), line


def test_the_quick_commands_and_the_python(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for line in lines():
        found = command(line)
        if line.split()[0] not in NOT_HERE and (found is None or found[0] not in LONG):
            run(line)
    (python,) = re.findall(r"^```python\n(.*?)^```$", README.read_text("utf-8"), re.DOTALL | re.M)
    exec(compile(python, str(README), "exec"), {})
    with (folder / "piped.png").open("rb") as file:
        assert file.read(8) == b"\x89PNG\r\n\x1a\n"
    assert not part_of_the_checkout(folder)


def part_of_the_checkout(folder: Path) -> set[str]:
    """What lies in a folder and would be new to git; nothing where this is no checkout."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return set()
    made = [path.name + ("/" if path.is_dir() else "") for path in folder.iterdir()]
    words = [git, "-C", str(ROOT), "check-ignore", "--no-index", *made]
    ignored = subprocess.run(words, capture_output=True, text=True).stdout.split("\n")
    return set(made) - set(ignored)


@pytest.mark.slow
def test_the_long_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of two steps each, on the real data: skipped where that cannot be built."""
    pytest.importorskip("resvg_py")
    monkeypatch.chdir(tmp_path)
    for line in lines():
        found = command(line)
        if found is None or found[0] not in LONG:
            continue
        if found[0] == "data":
            built = (default_folder(64) / "records.json").exists()
            if not built and main([found[0], *found[1]]):
                pytest.skip("the pictures cannot be fetched here")
        else:
            run(line)
