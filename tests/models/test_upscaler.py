import pytest
import torch
from PIL import Image

from limner.errors import UsageError
from limner.models.upscaler import Upscaler, UpscalerConfig, enlarge

TINY = UpscalerConfig(width=8, depth=2, time_width=16)


def upscaler(config=TINY):
    """With weights everywhere: zero-initialised ones would say nothing of anything."""
    model = Upscaler(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def inputs(height=24, width=20, count=1):
    x, enlarged = torch.randn(2, count, 4, height, width)
    return x, torch.full((count,), 300.0), enlarged, torch.full((count,), 0.1)


def test_an_untrained_one_says_nothing():
    assert torch.all(Upscaler(TINY)(*inputs()) == 0)


@pytest.mark.parametrize("patch", [1, 2])
@pytest.mark.parametrize("depth", [1, 3])
@torch.no_grad()
def test_an_answer_depends_on_the_halo_and_on_nothing_else(patch, depth):
    config = UpscalerConfig(width=8, depth=depth, time_width=16, patch=patch)
    model = upscaler(config)
    x, t, enlarged, level = inputs(64, 64)
    before = model(x, t, enlarged, level)
    enlarged[..., 32:34, 32:34] += 1.0
    changed = (model(x, t, enlarged, level) != before).any(dim=1)[0].nonzero()
    reach = config.halo
    assert changed.min() >= 32 - reach
    assert changed.max() <= 33 + reach
    assert changed.min() == 32 - reach  # and not a pixel less: no halo is wasted


@torch.no_grad()
def test_time_noise_and_picture_are_all_heard():
    model = upscaler()
    x, t, enlarged, level = inputs()
    answers = [
        model(x, t, enlarged, level),
        model(x, t + 100, enlarged, level),
        model(x, t, enlarged + 1, level),
        model(x, t, enlarged, level + 0.1),
        model(x + 1, t, enlarged, level),
    ]
    assert all(not torch.allclose(answers[0], other) for other in answers[1:])


def test_what_cannot_be_is_refused():
    with pytest.raises(UsageError, match="patch of an upscaler is 4; 1 or 2 is right"):
        UpscalerConfig(patch=4)
    with pytest.raises(UsageError, match="depth"):
        UpscalerConfig(depth=0)
    with pytest.raises(UsageError, match="residual_scale is 0"):
        UpscalerConfig(residual_scale=0.0)


@pytest.mark.parametrize("by", [2, 4])
def test_enlarging_is_pillows_bicubic(by):
    low = torch.rand(5, 7)
    picture = Image.fromarray(low.numpy()).resize((7 * by, 5 * by), Image.Resampling.BICUBIC)
    theirs = torch.tensor(list(picture.getdata())).reshape(5 * by, 7 * by)
    torch.testing.assert_close(enlarge(low[None, None], by)[0, 0], theirs, atol=1e-5, rtol=1e-5)
