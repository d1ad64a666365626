from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from limner.data.captions import canonical
from limner.data.cifar10 import ROW, load_cifar10
from limner.errors import DataError


def write(folder: Path, name: str, labels: list[int], pixels: np.ndarray) -> None:
    folder.mkdir(exist_ok=True)
    rows = np.concatenate([np.array(labels, np.uint8)[:, None], pixels.reshape(len(labels), -1)], 1)
    rows.tofile(folder / name)


@pytest.fixture
def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (10, 3, 32, 32), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path, pixels: np.ndarray) -> Path:
    inner = tmp_path / "cifar-10-batches-bin"
    for number in range(5):
        span = slice(2 * number, 2 * number + 2)
        labels = [2 * number, 2 * number + 1]
        write(inner, f"data_batch_{number + 1}.bin", labels, pixels[span])
    write(inner, "test_batch.bin", [3], pixels[:1])
    return tmp_path


def test_training_split_in_order(folder: Path, pixels: np.ndarray) -> None:
    loaded = load_cifar10(folder)
    assert np.array_equal(loaded.pictures.numpy(), pixels)
    assert [canonical(row) for row in loaded.records] == [
        "a photo of an airplane",
        "a photo of an automobile",
        "a photo of a bird",
        "a photo of a cat",
        "a photo of a deer",
        "a photo of a dog",
        "a photo of a frog",
        "a photo of a horse",
        "a photo of a ship",
        "a photo of a truck",
    ]
    assert len(loaded.seen) == 10


def test_test_split_is_held_out(folder: Path) -> None:
    test = load_cifar10(folder / "cifar-10-batches-bin", "test")
    assert [row.concept for row in test.held_out.records] == ["cat"]


def test_missing_broken_and_python_files(folder: Path, tmp_path: Path, pixels: np.ndarray) -> None:
    inner = folder / "cifar-10-batches-bin"
    write(inner, "test_batch.bin", [10], pixels[:1])
    with pytest.raises(DataError, match="label 10"):
        load_cifar10(folder, "test")
    (inner / "test_batch.bin").write_bytes(bytes(ROW - 1))
    with pytest.raises(DataError, match="multiple of 3073"):
        load_cifar10(folder, "test")
    (inner / "test_batch.bin").unlink()
    with pytest.raises(DataError, match="cifar-10-binary"):
        load_cifar10(folder, "test")
    (tmp_path / "test_batch").touch()
    with pytest.raises(DataError, match="Python version"):
        load_cifar10(tmp_path, "test")
