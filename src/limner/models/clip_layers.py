"""The transformer that CLIP's two towers share (lecture eq. 27-48)."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from limner.nn.attention import multi_head_attention

Activation = Literal["quick_gelu", "gelu"]


class Encoder(nn.Module):
    """N encoder layers (CLIPEncoder, eq. 45-47; the final LayerNorm belongs to the tower)."""

    def __init__(
        self, width: int, layers: int, heads: int, mlp_width: int, activation: Activation
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            EncoderLayer(width, heads, mlp_width, activation) for _ in range(layers)
        )

    def initialise(self) -> None:
        for layer in self.modules():
            if isinstance(layer, EncoderLayer):
                layer.initialise(len(self.layers))

    def forward(
        self, x: Float[Tensor, "B L D"], allowed: Bool[Tensor, "..."] | None
    ) -> tuple[Float[Tensor, "B L D"], ...]:
        """H_0 ... H_N. allowed: M of eq. 57, broadcastable to (B, H, L, L); None: all."""
        hidden = [x]
        for layer in self.layers:
            hidden.append(layer(hidden[-1], allowed))
        return tuple(hidden)


class EncoderLayer(nn.Module):
    """CLIPEncoderLayer (eq. 40-44)."""

    def __init__(self, width: int, heads: int, mlp_width: int, activation: Activation) -> None:
        super().__init__()
        self.layer_norm1 = nn.LayerNorm(width)
        self.self_attn = SelfAttention(width, heads)
        self.layer_norm2 = nn.LayerNorm(width)
        self.mlp = MLP(width, mlp_width, activation)

    def initialise(self, layers: int) -> None:
        """The released text tower's scheme; biases start at 0.

        What adds to the residual stream shrinks with the depth, so that its variance does not grow
        with the number of layers.
        """
        width = self.mlp.fc1.in_features
        residual = width**-0.5 * (2 * layers) ** -0.5
        attention, mlp = self.self_attn, self.mlp
        for linear in (attention.q_proj, attention.k_proj, attention.v_proj):
            nn.init.normal_(linear.weight, std=width**-0.5)  # keeps unit variance
        nn.init.normal_(attention.out_proj.weight, std=residual)
        nn.init.normal_(mlp.fc1.weight, std=(2 * width) ** -0.5)
        nn.init.normal_(mlp.fc2.weight, std=residual)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(
        self, x: Float[Tensor, "B L D"], allowed: Bool[Tensor, "..."] | None
    ) -> Float[Tensor, "B L D"]:
        y = x + self.self_attn(self.layer_norm1(x), allowed)  # eq. 41-43
        return y + self.mlp(self.layer_norm2(y))  # eq. 43-44


class SelfAttention(nn.Module):
    """CLIPAttention (eq. 30-35), with the biases that the lecture leaves out."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)

    def forward(
        self, x: Float[Tensor, "B L D"], allowed: Bool[Tensor, "..."] | None
    ) -> Float[Tensor, "B L D"]:
        q, k, v = self.q_proj(x), self.k_proj(x), self.v_proj(x)  # eq. 31
        return self.out_proj(multi_head_attention(q, k, v, self.heads, allowed))  # eq. 32-35


class MLP(nn.Module):
    """CLIPMLP (eq. 36-39)."""

    def __init__(self, width: int, mlp_width: int, activation: Activation) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, mlp_width)
        self.fc2 = nn.Linear(mlp_width, width)
        self.activation = quick_gelu if activation == "quick_gelu" else F.gelu

    def forward(self, x: Float[Tensor, "B L D"]) -> Float[Tensor, "B L D"]:
        return self.fc2(self.activation(self.fc1(x)))


def quick_gelu(u: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """u sigmoid(1.702 u) (eq. 27), by way of silu(z) = z sigmoid(z), which is one kernel."""
    return F.silu(1.702 * u) / 1.702
