"""Hostile and broken files: one clear error, at once, with little memory, and nothing is run."""

import json
import os
import pickle
import struct
import time
import tracemalloc

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save, save_file

from limner.checkpoints.header import MOST_TENSORS, read_header
from limner.checkpoints.reader import open_weights
from limner.errors import CheckpointError

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([1, 2]), "c": torch.ones(())}


def written(path, header, data=b""):
    """A file of a header, as JSON or as bytes, and what follows it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def entry(dtype="F32", shape=(1,), offsets=(0, 4)):
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def many(count):
    claims = (
        b'"%d":{"dtype":"F32","shape":[1],"data_offsets":[%d,%d]}' % (i, 4 * i, 4 * i + 4)
        for i in range(count)
    )
    return b"{" + b",".join(claims) + b"}"


@pytest.mark.parametrize(
    ("header", "data", "message"),
    [
        ({"a": entry()}, b"123", "not fully covered"),
        ({"a": entry()}, b"12345", "not fully covered"),
        ({"a": entry(), "b": entry()}, b"1234", "invalid offset for tensor"),
        (
            {"a": entry(offsets=(0, 4)), "b": entry(offsets=(8, 12))},
            b"0" * 12,
            "invalid offset for tensor `b`",
        ),
        ({"a": entry(offsets=(4, 8))}, b"0" * 8, "invalid offset for tensor `a`"),
        ({"a": entry(shape=(2,))}, b"1234", "invalid shape"),
        ({"a": entry(offsets=(4, 0))}, b"1234", "invalid offset for tensor `a`"),
        ({"a": entry(offsets=(0, 4, 4))}, b"1234", "invalid length 3"),
        ({"a": entry(shape=(-1, -1))}, b"1234", "integer `-1`"),
        ({"a": entry(shape=(True,))}, b"1234", "boolean `true`"),
        ({"a": entry(shape=(1.0,))}, b"1234", "floating point"),
        ({"a": entry(shape=(1,) * 9)}, b"1234", "has 9 dimensions"),
        ({"a": entry(shape=(2**63,), offsets=(0, 2**65))}, b"", "floating point"),
        ({"a": entry(shape=(2**40,), offsets=(0, 2**42))}, b"", "not fully covered"),
        ({"a": entry(dtype="F128")}, b"1234", "unknown variant `F128`, expected one of"),
        ({"a": entry("F4", (2,), (0, 1))}, b"1", "dtype F4; known are F64"),
        ({"a": entry(dtype=["F32"])}, b"1234", "invalid type: sequence"),
        ({"a": 3}, b"", "invalid type: integer `3`"),
        ({"a\n\x1b[2Jé": entry(offsets=(4, 8))}, b"0" * 8, r"`a\\n\\x1b\[2J\\xe9`"),
        ({"a\ud800": entry()}, b"1234", "hex escape"),
        ({"__metadata__": {"a": 1}}, b"", "expected a string"),
        ({"__metadata__": []}, b"", "expected a map"),
        (b'{"a":%b,"a":%b}' % ((json.dumps(entry()).encode(),) * 2), b"1234", "twice"),
        (b'{"a":NaN}', b"", "invalid JSON"),
        (b'{"a":' + b"1" * 5000 + b"}", b"", "out of range"),
        (b'{"a":"\xff"}', b"", "invalid UTF-8"),
        (b"{" + b'"a":[' * 100_000, b"", "invalid JSON"),
        (b'{"a":[' + b"[]," * 2_000_000 + b"[]]}", b"", "invalid type: sequence"),
        (b'{"a":[' + b'"",' * 2_500_000 + b'""]}', b"", "unknown variant"),
        (b"{" + b" " * (9 << 20), b"", "says its header has 9,437,185 bytes"),
        (many(MOST_TENSORS + 1), b"", f"has {MOST_TENSORS + 1:,} tensors"),
        (many(1_000_000), b"0" * 4_000_000, "says its header has"),
    ],
)
def test_a_hostile_header_is_refused_at_once_and_in_bounded_memory(tmp_path, header, data, message):
    path = written(tmp_path / "x.safetensors", header, data)
    began = time.process_time()
    with pytest.raises(CheckpointError, match=message) as raised:
        read_header(path)
    assert time.process_time() - began < 2
    assert len(str(raised.value).splitlines()) == 1
    tracemalloc.start()
    with pytest.raises(CheckpointError):
        read_header(path)
    assert tracemalloc.get_traced_memory()[1] < 256 << 20
    tracemalloc.stop()


def test_as_many_tensors_as_are_allowed_take_no_two_seconds(tmp_path):
    path = written(tmp_path / "x", many(MOST_TENSORS), b"0" * 4 * MOST_TENSORS)
    began = time.process_time()
    assert len(read_header(path).entries) == MOST_TENSORS
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    "header",
    [
        b' \n{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  ',
        b'{"__metadata__":null,"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
    ],
)
def test_headers_of_other_programs(tmp_path, header):
    path = written(tmp_path / "x", header, struct.pack("<f", 2.5))
    assert read_header(path).metadata == {}
    assert open_weights(path).get("a").tolist() == [2.5]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "broken or cut short"),
        (b"12345678", "broken or cut short"),
        (struct.pack("<Q", 2**63) + b"{}", "says its header has 9,223,372,036,854,775,808 bytes"),
        (struct.pack("<Q", 100) + b"{}", "should have 100 bytes"),
        (b"GGUF\x03\x00\x00\x00 and more", "is a GGUF file"),
        (b"version https://git-lfs.github.com/spec/v1", "is a Git LFS pointer"),
        (b"<!DOCTYPE html><html>not found", "is a web page"),
    ],
)
def test_what_is_no_safetensors_file_is_named(tmp_path, content, message):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        read_header(path)


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_renamed_pickle_is_refused_and_not_run(tmp_path, monkeypatch, zipped):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "model.safetensors"
    if zipped:
        torch.save({"a": torch.ones(1), "bomb": Bomb()}, path)
    else:
        path.write_bytes(pickle.dumps({"bomb": Bomb()}))
    with pytest.raises(CheckpointError, match=r"is a .*pickle.*can run code.*--from-pickle"):
        read_header(path)
    assert not (tmp_path / "exploded").exists()


def test_the_name_of_a_file_does_not_matter(tmp_path):
    save_file(TENSORS, tmp_path / "model.ckpt", metadata={"format": "pt"})
    header = read_header(tmp_path / "model.ckpt")
    assert {name: (e.dtype, e.shape) for name, e in header.entries.items()} == {
        name: (tensor.dtype, tuple(tensor.shape)) for name, tensor in TENSORS.items()
    }
    assert header.metadata == {"format": "pt"}


def test_what_is_no_file(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(CheckpointError, match="is missing, or no file"):
            read_header(path)
    os.mkfifo(tmp_path / "pipe")  # opening one waits for ever
    with pytest.raises(CheckpointError, match="is missing, or no file"):
        read_header(tmp_path / "pipe")


WHOLE = save(TENSORS, metadata={"format": "pt"})
FUZZ = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_all(path):
    """Every tensor; anything but CheckpointError or a whole reading fails the test."""
    try:
        weights = open_weights(path)
        return {name: weights.get(name, torch.float32) for name in weights.entries}
    except CheckpointError:
        return None


@FUZZ
@given(
    edits=st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=6),
    end=st.integers(0, len(WHOLE)) | st.just(len(WHOLE)),
)
def test_changed_bytes_are_read_or_refused(tmp_path, edits, end):
    content = bytearray(WHOLE)
    for place, byte in edits:
        content[place] = byte
    (tmp_path / "fuzz").write_bytes(content[:end])
    read_all(tmp_path / "fuzz")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
FIELD = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F32", "BF16", "I64", "BOOL", "F8_E4M3"]) | JSON,
        "shape": st.lists(st.integers(0, 5), max_size=3) | JSON,
        "data_offsets": st.lists(st.integers(0, 40), min_size=2, max_size=2) | JSON,
    }
)


@FUZZ
@given(
    header=st.dictionaries(st.text(max_size=8) | st.just("__metadata__"), FIELD | JSON) | JSON,
    data=st.binary(max_size=40),
)
def test_made_up_headers_are_read_or_refused(tmp_path, header, data):
    read_all(written(tmp_path / "fuzz", header, data))


@given(data=st.binary(max_size=200))
@FUZZ
def test_any_bytes_are_refused(tmp_path, data):
    (tmp_path / "fuzz").write_bytes(data)
    assert read_all(tmp_path / "fuzz") is None or data[8:10] == b"{}"
