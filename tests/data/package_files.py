"""Archives as `npm pack` writes them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from limner.data import emoji_sources as sources


def write_package(folder: Path, package: sources.Package, files: dict[str, bytes]) -> None:
    with tarfile.open(folder / package.archive, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
