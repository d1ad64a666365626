from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from limner.data.cache import ALL, INDEX_FILE, Chunk, cached, open_cache, write_cache
from limner.errors import DataError

ORIGIN = {"encoder weights": "a", "pictures": "b"}


def chunks(count: int = 7, batch: int = 3) -> Iterator[Chunk]:
    for first in range(0, count, batch):
        rows = torch.arange(first, min(first + batch, count))
        yield {"latents": rows[:, None] * torch.ones(2), "mask": rows[:, None] % 2 == 0}


def test_chunks_come_back_as_one(tmp_path: Path) -> None:
    write_cache(tmp_path / "c", ORIGIN, {ALL: chunks()})
    cache = open_cache(tmp_path / "c", ORIGIN)
    assert torch.equal(cache["latents"], torch.arange(7.0)[:, None] * torch.ones(2))
    assert torch.equal(cache["mask"][:, 0], torch.arange(7) % 2 == 0)
    # An ordinary .npy file, with no more in it than the rows.
    assert np.load(tmp_path / "c" / "all.latents.npy").shape == (7, 2)


def test_several_buckets_and_kinds(tmp_path: Path) -> None:
    wide = {"latents": torch.rand(2, 3, 5).half()}
    tall = {"latents": torch.rand(4, 5, 3).bfloat16()}
    write_cache(tmp_path, ORIGIN, {"5x3": [wide], "3x5": [tall]})
    buckets = open_cache(tmp_path, ORIGIN).buckets
    assert torch.equal(buckets["5x3"]["latents"], wide["latents"])
    assert torch.equal(buckets["3x5"]["latents"], tall["latents"].float())


@pytest.mark.parametrize(
    "other", [{"encoder weights": "x"}, {"tokens": "t"}], ids=["changed", "new"]
)
def test_stale_caches_are_refused_by_name(tmp_path: Path, other: dict[str, str]) -> None:
    write_cache(tmp_path, ORIGIN, {ALL: chunks()})
    with pytest.raises(DataError, match=f"made with other {next(iter(other))}"):
        open_cache(tmp_path, ORIGIN | other)
    with pytest.raises(DataError, match="made with other pictures"):
        open_cache(tmp_path, {"encoder weights": "a"})


def test_built_once_and_again_when_stale(tmp_path: Path) -> None:
    built = []

    def build() -> dict[str, Iterator[Chunk]]:
        built.append(1)
        return {ALL: chunks(count=len(built))}

    for origin, times in ((ORIGIN, 1), (ORIGIN, 1), (ORIGIN | {"pictures": "c"}, 2)):
        assert len(cached(tmp_path, origin, build)["latents"]) == times
        assert len(built) == times


def broken_off() -> Iterator[Chunk]:
    yield next(chunks())
    raise KeyboardInterrupt


def test_a_cut_off_write_never_looks_whole(tmp_path: Path) -> None:
    for before in (False, True):
        if before:
            write_cache(tmp_path, ORIGIN, {ALL: chunks()})
        with pytest.raises(KeyboardInterrupt):
            write_cache(tmp_path, ORIGIN, {ALL: broken_off()})
        with pytest.raises(DataError, match="no readable cache"):
            open_cache(tmp_path, ORIGIN)
        assert {path.name for path in tmp_path.iterdir()} <= {"all.latents.npy", "all.mask.npy"}
    assert len(cached(tmp_path, ORIGIN, lambda: {ALL: chunks()})["latents"]) == 7


def test_what_is_open_stays_as_it_was(tmp_path: Path) -> None:
    write_cache(tmp_path, ORIGIN, {ALL: chunks()})
    opened = open_cache(tmp_path, ORIGIN)["latents"]
    write_cache(tmp_path, ORIGIN, {ALL: [{"latents": torch.full((7, 2), -1.0)}]})
    assert torch.equal(opened, torch.arange(7.0)[:, None] * torch.ones(2))


@pytest.mark.parametrize("damage", ["shorter", "missing", "index", "no index"])
def test_broken_caches_are_refused_and_rebuilt(tmp_path: Path, damage: str) -> None:
    write_cache(tmp_path, ORIGIN, {ALL: chunks()})
    array = tmp_path / "all.latents.npy"
    if damage == "shorter":
        array.write_bytes(array.read_bytes()[:-8])
    elif damage == "missing":
        array.unlink()
    elif damage == "index":
        (tmp_path / INDEX_FILE).write_text(json.dumps({"origin": 3}))
    else:
        (tmp_path / INDEX_FILE).unlink()
    with pytest.raises(DataError, match="no readable cache"):
        open_cache(tmp_path, ORIGIN)
    assert len(cached(tmp_path, ORIGIN, lambda: {ALL: chunks()})["latents"]) == 7


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    for wrong, words in (
        ([{"x": torch.ones(2, 3)}, {"x": torch.ones(2, 4)}], r"\(4,\).*came after \(3,\)"),
        ([{"x": torch.ones(2, 3)}, {"y": torch.ones(2, 3)}], "must have x"),
        ([{"x": torch.ones(2), "y": torch.ones(3)}], "alike"),
        ([], "empty"),
    ):
        with pytest.raises(DataError, match=words):
            write_cache(tmp_path / "c", ORIGIN, {ALL: wrong})
        assert list((tmp_path / "c").iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is a file"):
        write_cache(tmp_path / "file", ORIGIN, {ALL: chunks()})
