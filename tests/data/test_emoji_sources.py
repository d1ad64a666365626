from __future__ import annotations

import re
from pathlib import Path

import pytest

from limner.data import emoji_sources as sources
from limner.errors import DataError


def test_archives_are_named_as_npm_names_them() -> None:
    assert sources.BITMAPS.archive == "lobehub-fluent-emoji-3d-1.1.0.tgz"
    assert sources.WORDS.archive == "emojibase-data-17.0.0.tgz"
    assert sources.STYLES == ("3d", "flat", "twemoji", "noto", "blob", "emojione")


def emoji(concept: str, code: str = "0") -> sources.Emoji:
    return sources.Emoji(concept=concept, names=(concept,), keywords=(), group="", code=code)


@pytest.mark.parametrize(
    ("concept", "icon"),
    [
        ("red apple", "red-apple"),
        ("piñata", "pinata"),
        ("woman's hat", "womans-hat"),
        ("family: man, woman, boy", "family-man-woman-boy"),
        ("cricket", "cricket-insect"),
    ],
)
def test_icon_names(concept: str, icon: str) -> None:
    assert emoji(concept).icon == icon


def test_the_code_goes_before_the_name() -> None:
    icons = sources.IconSet(
        icons={"up": {"body": "<named/>"}, "up-mark": {"body": "<coded/>", "height": 4}},
        aliases={},
        characters={"1f199": "up-mark"},
        width=8,
        height=8,
    )
    coded = icons.svg(emoji("up", "1f199"), 16)
    assert coded is not None
    assert "<coded/>" in coded
    assert 'viewBox="0 0 8 4" width="16" height="16"' in coded
    named = icons.svg(emoji("up", "1f19a"), 16)
    assert named is not None
    assert "<named/>" in named
    assert icons.svg(emoji("down"), 16) is None


def test_variation_selectors_are_dropped() -> None:
    assert sources.without_selector("2764-FE0F-200D-1F525") == "2764-200d-1f525"


def test_words_are_safe_in_a_prompt(packages: Path) -> None:
    assert sources._plain("A button (blood type)") == "a button blood type"
    assert sources._plain("Japanese “here” button") == "japanese here button"
    assert [row.concept for row in sources.read_emoji(packages)][1] == "red apple"


def test_a_missing_package_is_named_with_the_way_to_get_it(packages: Path) -> None:
    (packages / sources.WORDS.archive).unlink()
    with pytest.raises(DataError, match=re.escape("npm pack emojibase-data@17.0.0")):
        sources.read_emoji(packages)


def test_a_broken_package_is_named(packages: Path) -> None:
    path = packages / sources.BITMAPS.archive
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DataError, match=sources.BITMAPS.archive):
        sources.read_bitmaps(packages)


def test_a_package_of_something_else(packages: Path) -> None:
    with pytest.raises(DataError, match="holds no file"):
        sources.read_archive(packages, sources.WORDS, "nothing")


def test_without_npm_both_ways_out_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match=r"install Node\.js.*--packages"):
        sources.fetch(tmp_path)


def test_a_failing_npm_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho no such package >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(DataError, match=r"fluent-emoji-3d@1\.1\.0: no such package"):
        sources.fetch(tmp_path)


def test_every_package_is_fetched_by_name_and_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools, target = tmp_path / "tools", tmp_path / "target"
    tools.mkdir()
    target.mkdir()
    npm = tools / "npm"
    # What `npm pack @scope/name@1.0 --silent` does, with an empty archive.
    npm.write_text('#!/bin/sh\ntouch "$(echo "$2" | sed "s/^@//; s/[@/]/-/g").tgz"\n')
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    sources.fetch(target)
    assert {path.name for path in target.iterdir()} == {row.archive for row in sources.PACKAGES}
