"""No text, picture or JSON makes the readers raise anything but our errors, or take more memory
than its length allows."""

from __future__ import annotations

import copy
import json
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from records_of_programs import FOOOCUS, GRAPH, INVOKE, OLD_INVOKE, SWARM, node

from limner.errors import LimnerError, RequestError
from limner.pipeline import Request, infotext
from limner.pipeline.embedded import COMFY, PARAMETERS
from limner.pipeline.embedded import INVOKE as INVOKE_KEY
from limner.pipeline.lines import read_lines
from limner.pipeline.metadata import Record, read_record
from limner.pipeline.programs import read_json

RECORDS = (GRAPH, INVOKE, OLD_INVOKE, SWARM, FOOOCUS)
KEYWORDS = st.sampled_from(["limner", PARAMETERS, COMFY, INVOKE_KEY, "sd-metadata", "workflow"])
RED = Image.new("RGB", (4, 4), "red")
EVERY_SLOT_BUT = st.characters(exclude_categories=["Cs"], exclude_characters="\0")

NUMBERS = st.one_of(st.integers(), st.floats(), st.just(2**64 - 1), st.just(10**400))
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
LINKS = st.tuples(st.sampled_from(list(GRAPH)), st.integers(-1, 2)).map(list)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where there is something in a value, from the whole inwards."""
    yield path
    inside = dict(enumerate(value)) if isinstance(value, list) else value
    for key, held in inside.items() if isinstance(inside, dict) else ():
        yield from places(held, (*path, key))


@st.composite
def records(draw: st.DrawFn) -> Any:
    """A record of a program with other things in some places, or without them."""
    record = copy.deepcopy(draw(st.sampled_from(RECORDS)))
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from([path for path in places(record) if path] or [()]))
        if not path:
            break
        holder = record
        for key in path[:-1]:
            holder = holder[key]
        if draw(st.booleans()):
            holder[path[-1]] = draw(LINKS | JSON)
        else:
            del holder[path[-1]]
    return record


def taken(work: Callable[[], object]) -> bool:
    """Whether it is taken; else it is refused by an error of ours, of bearable length."""
    said = ""
    try:
        work()
    except LimnerError as error:
        said = str(error)
    assert len(said) < 1500
    return not said


@given(records())
@settings(max_examples=100)
def test_a_record_is_read_or_refused(record: Any) -> None:
    def read() -> None:
        said = read_json(json.dumps(record))
        assert said is not None
        assert isinstance(said.request, Request)
        assert all(isinstance(text, str) for text in said.others.values())

    taken(read)


@given(st.text(max_size=60) | JSON.map(json.dumps) | records().map(json.dumps), st.data())
@settings(max_examples=60)
def test_a_text_is_read_or_refused(text: str, data: st.DataObject) -> None:
    cut = text[: data.draw(st.integers(0, len(text)))]
    for each in (text, cut, f"a cat\nSteps: {text}, Sampler: {text}, Seed: {cut}, Version: {text}"):
        assert isinstance(infotext.parse(each).request, Request)
        taken(lambda each=each: read_json(each))
        taken(lambda each=each: Request.from_json(each))
        for line in read_lines([each.encode(errors="replace")]):
            assert not isinstance(line, Exception) or isinstance(line, RequestError)


def read_line(text: str) -> None:
    (line,) = read_lines([text.encode()])
    assert isinstance(line, RequestError)


DEEP: dict[str, tuple[Callable[[str], object], str]] = {
    "infotext": (infotext.parse, "a\nSteps: 20, Seed: 1, Size: 64x64, Regions: @"),
    "number": (read_line, '{"prompt": "a", "seed": @}'),
    "region": (read_line, '{"prompt": "a", "regions": [@]}'),
    "setting": (read_json, json.dumps(GRAPH).replace('"karras"', "@")),
    "name": (read_json, json.dumps(GRAPH).replace('"x.safetensors"', "@")),
}


@pytest.mark.parametrize("name", DEEP)
def test_what_is_nested_deep_is_read_or_refused(name: str) -> None:
    """Too deep to be read, or just not, and then too deep to be shown."""
    read, text = DEEP[name]
    limit = sys.getrecursionlimit()
    for depth in (*range(limit - 200, limit), 100 * limit):
        deep = text.replace("@", "[" * depth + "]" * depth)
        taken(lambda deep=deep: read(deep))


@given(st.data())
@settings(max_examples=50)
def test_a_picture_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    suffix = data.draw(st.sampled_from([".png", ".jpg", ".webp"]))
    path = tmp_path_factory.getbasetemp() / f"stranger{suffix}"
    texts = st.text(EVERY_SLOT_BUT, max_size=40) | records().map(json.dumps)
    info, exif = PngInfo(), Image.Exif()
    for keyword in data.draw(st.lists(KEYWORDS, max_size=3, unique=True)):
        info.add_itxt(keyword, data.draw(texts), zip=data.draw(st.booleans()))
    prefix = data.draw(st.sampled_from([b"", b"UNICODE\0", b"ASCII\0\0\0", b"\0" * 8, b"JIS\0"]))
    raw = data.draw(st.binary(max_size=40) | texts.map(str.encode))
    exif[0x0110] = "prompt:" + data.draw(texts)[:2000]
    for directory in (exif, exif.get_ifd(0x8769)):
        if data.draw(st.booleans()):
            directory[0x9286] = prefix + raw
            directory[0x927C] = data.draw(st.just(b"limner\0") | st.just(b"")) + raw
    RED.save(path, pnginfo=info, exif=exif)
    content = bytearray(path.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=3)):
        content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(len(content) // 2, len(content)))])
    taken(lambda: isinstance(read_record(path), Record))


def chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content).to_bytes(4, "big")
    return len(content).to_bytes(4, "big") + kind + content + check


def png(*chunks: bytes) -> bytes:
    head = chunk(b"IHDR", b"\0\0\0\4" * 2 + b"\x08\0\0\0\0")
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IDAT", b"none")


N = 2**16
BOMB = zlib.compress(b"[" * 2**26)
ROUND = {str(i): node("A", positive=[str((i + 1) % 200), 0]) for i in range(200)}
TEXTS = {
    "deep": '{"a":' * N,
    "lists": '{"a":' + "[" * N,
    "digits": '{"seed": ' + "9" * N + "}",
    "keys": json.dumps({f"k{i}": i for i in range(9000)}),
    "round": json.dumps({**ROUND, "s": node("KSampler", positive=["0", 0], latent_image=["0", 0])}),
    "wide": json.dumps({"s": node("SaveImage", **{f"i{i}": ["s", 0] for i in range(5000)})}),
    "samplers": json.dumps({str(i): GRAPH["3"] for i in range(400)}),
    "parameters": "a\n" + "Steps: 1, " * 6000,
    "negatives": "Negative prompt:\n" * 4000,
    "quotes": 'a\nSteps: "' + '\\"' * N,
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("keyword", [PARAMETERS, COMFY])
def test_memory_grows_with_the_length_alone(tmp_path: Path, name: str, keyword: str) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(chunk(b"tEXt", keyword.encode() + b"\0" + TEXTS[name].encode())))
    assert peak(lambda: taken(lambda: read_record(path))) < 2**24 + 100 * len(TEXTS[name])


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt"])
def test_a_text_that_is_packed_is_not_unpacked_beyond_its_bound(
    tmp_path: Path, kind: bytes
) -> None:
    path = tmp_path / "a.png"
    head = b"prompt\0\0" if kind == b"zTXt" else b"prompt\0\1\0\0\0"
    path.write_bytes(png(*[chunk(kind, head + BOMB)] * 20))
    assert peak(lambda: taken(lambda: read_record(path))) < 2**25


def peak(work: Callable[[], object]) -> int:
    """The most bytes that some work holds at once."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
