"""Pictures and what is known of each: the one form that every data set is brought to."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from limner.data.pixels import to_model_range
from limner.errors import DataError
from limner.files import whole_file

PICTURES_FILE = "pictures.npy"
RECORDS_FILE = "records.json"


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is known of one picture.

    picture: its index in the set's pictures.
    concept: what it shows, in lower case ("red apple"); empty if only a caption is known.
    style: the word for how it is drawn, or empty.
    names, keywords: other names of the concept (the concept first), and words that go with it.
    group: the family of the concept, such as "food-drink".
    held_out: kept out of the training, to measure on.
    captions: captions as somebody wrote them; where there are any, they replace the made ones.
    """

    picture: int
    concept: str
    style: str = ""
    names: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    group: str = ""
    held_out: bool = False
    captions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.picture < 0:
            raise DataError(f"a record's picture is {self.picture}; an index of 0 or more is right")
        if not self.concept and not self.captions:
            raise DataError(f"the record of picture {self.picture} has neither concept nor caption")


@dataclass(frozen=True, kw_only=True, eq=False)
class PictureSet:
    """Pictures of one shape with their records; most are square.

    pictures: (N, C, H, W) bytes; RGBA is premultiplied.
    records: one for each picture of the set, in order. A subset shares the pictures of the whole
        set and has fewer records.
    skipped: what was left out while building, each with its reason.
    """

    pictures: UInt8[Tensor, "N C H W"]
    records: tuple[Record, ...]
    skipped: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        last = max((record.picture for record in self.records), default=-1)
        if last >= len(self.pictures):
            raise DataError(f"a record names picture {last}, the set has {len(self.pictures)}")

    def __len__(self) -> int:
        return len(self.records)

    @property
    def size(self) -> int:
        """Pixels along one side of square pictures."""
        return self.pictures.shape[-1]

    @property
    def concepts(self) -> tuple[str, ...]:
        """The distinct concepts, in the order of their first records."""
        return tuple(dict.fromkeys(record.concept for record in self.records))

    @property
    def styles(self) -> tuple[str, ...]:
        """The distinct style words, in the order of their first records."""
        return tuple(dict.fromkeys(record.style for record in self.records if record.style))

    @property
    def seen(self) -> PictureSet:
        """The records to train on."""
        return self.select(lambda record: not record.held_out)

    @property
    def held_out(self) -> PictureSet:
        """The records to measure on."""
        return self.select(lambda record: record.held_out)

    def select(self, predicate: Callable[[Record], bool]) -> PictureSet:
        """The records for which the predicate holds; the pictures are shared, not copied."""
        return replace(self, records=tuple(filter(predicate, self.records)))

    def to(self, device: torch.device | str) -> PictureSet:
        """The same with the bytes of its pictures on a device, where batches are then made."""
        return replace(self, pictures=self.pictures.to(device))

    def picture_indices(self, indices: Sequence[int] | None = None) -> Int[Tensor, "B"]:
        """Where in `pictures` the records at these positions (default: all) have theirs."""
        records = self.records if indices is None else [self.records[index] for index in indices]
        return torch.tensor([record.picture for record in records], dtype=torch.long)

    def to_float(self, indices: Sequence[int]) -> Float[Tensor, "B C H W"]:
        """The pictures of the records at these positions, in the model's range [-1, 1]."""
        return to_model_range(self.pictures[self.picture_indices(indices)])

    def save(self, folder: Path) -> None:
        """Write the pictures and records of this set (of a subset only what it has) to a folder.

        Each file appears whole or not at all; the records come last, so that a folder with records
        is a complete one. OSError as the file system raises it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RECORDS_FILE).unlink(missing_ok=True)
        indices = self.picture_indices()
        whole = torch.equal(indices, torch.arange(len(self.pictures)))
        pictures = (self.pictures if whole else self.pictures[indices]).cpu().numpy()
        records = [
            asdict(replace(record, picture=index)) for index, record in enumerate(self.records)
        ]
        with whole_file(folder / PICTURES_FILE) as path, path.open("wb") as file:
            np.save(file, pictures)
        write_json(folder / RECORDS_FILE, {"records": records, "skipped": self.skipped})

    @classmethod
    def load(cls, folder: Path) -> PictureSet:
        """Read what `save` wrote; the pictures stay on the disk until they are looked at.

        DataError if a file is missing or does not fit the other.
        """
        try:
            description = json.loads((folder / RECORDS_FILE).read_text(encoding="utf-8"))
            pictures = np.load(folder / PICTURES_FILE, mmap_mode="c", allow_pickle=False)
            records = tuple(_record(row) for row in description["records"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{folder} holds no readable picture set: {error}") from error
        return cls(
            pictures=torch.from_numpy(pictures),
            records=records,
            skipped=tuple(description.get("skipped", ())),
        )


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def _record(row: dict[str, Any]) -> Record:
    lists = {name: tuple(row[name]) for name in ("names", "keywords", "captions")}
    return Record(**(row | lists))
