import math

import pytest
import torch

from limner.data.records import PictureSet, Record
from limner.errors import TrainingError
from limner.models.unet import UNet, UNetConfig
from limner.training.draws import Draws
from limner.training.objectives.masking import MaskObjective, on_grounds, overlap

CONFIG = UNetConfig(
    in_channels=3, out_channels=1, channels=(8, 16), layers_per_block=1, attention_depth=(0, 0),
    mid_attention_depth=0, context_width=None, norm_groups=4,
)  # fmt: skip


def stickers(count=4, channels=4):
    """White squares in different places, the rest transparent."""
    pictures = torch.zeros(count, channels, 16, 16, dtype=torch.uint8)
    for index in range(count):
        pictures[index, :, 2 + index : 9 + index, 3:10] = 255
    records = tuple(Record(picture=i, concept="square") for i in range(count))
    return PictureSet(pictures=pictures, records=records)


def test_a_picture_covers_its_ground_where_it_is_opaque():
    pixels = stickers(1).to_float([0])
    colours = torch.full((1, 3, 4, 4), 0.25)
    scene, opacity = on_grounds(pixels, colours)
    inside = opacity.bool().expand_as(scene)
    assert opacity.sum() == 49
    assert torch.all(scene[inside] == 1.0)
    torch.testing.assert_close(scene[~inside], torch.full_like(scene[~inside], -0.5))


def test_overlap_is_intersection_over_union():
    a, b = torch.zeros(2, 1, 2, 2, dtype=torch.bool), torch.zeros(2, 1, 2, 2, dtype=torch.bool)
    a[0, 0, 0] = True
    b[0, 0, :, 0] = True
    assert overlap(a, b).item() == pytest.approx((1 / 3 + 1) / 2)


def test_an_untrained_network_is_undecided_and_a_trained_one_finds_the_square():
    torch.manual_seed(0)
    objective = MaskObjective(UNet(CONFIG), stickers())
    items = torch.arange(4)
    first = objective.loss(items, Draws(0, range(4)))
    assert first["total"].item() == pytest.approx(math.log(2))
    optimiser = torch.optim.AdamW(objective.modules.parameters(), lr=1e-2)
    for step in range(60):
        optimiser.zero_grad()
        objective.loss(items, Draws(step, range(4)))["total"].backward()
        optimiser.step()
    assert objective.loss(items, Draws(99, range(4)))["overlap"] > 0.9


def test_pictures_without_transparency_are_refused():
    with pytest.raises(TrainingError, match="no transparency"):
        MaskObjective(UNet(CONFIG), stickers(channels=3))
