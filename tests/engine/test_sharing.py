"""Rows that are alike in all but their text: handed over once by large models, the same answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from asking import asked
from tiny_pipelines import saved

import limner
from limner.engine import sharing
from limner.engine.graphs import Shape
from limner.engine.sharing import repeats
from limner.errors import RequestError
from limner.models.dit import DiT, DiTConfig
from limner.models.unet import UNet, UNetConfig
from limner.pipeline import Painter, Request
from limner.pipeline.calibrating import calibration_of
from limner.types import Conditioning

BOUND = 1e-5  # of the largest number of an answer
UNET = UNetConfig(
    channels=(16, 32),
    layers_per_block=1,
    attention_depth=(1, 1),
    heads=2,
    context_width=12,
    norm_groups=8,
)
REQUEST = Request(prompt="a red apple", negative="blue", seed=1, steps=3)


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every model is taken for a large one."""
    monkeypatch.setattr(sharing, "LARGE", 0)


def random(config: UNetConfig) -> UNet:
    """A U-Net in which every weight does something."""
    torch.manual_seed(0)
    unet = UNet(config)
    for parameter in unet.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return unet.eval()


def near(ours: torch.Tensor, theirs: torch.Tensor) -> bool:
    return bool((ours - theirs).abs().max() < BOUND * theirs.abs().max())


