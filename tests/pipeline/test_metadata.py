"""Records in pictures: PNG, JPEG and WebP, Limner's own and A1111's, and what strangers send."""

from __future__ import annotations

import hashlib
import struct
import time
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import limner
from limner.cli.files import FORMATS, save_picture
from limner.errors import OutputError, RequestError
from limner.pipeline import Request, Result, embedded, metadata
from limner.pipeline.metadata import read_record, read_request, sheet_texts, texts

RED = Image.new("RGBA", (16, 16), "red")
INFOTEXT = "a cat 猫\nSteps: 4, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 16x16, Model: x"


@pytest.fixture(scope="module")
def painter(tiny_model: Path) -> limner.Painter:
    return limner.load(tiny_model, device="cpu")


@pytest.fixture(scope="module")
def pair(painter: limner.Painter) -> Result:
    return painter.generate("a rød apple", seed=5, count=2, negative="猫")


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_request_is_in_the_picture_and_paints_it_again(
    painter: limner.Painter, pair: Result, tmp_path: Path, suffix: str
) -> None:
    path = save_picture(pair.images[1], tmp_path / f"two{suffix}", texts(pair, 1))
    request = read_request(path)
    assert (request.seed, request.count, request.prompt) == (6, 1, "a rød apple")
    again = np.asarray(painter.paint(request).images[0]).astype(int)
    assert abs(again - np.asarray(pair.images[1])).max() <= 1


@pytest.mark.parametrize("suffix", FORMATS)
def test_the_infotext_is_read_where_limners_record_is_not(
    pair: Result, tmp_path: Path, suffix: str
) -> None:
    alone = {"parameters": texts(pair, 1)["parameters"]}
    record = read_record(save_picture(RED, tmp_path / f"a{suffix}", alone))
    unsaid = dict.fromkeys(("loras", "embeddings"))  # by an infotext
    asked = replace(pair.request.alone(1), **unsaid)
    assert record.request.to_json() == asked.to_json()
    assert record.others == {"Version": f"Limner {limner.__version__}"}


def test_a_sheet_holds_the_request_of_all(pair: Result, tmp_path: Path) -> None:
    path = save_picture(RED, tmp_path / "sheet.png", sheet_texts(pair))
    assert read_request(path).count == 2


def test_the_model_has_a_name_and_a_file_its_hash(pair: Result, tmp_path: Path) -> None:
    file = tmp_path / "some.model.safetensors"
    file.write_bytes(b"weights" * 1000)
    code = hashlib.sha256(b"weights" * 1000).hexdigest()[:10]
    assert f"Model hash: {code}, Model: some.model, " in texts(pair, 0, file)["parameters"]
    of_folder = texts(pair, 0, tmp_path)["parameters"]
    assert f"Model: {tmp_path.name}, " in of_folder
    assert "hash" not in of_folder


@pytest.mark.parametrize("text", ["a cat", "a rød cat", "a cat 猫"])
def test_png_chunks_are_read_in_latin_1_and_in_utf_8(tmp_path: Path, text: str) -> None:
    info = PngInfo()
    info.add_text("parameters", text)
    RED.save(tmp_path / "a.png", pnginfo=info)
    assert read_request(tmp_path / "a.png").prompt == text


@pytest.mark.parametrize("compressed", [False, True])
def test_compressed_chunks_are_read(tmp_path: Path, compressed: bool) -> None:
    info = PngInfo()
    info.add_itxt("parameters", INFOTEXT, zip=compressed)
    RED.save(tmp_path / "a.png", pnginfo=info)
    assert read_request(tmp_path / "a.png").prompt == "a cat 猫"


@pytest.mark.parametrize(
    "comment",
    [
        b"UNICODE\0" + INFOTEXT.encode("utf-16-be"),
        b"UNICODE\0" + INFOTEXT.encode("utf-16-le"),
        b"UNICODE\0" + INFOTEXT.encode("utf-16"),
        b"ASCII\0\0\0" + INFOTEXT.encode(),
        b"\0" * 8 + INFOTEXT.encode(),
    ],
)
@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_user_comments_in_every_encoding(tmp_path: Path, suffix: str, comment: bytes) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = comment
    RED.convert("RGB").save(tmp_path / f"a{suffix}", exif=exif)
    record = read_record(tmp_path / f"a{suffix}")
    assert (record.request.prompt, record.request.solver) == ("a cat 猫", "euler_ancestral")
    assert record.others == {"Model": "x"}


