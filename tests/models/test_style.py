"""The style encoder: how a picture is drawn, and not where anything is."""

import pytest
import torch
from torch import nn

from limner.errors import RequestError, UsageError
from limner.models.style import StyleConfig, StyleEncoder, statistics

CONFIG = StyleConfig(channels=(8, 8), width=16, tokens=3, context_width=24)


def trained():
    encoder = StyleEncoder(CONFIG)
    for parameter in encoder.parameters():
        nn.init.normal_(parameter, std=0.2)
    return encoder


def test_statistics_are_means_and_deviations_over_the_places():
    x = torch.tensor([[[[1.0, 3.0], [1.0, 3.0]], [[5.0, 5.0], [5.0, 5.0]]]])
    found = statistics(x)
    torch.testing.assert_close(found, torch.tensor([[2.0, 5.0, 1.0, 0.0]]), atol=4e-3, rtol=1e-4)
    mixed = x.flatten(2)[:, :, [2, 0, 3, 1]].reshape(x.shape)
    torch.testing.assert_close(statistics(mixed), found)


def test_a_new_one_says_for_every_picture_what_it_was_let_begin_at():
    encoder = StyleEncoder(CONFIG)
    start = torch.randn(2, 24)
    encoder.begin_at(start)
    told = encoder(torch.randn(5, 4, 16, 16))
    assert torch.equal(told, start[[0, 1, 0]].expand(5, 3, 24))


def test_colours_change_the_tokens_and_a_shift_over_the_edge_hardly_does():
    encoder = trained()
    picture = torch.full((1, 4, 32, 32), -1.0)
    picture[:, :, 8:16, 8:16] = torch.randn(4, 8, 8)
    moved, other = picture.roll((4, 8), dims=(2, 3)), picture.clone()
    other[:, 0] = 1.0
    with torch.no_grad():
        here, there, coloured = (encoder(each) for each in (picture, moved, other))
    assert (there - here).norm() < 1e-4 * here.norm()
    assert (coloured - here).norm() > 0.05 * here.norm()


def test_pictures_of_any_size_with_their_own_channels():
    assert trained()(torch.randn(2, 4, 9, 30)).shape == (2, 3, 24)
    with pytest.raises(RequestError, match="3 channels: 4 are right"):
        trained()(torch.randn(2, 3, 16, 16))


def test_sizes_that_cannot_be():
    with pytest.raises(UsageError, match="at least 1"):
        StyleConfig(tokens=0)
    with pytest.raises(UsageError, match="at least 1"):
        StyleConfig(channels=())
