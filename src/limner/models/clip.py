"""CLIP: the text tower (lecture eq. 21-59), the image towers, and two joined (eq. 60-61).

Parameter names are those of transformers' CLIP classes, so its checkpoints load as they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from limner.errors import UsageError
from limner.models.clip_layers import Activation, Encoder
from limner.models.clip_resnet import ResNetTower, ResNetTowerConfig
from limner.models.clip_states import TextStates, VisionStates

MAX_LOGIT_SCALE = math.log(100)  # CLIP section 2.5: logits are never scaled by more than 100
FIRST_LOGIT_SCALE = math.log(1 / 0.07)


@dataclass(frozen=True, kw_only=True)
class TextTowerConfig:
    """The sizes of a text tower; those of CLIP ViT-L/14 where not given (lecture eq. 52).

    projection_width: of the projection into the space shared with pictures; None: there is none.
    end: the id of EOS, whose state is the pooled output.
    """

    vocabulary_size: int = 49_408
    length: int = 77
    width: int = 768
    layers: int = 12
    heads: int = 12
    mlp_width: int = 3072
    activation: Activation = "quick_gelu"
    projection_width: int | None = None
    end: int = 49_407

    def __post_init__(self) -> None:
        _check_transformer(self.width, self.heads, self.layers)
        _check_id("end", self.end, self.vocabulary_size)


@dataclass(frozen=True, kw_only=True)
class VisionTowerConfig:
    """The sizes of an image tower; those of CLIP ViT-L/14 where not given.

    channels: 3 for RGB, 4 for RGBA. image_size, patch: pixels along one side.
    """

    image_size: int = 224
    patch: int = 14
    channels: int = 3
    width: int = 1024
    layers: int = 24
    heads: int = 16
    mlp_width: int = 4096
    activation: Activation = "quick_gelu"
    projection_width: int = 768

    def __post_init__(self) -> None:
        _check_transformer(self.width, self.heads, self.layers)
        if self.image_size % self.patch:
            raise UsageError(
                f"image_size {self.image_size} must be a multiple of patch {self.patch}"
            )


@dataclass(frozen=True, kw_only=True)
class BagOfWordsConfig:
    """The sizes of a bag-of-words text tower. start, end: the ids of BOS and EOS."""

    vocabulary_size: int = 49_408
    width: int = 768
    projection_width: int | None = None
    start: int = 49_406
    end: int = 49_407

    def __post_init__(self) -> None:
        _check_id("start", self.start, self.vocabulary_size)
        _check_id("end", self.end, self.vocabulary_size)


@dataclass(frozen=True, kw_only=True)
class ClipConfig:
    """A text tower and an image tower that project to one width."""

    text: TextTowerConfig | BagOfWordsConfig = field(
        default_factory=lambda: TextTowerConfig(projection_width=768)
    )
    vision: VisionTowerConfig | ResNetTowerConfig = field(default_factory=VisionTowerConfig)

    def __post_init__(self) -> None:
        if self.text.projection_width != self.vision.projection_width:
            raise UsageError(
                f"both towers must have one projection_width, not {self.text.projection_width} "
                f"(text) and {self.vision.projection_width} (vision)"
            )


class TextTower(nn.Module):
    """CLIP's text encoder, CLIPTextModel in the lecture (eq. 54-59)."""

    def __init__(self, config: TextTowerConfig) -> None:
        super().__init__()
        self.config = config
        self.text_model = TextTransformer(config)
        self.text_projection = _projection(config.width, config.projection_width)
        self.initialise()

    def initialise(self) -> None:
        """CLIP's released scheme; biases 0, LayerNorms 1 and 0."""
        embeddings = self.text_model.embeddings
        # Released code: words 0.02, places 0.01, so that at first a word says more than its place.
        nn.init.normal_(embeddings.token_embedding.weight, std=0.02)
        nn.init.normal_(embeddings.position_embedding.weight, std=0.01)
        self.text_model.encoder.initialise()
        _initialise_projection(self.text_projection)

    def forward(
        self, ids: Int[Tensor, "B L"], mask: Bool[Tensor, "B L"] | None = None
    ) -> TextStates:
        """mask: (B, L), True where a token may be attended to (the PAD mask); None: all may."""
        x = self.text_model.embeddings(ids)  # X_0, eq. 54
        allowed = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool, device=x.device).tril()
        if mask is not None:
            allowed = allowed & mask[:, None, None, :]  # M = C_causal * M_pad, eq. 55-57
        hidden = self.text_model.encoder(x, allowed)  # eq. 58
        last = self.final_norm(hidden[-1])
        # argmax finds the first EOS; PAD may be the same id.
        ends = (ids == self.config.end).int().argmax(dim=1)
        pooled = last[torch.arange(ids.shape[0], device=x.device), ends]
        return TextStates(
            hidden=hidden,
            last=last,
            pooled=pooled,
            projected=_project(self.text_projection, pooled),
        )

    def final_norm(self, x: Float[Tensor, "B L D"]) -> Float[Tensor, "B L D"]:
        """LNf of eq. 48, which `last` has had; for a state of an earlier layer."""
        return self.text_model.final_layer_norm(x)


