"""What OpenVINO is handed: fixed shapes, and layers whose output is split as two."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from limner.engine.conversion import Order, converted
from limner.engine.graphs import Flat, flat
from limner.engine.openvino import OpenVinoEngine
from limner.nn.prepared import Prepared
from limner.pipeline import Painter
from limner.types import Conditioning

pytest.importorskip("openvino")
BOUND = 1e-5  # of the largest number of an answer


@torch.no_grad()
def test_a_text_is_handed_over_once_and_another_in_its_place(
    painter: Painter, tmp_path: Path
) -> None:
    denoiser = painter.parts.denoiser
    width = denoiser.config.context_width
    texts = [denoiser.prepare(Conditioning(context=torch.randn(2, 12, width))) for _ in range(2)]
    x, t = torch.randn(2, 4, 4, 4), torch.tensor([3.0, 700.0])
    graph = OpenVinoEngine(painter.parts, folder=tmp_path).make(x, t, texts[0])
    for which in (0, 0, 1, 0, 1, 1):
        x = x + 0.1
        theirs = denoiser(x, t, texts[which])
        assert (graph(x, t, texts[which]) - theirs).abs().max() < BOUND * theirs.abs().max()
    with pytest.raises(RuntimeError):
        graph(torch.randn(2, 3, 4, 4), t, texts[0])
    theirs = denoiser(x, t, texts[0])
    assert (graph(x, t, texts[0]) - theirs).abs().max() < BOUND * theirs.abs().max()


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
