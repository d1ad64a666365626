"""Who may use the server: keys of a file, each with a name for its owner."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from pathlib import Path

from limner.errors import UsageError

LEAST = 16  # characters of a key
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
EVERYBODY = "local"  # the owner of all jobs where no keys are asked for
COOKIE = "limner-key"


class Keys:
    """The owners by their keys, of which digests alone are kept."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._owners = {_digest(key): owner for owner, key in keys.items()}

    @classmethod
    def read(cls, path: Path) -> Keys:
        """Those of a file with a line `name:key` each; `#` begins a comment.

        Raises UsageError for a file that cannot be read, and for keys that could be guessed.
        """
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"the keys in {path} cannot be read: {error}") from None
        keys: dict[str, str] = {}
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            name, colon, key = line.strip().partition(":")
            if not colon or not NAME.fullmatch(name) or name in keys:
                raise UsageError(
                    f"{path}, line {number}: write name:key, each name once, of letters, digits, "
                    "dots, dashes and underscores"
                )
            if len(key) < LEAST or not key.isascii() or not key.isprintable():
                raise UsageError(
                    f"{path}, line {number}: a key of at least {LEAST} ASCII characters is right"
                )
            keys[name] = key
        if not keys:
            raise UsageError(f"{path} holds no key: write a line name:key")
        return cls(keys)

    def owner(self, key: str) -> str | None:
        """Whose key it is; every key is compared, in a time that says nothing of them."""
        asked, found = _digest(key), None
        for digest, owner in self._owners.items():
            if hmac.compare_digest(digest, asked):
                found = owner
        return found


def presented(authorization: str | None, cookie: str | None) -> str | None:
    """The key of an `Authorization` header, Bearer or the password of Basic, or of a cookie."""
    scheme, _, value = (authorization or "").strip().partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer" and value:
        return value
    if scheme.lower() == "basic" and value:
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, ValueError):
            return None
    return cookie or None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()
