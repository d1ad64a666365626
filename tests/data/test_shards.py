from __future__ import annotations

import io
import json
import tarfile
from collections import Counter
from itertools import islice, takewhile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from limner.data.folder import load_folder
from limner.data.records import PictureSet
from limner.data.shard_writing import write_shards
from limner.data.shards import Position, ShardStream, expanded, read_shards
from limner.errors import DataError, UsageError

COUNT = 23


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures of a grey each, whose caption is its number."""
    path = tmp_path / "folder"
    path.mkdir()
    for number in range(COUNT):
        suffix = ("png", "webp")[number % 2]
        picture = Image.new("RGB", (6, 6), (number * 10,) * 3)
        picture.save(path / f"{number:03d}.{suffix}", lossless=True)
        (path / f"{number:03d}.txt").write_text(f"{number}\n")
    return path


@pytest.fixture
def shards(folder: Path, tmp_path: Path) -> str:
    """Five shards, the last of three pictures."""
    write_shards(folder, tmp_path / "shards", each=5)
    return str(tmp_path / "shards" / "{000000..000004}.tar")


def numbers(batch: PictureSet) -> list[int]:
    """The captions of a batch, after a look at whether each picture is its own."""
    captions = [int(record.captions[0]) for record in batch.records]
    assert batch.pictures[:, 0, 0, 0].tolist() == [number * 10 for number in captions]
    return captions


def drawn(stream: ShardStream, batches: int) -> list[int]:
    return [number for batch, _ in islice(stream, batches) for number in numbers(batch)]


def test_shards_hold_what_the_folder_holds(folder: Path, shards: str) -> None:
    ours, right = read_shards(shards, size=6), load_folder(folder, size=6)
    assert torch.equal(ours.pictures, right.pictures)
    assert [row.captions for row in ours.records] == [row.captions for row in right.records]
    assert ours.skipped == ()


def test_the_same_folder_makes_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert write_shards(folder, tmp_path / name, each=30) == (COUNT, ())
    assert (tmp_path / "one/000000.tar").read_bytes() == (tmp_path / "two/000000.tar").read_bytes()


@pytest.mark.parametrize("block", [1, 4, 1000])
def test_every_picture_once_an_epoch_in_an_order_of_seed_and_epoch(shards: str, block: int) -> None:
    orders = [
        drawn(ShardStream(shards, batch=1, size=6, block=block, seed=seed), 2 * COUNT)
        for seed in (0, 0, 1)
    ]
    assert orders[0] == orders[1]
    epochs = [orders[0][:COUNT], orders[0][COUNT:], orders[2][:COUNT]]
    assert all(sorted(epoch) == list(range(COUNT)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert list(range(COUNT)) not in epochs


@pytest.mark.parametrize("block", [4, 1000])
def test_resumed_at_any_batch_it_goes_on_as_it_would_have(shards: str, block: int) -> None:
    def stream(start: Position | None = None) -> ShardStream:
        return ShardStream(shards, batch=3, size=6, block=block, seed=5, start=start)

    unbroken = list(islice(stream(), 20))
    whole = [numbers(batch) for batch, _ in unbroken]
    for after in (1, 4, 7, 8, 12):
        saved = Position(**json.loads(json.dumps(vars(unbroken[after - 1][1]))))
        resumed = list(islice(stream(saved), 20 - after))
        assert [numbers(batch) for batch, _ in resumed] == whole[after:]
        assert [position for _, position in resumed] == [p for _, p in unbroken[after:]]


def test_parts_share_the_shards(shards: str) -> None:
    seen = []
    for index in range(2):
        stream = ShardStream(shards, batch=1, size=6, part=(index, 2), seed=3)
        for batch, _ in takewhile(lambda drawn: drawn[1].epoch == 0, stream):
            seen += numbers(batch)
    assert sorted(seen) == list(range(COUNT))
    with pytest.raises(DataError, match="5 shards cannot be split over 6"):
        drawn(ShardStream(shards, batch=1, size=6, part=(0, 6)), 1)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on one processor
def test_workers_of_a_loader_share_the_shards(shards: str) -> None:
    stream = ShardStream(shards, batch=1, size=6)
    loader = DataLoader(stream, batch_size=None, num_workers=2)
    seen = [number for batch, _ in islice(loader, 16) for number in numbers(batch)]
    assert len(set(seen)) == 16  # 8 of each: no worker has gone through fewer than its 8


def tar(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def png(grey: int, side: int = 6) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), (grey,) * 3).save(file, "PNG")
    return file.getvalue()


def test_captions_in_text_by_either_ending(tmp_path: Path) -> None:
    files = {"a.png": png(0), "a.caption": b"one\ntwo", "b.png": png(0), "b.TXT": b"three"}
    tar(tmp_path / "a.tar", {**files, "b.caption": b"not this"})
    found = read_shards(str(tmp_path / "a.tar"), size=4)
    assert [record.captions for record in found.records] == [("one", "two"), ("three",)]


def test_captions_in_json(tmp_path: Path) -> None:
    written = {
        "a": {"caption": "one", "width": 6},
        "b": {"text": "two"},
        "c": ["three", "four"],
        "d": "five",
        "e": {"captions": ["six"]},
    }
    files = {}
    for key, value in written.items():
        files |= {f"{key}.PNG": png(0), f"{key}.json": json.dumps(value).encode()}
    tar(tmp_path / "a.tar", files)
    captions = [row.captions for row in read_shards(str(tmp_path / "a.tar"), size=6).records]
    assert captions == [("one",), ("two",), ("three", "four"), ("five",), ("six",)]


def test_broken_samples_are_skipped_and_named(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    tar(
        tmp_path / "a.tar",
        {
            "cut.png": file.getvalue()[:1000], "cut.txt": b"cut",
            "silent.png": png(0),
            "blank.png": png(0), "blank.txt": b" \n",
            "words.txt": b"no picture",
            "bytes.png": png(0), "bytes.txt": b"\xff\xfe\xff",
            "strange.png": png(0), "strange.json": b'{"text": 3}',
            "good.png": png(70), "good.txt": b"7",
        },
    )  # fmt: skip
    found = read_shards(str(tmp_path / "a.tar"), size=6)
    assert numbers(found) == [7]
    names = [text.rpartition(".tar/")[2].partition(":")[0] for text in found.skipped]
    assert names == ["cut", "silent", "blank", "words", "bytes", "strange"]
    batch, _ = next(iter(ShardStream(str(tmp_path / "a.tar"), batch=2, size=6)))
    assert numbers(batch) == [7, 7]
    assert Counter(batch.skipped).most_common(1)[0][1] <= 2
    assert set(batch.skipped) == set(found.skipped)


def test_broken_shards_are_skipped_and_named(shards: str, tmp_path: Path) -> None:
    whole = tmp_path / "shards" / "000001.tar"
    whole.write_bytes(whole.read_bytes()[:4000])
    (tmp_path / "shards" / "000002.tar").write_text("this is no archive")
    (tmp_path / "shards" / "000003.tar").unlink()
    found = read_shards(shards, size=6)
    left = set(numbers(found))
    assert left >= {0, 1, 2, 3, 4, 20, 21, 22}
    assert not left & set(range(10, 20))
    for name in ("000001", "000002", "000003"):
        assert any(f"{name}.tar" in text for text in found.skipped)
    stream = ShardStream(shards, batch=1, size=6)
    assert set(drawn(stream, len(left))) == left


def test_a_download_that_fails_is_named(shards: str) -> None:
    """`pipe:` is how the library takes any command; http and cloud addresses are commands too."""
    good, bad = (f"pipe:cat {url}" for url in (expanded(shards)[0], "/none.tar"))
    found = read_shards([good, bad], size=6)
    assert numbers(found) == [0, 1, 2, 3, 4]
    assert all(text.startswith(f"{bad}: ") for text in found.skipped)
    assert "exit 1" in found.skipped[-1]
    stream = iter(ShardStream([good], batch=1, size=6))
    next(stream)
    stream.close()  # in the middle of the command's output


def test_nothing_right_is_an_error_not_silence(tmp_path: Path) -> None:
    tar(tmp_path / "a.tar", {"x.png": b"nothing", "x.txt": b"x"})
    for url in (str(tmp_path / "a.tar"), str(tmp_path / "none.tar")):
        with pytest.raises(DataError, match=r"no readable picture.*the first was skipped"):
            next(iter(ShardStream(url, batch=1, size=6)))
        with pytest.raises(DataError, match="no readable picture"):
            read_shards(url, size=6)
    with pytest.raises(UsageError, match="no shards are named"):
        expanded([])
    with pytest.raises(UsageError, match="1 or more"):
        ShardStream("a.tar", batch=0, size=6)


def test_what_is_not_written_is_named(folder: Path, tmp_path: Path) -> None:
    Image.new("RGB", (3, 3)).save(folder / "a.bmp")
    (folder / "a.txt").write_text("a")
    (folder / "001.txt").unlink()
    written, skipped = write_shards(folder, tmp_path / "out")
    assert written == COUNT - 1
    assert [text.partition(":")[0] for text in skipped] == ["001.webp", "a.bmp"]
    with pytest.raises(DataError, match="holds shards already"):
        write_shards(folder, tmp_path / "out")
    with pytest.raises(DataError, match="not a folder"):
        write_shards(tmp_path / "none", tmp_path / "other")
