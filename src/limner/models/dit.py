"""A diffusion transformer: patches are tokens, text comes by cross-attention, time by adaLN.

Source: Peebles and Xie, "Scalable Diffusion Models with Transformers" (DiT), and its form for text,
which puts a third sub-block, cross-attention, between self-attention and the MLP:

    x = x + gate * SelfAttention(adaLN(x, c))
    x = x + gate * CrossAttention(adaLN(x, c), text)
    x = x + gate * MLP(adaLN(x, c))

c is the embedding of t, plus that of a class where the model knows classes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from limner.errors import UsageError
from limner.nn.attention import Attention, number
from limner.nn.embeddings import TimeEmbedding, class_vectors, sinusoidal_grid
from limner.nn.prepared import (
    NOTHING,
    Beside,
    Prepared,
    Told,
    check_told,
    prepared_by,
    told_of,
)
from limner.types import Conditioning, Context, Latent, Pooled, TextMask, Times

Classes = Pooled | Int[Tensor, "B 1"]
"""Class numbers, (B, 1)."""


@dataclass(frozen=True, kw_only=True)
class DiTConfig:
    """The shape of a `DiT`.

    in_channels, out_channels: of the latent that comes in and of the prediction that goes out.
    patch: latent positions along one side of a token.
    width: of a token inside the model. heads must divide it, and so must 4 (2-D sinusoids).
    time_width: of the time embedding that steers every adaptive norm; None: `width`.
    context_width: of one text token; None: a model without text, without cross-attention.
    classes: how many classes are known; None: none. Class number `classes` stands for "no class".
    adaln_zero: residual gates and an adaptive last norm, so that each block starts as the identity
        (DiT section 3.2). False: no gates and a plain last norm, as the notebook has it.
    qk_norm: RMS-normalise queries and keys in each head.
    size: (h, w) of the usual latent. Any other multiple of `patch` works as well.
    """

    in_channels: int = 4
    out_channels: int = 4
    patch: int = 2
    width: int = 256
    depth: int = 8
    heads: int = 4
    mlp_ratio: float = 4.0
    time_width: int | None = None
    context_width: int | None = None
    classes: int | None = None
    adaln_zero: bool = True
    qk_norm: bool = False
    size: tuple[int, int] = (16, 16)

    def __post_init__(self) -> None:
        if self.width % self.heads != 0 or self.width % 4 != 0:
            raise UsageError(
                f"DiT width {self.width} must be a multiple of its {self.heads} heads and of 4"
            )
        if min(self.patch, self.depth, self.in_channels, self.out_channels) < 1:
            raise UsageError("DiT patch, depth and channels must be at least 1")
        if any(side < 1 or side % self.patch != 0 for side in self.size):
            raise UsageError(f"DiT size {self.size} must be a multiple of its patch {self.patch}")
        if self.classes is not None and self.classes < 1:
            raise UsageError(f"DiT classes is {self.classes}; it must be at least 1, or None")

    @property
    def multiple(self) -> int:
        """Height and width of the input are multiples of this."""
        return self.patch


class AdaptiveNorm(nn.Module):
    """adaLN: a layer norm whose scale, shift and (where `gated`) residual gate come from c."""

    def __init__(self, width: int, condition_width: int, *, gated: bool) -> None:
        super().__init__()
        self.gated = gated
        self.linear = nn.Linear(condition_width, (3 if gated else 2) * width)

    def forward(
        self, x: Float[Tensor, "B N D"], condition: Float[Tensor, "B E"]
    ) -> tuple[Float[Tensor, "B N D"], Float[Tensor, "#B 1 #D"]]:
        """The modulated x, and the gate of its sub-block (1 where there is none)."""
        shift, scale, *gate = self.linear(condition)[:, None].chunk(3 if self.gated else 2, dim=-1)
        modulated = F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale) + shift
        return modulated, gate[0] if self.gated else x.new_ones(1, 1, 1)


class MLP(nn.Module):
    """Two linear layers with a GELU (tanh form, as DiT has it) between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(width, hidden)
        self.linear_2 = nn.Linear(hidden, width)

    def forward(self, x: Float[Tensor, "B N D"]) -> Float[Tensor, "B N D"]:
        return self.linear_2(F.gelu(self.linear_1(x), approximate="tanh"))


