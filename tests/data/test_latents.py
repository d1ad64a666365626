from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from limner.data.cache import weights_fingerprint
from limner.data.latents import (
    cached_latents,
    encode_all,
    pictures_fingerprint,
    records_fingerprint,
)
from limner.data.records import PictureSet, Record
from limner.errors import DataError


def pictures() -> PictureSet:
    generator = torch.Generator().manual_seed(0)
    return PictureSet(
        pictures=torch.randint(0, 256, (5, 4, 8, 8), generator=generator, dtype=torch.uint8),
        records=tuple(Record(picture=n, concept=f"concept {n}") for n in range(5)),
    )


@pytest.fixture
def encoder() -> nn.Conv2d:
    torch.manual_seed(0)
    return nn.Conv2d(4, 2, 4, stride=4)


def test_latents_follow_the_records(encoder: nn.Conv2d) -> None:
    every = pictures()
    some = every.select(lambda row: row.picture in (1, 2, 4))
    latents = encode_all(encoder, some, batch=2)
    assert latents.shape == (3, 2, 2, 2)
    assert not latents.requires_grad
    expected = encoder(every.pictures[[1, 2, 4]].float() / 127.5 - 1).detach()
    torch.testing.assert_close(latents, expected)


def test_nothing_to_encode(encoder: nn.Conv2d, tmp_path: Path) -> None:
    nothing = pictures().held_out
    with pytest.raises(DataError, match="no pictures"):
        encode_all(encoder, nothing)
    with pytest.raises(DataError, match="no pictures"):
        cached_latents(tmp_path, encoder, nothing, encoder=encoder)


def test_a_file_in_the_place_of_the_cache(encoder: nn.Conv2d, tmp_path: Path) -> None:
    path = tmp_path / "latents"
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match="is a file"):
        cached_latents(path, encoder, pictures(), encoder=encoder)


def test_encoded_once_then_read(encoder: nn.Conv2d, tmp_path: Path) -> None:
    calls: list[int] = []
    every = pictures()

    def encode(pixels: torch.Tensor) -> torch.Tensor:
        calls.append(len(pixels))
        return encoder(pixels)

    def latents(some: PictureSet = every) -> torch.Tensor:
        return cached_latents(tmp_path / "inner", encode, some, encoder=encoder, batch=2)

    expected = encode_all(encoder, every)
    torch.testing.assert_close(latents(), expected)
    torch.testing.assert_close(latents(), expected)
    assert calls == [2, 2, 1]
    with torch.no_grad():
        encoder.bias[0] += 1.0
    torch.testing.assert_close(latents(), encode_all(encoder, every))
    assert calls == [2, 2, 1] * 2
    fewer = every.select(lambda row: row.picture < 4)
    torch.testing.assert_close(latents(fewer), encode_all(encoder, fewer))
    assert calls == [2, 2, 1] * 2 + [2, 2]


def test_fingerprints_see_names_kinds_and_order(encoder: nn.Conv2d) -> None:
    same = weights_fingerprint(encoder)
    assert weights_fingerprint(nn.Sequential(encoder)) != same
    assert weights_fingerprint(encoder.to(torch.bfloat16)) != same
    every = pictures()
    turned = PictureSet(pictures=every.pictures, records=every.records[::-1])
    assert pictures_fingerprint(turned) != pictures_fingerprint(every)
    assert pictures_fingerprint(pictures()) == pictures_fingerprint(every)


def test_fingerprints_of_records_see_what_each_picture_shows() -> None:
    every = pictures()
    same = records_fingerprint(every)
    assert records_fingerprint(pictures()) == same
    for change in ({"concept": "other"}, {"style": "flat"}, {"group": "objects"}):
        first, *rest = every.records
        changed = replace(every, records=(replace(first, **change), *rest))
        assert records_fingerprint(changed) != same
