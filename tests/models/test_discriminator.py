import pytest
import torch

from limner.errors import UsageError
from limner.models.discriminator import DiscriminatorConfig, PatchDiscriminator


def test_each_answer_sees_seventy_pixels():
    """As in Isola et al. 2017, appendix 6.1.2: the gradient of one answer reaches 70x70 pixels."""
    torch.manual_seed(0)
    config = DiscriminatorConfig(in_channels=1, channels=(8, 8, 8), norm_groups=1)
    model = PatchDiscriminator(config)
    for module in model.modules():
        if isinstance(module, torch.nn.GroupNorm):  # its mean is over the whole picture
            module.forward = lambda x: x
    pixels = torch.randn(1, 1, 256, 256, requires_grad=True)
    answers = model(pixels)
    middle = answers.shape[-1] // 2
    (reached,) = torch.autograd.grad(answers[0, 0, middle, middle], pixels)
    rows = reached[0, 0].abs().sum(1).nonzero()
    assert int(rows.max() - rows.min()) + 1 == 70
    assert answers.shape == (1, 1, 30, 30)


def test_widths_must_fit_the_norms():
    with pytest.raises(UsageError, match="12 channels do not divide into 8 groups"):
        DiscriminatorConfig(channels=(8, 12), norm_groups=8)
    with pytest.raises(UsageError, match="at least one width"):
        DiscriminatorConfig(channels=())
