"""Text files are UTF-8, whatever the locale: no call of the package leaves it to the machine."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

import limner

SOURCE = Path(limner.__file__).parent
CALLS = {"read_text", "write_text", "open", "fdopen", "TextIOWrapper", "NamedTemporaryFile"}
OTHERS = {"os", "Image", "gopen", "tarfile", "gzip", "zipfile"}  # their `open` is of no text file


def unsaid(source: str) -> Iterator[int]:
    """The lines of a module's source on which a text file's encoding is left to the locale."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        function, given = node.func, {keyword.arg for keyword in node.keywords}
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        owner = function.value if isinstance(function, ast.Attribute) else None
        of_others = isinstance(owner, ast.Name) and owner.id in OTHERS and name == "open"
        strings = [a.value for a in node.args if isinstance(a, ast.Constant)]
        binary = any(isinstance(s, str) and set(s) <= set("rwxab+") and "b" in s for s in strings)
        said = "encoding" in given or bool({"utf-8", "utf-8-sig"} & set(strings))
        if name in CALLS and not of_others and not binary and not said:
            yield node.lineno
        if name in ("run", "Popen") and {"text", "universal_newlines"} & given:
            yield node.lineno


@pytest.mark.parametrize(
    "path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE))
)
def test_every_text_file_has_its_encoding(path: Path) -> None:
    assert list(unsaid(path.read_text(encoding="utf-8"))) == []


def test_what_is_left_to_the_locale_is_found() -> None:
    source = """
path.read_text()
path.write_text(text, encoding="utf-8"), path.read_text("utf-8")
open(path)
path.open("rb")
open(path, "w")
subprocess.run(words, text=True)
Image.open(path)
"""
    assert list(unsaid(source)) == [2, 4, 6, 7]


IN_ANOTHER_LOCALE = """
import sys
from pathlib import Path
from limner.checkpoints.folder import read_json, write_json
from limner.data.folder import load_folder
from limner.data.records import PictureSet
here = Path(sys.argv[1])
found = load_folder(here, size=4)
found.save(here / "set")
again = PictureSet.load(here / "set")
write_json(here / "caption.json", {"caption": again.records[0].captions[0]})
assert read_json(here / "caption.json")["caption"] == found.records[0].captions[0]
"""


def test_captions_are_the_same_in_another_locale(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("ein Bär, 熊, 🐻", encoding="utf-8")
    places = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", IN_ANOTHER_LOCALE, str(tmp_path)], env=places, check=True)
    text = (tmp_path / "caption.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"caption": "ein Bär, 熊, 🐻"}
