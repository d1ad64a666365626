"""A trained network within a larger one: the same until it learns, and what does not fit."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from limner.checkpoints import ModelFolder
from limner.cli.progress import finish
from limner.data.records import PictureSet, Record
from limner.errors import TrainingError
from limner.models.autoencoder import Autoencoder, AutoencoderConfig, Posterior
from limner.models.content import ContentConfig, ContentEncoder
from limner.models.presets import UNET_TINY
from limner.models.unet import UNet
from limner.training.embedding import (
    deepened_unet,
    embed,
    enlarged_autoencoder,
    enlarged_content,
    enlarged_unet,
)
from limner.training.loop import LoopConfig
from limner.training.objectives.autoencoder import Anchor
from limner.training.recipes import RECIPES, autoencoder
from limner.training.recipes.world import base_folder
from limner.training.run import train
from limner.training.whitening import normalise_added

SMALL = AutoencoderConfig(
    in_channels=4,
    channels=(8, 16),
    layers_per_block=1,
    norm_groups=4,
    mid_attention=False,
    scale=(1.0, 2.0, 0.5, 1.5),
    shift=(0.0, 0.1, -0.1, 0.2),
)
LARGE = replace(
    SMALL, channels=(12, 24), norm_groups=6, latent_channels=6, shuffle=2, scale=1.0, shift=0.0
)


def random(module):
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return module.eval()


@pytest.fixture
def small():
    torch.manual_seed(0)
    return random(Autoencoder(SMALL))


@torch.no_grad()
def test_an_enlarged_autoencoder_is_the_trained_one_of_pictures_in_small(small):
    made = enlarged_autoencoder(small, LARGE).eval()
    pixels = torch.rand(2, 4, 16, 24) * 2 - 1
    ours, theirs = made.encode(pixels), small.encode(F.avg_pool2d(pixels, 2))
    torch.testing.assert_close(ours.mean[:, :4], theirs.mean)
    torch.testing.assert_close(ours.logvar[:, :4], theirs.logvar)
    assert ours.mean[:, 4:].std() > 0
    raw = torch.randn(2, 6, 4, 6)
    wanted = F.interpolate(small.decode(raw[:, :4]), scale_factor=2.0)
    torch.testing.assert_close(made.decode(raw), wanted)


def test_its_first_channels_keep_their_scale_and_shift(small):
    made = enlarged_autoencoder(small, LARGE)
    assert made.config.scale == (1.0, 2.0, 0.5, 1.5, 1.0, 1.0)
    assert made.config.shift == (0.0, 0.1, -0.1, 0.2, 0.0, 0.0)
    one = enlarged_autoencoder(Autoencoder(replace(SMALL, scale=0.5, shift=0.1)), LARGE)
    assert one.config.scale == (0.5,) * 4 + (1.0,) * 2


def test_what_is_new_learns(small):
    made = enlarged_autoencoder(small, LARGE)
    made.decode(made.encode(torch.rand(2, 4, 16, 16)).mean).square().mean().backward()
    into_old = made.decoder.conv_in.weight.grad[:16, 4:]
    assert into_old.abs().min() > 0


@pytest.mark.parametrize(
    "change",
    [
        {"channels": (12, 36)},
        {"channels": (12, 24, 24)},
        {"norm_groups": 4},
        {"layers_per_block": 2},
        {"mid_attention": True},
        {"latent_channels": 3},
    ],
    ids=lambda change: next(iter(change)),
)
def test_levels_that_do_not_hold_the_trained_ones_are_refused(small, change):
    with pytest.raises(TrainingError, match="do not hold those of"):
        enlarged_autoencoder(small, replace(LARGE, **change))


@torch.no_grad()
def test_an_enlarged_unet_paints_its_first_channels_as_before():
    torch.manual_seed(0)
    trained = random(UNet(UNET_TINY))
    made = enlarged_unet(trained, replace(UNET_TINY, in_channels=8, out_channels=8)).eval()
    x, t = torch.randn(2, 8, 8, 8), torch.tensor([0.1, 0.9])
    context = torch.randn(2, 5, UNET_TINY.context_width)
    painted = made(x, t, context)
    torch.testing.assert_close(painted[:, :4], trained(x[:, :4], t, context))
    assert not painted[:, 4:].any()


def test_a_unet_that_differs_in_more_is_refused():
    other = replace(UNET_TINY, in_channels=8, out_channels=8, layers_per_block=2)
    with pytest.raises(TrainingError, match="in more than their latent channels, in "):
        enlarged_unet(UNet(UNET_TINY), other)


def test_a_deepened_unet_paints_as_before_and_what_was_added_learns():
    torch.manual_seed(0)
    trained = random(UNet(UNET_TINY))
    depths = tuple(depth and depth + 2 for depth in UNET_TINY.attention_depth)
    made = deepened_unet(trained, replace(UNET_TINY, attention_depth=depths)).eval()
    x, t = torch.randn(2, 4, 8, 8), torch.tensor([0.1, 0.9])
    context = torch.randn(2, 5, UNET_TINY.context_width)
    painted = made(x, t, context)
    torch.testing.assert_close(painted, trained(x, t, context))
    painted.square().mean().backward()
    added = made.state_dict().keys() - trained.state_dict().keys()
    writes = {n: p for n, p in made.named_parameters() if n in added and n.endswith("net.2.weight")}
    assert writes
    assert all(weight.grad.any() for weight in writes.values())


@pytest.mark.parametrize(
    "change",
    [{"layers_per_block": 2}, {"attention_depth": (0,) * len(UNET_TINY.attention_depth)}],
    ids=lambda change: next(iter(change)),
)
def test_a_unet_that_differs_in_more_than_its_depth_is_refused(change):
    with pytest.raises(TrainingError, match="in more than their depth, in "):
        deepened_unet(UNet(UNET_TINY), replace(UNET_TINY, **change))


@torch.no_grad()
def test_an_enlarged_content_branch_has_the_maps_of_pictures_in_small():
    torch.manual_seed(0)
    config = ContentConfig(
        stride=2, channels=(8, 16), blocks=(1, 1), context_width=6, norm_groups=4
    )
    trained = random(ContentEncoder(config))
    made = enlarged_content(trained, 6).eval()
    assert made.config == replace(config, stride=6)
    pixels, style = torch.rand(2, 4, 24, 36) * 2 - 1, torch.randn(2, 6)
    small = trained(F.avg_pool2d(pixels, 3), style)
    for ours, theirs in zip(made(pixels, style), small, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_content_branch_of_no_multiple_is_refused():
    branch = ContentEncoder(ContentConfig(stride=4))
    with pytest.raises(TrainingError, match="of 4 pixels a position is not one of 6: a multiple"):
        enlarged_content(branch, 6)


def test_networks_of_other_names_or_of_less_room_are_refused():
    with pytest.raises(TrainingError, match="only one of the two networks has bias"):
        embed({"weight": torch.zeros(2, 2)}, torch.nn.Linear(3, 3))
    with pytest.raises(TrainingError, match=r"weight is \(4, 2\), .* \(3, 3\): no side"):
        embed({"weight": torch.zeros(4, 2), "bias": torch.zeros(4)}, torch.nn.Linear(3, 3))


def test_an_anchor_is_the_distance_of_normalised_first_channels(small):
    pixels = torch.rand(3, 4, 16, 16)
    with torch.no_grad():
        wanted = small.encode(F.avg_pool2d(pixels, 2)).mean
    more = torch.randn(3, 2, 4, 4)
    anchor = Anchor(small, times=2, weight=3.0)
    same = Posterior(mean=torch.cat([wanted, more], 1), logvar=torch.zeros(3, 6, 4, 4))
    assert anchor(pixels, same).item() == pytest.approx(0.0, abs=1e-9)
    off = wanted.clone()
    off[:, 1] += 0.5  # its scale is 2: 1 in a quarter of the numbers
    apart = Posterior(mean=torch.cat([off, more], 1), logvar=torch.zeros(3, 6, 4, 4))
    assert anchor(pixels, apart).item() == pytest.approx(3.0 / 4, rel=1e-5)


def test_what_is_new_is_normalised_and_a_channel_that_says_nothing_left_as_it_is(small):
    made = enlarged_autoencoder(small, LARGE)
    latents = torch.randn(64, 6, 8, 8)
    latents[:, 4] = 3.0 + 2.0 * latents[:, 4]
    latents[:, 5] = 0.1 + 0.03 * latents[:, 5]
    normalise_added(made, latents, known=4)
    assert made.config.scale[:4] == SMALL.scale
    assert made.config.shift[:4] == SMALL.shift
    assert made.config.scale[4:] == pytest.approx((0.5, 1.0), rel=0.05)
    assert made.config.shift[4:] == pytest.approx((3.0, 0.1), rel=0.05)


def things():
    chance = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (2, 4, 16, 16), generator=chance).to(torch.uint8)
    records = [Record(picture=i, concept=name, style="3d") for i, name in enumerate(("cat", "cup"))]
    return PictureSet(pictures=pictures, records=tuple(records))


def test_the_recipe_keeps_what_its_base_says_and_measures_what_is_new(
    tiny_model: Path, small: Autoencoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(autoencoder, "DRAWN", 16)
    base = ModelFolder(shutil.copytree(tiny_model, tmp_path / "small"))
    base.save(small)
    row = replace(
        RECIPES["everyday-enlarged"],
        loop=LoopConfig(steps=2, batch=2, learning_rate=1e-3, precision="fp32", ema=(6.94,)),
        config=LARGE,
        world=None,
        perceptual=None,
    )
    run = tmp_path / "run"
    finish(train(row, things(), run, base=base.path), lambda progress: None)
    made, before = ModelFolder(run / "model").load("vae"), base.load("vae")
    assert made.config.scale[:4] == before.config.scale
    assert made.config.shift[:4] == before.config.shift
    assert 0.0 not in made.config.shift[4:]

    folder = base_folder(tiny_model, run / "model", tmp_path / "base")
    unet, trained = folder.load("unet"), ModelFolder(tiny_model).load("unet")
    assert unet.config.in_channels == unet.config.out_channels == 6
    torch.testing.assert_close(unet.conv_in.weight[:, :4], trained.conv_in.weight)
    assert not unet.conv_in.weight[:, 4:].any()
