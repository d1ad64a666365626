"""The autoencoder against diffusers' `AutoencoderKL`, whose state dict it loads as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from limner.errors import RequestError, UsageError
from limner.models import presets
from limner.models.autoencoder import Autoencoder, AutoencoderConfig, Posterior
from limner.training.recipes.sizes import AUTOENCODER_EMOJI, AUTOENCODER_TWO_NUMBERS

SMALL = AutoencoderConfig(channels=(8, 16, 24), norm_groups=4)
CONFIGS = {
    "stable diffusion": SMALL,
    "rgba without attention": replace(
        SMALL, in_channels=4, channels=(8, 16), layers_per_block=1, mid_attention=False
    ),
    "two latent channels": replace(SMALL, latent_channels=2, layers_per_block=1),
}


def reference(config: AutoencoderConfig) -> AutoencoderKL:
    levels = len(config.channels)
    return AutoencoderKL(
        in_channels=config.in_channels,
        out_channels=config.in_channels,
        latent_channels=config.latent_channels,
        block_out_channels=config.channels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        layers_per_block=config.layers_per_block,
        norm_num_groups=config.norm_groups,
        mid_block_add_attention=config.mid_attention,
    ).eval()


def randomise(module: nn.Module, std: float = 0.15) -> None:
    """Every parameter random, norms too, so that none can be left out unseen."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            offset = 1.0 if "norm" in name and name.endswith("weight") else 0.0
            parameter.normal_(offset, std)


def pair(config: AutoencoderConfig) -> tuple[AutoencoderKL, Autoencoder]:
    torch.manual_seed(0)
    oracle = reference(config)
    randomise(oracle)
    autoencoder = Autoencoder(config).eval()
    autoencoder.load_state_dict(oracle.state_dict())
    return oracle, autoencoder


def relative(ours: Tensor, theirs: Tensor) -> float:
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