def test_a_picture_without_a_record(tmp_path: Path) -> None:
    for suffix in FORMATS:
        path = save_picture(RED, tmp_path / f"plain{suffix}")
        with pytest.raises(RequestError, match="holds no record"):
            read_request(path)


def test_a_prompt_that_no_jpeg_holds(tmp_path: Path) -> None:
    request = Request(prompt="x" * 9_000)
    long = {"limner": request.to_json(), "parameters": "x" * 70_000}
    with pytest.raises(OutputError, match=r"longer than a JPEG.*\.png holds it"):
        save_picture(RED, tmp_path / "a.jpg", long)
    assert list(tmp_path.iterdir()) == []
    for suffix in (".png", ".webp"):
        path = save_picture(RED, tmp_path / f"a{suffix}", long)
        assert read_request(path).prompt == request.prompt


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*chunks: bytes, size: tuple[int, int] = (16, 16)) -> bytes:
    """A PNG with the head of a grey picture of this size, some chunks, and no pixels worth it."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IDAT", b"none")


PARAMETERS = chunk(b"tEXt", b"parameters\0" + b"a cat")


BOMB = zlib.compress(b"a" * 2**26)


def test_pixels_are_not_decoded(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(PARAMETERS))
    assert read_request(tmp_path / "a.png").prompt == "a cat"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no readable picture"),
        (b"\x89PNG\r\n\x1a\n", "no readable picture"),
        (b"GIF89a" + b"\0" * 100, "no readable picture"),
        (png(PARAMETERS, size=(20_000, 20_000)), "no readable picture: .*pixels"),
        (png(PARAMETERS, size=(10_000, 10_000)), "no readable picture: .*pixels"),
        (png(chunk(b"tEXt", b"parameters\0" + b"a" * 2**19)), "longer than 262144"),
        (png(chunk(b"zTXt", b"parameters\0\0" + BOMB)), "no readable picture"),
        (png(chunk(b"tEXt", b"limner\0" + b"[" * 2**17)), "no request that Limner wrote"),
        (png(chunk(b"tEXt", b'limner\0{"prompt": 3}')), "no request that Limner wrote"),
    ],
)  # fmt: skip
def test_what_strangers_send_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.png").write_bytes(content)
    began = time.process_time()
    with pytest.raises(RequestError, match=message) as refusal:
        read_request(tmp_path / "a.png")
    assert len(str(refusal.value)) < 500
    assert time.process_time() - began < 2


def test_a_file_that_is_too_large_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(PARAMETERS))
    with path.open("r+b") as file:
        file.truncate(embedded.MAX_FILE + 1)  # a hole: it takes no room
    with pytest.raises(RequestError, match="larger than 268435456 bytes"):
        read_request(path)


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.png", tmp_path):
        with pytest.raises(RequestError, match="no readable picture"):
            read_request(path)


def test_an_infotext_that_lies_beside_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.TXT"
    path.write_text("\ufeff" + INFOTEXT, "utf-8")
    request = read_request(path)
    assert (request.prompt, request.steps, request.seed) == ("a cat 猫", 4, 5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b" \n", "holds no record"),
        (b"\xff\xfe\xff", "no readable text"),
        (b"a" * (embedded.MAX_TEXT + 1), "longer than 262144 characters"),
    ],
)
def test_a_text_that_is_no_infotext(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(RequestError, match=message):
        read_request(tmp_path / "a.txt")


@pytest.fixture(scope="module")
def whole(pair: Result, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """A good file of each format."""
    folder = tmp_path_factory.mktemp("whole")
    return [
        save_picture(pair.images[0], folder / f"a{suffix}", texts(pair, 0)).read_bytes()
        for suffix in (".png", ".jpg", ".webp")
    ]


@given(data=st.data())
@settings(max_examples=50)
def test_broken_files_are_read_or_refused(
    whole: list[bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(data.draw(st.sampled_from(whole)))
    for place in data.draw(st.lists(st.integers(0, min(len(content), 900) - 1), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "broken"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        request = metadata.read_request(path)
    except RequestError:
        return
    assert isinstance(request, Request)