class VisionTower(nn.Module):
    """CLIP's image encoder: a pre-norm vision transformer (ViT; CLIP section 2.4)."""

    def __init__(self, config: VisionTowerConfig) -> None:
        super().__init__()
        self.config = config
        self.vision_model = VisionTransformer(config)
        self.visual_projection = nn.Linear(config.width, config.projection_width, bias=False)
        self.initialise()

    def initialise(self) -> None:
        """CLIP's released scheme; the convolution keeps PyTorch's."""
        embeddings = self.vision_model.embeddings
        # Released code: the class token and each place are vectors of norm about 1.
        nn.init.normal_(embeddings.class_embedding, std=self.config.width**-0.5)
        nn.init.normal_(embeddings.position_embedding.weight, std=self.config.width**-0.5)
        self.vision_model.encoder.initialise()
        _initialise_projection(self.visual_projection)

    def forward(self, images: Float[Tensor, "B C H W"]) -> VisionStates:
        """images: (B, C, H, W) of the configured channels and size, normalised by the caller."""
        x = self.vision_model.pre_layrnorm(self.vision_model.embeddings(images))
        hidden = self.vision_model.encoder(x, None)
        pooled = self.vision_model.post_layernorm(hidden[-1][:, 0])
        return VisionStates(
            hidden=hidden, last=hidden[-1], pooled=pooled, projected=self.visual_projection(pooled)
        )


class BagOfWords(nn.Module):
    """The simplest text tower, CBOW in the notes: a prompt is the mean of its words' vectors.

    It knows neither order nor place. Its output has the form of `TextTower`'s, with no layers.
    """

    def __init__(self, config: BagOfWordsConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocabulary_size, config.width)
        self.final_layer_norm = nn.LayerNorm(config.width)
        self.text_projection = _projection(config.width, config.projection_width)
        self.initialise()

    def initialise(self) -> None:
        """As the text tower's embedding and projection."""
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        _initialise_projection(self.text_projection)

    def forward(
        self, ids: Int[Tensor, "B L"], mask: Bool[Tensor, "B L"] | None = None
    ) -> TextStates:
        """The mean is over the content: BOS, the first EOS and all after it are left out."""
        x = self.token_embedding(ids)  # eq. 21-23
        last = self.final_norm(x)
        content = ((ids == self.config.end).cumsum(dim=1) == 0) & (ids != self.config.start)
        if mask is not None:
            content = content & mask
        total = (x * content[..., None]).sum(dim=1)
        mean = total / content.sum(dim=1, keepdim=True).clamp(min=1)
        pooled = self.final_layer_norm(mean)
        return TextStates(
            hidden=(x,), last=last, pooled=pooled, projected=_project(self.text_projection, pooled)
        )

    def final_norm(self, x: Float[Tensor, "B L D"]) -> Float[Tensor, "B L D"]:
        return self.final_layer_norm(x)


