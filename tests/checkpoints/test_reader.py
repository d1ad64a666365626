"""Tensors out of files and into them."""

import json
import struct
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file, save_file

from limner.checkpoints.header import DTYPES, Entry
from limner.checkpoints.reader import open_weights
from limner.checkpoints.writer import write_weights
from limner.errors import OutputError

NATIVE = [dtype for dtype in DTYPES.values() if dtype not in (torch.complex64,)]


def entries(tensors):
    return {n: Entry(dtype=t.dtype, shape=tuple(t.shape)) for n, t in tensors.items()}


@pytest.fixture
def tensors():
    every = {str(dtype): torch.tensor([0.0, 1.0, 2.0]).to(dtype) for dtype in NATIVE}
    return {**every, "scalar": torch.tensor(3.0), "none": torch.empty(0, 4), "m": torch.randn(3, 5)}


def test_what_is_written_is_read_by_safetensors_and_here(tensors, tmp_path):
    path = tmp_path / "model"
    write_weights(path, entries(tensors), tensors.__getitem__, {"about": "äöü"})
    theirs = load_file(path)
    weights = open_weights(path)
    assert weights.metadata == {"about": "äöü"}
    assert weights.entries.keys() == theirs.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert weights.get(name).dtype == theirs[name].dtype == tensor.dtype
        assert torch.equal(weights.get(name).double(), tensor.double()), name
        assert torch.equal(theirs[name].double(), tensor.double()), name
        half = weights.get(name, torch.float16)
        assert torch.equal(half, tensor.to(torch.float16)), name
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


def test_what_is_read_outlives_the_file_and_can_be_written_to(tensors, tmp_path):
    save_file(tensors, tmp_path / "model")
    weights = open_weights(tmp_path / "model")
    matrix = weights.get("m")
    (tmp_path / "model").unlink()
    matrix.zero_()
    assert matrix.sum() == 0


def test_tensors_that_lie_at_odd_bytes(tmp_path):
    first, second = torch.tensor([7], dtype=torch.uint8), torch.randn(4)
    header = {
        "a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
        "b": {"dtype": "F32", "shape": [4], "data_offsets": [1, 17]},
    }
    text = json.dumps(header).encode()
    data = first.numpy().tobytes() + second.numpy().tobytes()
    (tmp_path / "odd").write_bytes(struct.pack("<Q", len(text)) + text + data)
    weights = open_weights(tmp_path / "odd")
    assert torch.equal(weights.get("b"), second)


def test_a_writing_that_fails_leaves_nothing(tensors, tmp_path):
    def broken(name):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_weights(tmp_path / "model", entries(tensors), broken, {})
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputError, match="cannot write"):
        write_weights(tmp_path / "no" / "x", entries(tensors), broken, {})


MEMORY = """
import resource, sys, torch
from pathlib import Path
from limner.checkpoints.reader import open_weights

def resident():  # in KiB, and the most so far
    lines = Path("/proc/self/status").read_text().splitlines()
    return {line.split()[0]: int(line.split()[1]) for line in lines if line.startswith("Vm")}

weights = open_weights(Path(sys.argv[1]))
weights.get("0", torch.float16)
before = resident()["VmRSS:"]
kept = [weights.get(name, torch.float16) for name in weights.entries]
print((resident()["VmHWM:"] - before) * 1024 / sum(t.nbytes for t in kept))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures by /proc")
def test_loading_takes_little_more_memory_than_the_weights(tmp_path):
    """fp32 on the disk, fp16 in memory: the pages read are given back."""
    tensors = {str(i): torch.zeros(1 << 19) for i in range(48)}
    save_file(tensors, tmp_path / "model")
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path / "model")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert float(done.stdout) <= 1.15
