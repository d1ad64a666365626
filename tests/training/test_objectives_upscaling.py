"""What an upscaler is trained on: patches, their reductions, and the loss."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from limner.data.records import PictureSet, Record
from limner.diffusion.prediction import V
from limner.diffusion.process import RectifiedFlow
from limner.diffusion.times import UniformTimes
from limner.errors import TrainingError
from limner.models.upscaler import Upscaler, UpscalerConfig, enlarge
from limner.training.draws import Draws
from limner.training.objectives.upscaling import (
    Patches,
    UpscalingObjective,
    example,
    examples,
    patch,
    reduced,
)

TINY = UpscalerConfig(width=16, depth=1, time_width=16)
PLAIN = Patches(side=16, halved=0.0, mirrored=0.0, grounded=0.0, clean=1.0)
ITEMS = torch.tensor([3, 1, 0, 2])


def discs(count=4, side=32):
    """Opaque discs of several sizes on nothing, premultiplied."""
    line = torch.arange(side) - side / 2 + 0.5
    distance = torch.hypot(line[:, None], line[None])
    pictures = torch.zeros(count, 4, side, side, dtype=torch.uint8)
    for index in range(count):
        inside = distance < side * (index + 2) / 14
        pictures[index, 3, inside] = 255
        pictures[index, index % 3, inside] = 200
    records = tuple(Record(picture=i, concept=f"disc {i}") for i in range(count))
    return PictureSet(pictures=pictures, records=records)


def objective(patches=PLAIN, model=None):
    return UpscalingObjective(
        Upscaler(TINY) if model is None else model, discs(), patches=patches,
        process=RectifiedFlow(), prediction=V(), times=UniformTimes(),
    )  # fmt: skip


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_plain_patch_is_a_piece_of_its_picture():
    picture = discs().pictures[2]
    pixels = picture.float() / 127.5 - 1
    pieces = pixels.unfold(1, 16, 1).unfold(2, 16, 1).permute(1, 2, 0, 3, 4).reshape(-1, 4, 16, 16)
    for seed in range(5):
        high = patch(picture, PLAIN, chance(seed))
        assert (pieces == high).flatten(1).all(1).any()


def test_a_grounded_patch_is_opaque_and_a_halved_one_shows_twice_as_much():
    picture = discs().pictures[0]
    grounded = patch(picture, replace(PLAIN, grounded=1.0), chance())
    assert torch.all(grounded[3] == 1.0)
    halved = patch(picture, replace(PLAIN, halved=1.0), chance())
    small = F.avg_pool2d(picture.float() / 127.5 - 1, 2)
    torch.testing.assert_close(halved, small, atol=0.3, rtol=0.0)


def test_reductions_are_means_and_bicubic():
    pixels = torch.rand(4, 16, 16)
    found = [reduced(pixels, 4, chance(seed)) for seed in range(8)]
    means = F.avg_pool2d(pixels, 4)
    bicubic = F.interpolate(pixels[None], scale_factor=0.25, mode="bicubic", antialias=True)[0]
    kinds = [("means", "bicubic")[int(torch.allclose(one, bicubic))] for one in found]
    assert set(kinds) == {"means", "bicubic"}
    wanted = {"means": means, "bicubic": bicubic}
    for one, kind in zip(found, kinds, strict=True):
        torch.testing.assert_close(one, wanted[kind])


def test_an_example_knows_how_much_noise_it_has():
    picture = torch.zeros(4, 64, 64, dtype=torch.uint8)
    how = replace(PLAIN, side=32, clean=0.5, most_noise=0.4)
    levels = []
    for seed in range(40):
        high, enlarged, level = example(picture, how, chance(seed))
        levels.append(level)
        if level == 0.0:
            torch.testing.assert_close(enlarged, high)
        else:  # interpolation takes some of its variance
            assert 0.4 * level < (enlarged - high).std() < level
    assert 5 < levels.count(0.0) < 35
    assert 0.0 < min(filter(None, levels)) < max(levels) < 0.4


def test_both_factors_occur():
    picture = discs().pictures[1]
    found = set()
    for seed in range(20):
        high, enlarged, _ = example(picture, PLAIN, chance(seed))
        for by in (2, 4):
            small = F.avg_pool2d(high, by)
            if torch.allclose(enlarge(small[None], by)[0], enlarged, atol=1e-5):
                found.add(by)
    assert found == {2, 4}


def test_an_item_is_the_same_in_any_part_of_its_batch():
    how = replace(PLAIN, halved=0.5, mirrored=0.5, grounded=0.5, clean=0.5)
    whole = examples(discs(), ITEMS, how, Draws(7, range(4)))
    part = examples(discs(), ITEMS[2:], how, Draws(7, range(2, 4)))
    for name in ("high", "enlarged", "level"):
        assert torch.equal(getattr(whole, name)[2:], getattr(part, name))


def test_the_loss_is_the_mean_square_of_the_error_in_v():
    model = objective().model
    draws = Draws(5, range(4))
    shown = examples(discs(), ITEMS, PLAIN, draws)
    residual = (shown.high - shown.enlarged) / TINY.residual_scale
    noise = draws.normal(4, 16, 16)
    t = draws.uniform()[:, None, None, None]
    norm = torch.hypot(1 - t, t)
    expected = (((1 - t) * noise - t * residual) / norm).square().mean()
    total = objective(model=model).loss(ITEMS, Draws(5, range(4)))["total"]
    torch.testing.assert_close(total, expected)  # an untrained model says 0


def test_the_loss_falls_on_a_tiny_set():
    one = objective(replace(PLAIN, mirrored=0.5))
    optimiser = torch.optim.AdamW(one.modules.parameters(), lr=1e-2)
    every = ITEMS.repeat(2)

    def loss(seed):
        return one.loss(every, Draws(seed, range(len(every))))["total"]

    first = sum(loss(seed).item() for seed in range(4))
    for step in range(150):
        optimiser.zero_grad()
        loss(step + 100).backward()
        optimiser.step()
    assert sum(loss(seed).item() for seed in range(4)) < 0.7 * first


def test_what_cannot_be_is_refused():
    with pytest.raises(TrainingError, match="side 6: a multiple of 4"):
        Patches(side=6)
    with pytest.raises(TrainingError, match=r"halved is 1\.5"):
        Patches(halved=1.5)
    with pytest.raises(TrainingError, match="most_noise is -1"):
        Patches(most_noise=-1.0)
    with pytest.raises(TrainingError, match="32x32 pixels: at least 64"):
        objective(replace(PLAIN, side=32))
    opaque = PictureSet(pictures=discs().pictures[:, :3], records=discs().records)
    with pytest.raises(TrainingError, match="no transparency"):
        UpscalingObjective(
            Upscaler(TINY), opaque, patches=PLAIN,
            process=RectifiedFlow(), prediction=V(), times=UniformTimes(),
        )  # fmt: skip
