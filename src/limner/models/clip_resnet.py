"""CLIP's other image tower: a modified ResNet with attention pooling (CLIP section 2.4).

Three convolutions stand in place of the first; every stride of 2 is an average before the
convolution (ResNet-D, He et al. 2019, and Zhang 2019); and attention whose query is the mean of all
places pools them. Parameter names are those of the released checkpoints.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from limner.errors import UsageError
from limner.models.clip_states import VisionStates
from limner.nn.attention import multi_head_attention

EXPANSION = 4  # of a block's channels at its end
STRIDE = 32  # of the whole tower
HEAD_WIDTH = 64
LEVELS = 4
MOMENTUM = 0.1  # of the running means of a training


@dataclass(frozen=True, kw_only=True)
class ResNetTowerConfig:
    """The sizes of a ResNet image tower; those of CLIP RN50 where not given.

    layers: blocks a level, of which there are four. width: channels of the first level's blocks;
    the pooled state has 32 times as many. channels: 3 for RGB. image_size: pixels along one side.
    """

    image_size: int = 224
    channels: int = 3
    layers: tuple[int, ...] = (3, 4, 6, 3)
    width: int = 64
    projection_width: int = 1024

    def __post_init__(self) -> None:
        if len(self.layers) != LEVELS or min(self.layers) < 1:
            raise UsageError(f"layers {self.layers}: {LEVELS} numbers, each 1 or more, are right")
        if self.image_size < STRIDE or self.image_size % STRIDE:
            raise UsageError(f"image_size {self.image_size} must be a multiple of {STRIDE}")
        if self.width < 2 or self.width % 2:
            raise UsageError(f"width {self.width} must be even, and at least 2")

    @property
    def pooled_width(self) -> int:
        return self.width * 8 * EXPANSION


class ResNetTower(nn.Module):
    """CLIP's image encoder as a modified ResNet."""

    def __init__(self, config: ResNetTowerConfig) -> None:
        super().__init__()
        self.config = config
        half = config.width // 2
        self.conv1 = nn.Conv2d(config.channels, half, 3, stride=2, padding=1, bias=False)
        self.bn1 = BatchNorm(half)
        self.conv2 = nn.Conv2d(half, half, 3, padding=1, bias=False)
        self.bn2 = BatchNorm(half)
        self.conv3 = nn.Conv2d(half, config.width, 3, padding=1, bias=False)
        self.bn3 = BatchNorm(config.width)
        channels = config.width
        for level, blocks in enumerate(config.layers):
            width = config.width * 2**level
            stage = [Bottleneck(channels, width, stride=2 if level else 1)]
            stage += [Bottleneck(width * EXPANSION, width) for _ in range(blocks - 1)]
            self.add_module(f"layer{level + 1}", nn.Sequential(*stage))
            channels = width * EXPANSION
        self.attnpool = AttentionPool(
            (config.image_size // STRIDE) ** 2, config.pooled_width, config.projection_width
        )
        self.initialise()

    def initialise(self) -> None:
        """CLIP's released scheme; convolutions keep PyTorch's."""
        for module in self.modules():
            if isinstance(module, Bottleneck):
                nn.init.zeros_(module.bn3.weight)  # a block starts as its skip connection
        self.attnpool.initialise()

    def forward(self, images: Float[Tensor, "B C H W"]) -> VisionStates:
        """images: (B, C, H, W) of the configured channels and size, normalised by the caller.

        The hidden states are the stem's maps and each level's, a token a place.
        """
        size = self.config.image_size
        if images.shape[2:] != (size, size):
            raise UsageError(
                f"pictures must be {size} x {size} for this image tower, not "
                f"{images.shape[2]} x {images.shape[3]}"
            )
        x = F.relu(self.bn1(self.conv1(images)))
        x = F.relu(self.bn2(self.conv2(x)))
        maps = [F.avg_pool2d(F.relu(self.bn3(self.conv3(x))), 2)]
        for level in range(LEVELS):
            maps.append(self.get_submodule(f"layer{level + 1}")(maps[-1]))
        hidden = tuple(rearrange(each, "b c h w -> b (h w) c") for each in maps)
        pooled, projected = self.attnpool(hidden[-1])
        return VisionStates(hidden=hidden, last=hidden[-1], pooled=pooled, projected=projected)


class Bottleneck(nn.Module):
    """A block of three convolutions round a skip connection; a stride averages before the last."""

    def __init__(self, channels: int, width: int, stride: int = 1) -> None:
        super().__init__()
        out = width * EXPANSION
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = BatchNorm(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = BatchNorm(width)
        self.conv3 = nn.Conv2d(width, out, 1, bias=False)
        self.bn3 = BatchNorm(out)
        self.stride = stride
        self.downsample: nn.ModuleDict | None = None
        if stride > 1 or channels != out:
            skip = nn.Conv2d(channels, out, 1, bias=False)
            self.downsample = nn.ModuleDict({"0": skip, "1": BatchNorm(out)})

    def forward(self, x: Float[Tensor, "B I h w"]) -> Float[Tensor, "B O h2 w2"]:
        y = F.relu(self.bn1(self.conv1(x)))
        y = self._smaller(F.relu(self.bn2(self.conv2(y))))
        y = self.bn3(self.conv3(y))
        if self.downsample is not None:
            x = self.downsample["1"](self.downsample["0"](self._smaller(x)))
        return F.relu(y + x)

    def _smaller(self, x: Tensor) -> Tensor:
        return x if self.stride == 1 else F.avg_pool2d(x, self.stride)


class BatchNorm(nn.Module):
    """Batch normalisation (Ioffe and Szegedy 2015); no count of batches, which nothing reads."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias,
            training=self.training, momentum=MOMENTUM,
        )  # fmt: skip


class AttentionPool(nn.Module):
    """One attention of the mean of all places, as the query, over them and itself."""

    def __init__(self, places: int, width: int, projection_width: int) -> None:
        super().__init__()
        self.heads = max(1, width // HEAD_WIDTH)
        self.positional_embedding = nn.Parameter(torch.empty(places + 1, width))
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.c_proj = nn.Linear(width, projection_width)

    def initialise(self) -> None:
        """Released code: width^-0.5, which keeps the variance."""
        std = self.c_proj.in_features**-0.5
        nn.init.normal_(self.positional_embedding, std=std)
        for linear in (self.q_proj, self.k_proj, self.v_proj, self.c_proj):
            nn.init.normal_(linear.weight, std=std)
            nn.init.zeros_(linear.bias)

    def forward(
        self, x: Float[Tensor, "B N D"]
    ) -> tuple[Float[Tensor, "B D"], Float[Tensor, "B P"]]:
        """The pooled state, and its projection."""
        tokens = torch.cat([x.mean(dim=1, keepdim=True), x], dim=1) + self.positional_embedding
        q, k, v = self.q_proj(tokens[:, :1]), self.k_proj(tokens), self.v_proj(tokens)
        pooled = multi_head_attention(q, k, v, self.heads)[:, 0]
        return pooled, self.c_proj(pooled)
