from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from limner.data.cache import weights_fingerprint
from limner.data.latents import (
    cached_latents,
    encode_all,
    load_latents,
    pictures_fingerprint,
    save_latents,
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


def test_nothing_to_encode(encoder: nn.Conv2d) -> None:
    with pytest.raises(DataError, match="no pictures"):
        encode_all(encoder, pictures().held_out)


def test_a_fresh_cache_is_read(encoder: nn.Conv2d, tmp_path: Path) -> None:
    latents = encode_all(encoder, pictures())
    path = tmp_path / "inner" / "latents"
    save_latents(path, latents, encoder=encoder, pictures=pictures())
    assert torch.equal(load_latents(path, encoder=encoder, pictures=pictures()), latents)


def test_a_stale_cache_is_refused(encoder: nn.Conv2d, tmp_path: Path) -> None:
    path = tmp_path / "latents"
    save_latents(path, encode_all(encoder, pictures()), encoder=encoder, pictures=pictures())
    fewer = pictures().select(lambda row: row.picture < 4)
    with pytest.raises(DataError, match="other pictures"):
        load_latents(path, encoder=encoder, pictures=fewer)
    with torch.no_grad():
        encoder.bias[0] += 1e-6
    with pytest.raises(DataError, match="other encoder weights"):
        load_latents(path, encoder=encoder, pictures=pictures())


def test_missing_and_broken_caches(encoder: nn.Conv2d, tmp_path: Path) -> None:
    path = tmp_path / "latents"
    with pytest.raises(DataError, match="no readable cache"):
        load_latents(path, encoder=encoder, pictures=pictures())
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match="no readable cache"):
        load_latents(path, encoder=encoder, pictures=pictures())


def test_encoded_once_then_read(encoder: nn.Conv2d, tmp_path: Path) -> None:
    calls: list[int] = []

    def encode(pixels: torch.Tensor) -> torch.Tensor:
        calls.append(len(pixels))
        return encoder(pixels)

    def latents() -> torch.Tensor:
        return cached_latents(tmp_path, encode, pictures(), encoder=encoder, batch=2)

    expected = encode_all(encoder, pictures())
    torch.testing.assert_close(latents(), expected)
    torch.testing.assert_close(latents(), expected)
    assert calls == [2, 2, 1]
    with torch.no_grad():
        encoder.bias[0] += 1.0
    torch.testing.assert_close(latents(), encode_all(encoder, pictures()))
    assert calls == [2, 2, 1] * 2


def test_fingerprints_see_names_kinds_and_order(encoder: nn.Conv2d) -> None:
    same = weights_fingerprint(encoder)
    assert weights_fingerprint(nn.Sequential(encoder)) != same
    assert weights_fingerprint(encoder.to(torch.bfloat16)) != same
    every = pictures()
    turned = PictureSet(pictures=every.pictures, records=every.records[::-1])
    assert pictures_fingerprint(turned) != pictures_fingerprint(every)
    assert pictures_fingerprint(pictures()) == pictures_fingerprint(every)
