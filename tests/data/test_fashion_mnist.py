from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from limner.data.captions import canonical
from limner.data.fashion_mnist import DEFAULT_FOLDER, load_fashion_mnist, read_idx
from limner.errors import DataError


def idx(array: np.ndarray) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path, pictures: np.ndarray) -> Path:
    labels = np.array([9, 0, 1], dtype=np.uint8)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(pictures)))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(pictures[:1]))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(labels[:1]))
    return tmp_path


def test_training_split(folder: Path, pictures: np.ndarray) -> None:
    loaded = load_fashion_mnist(folder)
    assert np.array_equal(loaded.pictures[:, 0].numpy(), pictures)
    assert loaded.concepts == ("ankle boot", "t-shirt", "trousers")
    assert canonical(loaded.records[0]) == "a photo of an ankle boot"
    assert len(loaded.seen) == 3


def test_test_split_is_held_out_and_may_be_uncompressed(folder: Path) -> None:
    assert len(load_fashion_mnist(folder, "test").held_out) == 1


def test_wider_border(folder: Path, pictures: np.ndarray) -> None:
    wide = load_fashion_mnist(folder, size=32).pictures
    assert wide.shape == (3, 1, 32, 32)
    assert np.array_equal(wide[:, 0, 2:30, 2:30].numpy(), pictures)
    assert int(wide.sum()) == int(pictures.sum())
    with pytest.raises(DataError, match="28"):
        load_fashion_mnist(folder, size=16)


def test_the_package_is_named_when_files_are_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="`dataset-fashion-mnist`"):
        load_fashion_mnist(tmp_path)


def test_idx_of_any_rank_and_broken_ones(tmp_path: Path) -> None:
    path = tmp_path / "file"
    values = np.arange(6, dtype=np.uint8).reshape(2, 3)
    path.write_bytes(idx(values))
    assert torch.equal(read_idx(path, 2), torch.from_numpy(values))
    for broken in (idx(values)[:-1], idx(values) + b"\0", b"", b"\0\0\x0d\x02" + idx(values)[4:]):
        path.write_bytes(broken)
        with pytest.raises(DataError, match="not a whole IDX file"):
            read_idx(path, 2)
    path.write_bytes(idx(values))
    with pytest.raises(DataError, match="3 dimensions"):
        read_idx(path, 3)
    packed = tmp_path / "file.gz"
    packed.write_bytes(gzip.compress(idx(values))[:-4])
    with pytest.raises(DataError, match="cannot be read"):
        read_idx(packed, 2)


def test_labels_that_do_not_fit(folder: Path) -> None:
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(np.array([10], dtype=np.uint8)))
    with pytest.raises(DataError, match="do not fit"):
        load_fashion_mnist(folder, "test")
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(np.array([1, 1], dtype=np.uint8)))
    with pytest.raises(DataError, match="do not fit"):
        load_fashion_mnist(folder, "test")


@pytest.mark.slow
@pytest.mark.skipif(not DEFAULT_FOLDER.exists(), reason="needs dataset-fashion-mnist")
def test_the_published_pictures() -> None:
    train, test = load_fashion_mnist(), load_fashion_mnist(split="test")
    assert (len(train), len(test)) == (60_000, 10_000)
    counts = torch.tensor([train.concepts.index(row.concept) for row in train.records]).bincount()
    assert counts.tolist() == [6_000] * 10
