"""WebDataset shards: tar files of pictures with captions, streamed in an order that can be resumed.

A sample is the files of one name: a picture (.jpg, .jpeg, .png, .webp) and its captions, a .txt or
.caption with one a line, or a .json that is a text or has "text", "caption" or "captions".

A training draws its batches in one of two ways, and both give it a `PictureSet`:

    some = data.to_float(indices)                 # a set: any positions, in any order
    for batch, position in ShardStream(urls, ...):  # a stream: the next ones; it never ends
        some = batch.to_float(range(len(batch)))

A set's position in its data is a function of the step; a stream's is the `Position` that comes with
each batch. It is saved with the step, and a stream made with it goes on exactly after that batch.
What fits on the disk decoded is better read once by `read_shards` and kept as a set.
"""

from __future__ import annotations

import importlib
import io
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from types import ModuleType
from typing import Any

from torch.utils.data import IterableDataset, get_worker_info

from limner.data.folder import Gathering, read_square
from limner.data.records import PictureSet
from limner.errors import DataError, UsageError
from limner.files import lines_of

PICTURES = ("jpg", "jpeg", "png", "webp")
TEXTS = ("txt", "caption")
CAPTION_KEYS = ("text", "caption", "captions")
GROUP = "shards"

Sample = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a stream is.

    epoch: how often all shards were read. shard, sample: where the block that is being given began,
    in the epoch's order of shards. given: how many of the block were.
    """

    epoch: int = 0
    shard: int = 0
    sample: int = 0
    given: int = 0


class ShardStream(IterableDataset[tuple[PictureSet, Position]]):
    """Batches of the shards' pictures, without end; every sample comes once an epoch.

    The order follows from (seed, epoch): that of the shards, and that of the samples within blocks
    of `block`, which are in memory as they are in the file. A broken shard or sample is left out
    and named in the `skipped` of the next batch; DataError if an epoch has no sample that is right.
    """

    def __init__(
        self,
        urls: str | Sequence[str],
        *,
        batch: int,
        size: int,
        channels: int = 3,
        block: int = 1000,
        seed: int = 0,
        part: tuple[int, int] = (0, 1),
        start: Position | None = None,
    ) -> None:
        """urls: a path or URL that webdataset takes, with {0000..0009} for a range, or several.

        part: (index, count): which of the processes this is; each reads shards of its own, and so
        does each worker of a DataLoader. size, channels: as `folder.load_folder` has them.
        """
        if min(batch, size, block) < 1 or channels not in (3, 4):
            raise UsageError(
                f"batch {batch}, size {size}, block {block}, {channels} channels: "
                "1 or more, and 3 or 4 channels, are right"
            )
        self.urls = expanded(urls)
        self.batch, self.read = batch, partial(read_square, size=size, channels=channels)
        self.block, self.seed, self.part = block, seed, part
        self.start = Position() if start is None else start

    def __iter__(self) -> Iterator[tuple[PictureSet, Position]]:
        start, gathering = self.start, Gathering(self.read, GROUP)
        while True:
            whole, right = replace(start, epoch=0) == Position(), 0
            for sample, position in self._epoch(start, gathering.skipped):
                right += _add(gathering, sample)
                if len(gathering) == self.batch:
                    yield gathering.take(), position
            if whole and right == 0:
                gathering.refuse_empty(f"{self.urls[0]} ({len(self.urls)} shards)")
            start = Position(epoch=start.epoch + 1)

    def _epoch(self, start: Position, skipped: list[str]) -> Iterator[tuple[Sample, Position]]:
        """What is left of an epoch, block by block."""
        samples = self._in_file_order(start, skipped)
        while block := list(islice(samples, self.block)):
            shard, first, _ = block[0]
            here = replace(start, shard=shard, sample=first, given=start.given)
            order = list(range(len(block)))
            random.Random(f"{self.seed} {here.epoch} {shard} {first}").shuffle(order)
            for given in range(start.given, len(block)):
                yield block[order[given]][2], replace(here, given=given + 1)
            start = replace(start, given=0)

    def _in_file_order(
        self, start: Position, skipped: list[str]
    ) -> Iterator[tuple[int, int, Sample]]:
        """(shard, sample, its files) from a position on."""
        urls = self._shards(start.epoch)
        for shard in range(start.shard, len(urls)):
            first = start.sample if shard == start.shard else 0
            for number, sample in enumerate(read_shard(urls[shard], skipped)):
                if number >= first:
                    yield shard, number, sample

    def _shards(self, epoch: int) -> list[str]:
        """The shards of this part in the order of an epoch."""
        index, count = self._part()
        if not 0 <= index < count <= len(self.urls):
            raise DataError(
                f"{len(self.urls)} shards cannot be split over {count} processes and workers: "
                "write more, smaller shards, or take fewer workers"
            )
        urls = list(self.urls)
        random.Random(f"{self.seed} {epoch}").shuffle(urls)
        return urls[index::count]

    def _part(self) -> tuple[int, int]:
        worker = get_worker_info()
        index, count = self.part
        if worker is None:
            return index, count
        return index * worker.num_workers + worker.id, count * worker.num_workers


def read_shards(urls: str | Sequence[str], *, size: int, channels: int = 3) -> PictureSet:
    """All that is in the shards, in their order, as a set; for what fits into memory.

    DataError if no sample is right; what is left out is named in `skipped`.
    """
    gathering = Gathering(partial(read_square, size=size, channels=channels), GROUP)
    for url in expanded(urls):
        for sample in read_shard(url, gathering.skipped):
            _add(gathering, sample)
    gathering.refuse_empty(str(urls))
    return gathering.take()


def expanded(urls: str | Sequence[str]) -> tuple[str, ...]:
    """Every shard that is meant by URLs with {0000..0009}; UsageError for none."""
    shardlists = _webdataset("shardlists")
    some = [urls] if isinstance(urls, str) else urls
    every = tuple(url for one in some for url in shardlists.expand_urls(one))
    if not every:
        raise UsageError("no shards are named: a path or a URL is right")
    return every


def read_shard(url: str, skipped: list[str]) -> Iterator[Sample]:
    """The samples of one shard as bytes by suffix; where it breaks off, that goes to `skipped`."""
    gopen, tariterators = _webdataset("gopen"), _webdataset("tariterators")

    def note(error: Exception) -> bool:
        words = str(error.args[0]) if error.args else type(error).__name__
        if f"{url}: {words}" not in skipped:  # a failed download tells so twice
            skipped.append(f"{url}: {words}")
        return True

    try:
        stream = gopen.gopen(url)
    except (OSError, ValueError) as error:
        note(error)
        return
    try:
        files = tariterators.tar_file_expander([{"url": url, "stream": stream}], handler=note)
        yield from tariterators.group_by_keys(files, handler=note)
    finally:
        try:
            stream.close()
        except OSError as error:  # a download tells only here that it has failed
            note(error)


def _add(gathering: Gathering, sample: Sample) -> bool:
    """Add a sample to a set in the making; False if it is broken."""
    name = f"{sample['__url__']}/{sample['__key__']}"
    try:
        picture = next(sample[suffix] for suffix in PICTURES if suffix in sample)
        captions = _captions(sample)
    except StopIteration:
        gathering.skipped.append(f"{name}: it has no picture of {', '.join(PICTURES)}")
        return False
    except (ValueError, TypeError) as error:
        gathering.skipped.append(f"{name}: its captions cannot be read: {error}")
        return False
    return gathering.add(name, io.BytesIO(picture), captions)


def _captions(sample: Sample) -> tuple[str, ...]:
    for suffix in TEXTS:
        if suffix in sample:
            return tuple(lines_of(sample[suffix].decode("utf-8-sig")))
    if "json" not in sample:
        return ()
    value = json.loads(sample["json"])
    if isinstance(value, dict):
        value = next((value[key] for key in CAPTION_KEYS if value.get(key)), "")
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise TypeError(f"a text or a list of texts is right, not {value!r:.40}")
    return tuple(texts)


def _webdataset(module: str) -> ModuleType:
    """A module of the library, which takes seconds to import."""
    try:
        return importlib.import_module(f"webdataset.{module}")
    except ImportError as error:
        raise UsageError("shards need webdataset; `pip install limner[train]` adds it") from error
