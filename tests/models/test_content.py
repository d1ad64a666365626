"""The content branch: its sizes, its maps, and how a call of a U-Net adds them."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from limner.errors import RequestError, UsageError
from limner.models.content import ContentConfig, ContentEncoder, mean_token
from limner.models.presets import UNET_SD1, UNET_TINY
from limner.models.unet import UNet
from limner.nn.prepared import Beside, Told
from limner.training.recipes.sizes import UNET_EMOJI

CONFIG = ContentConfig.of(UNET_TINY, picture_channels=4, stride=2)


def trained(module):
    """With weights where a new one has zeros."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.2)
    return module.eval()


def call(unet, count=2, added=()):
    chance = torch.Generator().manual_seed(1)
    x = torch.randn(count, 4, 8, 8, generator=chance)
    context = torch.randn(count, 5, 24, generator=chance)
    with torch.no_grad():
        return unet(x, torch.full((count,), 0.5), context, beside=Beside(added=added))


def maps(count=1):
    pixels = torch.randn(count, 4, 16, 16, generator=torch.Generator().manual_seed(2))
    style = torch.randn(count, 24, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        return trained(ContentEncoder(CONFIG))(pixels, style)


def test_one_map_a_level_of_the_unets_widths_and_zero_at_first():
    new = ContentEncoder(CONFIG)(torch.randn(3, 4, 16, 16), torch.randn(3, 24))
    assert [tuple(each.shape) for each in new] == [(3, 16, 8, 8), (3, 32, 4, 4)]
    assert all(torch.count_nonzero(each) == 0 for each in new)
    assert all(torch.count_nonzero(each) > 0 for each in maps())


def test_the_style_changes_the_maps():
    encoder, pixels = trained(ContentEncoder(CONFIG)), torch.randn(1, 4, 16, 16)
    first, second = (encoder(pixels, torch.full((1, 24), value)) for value in (0.0, 1.0))
    assert not any(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_maps_are_added_before_a_level_is_halved_and_go_across():
    unet = trained(UNet(UNET_TINY))
    chance = torch.Generator().manual_seed(1)
    x, time = torch.randn(1, 16, 8, 8, generator=chance), torch.randn(1, 64, generator=chance)
    block, added = unet.down_blocks[0], torch.randn(1, 16, 8, 8)
    with torch.no_grad():
        _, (across, _) = block(x, time, Told())
        _, (across_too, below_too) = block(x, time, Told(), added)
        torch.testing.assert_close(across_too, across + added)
        torch.testing.assert_close(below_too, block.downsamplers[0](across + added))


def test_every_level_is_added_to():
    unet, maps_of_both = trained(UNet(UNET_TINY)), maps(2)
    outputs = [call(unet)]
    for level in range(2):
        added = [torch.zeros_like(each) for each in maps_of_both]
        added[level] = maps_of_both[level]
        outputs.append(call(unet, added=tuple(added)))
    assert not any(map(torch.equal, outputs, outputs[1:] + outputs[:1]))


def test_what_was_added_to_one_call_is_not_in_the_next_even_after_an_error():
    unet = trained(UNet(UNET_TINY))
    before = call(unet)
    during = call(unet, added=tuple(maps(2)))
    with pytest.raises(RequestError, match="does not fit"):
        call(unet, added=tuple(maps(3)))
    with pytest.raises(RequestError, match="does not fit"):
        call(unet, added=tuple(maps(2)[:1]))
    assert not torch.equal(during, before)
    assert torch.equal(call(unet), before)


def test_each_row_is_added_its_own():
    unet, two = trained(UNet(UNET_TINY)), maps(2)
    both = call(unet, added=tuple(two))
    for row in range(2):
        only = tuple(each * (torch.arange(2) == row)[:, None, None, None] for each in two)
        found = call(unet, added=only)
        torch.testing.assert_close(found[row], both[row])
        torch.testing.assert_close(found[1 - row], call(unet)[1 - row])


def test_the_mean_token_leaves_out_what_is_masked():
    context = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [100.0, 100.0]]])
    mask = torch.tensor([[True, True, False]])
    assert mean_token(context, mask).tolist() == [[2.0, 4.0]]
    assert mean_token(context[:, :2]).tolist() == [[2.0, 4.0]]


def test_the_size_for_the_shipped_model():
    config = ContentConfig.of(UNET_EMOJI, picture_channels=4, stride=4)
    count = sum(weight.numel() for weight in ContentEncoder(config).parameters())
    assert config == ContentConfig()
    assert 2e6 < count < 3.5e6


@pytest.mark.parametrize("shape", [(1, 3, 16, 16), (1, 4, 18, 16), (1, 4, 16, 2)])
def test_a_picture_of_another_kind(shape):
    with pytest.raises(RequestError, match="4 and multiples of 4 are right"):
        ContentEncoder(CONFIG)(torch.randn(shape), torch.randn(1, 24))


def test_sizes_that_cannot_be():
    with pytest.raises(UsageError, match="one number a level"):
        replace(CONFIG, blocks=(1,))
    with pytest.raises(UsageError, match="do not divide"):
        replace(CONFIG, norm_groups=7)
    with pytest.raises(UsageError, match="told no text"):
        ContentConfig.of(replace(UNET_SD1, context_width=None), picture_channels=3, stride=8)
