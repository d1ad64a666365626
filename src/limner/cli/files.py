"""Where pictures go: names made from prompts, numbers instead of overwriting, whole files only."""

from __future__ import annotations

import errno
import io
import itertools
import os
import re
import secrets
import sys
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from PIL.Image import Image

from limner.cli import streams
from limner.errors import OutputError, UsageError

LONGEST_NAME = 60  # characters: four bytes each, a number and a suffix still fit into 255 bytes
LONGEST_SHOWN = 100
MOST_NUMBERS = 1024  # of pictures of one name, for which its length leaves room

FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".png": ("PNG", {}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"lossless": True, "exact": True}),  # transparent pixels keep colours
}


def slug(prompt: str) -> str:
    """The words of a prompt as a file name: "A red apple, 3d" -> "a-red-apple-3d"."""
    text = unicodedata.normalize("NFC", prompt).casefold()
    names = sys.getfilesystemencoding()  # a letter that no name here can have is left out
    words = re.findall(r"\w+", text.encode(names, "ignore").decode(names))
    name = "-".join(words)
    if len(name) > LONGEST_NAME:
        name = name[: LONGEST_NAME + 1].rpartition("-")[0] or name[:LONGEST_NAME]
    return name or "picture"


def target_path(output: str | None, prompt: str) -> Path:
    """The file that was asked for: by name, as a folder, as - for standard output, or not at all.

    Raises UsageError for a name that is none, or is that of no format.
    """
    name = f"{slug(prompt)}.png"
    if output is None:
        return Path(name)
    if not output.strip() or "\0" in output:
        raise UsageError(f"-o {output!r} is no name: one as cat.png is right, or a folder")
    if output == str(streams.STANDARD):
        return streams.STANDARD
    if output.endswith(("/", os.sep)) or os.path.isdir(output):
        return Path(output) / name
    path = Path(output)
    if path.suffix == "":
        return path.with_name(f"{path.name}.png")
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"-o {output}: a name that ends in {', '.join(FORMATS)} is right")
    return path


def check_writable(path: Path) -> None:
    """Raise OutputError if no file can be made beside `path`, before any work is spent on it."""
    try:
        numbered(path, MOST_NUMBERS).exists()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise OutputError(f"{_shown(path)} is too long a name: -o gives another") from None
    if not path.parent.is_dir():
        raise OutputError(f"cannot write {path}: there is no folder {path.parent}; make it first")
    probe = _part(path)
    try:
        probe.open("xb").close()
    except OSError as error:
        raise OutputError(
            f"cannot write into {path.parent}: {error.strerror}; -o names another place"
        ) from error
    finally:
        with suppress(OSError):
            probe.unlink()


def check_folder(folder: Path) -> None:
    """Make a folder where there is none; OutputError if it cannot be written into."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {error.strerror}") from None
    check_writable(folder / "picture.png")


def numbered(path: Path, number: int) -> Path:
    """apple.png, apple-2.png, apple-3.png, ..."""
    return path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")


def save_picture(
    image: Image,
    path: Path,
    texts: Mapping[str, str] | None = None,
    *,
    first: int = 1,
    force: bool = False,
) -> Path:
    """Write a picture in the format of its name, whole or not at all, and return its path.

    texts: by keyword, what its metadata hold. A JPEG has no transparency: it is put on white. The
    name is `path` with the number `first`, or, unless `force`, with the next number that is free;
    for - the picture goes to standard output as a PNG. Raises OutputError.
    """
    if path == streams.STANDARD:
        data = io.BytesIO()
        _encode(image, data, ".png", texts or {})
        streams.write(data.getvalue())
        return path
    part = _part(path)
    try:
        with part.open("xb") as file:
            _encode(image, file, path.suffix.lower(), texts or {})
        return _claim(part, path, first, force)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def _encode(
    image: Image, file: IO[bytes] | io.BytesIO, suffix: str, texts: Mapping[str, str]
) -> None:
    """Write a picture in the format of a suffix."""
    from limner.data.pixels import flatten
    from limner.pipeline.embedded import save_options

    picture_format, options = FORMATS[suffix]
    if picture_format == "JPEG":
        image = flatten(image)
    image.save(file, format=picture_format, **options, **save_options(picture_format, texts))


def _claim(part: Path, path: Path, first: int, force: bool) -> Path:
    """Give a finished file its name. A hard link is never made over a file, even in a race."""
    for number in itertools.count(first):
        target = numbered(path, number)
        if force:
            return part.replace(target)
        try:
            os.link(part, target)
        except OSError:  # a file stands there, or the file system has no hard links
            if os.path.lexists(target):
                continue
            part.replace(target)
        return target
    raise AssertionError("unreachable: the numbers do not end")


def _shown(path: Path) -> str:
    """A path for an error, with its middle left out where it is long."""
    text = str(path)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_NAME]}...{text[-20:]}"


def _part(path: Path) -> Path:
    return path.parent / f".limner-{os.getpid()}-{secrets.token_hex(4)}.part"
