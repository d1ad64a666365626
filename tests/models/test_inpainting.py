"""A U-Net widened for inpainting, and what it is shown."""

from dataclasses import replace

import pytest
import torch

from limner.errors import UsageError
from limner.models.autoencoder import Autoencoder
from limner.models.inpainting import mask_and_rest, widened
from limner.models.presets import AUTOENCODER_TINY
from limner.models.unet import UNet, UNetConfig

CONFIG = UNetConfig(
    channels=(8, 8), layers_per_block=1, attention_depth=(0, 1), heads=2, context_width=8,
    norm_groups=4,
)  # fmt: skip


def trained():
    torch.manual_seed(0)
    unet = UNet(CONFIG).eval()
    for weight in unet.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    return unet


def test_a_widened_unet_says_the_same_whatever_it_is_shown():
    unet = trained()
    wide = widened(unet).eval()
    assert wide.config == replace(CONFIG, in_channels=9)
    x, context, t = torch.randn(2, 4, 8, 8), torch.randn(2, 3, 8), torch.tensor([3.0, 400.0])
    shown = torch.randn(2, 5, 8, 8)
    torch.testing.assert_close(wide(torch.cat([x, shown], dim=1), t, context), unet(x, t, context))
    assert widened(wide) is wide


def test_what_takes_something_else_is_not_widened():
    with pytest.raises(UsageError, match="takes 6 channels"):
        widened(UNet(replace(CONFIG, in_channels=6)))


def test_the_rest_is_the_latent_of_the_picture_with_grey_in_the_hole():
    torch.manual_seed(1)
    autoencoder = Autoencoder(AUTOENCODER_TINY).eval()
    pixels = torch.rand(2, AUTOENCODER_TINY.in_channels, 16, 16) * 2 - 1
    mask = torch.zeros(2, 1, 16, 16)
    mask[0, :, 3, 5] = 1  # one pixel
    shown = mask_and_rest(autoencoder, pixels, mask)
    stride = autoencoder.space.stride
    assert shown[0, 0].sum() == 1
    assert shown[0, 0, 3 // stride, 5 // stride] == 1
    assert shown[1, 0].sum() == 0
    grey = pixels.clone()
    grey[0, :, 3, 5] = 0
    expected = autoencoder.space.normalise(autoencoder.encode(grey).mode())
    torch.testing.assert_close(shown[:, 1:], expected)
