"""The same grey ramp in eight bits, in sixteen and in floats."""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image


def ramp() -> Image.Image:
    """From black at the left to 254 at the right, (width, height) = (128, 16)."""
    return Image.fromarray(np.tile(np.arange(0, 256, 2, dtype=np.uint8), (16, 1)))


def deep_ramp(kind: str) -> Image.Image:
    """kind: "8 bits", "16 bits" or "float"."""
    values = np.asarray(ramp())
    return {
        "8 bits": ramp(),
        "16 bits": Image.fromarray(values.astype(np.uint16) * 257),
        "float": Image.fromarray(values.astype(np.float32) / 255),
    }[kind]


def save_ramp(folder: Path, kind: str) -> Path:
    path = folder / f"{kind}.{'tiff' if kind == 'float' else 'png'}"
    deep_ramp(kind).save(path)
    return path


def save_rgb16(path: Path) -> None:
    """A PNG of 16 bits a colour, as Pillow writes none: red is the ramp, blue its opposite."""
    red = np.asarray(ramp()).astype(np.uint16) * 257
    pixels = np.stack([red, np.zeros_like(red), 65535 - red], axis=-1).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    height, width = red.shape
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    data = b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)