@pytest.mark.parametrize("name", CONFIGS)
@torch.no_grad()
def test_equals_diffusers(name: str) -> None:
    config = CONFIGS[name]
    oracle, autoencoder = pair(config)
    pixels = torch.rand(2, config.in_channels, 16, 24) * 2 - 1
    theirs, ours = oracle.encode(pixels).latent_dist, autoencoder.encode(pixels)
    stride = autoencoder.space.stride
    assert ours.mean.shape == (2, config.latent_channels, 16 // stride, 24 // stride)
    assert relative(ours.mean, theirs.mean) < 1e-5
    assert relative(ours.logvar, theirs.logvar) < 1e-5
    raw = torch.randn_like(ours.mean)
    decoded = autoencoder.decode(raw)
    assert decoded.shape == pixels.shape
    assert relative(decoded, oracle.decode(raw).sample) < 1e-5


@torch.no_grad()
def test_sample_and_kl_equal_diffusers() -> None:
    oracle, autoencoder = pair(SMALL)
    pixels = torch.rand(2, 3, 16, 16) * 2 - 1
    theirs, ours = oracle.encode(pixels).latent_dist, autoencoder.encode(pixels)
    expected = theirs.sample(torch.Generator().manual_seed(7))
    assert relative(ours.sample(torch.Generator().manual_seed(7)), expected) < 1e-5
    assert torch.equal(ours.mode(), ours.mean)
    assert relative(ours.kl(), theirs.kl()) < 1e-5


def test_kl_is_that_of_normals() -> None:
    torch.manual_seed(0)
    q = Posterior(mean=torch.randn(3, 2, 4, 4), logvar=torch.randn(3, 2, 4, 4))
    normals = Normal(q.mean, (0.5 * q.logvar).exp())
    expected = kl_divergence(normals, Normal(0.0, 1.0)).sum(dim=(1, 2, 3))
    assert torch.allclose(q.kl(), expected, rtol=1e-5)
    standard = Posterior(mean=torch.zeros(1, 2, 4, 4), logvar=torch.zeros(1, 2, 4, 4))
    assert standard.kl().item() == 0


def test_samples_have_the_posterior_s_moments() -> None:
    size = (1, 1, 200, 200)
    q = Posterior(mean=torch.full(size, 3.0), logvar=torch.full(size, -1.0))
    drawn = q.sample(torch.Generator().manual_seed(0))
    sigma = 2.718281828**-0.5
    error = sigma / 200  # of the mean of 200 * 200 numbers
    assert abs(drawn.mean().item() - 3.0) < 5 * error
    assert abs(drawn.std().item() - sigma) < 5 * error


@torch.no_grad()
def test_logvar_is_clamped() -> None:
    _, autoencoder = pair(SMALL)
    autoencoder.quant_conv.bias[4:] = torch.tensor([-1e4, 1e4, -1e4, 1e4])
    logvar = autoencoder.encode(torch.zeros(1, 3, 8, 8)).logvar
    assert logvar[0, :, 0, 0].tolist() == [-30.0, 20.0, -30.0, 20.0]


def test_space_normalises_and_restores() -> None:
    config = replace(SMALL, scale=(0.5, 1.0, 2.0, 4.0), shift=(1.0, 0.0, -1.0, 2.0))
    space = Autoencoder(config).space
    assert (space.channels, space.stride) == (4, 4)
    raw = torch.randn(2, 4, 3, 3)
    normalised = space.normalise(raw)
    assert torch.allclose(normalised[:, 3], (raw[:, 3] - 2.0) * 4.0)
    assert torch.allclose(space.restore(normalised), raw, atol=1e-6)


def test_stable_diffusion_s_space() -> None:
    space = presets.AUTOENCODER_SD1.space
    assert (space.channels, space.stride, space.scale, space.shift) == (4, 8, 0.18215, 0.0)


def test_every_parameter_learns() -> None:
    """From its zeroed start, each parameter has a gradient within three steps."""
    torch.manual_seed(0)
    autoencoder = Autoencoder(SMALL)
    pixels = torch.rand(2, 3, 8, 8) * 2 - 1
    optimiser = torch.optim.SGD(autoencoder.parameters(), lr=0.05)
    moved: set[str] = set()
    for _ in range(4):
        optimiser.zero_grad()
        posterior = autoencoder.encode(pixels)
        restored = autoencoder.decode(posterior.sample(torch.Generator().manual_seed(0)))
        ((restored - pixels).square().mean() + 1e-3 * posterior.kl().mean()).backward()
        parameters = autoencoder.named_parameters()
        moved |= {n for n, p in parameters if p.grad is not None and p.grad.any()}
        optimiser.step()
    assert moved == {name for name, _ in autoencoder.named_parameters()}


def test_shapes_are_checked() -> None:
    autoencoder = Autoencoder(SMALL)
    with pytest.raises(RequestError, match="multiples of 4"):
        autoencoder.encode(torch.zeros(1, 3, 8, 10))
    with pytest.raises(RequestError, match="takes 3"):
        autoencoder.encode(torch.zeros(1, 4, 8, 8))
    with pytest.raises(RequestError, match="takes 4"):
        autoencoder.decode(torch.zeros(1, 3, 2, 2))


@pytest.mark.parametrize(
    "change",
    [{"norm_groups": 7}, {"scale": (1.0, 2.0)}, {"channels": ()}, {"layers_per_block": 0}],
)
def test_impossible_sizes_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        replace(SMALL, **change)


def test_presets() -> None:
    """Stable Diffusion's published size, and the spaces of the small ones."""
    sizes = {
        presets.AUTOENCODER_SD1: 83_653_863,
        AUTOENCODER_EMOJI: 1_620_968,
    }
    for config, size in sizes.items():
        with torch.device("meta"):
            autoencoder = Autoencoder(config)
        assert sum(parameter.numel() for parameter in autoencoder.parameters()) == size
    assert (AUTOENCODER_EMOJI.space.channels, AUTOENCODER_EMOJI.space.stride) == (
        4,
        4,
    )
    two = Autoencoder(AUTOENCODER_TWO_NUMBERS)
    assert two.encode(torch.zeros(1, 3, 32, 32)).mean.shape == (1, 2, 1, 1)


@pytest.mark.slow
@torch.no_grad()
def test_full_size_equals_diffusers() -> None:
    torch.manual_seed(0)
    oracle = reference(presets.AUTOENCODER_SD1)
    autoencoder = Autoencoder(presets.AUTOENCODER_SD1).eval()
    autoencoder.load_state_dict(oracle.state_dict())
    pixels = torch.rand(1, 3, 64, 64) * 2 - 1
    theirs, ours = oracle.encode(pixels).latent_dist, autoencoder.encode(pixels)
    assert relative(ours.mean, theirs.mean) < 1e-5
    assert relative(autoencoder.decode(ours.mean), oracle.decode(theirs.mean).sample) < 1e-5


@torch.no_grad()
def test_shuffled_is_the_same_network_on_squares_in_channels() -> None:
    torch.manual_seed(0)
    config = replace(SMALL, in_channels=4, channels=(8, 16), shuffle=2)
    shuffled = Autoencoder(config).eval()
    inner = Autoencoder(replace(config, in_channels=16, shuffle=1)).eval()
    inner.load_state_dict(shuffled.state_dict())
    pixels = torch.rand(2, 4, 16, 24) * 2 - 1
    squares = torch.nn.functional.pixel_unshuffle(pixels, 2)
    latent = shuffled.encode(pixels).mean
    assert latent.shape == (2, 4, 4, 6)
    assert torch.equal(latent, inner.encode(squares).mean)
    decoded = shuffled.decode(latent)
    assert decoded.shape == pixels.shape
    assert torch.equal(torch.nn.functional.pixel_unshuffle(decoded, 2), inner.decode(latent))
    with pytest.raises(RequestError, match=r"multiples of 4"):
        shuffled.encode(torch.zeros(1, 4, 18, 16))


def test_shuffle_below_one_is_refused() -> None:
    with pytest.raises(UsageError, match=r"shuffle is 0"):
        replace(SMALL, shuffle=0)
