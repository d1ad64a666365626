"""A trained network within a larger one: at first the larger one does what the trained one did.

(Chen et al. 2016, "Net2Net", section 2.2, with new channels that the old ones do not read at first,
instead of copies of the old.)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from limner.errors import TrainingError
from limner.models.autoencoder import Autoencoder, AutoencoderConfig
from limner.models.content import ContentEncoder
from limner.models.unet import UNet, UNetConfig

MEANS_AND_SPREADS = ("encoder.conv_out", "quant_conv")  # layers that write both, one after another
WRITES = re.compile(r"\.(to_out\.0|ff\.net\.2)\.")  # what a transformer block adds to its tokens


def enlarged_autoencoder(trained: Autoencoder, config: AutoencoderConfig) -> Autoencoder:
    """An autoencoder of wider levels, more latent channels, and pictures `shuffle` times as large.

    Its first latent channels are those of the trained one for the picture in small (the mean of
    each square), and what it paints is the trained one's picture in large; both exactly, before it
    learns more. `scale` and `shift` of these channels stay.
    TrainingError where the levels are not those of the trained one, only wider: as many, each
    wider by the same factor as there are more groups.
    """
    theirs = trained.config
    _check_levels(theirs, config)
    made = Autoencoder(config)
    weights = dict(trained.state_dict())
    squares = config.shuffle**2
    weights["encoder.conv_in.weight"] = of_squares(weights["encoder.conv_in.weight"], squares)
    for name in ("decoder.conv_out.weight", "decoder.conv_out.bias"):
        weights[name] = weights[name].repeat_interleave(squares, dim=0)
    old, new = theirs.latent_channels, config.latent_channels
    rows = [*range(old), *range(new, new + old)]
    moments = {
        f"{layer}.{kind}": rows for layer in MEANS_AND_SPREADS for kind in ("weight", "bias")
    }
    embed(weights, made, rows=moments, columns={"quant_conv.weight": rows})
    made.config = _same_space(theirs, config)
    return made


def enlarged_unet(trained: UNet, config: UNetConfig) -> UNet:
    """A U-Net of more latent channels; the first ones are painted as by the trained one.

    TrainingError where anything else differs.
    """
    made = UNet(config)
    outer = ("conv_in.weight", "conv_out.weight", "conv_out.bias")
    theirs, ours = trained.state_dict(), made.state_dict()
    differing = [
        name
        for name, value in ours.items()
        if name not in outer and (name not in theirs or theirs[name].shape != value.shape)
    ]
    if differing:
        raise TrainingError(
            f"the U-Nets differ in more than their latent channels, in {differing[0]}: "
            "the same widths and depths are right"
        )
    embed(theirs, made)
    return made


@torch.no_grad()
def deepened_unet(trained: UNet, config: UNetConfig) -> UNet:
    """A U-Net of more transformer blocks; at first the added ones add nothing.

    TrainingError where anything else differs.
    """
    made = UNet(config)
    theirs, ours = trained.state_dict(), made.state_dict()
    added = {name for name in ours.keys() - theirs.keys() if ".transformer_blocks." in name}
    differing = [
        name
        for name in sorted((ours.keys() | theirs.keys()) - added)
        if not (name in ours and name in theirs and ours[name].shape == theirs[name].shape)
    ]
    if differing:
        raise TrainingError(
            f"the U-Nets differ in more than their depth, in {differing[0]}: the same widths and "
            "at least as many transformer blocks are right"
        )
    silent = {name: torch.zeros_like(ours[name]) for name in added if WRITES.search(name)}
    made.load_state_dict({**ours, **theirs, **silent})
    return made


def enlarged_content(trained: ContentEncoder, stride: int) -> ContentEncoder:
    """A content branch of larger pictures: its maps are those of the trained one for the picture in
    small (the mean of each square), exactly, before it learns more.

    stride: pixels along a side of one position of the U-Net's input. TrainingError where it is no
    multiple of the trained one's.
    """
    old = trained.config.stride
    if stride % old:
        raise TrainingError(
            f"a branch of {old} pixels a position is not one of {stride}: a multiple is right"
        )
    made = ContentEncoder(replace(trained.config, stride=stride))
    weights = dict(trained.state_dict())
    weights["conv_in.weight"] = _spread(weights["conv_in.weight"], old, stride // old)
    embed(weights, made)
    return made


def of_squares(weight: Float[Tensor, "O I h w"], squares: int) -> Float[Tensor, "O J h w"]:
    """Weights for the pixels of a square, each in a channel, in place of weights for their mean."""
    return weight.repeat_interleave(squares, dim=1) / squares


def _spread(weight: Float[Tensor, "O I h w"], side: int, times: int) -> Float[Tensor, "O J h w"]:
    """Weights of the pixels of positions that are `times` larger, for those of means of squares.

    side: pixels along a side of a position before, as `pixel_unshuffle` puts them into channels.
    """
    squares = weight.unflatten(1, (-1, side, side))
    wide = squares.repeat_interleave(times, dim=2).repeat_interleave(times, dim=3)
    return wide.flatten(1, 3) / times**2


@torch.no_grad()
def embed(
    weights: Mapping[str, Tensor],
    made: nn.Module,
    *,
    rows: Mapping[str, Sequence[int]] | None = None,
    columns: Mapping[str, Sequence[int]] | None = None,
) -> None:
    """Put the weights of a smaller network into a larger one of the same names.

    They come first along the rows (what a layer writes) and columns (what it reads), unless others
    are named; these rows read nothing else. What is left stays as it is.
    TrainingError where names differ or the larger network has a smaller weight.
    """
    rows, columns = rows or {}, columns or {}
    ours = made.state_dict()
    if ours.keys() != weights.keys():
        odd = sorted(ours.keys() ^ weights.keys())[0]
        raise TrainingError(f"only one of the two networks has {odd}: the same layers are right")
    for name, value in weights.items():
        mine = ours[name]
        if mine.dim() != value.dim() or any(
            a < b for a, b in zip(mine.shape, value.shape, strict=True)
        ):
            raise TrainingError(
                f"{name} is {tuple(value.shape)}, and the larger network's "
                f"{tuple(mine.shape)}: no side may be smaller"
            )
        to = torch.tensor(rows.get(name, range(len(value))))
        if value.dim() == 1:
            mine[to] = value.to(mine)
            continue
        read = torch.tensor(columns.get(name, range(value.shape[1])))
        part = torch.zeros(len(to), *mine.shape[1:])
        part[:, read] = value.float()
        mine[to] = part.to(mine)


def _check_levels(theirs: AutoencoderConfig, config: AutoencoderConfig) -> None:
    wider = [ours / old for ours, old in zip(config.channels, theirs.channels, strict=False)]
    same = (
        len(config.channels) == len(theirs.channels)
        and {*wider} == {config.norm_groups / theirs.norm_groups}
        and config.layers_per_block == theirs.layers_per_block
        and not (config.mid_attention or theirs.mid_attention)
        and theirs.shuffle == 1
        and config.latent_channels >= theirs.latent_channels
    )
    if not same:
        raise TrainingError(
            f"levels of {config.channels} channels in {config.norm_groups} groups do not hold "
            f"those of {theirs.channels} in {theirs.norm_groups}: as many levels and blocks, "
            "without attention, all wider by the factor of the groups, are right"
        )


def _same_space(theirs: AutoencoderConfig, config: AutoencoderConfig) -> AutoencoderConfig:
    """The larger one's configuration, with the trained one's scale and shift for its channels."""
    more = config.latent_channels - theirs.latent_channels
    scale, shift = (
        (
            *(value if isinstance(value, tuple) else (value,) * theirs.latent_channels),
            *(rest,) * more,
        )
        for value, rest in ((theirs.scale, 1.0), (theirs.shift, 0.0))
    )
    return replace(config, scale=scale, shift=shift)
