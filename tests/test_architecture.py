"""The way of a plain prompt is the one that docs/architecture.md lists."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import limner
from limner.cli import main

SOURCE = Path(limner.__file__).parent
PAGE = SOURCE.parents[1] / "docs" / "architecture.md"
ROW = re.compile(r"\| `((?:cli|pipeline|engine)/\w+\.py)` \| (.*?) \|")
MOST_FILES = 12


def listed() -> Iterator[tuple[str, str]]:
    """(file, function) of the page's list, in its order."""
    section = PAGE.read_text("utf-8").partition("## The way of a plain prompt")[2]
    for file, functions in ROW.findall(section.partition("## Where")[0]):
        yield from ((file, name) for name in re.findall(r"`([\w.]+)`", functions))


def followed(arguments: list[str]) -> list[tuple[str, str]]:
    """(file, function) of every function of Limner that a command enters, at its first time."""
    entered: dict[tuple[str, str], None] = {}

    def look(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            entered.setdefault((frame.f_code.co_filename, frame.f_code.co_qualname))

    sys.setprofile(look)
    try:
        assert main(arguments) == 0
    finally:
        sys.setprofile(None)
    own = [(Path(file), name) for file, name in entered if Path(file).is_relative_to(SOURCE)]
    return [(file.relative_to(SOURCE).as_posix(), name) for file, name in own]


def test_a_plain_prompt_goes_the_way_that_the_page_lists(tiny_model: Path, tmp_path: Path) -> None:
    arguments = ["a red apple", "--model", str(tiny_model), "--seed", "1", "--device", "cpu"]
    arguments += ["-o", str(tmp_path / "apple.png")]
    main(arguments)  # what is imported and made once is there
    entered = followed([*arguments, "--force"])
    places = [entered.index(each) for each in listed()]
    assert len(places) > 10
    assert places == sorted(places)
    assert len({file for file, _ in listed()}) <= MOST_FILES


def test_a_plain_prompt_meets_no_feature(tiny_model: Path, tmp_path: Path) -> None:
    arguments = [
        "a cat",
        "--model",
        str(tiny_model),
        "--device",
        "cpu",
        "-o",
        str(tmp_path / "a.png"),
    ]
    main(arguments)
    met = {file for file, _ in followed([*arguments, "--force"]) if "features/" in file}
    assert met <= {"pipeline/features/__init__.py"}
