"""Pictures that come in: upright, in eight bits, and never too large."""

import struct
import zlib

import numpy as np
import pytest
from deep_pictures import ramp, save_ramp
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from limner.errors import RequestError
from limner.pipeline.metadata import read_record
from limner.pipeline.pictures import check_size, eight_bit, read_picture, resized


def header_alone(path, width, height):
    """A PNG that says that it is so large, and has no pixels."""

    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    packed = chunk(b"IDAT", zlib.compress(b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + packed + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("size", [(50_000, 10), (10, 50_000), (9000, 9000), (2**31 - 1, 2**31 - 1)])
def test_a_picture_that_is_too_large_is_told_from_its_header(tmp_path, size):
    path = header_alone(tmp_path / "bomb.png", *size)
    with pytest.raises(RequestError) as refusal:
        read_picture(path)
    assert "bomb.png is no picture that can be edited" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_sizes():
    check_size((16384, 4096))
    with pytest.raises(RequestError, match="50000x10 is too large: at most 16384 along a side"):
        check_size((50_000, 10))
    with pytest.raises(RequestError, match="67108864 pixels are right"):
        check_size((16384, 4097))


@pytest.mark.parametrize("content", [None, b"", b"hello", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture(tmp_path, content):
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RequestError, match=r"a\.png is no picture that can be edited: \w"):
        read_picture(path)


def test_a_cut_picture(tmp_path):
    path = tmp_path / "a.png"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(RequestError, match="truncated"):
        read_picture(path)


def test_a_photograph_is_read_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    Image.new("RGB", (8, 4), "red").save(tmp_path / "a.jpg", exif=exif)
    assert read_picture(tmp_path / "a.jpg").size == (4, 8)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("RGB", "RGB"), ("RGBA", "RGBA"), ("L", "RGB"), ("1", "RGB"), ("LA", "RGBA"), ("P", "RGB")],
)
def test_modes(mode, expected):
    picture = Image.new(mode, (4, 4), 1)
    assert eight_bit(picture).mode == expected


def test_a_palette_with_a_transparent_colour_is_transparent(tmp_path):
    picture = Image.new("P", (4, 4))
    picture.putpalette([255, 0, 0, 0, 255, 0])
    picture.save(tmp_path / "a.gif", transparency=0)
    assert eight_bit(read_picture(tmp_path / "a.gif")).getpixel((0, 0))[3] == 0


@pytest.mark.parametrize("kind", ["16 bits", "float"])
def test_deep_pictures_are_as_bright_as_they_were(kind, tmp_path):
    path = save_ramp(tmp_path, kind)
    grey = eight_bit(read_picture(path))
    assert grey.mode == "RGB"
    assert np.array_equal(np.asarray(grey)[..., 0], np.asarray(ramp()))


def test_a_range_that_nothing_tells_is_refused_in_words():
    with pytest.raises(RequestError, match=r"32-bit floats from 0 to 254.*: 0 to 1 are right, or"):
        eight_bit(ramp().convert("F"))


def test_transparent_pixels_lend_no_colour_when_resized():
    picture = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    picture.paste((0, 255, 0, 255), (4, 0, 8, 8))
    red = np.asarray(resized(picture, (4, 4)))[..., 0]
    assert red.max() == 0
    assert resized(picture, (8, 8)) is picture


BROKEN_EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\x05\xff\xff\xff\xff\xff\xff\xff"


def test_an_exif_block_that_cannot_be_read_is_left_aside(tmp_path):
    """Its pixels are sound; a record beside the block is read."""
    picture = Image.new("RGB", (16, 8), (200, 10, 10))
    picture.save(tmp_path / "a.jpg", exif=BROKEN_EXIF)
    assert read_picture(tmp_path / "a.jpg").size == (16, 8)
    said = PngInfo()
    said.add_text("parameters", "a cat\nSteps: 4, Seed: 3, Size: 16x16")
    picture.save(tmp_path / "a.png", exif=BROKEN_EXIF, pnginfo=said)
    assert read_record(tmp_path / "a.png").request.seed == 3