class DiTBlock(nn.Module):
    """Self-attention, cross-attention to the text (where there is text) and an MLP."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        width, heads = config.width, config.heads
        condition_width = _time_width(config)

        def norm() -> AdaptiveNorm:
            return AdaptiveNorm(width, condition_width, gated=config.adaln_zero)

        self.norm_self = norm()
        self.self_attention = Attention(width, heads=heads, bias=True, qk_norm=config.qk_norm)
        self.norm_cross: AdaptiveNorm | None = None
        self.cross_attention: Attention | None = None
        if config.context_width is not None:
            self.norm_cross = norm()
            self.cross_attention = Attention(
                width,
                heads=heads,
                context_width=config.context_width,
                bias=True,
                qk_norm=config.qk_norm,
            )
        self.norm_mlp = norm()
        self.mlp = MLP(width, round(width * config.mlp_ratio))

    def forward(
        self,
        x: Float[Tensor, "B N D"],
        condition: Float[Tensor, "B E"],
        told: Told,
    ) -> Float[Tensor, "B N D"]:
        normed, gate = self.norm_self(x, condition)
        x = x + gate * self.self_attention(normed, attend=told.attend)
        if self.norm_cross is not None and self.cross_attention is not None:
            normed, gate = self.norm_cross(x, condition)
            text = told.text_for(self.cross_attention)
            x = x + gate * self.cross_attention(normed, text, told.mask, told.attend)
        normed, gate = self.norm_mlp(x, condition)
        return x + gate * self.mlp(normed)


class DiT(nn.Module):
    """A denoiser of latents: unconditional, by class, by text, or by both."""

    shares_rows = False

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.config = config
        width, time_width, text_width = config.width, _time_width(config), config.context_width
        self.patch_in = nn.Linear(config.in_channels * config.patch**2, width)
        self.time_embedding = TimeEmbedding(width, time_width)
        self.class_embedding = (
            None if config.classes is None else nn.Embedding(config.classes + 1, time_width)
        )
        self.context_in = None if text_width is None else nn.Linear(text_width, text_width)
        self.blocks = nn.ModuleList(DiTBlock(config) for _ in range(config.depth))
        self.norm_out = (
            AdaptiveNorm(width, time_width, gated=False)
            if config.adaln_zero
            else nn.LayerNorm(width)
        )
        self.patch_out = nn.Linear(width, config.out_channels * config.patch**2)
        self.readers = number(self)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """What steers a block, and the output, start at zero (DiT section 3.2)."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        # Embeddings of t and class: small normal, so that no time or class stands out at first.
        for module in self.time_embedding.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
        if self.class_embedding is not None:
            nn.init.normal_(self.class_embedding.weight, std=0.02)
        # Gates of zero: every block is the identity. Scale and shift of zero: plain layer norms.
        for module in self.modules():
            if isinstance(module, AdaptiveNorm):
                nn.init.zeros_(module.linear.weight)
        # The first prediction is zero, the mean of what a centred target may be.
        nn.init.zeros_(self.patch_out.weight)

    def forward(
        self,
        x: Latent,
        t: Times,
        context: Context | Prepared | None = None,
        mask: TextMask | None = None,
        pooled: Classes | None = None,
        beside: Beside = NOTHING,
    ) -> Float[Tensor, "B C_out h w"]:
        """What the model predicts at time t, (B, out_channels, h, w).

        t: 0..1000, a time in [0, 1] times 1000 (the sinusoids tell whole steps apart).
        context: (B, L, context_width), needed by a model with text, unused by one without.
        mask: (B, L), True where a token may be attended to; None: all may.
        pooled: (B, 1) class numbers, for a model with classes; None: no class. All three are in
            what `prepare` makes, given as `context`.
        beside: what replaces attention, or hides tokens, in this call.
        Raises UsageError for a latent that is not cut into patches and for a missing text,
        RequestError where what is handed in does not fit.
        """
        height, width = self._grid(x)
        check_told(x, context, beside, apart=(mask, pooled), readers=self.readers)
        condition = F.silu(self._condition(t, context, pooled))
        told = told_of(self._text(context), mask, beside).at(self.config.patch)

        tokens = self.patch_in(patchify(x, self.config.patch))
        tokens = tokens + sinusoidal_grid(height, width, self.config.width, x.device).to(tokens)
        for block in self.blocks:
            tokens = block(tokens, condition, told)

        if isinstance(self.norm_out, AdaptiveNorm):
            tokens, _ = self.norm_out(tokens, condition)
        else:
            tokens = self.norm_out(tokens)
        return unpatchify(self.patch_out(tokens), self.config.patch, height, width)

    def prepare(self, text: Conditioning) -> Prepared:
        """What a call makes of its text, made once: as good as the text itself in every call.

        text: its pooled vector as `forward` takes it, class numbers for a model with classes.
        Valid as long as the weights are as they are, LoRAs included.
        """
        classes = self._of_class(text.pooled, text.context.shape[0])
        if self.context_in is None:
            return Prepared((), (), None, classes)
        return prepared_by(self, self.context_in(text.context), text.mask, classes)

    def _grid(self, x: Latent) -> tuple[int, int]:
        """Rows and columns of tokens."""
        patch = self.config.patch
        height, width = x.shape[-2:]
        if height % patch != 0 or width % patch != 0:
            raise UsageError(
                f"a latent of {height}x{width} cannot be cut into patches of {patch}; "
                f"both sides must be multiples of {patch}"
            )
        return height // patch, width // patch

    def _condition(
        self, t: Times, context: Context | Prepared | None, numbers: Classes | None
    ) -> Float[Tensor, "B E"]:
        """The vector of time and class that steers every adaptive norm."""
        time = self.time_embedding.at(t)
        if isinstance(context, Prepared):
            of_class = context.pooled
        else:
            of_class = self._of_class(numbers, t.shape[0])
        return time if of_class is None else time + of_class

    def _of_class(self, numbers: Classes | None, rows: int) -> Float[Tensor, "B E"] | None:
        """The vectors of classes; None for a model without them."""
        embedding = self.class_embedding
        return None if embedding is None else class_vectors(embedding, numbers, rows)

    def _text(self, context: Context | Prepared | None) -> Context | Prepared | None:
        """The text as cross-attention reads it; None for a model without."""
        if self.context_in is None:
            return None
        if context is None:
            raise UsageError("this DiT reads text: give it a context of shape (B, L, D)")
        return context if isinstance(context, Prepared) else self.context_in(context)


