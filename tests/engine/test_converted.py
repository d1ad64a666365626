"""What OpenVINO is handed: a large model's decoder too, and layers that are split as two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import limner
from limner.engine import kernels, openvino
from limner.engine.conversion import Order, converted
from limner.engine.graphs import Flat, flat
from limner.engine.openvino import OpenVinoEngine
from limner.nn.prepared import Prepared
from limner.pipeline import Painter, Request
from limner.types import Conditioning

pytest.importorskip("openvino")
BOUND = 1e-5  # of the largest number of an answer
REQUEST = Request(prompt="a red apple", seed=1, steps=2)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model is taken for a large one."""
    monkeypatch.setattr(kernels, "LARGE", 0)


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of each call of a converted decoder."""
    rows: list[int] = []
    own = OpenVinoEngine._decoded

    def noting(engine: OpenVinoEngine, raw: torch.Tensor) -> torch.Tensor | None:
        pixels = own(engine, raw)
        if pixels is not None:
            rows.append(len(raw))
        return pixels

    monkeypatch.setattr(OpenVinoEngine, "_decoded", noting)
    return rows


def painter_of(painter: Painter, folder: Path, **options: Any) -> Painter:
    """The same parts, by OpenVINO."""
    other = limner.Painter(painter.parts)
    other.engine = OpenVinoEngine(painter.parts, folder=folder, **options)
    return other


@pytest.mark.usefixtures("large")
def test_a_large_models_decoder_is_converted_and_has_its_numbers(
    painter: Painter, tmp_path: Path, decoded: list[int]
) -> None:
    fast = painter_of(painter, tmp_path)
    latent = torch.randn(3, 4, 4, 4)
    ours, theirs = fast.engine.decoder(latent).pixels, painter.engine.decoder(latent).pixels
    assert (ours - theirs).abs().max() < BOUND * theirs.abs().max()
    assert decoded == [3]
    assert len(list(tmp_path.iterdir())) == 1
    again = painter_of(painter, tmp_path)
    assert torch.equal(again.engine.decoder(latent).pixels, ours)
    fast.paint(REQUEST)
    assert len(list(tmp_path.iterdir())) == 3  # and the denoiser, and a decoder of its shapes


def test_a_small_models_decoder_is_left_as_it_is(
    painter: Painter, tmp_path: Path, decoded: list[int]
) -> None:
    fast = painter_of(painter, tmp_path)
    latent = torch.randn(1, 4, 4, 4)
    assert torch.equal(fast.engine.decoder(latent).pixels, painter.engine.decoder(latent).pixels)
    assert not decoded


@pytest.mark.usefixtures("large")
def test_changed_weights_are_converted_anew(painter: Painter, tmp_path: Path) -> None:
    fast = painter_of(painter, tmp_path)
    before = fast.paint(REQUEST)
    with torch.no_grad():
        painter.parts.autoencoder.decoder.conv_out.bias.add_(0.5)
    ours, theirs = fast.paint(REQUEST), painter.paint(REQUEST)
    assert torch.equal(ours.latents, before.latents)
    found, wanted, old = (
        np.asarray(each.images[0], dtype=float) for each in (ours, theirs, before)
    )
    assert np.abs(found - wanted).max() <= 1
    assert np.abs(found - old).max() > 10


@pytest.mark.usefixtures("large")
def test_where_conversions_are_counted_few_pictures_do_not_pay(
    painter: Painter, tmp_path: Path, decoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino, "DECODING_PAYS", 4)
    fast = painter_of(painter, tmp_path, pays=1000)
    latent = torch.randn(2, 4, 4, 4)
    for _ in range(3):
        fast.engine.decoder(latent)
    assert decoded == [2]  # the third call's: two were before, and it has two rows
    again = painter_of(painter, tmp_path, pays=1000)
    again.engine.decoder(latent)
    assert decoded == [2, 2]  # it is kept


@pytest.mark.usefixtures("large")
def test_tiles_are_the_modules(painter: Painter, tmp_path: Path, decoded: list[int]) -> None:
    fast = painter_of(painter, tmp_path)
    fast.engine.decoder.tiles = True
    fast.engine.decoder(torch.randn(1, 4, 4, 4))
    assert not decoded


@torch.no_grad()
def test_a_layer_that_is_split_becomes_two_with_the_same_numbers(
    painter: Painter, tmp_path: Path
) -> None:
    denoiser = painter.parts.denoiser
    text: Prepared = denoiser.prepare(
        Conditioning(context=torch.randn(2, 12, denoiser.config.context_width))
    )
    given = torch.randn(2, 4, 4, 4), torch.tensor([3.0, 700.0]), *flat(text)
    order = Order(
        kind=type(denoiser), config=denoiser.config, form=Flat.of(text), given=given,
        target=tmp_path,
    )  # fmt: skip
    model = converted(denoiser, order)
    assert not model.is_dynamic()
    assert not [op for op in model.get_ops() if op.get_type_name() == "VariadicSplit"]
    engine = OpenVinoEngine(painter.parts, folder=tmp_path)
    x, t, *_ = given
    ours, theirs = engine.make(x, t, text)(x, t, text), denoiser(x, t, text)
    assert (ours - theirs).abs().max() < BOUND * theirs.abs().max()
