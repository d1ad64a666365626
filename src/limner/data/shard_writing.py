"""Folders of captioned pictures as WebDataset shards."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from limner.data.caption_files import captioned_files
from limner.data.shards import PICTURES
from limner.errors import DataError, UsageError
from limner.files import whole_file

Files = tuple[str, bytes, bytes]


def write_shards(folder: Path, output: Path, *, each: int = 1000) -> tuple[int, tuple[str, ...]]:
    """Write the captioned pictures of a folder to shards of at most `each`, each file as it is.

    folder: as `folder.load_folder` reads it. output: a folder; the shards in it are called
    000000.tar and so on, and each appears whole or not at all. Returns how many pictures were
    written, and which were left out. DataError if there are none, or shards are there already.
    """
    if each < 1:
        raise UsageError(f"{each} pictures a shard: 1 or more is right")
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder of pictures")
    if any(output.glob("*.tar")):
        raise DataError(f"{output} holds shards already: name an empty folder")
    output.mkdir(parents=True, exist_ok=True)
    skipped: list[str] = []
    files = _files(folder, skipped)
    shards, written = 0, 0
    while some := list(islice(files, each)):
        with whole_file(output / f"{shards:06d}.tar") as path, tarfile.open(path, "w") as archive:
            for number, (suffix, picture, captions) in enumerate(some, start=written):
                _add(archive, f"{number:09d}{suffix}", picture)
                _add(archive, f"{number:09d}.txt", captions)
        shards, written = shards + 1, written + len(some)
    if not written:
        raise DataError(f"{folder} has no picture with a caption to write")
    return written, tuple(skipped)


def _files(folder: Path, skipped: list[str]) -> Iterator[Files]:
    """(suffix, picture, captions) of each captioned picture; the others into `skipped`."""
    for name, path, captions in captioned_files(folder, skipped):
        suffix, text = path.suffix.lower(), "\n".join(captions).strip()
        if suffix.removeprefix(".") not in PICTURES:
            skipped.append(f"{name}: shards take pictures of {', '.join(PICTURES)}")
        elif not text:
            skipped.append(f"{name}: it has no caption")
        else:
            try:
                yield suffix, path.read_bytes(), text.encode()
            except OSError as error:
                skipped.append(f"{name}: {error}")


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    # No owner and no time: the same folder makes the same bytes.
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))
