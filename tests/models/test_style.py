"""The style namer: how a picture is drawn, and not where anything is."""

import pytest
import torch
from torch import nn

from limner.errors import RequestError, UsageError
from limner.models.style import StyleConfig, StyleNamer, statistics

CONFIG = StyleConfig(styles=("3d", "flat", "noto"), channels=(8, 8), width=16)


def namer():
    made = StyleNamer(CONFIG)
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.2)
    return made


def test_statistics_are_means_and_deviations_over_the_places():
    x = torch.tensor([[[[1.0, 3.0], [1.0, 3.0]], [[5.0, 5.0], [5.0, 5.0]]]])
    found = statistics(x)
    torch.testing.assert_close(found, torch.tensor([[2.0, 5.0, 1.0, 0.0]]), atol=4e-3, rtol=1e-4)
    mixed = x.flatten(2)[:, :, [2, 0, 3, 1]].reshape(x.shape)
    torch.testing.assert_close(statistics(mixed), found)


def test_colours_change_the_logits_and_a_shift_over_the_edge_hardly_does():
    made = namer()
    picture = torch.full((1, 4, 32, 32), -1.0)
    picture[:, :, 8:16, 8:16] = torch.randn(4, 8, 8)
    moved, other = picture.roll((4, 8), dims=(2, 3)), picture.clone()
    other[:, 0] = 1.0
    with torch.no_grad():
        here, there, coloured = (made(each) for each in (picture, moved, other))
    assert (there - here).norm() < 1e-4 * here.norm()
    assert (coloured - here).norm() > 0.05 * here.norm()


def test_the_word_of_the_largest_logit_is_the_name():
    made, pictures = namer(), torch.randn(5, 4, 16, 16)
    best = made(pictures).argmax(dim=1).tolist()
    assert made.name(pictures) == tuple(CONFIG.styles[place] for place in best)
    assert made.half().name(pictures) == made.float().name(pictures)


def test_pictures_of_any_size_with_their_own_channels():
    assert namer()(torch.randn(2, 4, 9, 30)).shape == (2, 3)
    with pytest.raises(RequestError, match="3 channels: 4 are right"):
        namer()(torch.randn(2, 3, 16, 16))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"styles": ()}, "distinct words, at least one"),
        ({"styles": ("3d", "3d")}, "distinct words, at least one"),
        ({"styles": ("3d",), "channels": ()}, "at least 1 of each"),
        ({"styles": ("3d",), "width": 0}, "at least 1 of each"),
    ],
)
def test_what_cannot_be(changes, said):
    with pytest.raises(UsageError, match=said):
        StyleConfig(**changes)
