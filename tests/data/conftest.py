"""A tiny copy of the emoji packages: three drawings a set, in the layout that is published."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from package_files import write_package
from PIL import Image

from limner.data import emoji_sources as sources

SQUARE = '<path fill="{}" d="M0 0h{}v8H0z"/>'

EMOJI = [
    {
        "label": "red apple",
        "hexcode": "1F34E",
        "emoji": "🍎",
        "order": 2,
        "group": 4,
        "tags": ["pie"],
    },
    {"label": "Keycap: #", "hexcode": "0023-FE0F-20E3", "emoji": "#️⃣", "order": 3, "group": 8},
    {"label": "grinning face", "hexcode": "1F600", "emoji": "😀", "order": 1, "group": 0},
    {"label": "red hair", "hexcode": "1F9B0", "emoji": "🦰", "order": 4, "group": 2},
    {"label": "flag: Ghana", "hexcode": "1F1EC-1F1ED", "emoji": "🇬🇭", "order": 5, "group": 9},
    {"label": "regional indicator A", "hexcode": "1F1E6", "emoji": "🇦"},
]
GROUPS = {"0": "smileys-emotion", "2": "component", "4": "food-drink", "8": "symbols", "9": "flags"}
SPOKEN = {"🍎": {"default": ["apple", "fruit"], "tts": ["red apple"]}}


def webp(colour: tuple[int, int, int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGBA", (32, 32), colour).save(file, "WEBP", lossless=True)
    return file.getvalue()


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder of archives. The 3d apple is half transparent; the alias of the smiley is mirrored,
    and its drawing is blue on its left half only; noto's smiley is broken."""
    folder = tmp_path / "packages"
    folder.mkdir()
    icons = {
        "prefix": "tiny",
        "width": 8,
        "height": 8,
        "icons": {
            "red-apple": {"body": SQUARE.format("#f00", 8)},
            "smiley": {"body": SQUARE.format("#00f", 4)},
            "keycap-pound": {"body": SQUARE.format("#0f0", 8)},
            "keycap": {"body": SQUARE.format("#000", 8)},
        },
        "aliases": {"grinning-face": {"parent": "smiley", "hFlip": True}},
    }
    for package in sources.DRAWINGS:
        own = json.loads(json.dumps(icons))
        if package.style == "noto":
            own["icons"]["smiley"]["body"] = "<path"
        write_package(folder, package, {"icons.json": json.dumps(own).encode()})
    write_package(
        folder,
        sources.BITMAPS,
        {
            "assets/1f34e.webp": webp((255, 0, 0, 128)),
            "assets/0023-20e3.webp": webp((0, 9, 0, 255)),
        },
    )
    write_package(
        folder,
        sources.WORDS,
        {
            "en/data.json": json.dumps(EMOJI).encode(),
            "meta/groups.json": json.dumps({"groups": GROUPS}).encode(),
        },
    )
    spoken = {"annotations": {"annotations": SPOKEN}}
    write_package(
        folder,
        sources.ANNOTATIONS,
        {"annotations/en/annotations.json": json.dumps(spoken).encode()},
    )
    return folder
