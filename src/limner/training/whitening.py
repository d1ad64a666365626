"""Latents as a denoiser likes them: mean 0 and variance 1, a channel or in every direction."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from limner.errors import TrainingError
from limner.models.autoencoder import Autoencoder
from limner.types import Latent

EMPTY = 0.2  # deviation of a raw channel that says nothing: what is used has about 1


def normalise_channels(autoencoder: Autoencoder, latents: Latent) -> None:
    """Give the autoencoder the shift and scale a channel of its raw latents; weights stay."""
    autoencoder.config = replace(
        autoencoder.config,
        shift=tuple(latents.mean(dim=(0, 2, 3)).tolist()),
        scale=tuple((1 / latents.std(dim=(0, 2, 3))).tolist()),
    )


def normalise_added(autoencoder: Autoencoder, latents: Latent, *, known: int) -> None:
    """As `normalise_channels`, for all channels but the first `known`, whose numbers stay.

    A channel that the KL term has emptied is scaled by 1, so that nothing is made of its noise.
    """
    before = autoencoder.config
    normalise_channels(autoencoder, latents)
    measured = autoencoder.config
    assert isinstance(before.shift, tuple)
    assert isinstance(before.scale, tuple)
    assert isinstance(measured.shift, tuple)
    assert isinstance(measured.scale, tuple)
    autoencoder.config = replace(
        measured,
        shift=before.shift[:known] + measured.shift[known:],
        scale=before.scale[:known]
        + tuple(1.0 if value > 1 / EMPTY else value for value in measured.scale[known:]),
    )


@torch.no_grad()
def whiten(autoencoder: Autoencoder, latents: Latent) -> None:
    """Make the channels of its raw latents uncorrelated, of mean 0 and variance 1.

    Whitening is linear in the channels, as are the 1x1 convolutions round the latent, so it goes
    into their weights: mean latents are whitened, and what is decoded from them stays the same. Of
    the posterior's spread only what stays independent a channel is kept, the scale.
    TrainingError where some channels say nothing of their own.
    """
    matrix, mean = whitening_matrix(latents)
    inner, outer = autoencoder.quant_conv, autoencoder.post_quant_conv
    means = slice(autoencoder.config.latent_channels)
    spreads = slice(means.stop, None)

    weight, bias = _exact(inner)
    inner.weight[means] = torch.einsum("ij,jkhw->ikhw", matrix, weight[means]).float()
    _bias(inner)[means] = (matrix @ (bias[means] - mean)).float()
    _bias(inner)[spreads] = (bias[spreads] + matrix.square().sum(1).log()).float()

    weight, bias = _exact(outer)
    unmixed = torch.einsum("ijhw,jk->ikhw", weight, torch.linalg.inv(matrix))
    outer.weight.copy_(unmixed)
    _bias(outer).copy_(bias + weight[..., 0, 0] @ mean)
    autoencoder.config = replace(autoencoder.config, scale=1.0, shift=0.0)


def whitening_matrix(latents: Latent) -> tuple[Float[Tensor, "C C"], Float[Tensor, "C"]]:
    """(W, mean) in fp64, on the CPU: W (z - mean) of each position has the identity as covariance.

    W is the symmetric one, covariance^(-1/2), which turns the latents the least.
    """
    flat = latents.cpu().double().movedim(1, 0).flatten(1)
    values, vectors = torch.linalg.eigh(torch.cov(flat))
    if values[0] < 1e-8 * values[-1]:
        raise TrainingError("a latent channel follows from the others: fewer channels are right")
    return vectors @ torch.diag(values.rsqrt()) @ vectors.T, flat.mean(1)


def _exact(layer: nn.Conv2d) -> tuple[Tensor, Tensor]:
    """Weight and bias in fp64 on the CPU."""
    return layer.weight.cpu().double(), _bias(layer).cpu().double()


def _bias(layer: nn.Conv2d) -> Tensor:
    assert layer.bias is not None
    return layer.bias