def rows_of(painter: Painter, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Rows of x and of the text, of every call of the denoiser from now on."""
    found: list[tuple[int, int]] = []
    denoiser = painter.parts.denoiser
    own = denoiser.forward

    def noting(x, t, context=None, *rest, **options):  # type: ignore[no-untyped-def]
        found.append((len(x), context.rows))
        return own(x, t, context, *rest, **options)

    monkeypatch.setattr(denoiser, "forward", noting)
    return found


@pytest.mark.parametrize(
    "config",
    [
        UNET,
        replace(UNET, linear_projection=True, attention_depth=(0, 2)),
        replace(UNET, mid_attention_depth=0, attention_depth=(1, 0)),
        replace(UNET, pooled_width=6),
        replace(UNET, classes=5),
    ],
    ids=["sd1", "text from the second level on", "text in the first alone", "pooled", "classes"],
)
@pytest.mark.parametrize(("rows", "times"), [(1, 2), (1, 3), (2, 2), (3, 1)])
@torch.no_grad()
def test_a_unet_tells_each_row_several_texts(config: UNetConfig, rows: int, times: int) -> None:
    unet = random(config)
    x, t = torch.randn(rows, 4, 8, 8), torch.rand(rows) * 1000
    pooled = None
    if config.pooled_width:
        pooled = torch.randn(rows * times, config.pooled_width)
    if config.classes:
        pooled = torch.randint(config.classes, (rows * times, 1)).float()
    mask = torch.arange(5) < torch.randint(2, 6, (rows * times, 1))
    text = Conditioning(context=torch.randn(rows * times, 5, 12), mask=mask, pooled=pooled)
    prepared = unet.prepare(text)
    wanted = unet(x.repeat(times, 1, 1, 1), t.repeat(times), prepared)
    assert near(unet(x, t, prepared), wanted)
    assert not near(wanted.flip(0), wanted) or rows * times == 1


@torch.no_grad()
def test_what_is_computed_before_the_text_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    unet = random(UNET)
    counted: list[int] = []
    first = unet.down_blocks[0].attentions[0].transformer_blocks[0]
    first.attn1.register_forward_pre_hook(lambda _, given: counted.append(len(given[0])))
    first.ff.register_forward_pre_hook(lambda _, given: counted.append(len(given[0])))
    text = unet.prepare(Conditioning(context=torch.randn(2, 5, 12)))
    unet(torch.randn(1, 4, 8, 8), torch.tensor([3.0]), text)
    assert counted == [1, 2]


@torch.no_grad()
def test_rows_that_no_multiple_fits_are_refused() -> None:
    unet = random(UNET)
    text = unet.prepare(Conditioning(context=torch.randn(3, 5, 12)))
    with pytest.raises(RequestError, match="3 rows, x has 2: as many, or a multiple, are right"):
        unet(torch.randn(2, 4, 8, 8), torch.zeros(2), text)
    dit = DiT(DiTConfig(width=24, depth=1, heads=2, context_width=12)).eval()
    told = dit.prepare(Conditioning(context=torch.randn(2, 5, 12)))
    with pytest.raises(RequestError, match="2 rows, x has 1: as many are right"):
        dit(torch.randn(1, 4, 8, 8), torch.zeros(1), told)


def test_copies_are_found_and_nothing_else_is_taken_for_one() -> None:
    x = torch.randn(3, 2)
    assert repeats(torch.cat([x, x]), 3)
    assert not repeats(torch.cat([x, x.flip(0)]), 3)
    assert not repeats(torch.cat([x, x, x[:1] + 1e-6, x[1:]]), 3)
    assert repeats(x[:1].expand(4, 2), 1)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize(
    ("change", "rows"),
    [
        ({}, (1, 2)),
        ({"count": 2}, (2, 4)),
        ({"guidance": 1.0}, (1, 1)),
        ({"size": (16, 32)}, (1, 2)),
    ],
    ids=["guided", "two pictures", "not guided", "wide"],
)
def test_guidance_hands_its_picture_over_once(
    change: dict, rows: tuple[int, int], painter: Painter, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = replace(REQUEST, **change)
    asks = asked(painter, request, monkeypatch)
    seen = rows_of(painter, monkeypatch)
    ours = [painter.engine.answer([ask])[0] for ask in asks]
    assert set(seen) == {rows}
    monkeypatch.setattr(sharing, "LARGE", 1 << 40)
    for ask, answer in zip(asks, ours, strict=True):
        assert near(answer, painter.engine.answer([ask])[0])
    assert seen[-1] == (rows[1], rows[1])


@pytest.mark.usefixtures("large")
def test_asks_of_different_pictures_are_not_shared(
    painter: Painter, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (asked(painter, replace(REQUEST, seed=seed), monkeypatch)[0] for seed in (1, 2))
    seen = rows_of(painter, monkeypatch)
    together = painter.engine.answer([one, other])
    assert seen == [(4, 4)]
    for ask, answer in zip((one, other), together, strict=True):
        assert near(answer, painter.engine.answer([ask])[0])


@pytest.mark.usefixtures("large")
def test_what_comes_beside_is_not_shared(painter: Painter, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = rows_of(painter, monkeypatch)
    painter.paint(replace(REQUEST, prompt="a red apple AND a blue cat"))
    assert {x for x, _ in seen} == {1}
    seen.clear()
    request = limner.Request(
        prompt="apple",
        seed=1,
        steps=2,
        regions=(limner.Region(text="cat", box=(0.0, 0.0, 8.0, 8.0)),),
    )
    painter.paint(request)
    assert all(x == text for x, text in seen)


def test_small_models_paint_the_same_bits_as_before(
    painter: Painter, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = rows_of(painter, monkeypatch)
    painter.paint(REQUEST)
    assert set(seen) == {(2, 2)}


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("kind", ["sd1", "sdxl"])
def test_graphs_share_too(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SDXL's rows differ from the start, by the pooled text: there nothing is shared."""
    pytest.importorskip("openvino")
    monkeypatch.setenv("LIMNER_CACHE", str(tmp_path / "cache"))
    folder = saved(kind, tmp_path)
    eager, fast = (limner.load(folder, engine=name) for name in ("eager", "openvino"))
    request = Request(prompt="a cat", seed=1, steps=2, count=2, size=(32, 32))
    asks = asked(eager, request, monkeypatch)
    for ask in asks:
        (ours,), (theirs,) = fast.engine.answer([ask]), eager.engine.answer([ask])
        assert near(ours, theirs)
    shapes = {(shape.x[0], shape.rows) for shape in fast.engine._graphs}
    assert shapes == ({(2, 4)} if kind == "sd1" else {(4, 4)})


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize(("x", "rows"), [(1, 2), (2, 4), (1, 1), (2, 2), (1, 3)])
def test_calibration_fits_shared_rows(x: int, rows: int, painter: Painter) -> None:
    from limner.engine.calibration import samples

    channels = painter.parts.denoiser.config.in_channels
    wanted = Shape((x, channels, 4, 4), rows, 12, True, False)
    calibration = calibration_of(painter.model, painter.adapters)
    found = samples(calibration, painter.parts, painter.engine._places, wanted)
    assert found
    for latent, times, text in found:
        assert Shape.of(latent, text) == wanted
        assert len(times) == x
        if rows == 2 * x:  # each with its own pair: what is not asked for, and what is
            first, second = text.keys[0].chunk(2)
            assert torch.equal(first, first[:1].expand_as(first))
            assert not torch.equal(first, second)