class Clip(nn.Module):
    """A text tower and an image tower with one temperature, trained by contrast (eq. 60-64)."""

    def __init__(self, text: TextTower | BagOfWords, vision: ImageTower) -> None:
        super().__init__()
        ClipConfig(text=text.config, vision=vision.config)
        self.text = text
        self.vision = vision
        self.logit_scale = nn.Parameter(torch.tensor(FIRST_LOGIT_SCALE))

    @classmethod
    def from_config(cls, config: ClipConfig) -> Clip:
        text = config.text
        tower = TextTower(text) if isinstance(text, TextTowerConfig) else BagOfWords(text)
        return cls(tower, image_tower(config.vision))

    def forward(
        self,
        ids: Int[Tensor, "T L"],
        images: Float[Tensor, "I C H W"],
        mask: Bool[Tensor, "T L"] | None = None,
    ) -> tuple[Float[Tensor, "T P"], Float[Tensor, "I P"]]:
        """Unit vectors of prompts and of pictures: what the contrastive loss compares."""
        return self.text_features(ids, mask), self.image_features(images)

    def text_features(
        self, ids: Int[Tensor, "B L"], mask: Bool[Tensor, "B L"] | None = None
    ) -> Float[Tensor, "B P"]:
        """Unit vectors u_i of prompts (eq. 60)."""
        return F.normalize(self.text(ids, mask).projected, dim=-1)

    def image_features(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B P"]:
        """Unit vectors v_i of pictures (eq. 60)."""
        return F.normalize(self.vision(images).projected, dim=-1)

    def scale(self) -> Float[Tensor, ""]:
        """1 / tau: kept as a logarithm, so that it stays positive, and at most 100."""
        return self.logit_scale.clamp(max=MAX_LOGIT_SCALE).exp()

    @torch.no_grad()
    def limit_scale(self) -> None:
        """Takes a scale that training drove above 100 back to it, where it has a gradient again."""
        self.logit_scale.clamp_(max=MAX_LOGIT_SCALE)

    def similarity(
        self, text: Float[Tensor, "T P"], images: Float[Tensor, "I P"]
    ) -> Float[Tensor, "T I"]:
        """S_ij = <u_i, v_j> / tau (eq. 61) of unit vectors: a row a prompt, a column a picture."""
        return self.scale() * text @ images.T


ImageTower: TypeAlias = VisionTower | ResNetTower


def image_tower(config: VisionTowerConfig | ResNetTowerConfig) -> ImageTower:
    """A new image tower of that kind and size."""
    return ResNetTower(config) if isinstance(config, ResNetTowerConfig) else VisionTower(config)


class TextTransformer(nn.Module):
    """The parts of a text tower under their published names."""

    def __init__(self, config: TextTowerConfig) -> None:
        super().__init__()
        self.embeddings = TextEmbeddings(config.vocabulary_size, config.length, config.width)
        self.encoder = Encoder(
            config.width, config.layers, config.heads, config.mlp_width, config.activation
        )
        self.final_layer_norm = nn.LayerNorm(config.width)


class VisionTransformer(nn.Module):
    """The parts of an image tower under their published names."""

    def __init__(self, config: VisionTowerConfig) -> None:
        super().__init__()
        self.embeddings = VisionEmbeddings(config)
        self.pre_layrnorm = nn.LayerNorm(config.width)  # spelt so in every checkpoint
        self.encoder = Encoder(
            config.width, config.layers, config.heads, config.mlp_width, config.activation
        )
        self.post_layernorm = nn.LayerNorm(config.width)


class TextEmbeddings(nn.Module):
    """CLIPTextEmbeddings: token plus place (eq. 49-51)."""

    def __init__(self, vocabulary_size: int, length: int, width: int) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary_size, width)
        self.position_embedding = nn.Embedding(length, width)

    def forward(self, ids: Int[Tensor, "B L"]) -> Float[Tensor, "B L D"]:
        length, limit = ids.shape[1], self.position_embedding.num_embeddings
        if length > limit:
            raise UsageError(f"the text tower takes at most {limit} tokens, not {length}")
        return self.token_embedding(ids) + self.position_embedding.weight[:length]


class VisionEmbeddings(nn.Module):
    """A class token, then one token a patch, each plus its place (ViT eq. 1)."""

    def __init__(self, config: VisionTowerConfig) -> None:
        super().__init__()
        self.image_size = config.image_size
        self.class_embedding = nn.Parameter(torch.empty(config.width))
        self.patch_embedding = nn.Conv2d(
            config.channels, config.width, config.patch, stride=config.patch, bias=False
        )
        places = (config.image_size // config.patch) ** 2 + 1
        self.position_embedding = nn.Embedding(places, config.width)

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B N D"]:
        if images.shape[2:] != (self.image_size, self.image_size):
            raise UsageError(
                f"pictures must be {self.image_size} x {self.image_size} for this image tower, "
                f"not {images.shape[2]} x {images.shape[3]}"
            )
        patches = rearrange(self.patch_embedding(images), "b d h w -> b (h w) d")
        tokens = torch.cat([self.class_embedding.expand(images.shape[0], 1, -1), patches], dim=1)
        return tokens + self.position_embedding.weight


def _projection(width: int, projection_width: int | None) -> nn.Linear | None:
    return None if projection_width is None else nn.Linear(width, projection_width, bias=False)


def _project(projection: nn.Linear | None, pooled: Float[Tensor, "B D"]) -> Tensor | None:
    return None if projection is None else projection(pooled)


def _initialise_projection(projection: nn.Linear | None) -> None:
    """Released code: width^-0.5, so that a unit-variance state projects to unit variance."""
    if projection is not None:
        nn.init.normal_(projection.weight, std=projection.in_features**-0.5)


def _check_transformer(width: int, heads: int, layers: int) -> None:
    if width % heads:
        raise UsageError(f"width {width} must be a multiple of heads {heads}")
    if layers < 1:
        raise UsageError(f"layers must be at least 1, not {layers}")


def _check_id(name: str, value: int, vocabulary_size: int) -> None:
    if not 0 <= value < vocabulary_size:
        raise UsageError(f"{name} must be an id below {vocabulary_size}, not {value}")