def patchify(x: Latent, patch: int) -> Float[Tensor, "B N D"]:
    """Cuts a latent into tokens, row by row (notebook step 3; DiT section 3.2, "Patchify")."""
    return rearrange(x, "b c (h p) (w q) -> b (h w) (c p q)", p=patch, q=patch)


def unpatchify(
    tokens: Float[Tensor, "B N D"], patch: int, height: int, width: int
) -> Float[Tensor, "B C h w"]:
    """The inverse of `patchify` for a grid of height x width tokens."""
    return rearrange(
        tokens, "b (h w) (c p q) -> b c (h p) (w q)", p=patch, q=patch, h=height, w=width
    )


def _time_width(config: DiTConfig) -> int:
    return config.width if config.time_width is None else config.time_width


# The text-conditional transformer of the notebook (32x32 RGB, 18,145,072 parameters) and its
# class-conditional form (12,379,440), both matched to the last parameter.
DIT_NOTEBOOK = DiTConfig(
    in_channels=3,
    out_channels=3,
    patch=4,
    width=256,
    depth=6,
    heads=8,
    time_width=1024,
    context_width=512,
    adaln_zero=False,
    size=(32, 32),
)
DIT_NOTEBOOK_CLASSES = replace(DIT_NOTEBOOK, context_width=None, classes=10)
