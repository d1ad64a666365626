from itertools import pairwise

import pytest
import torch
from torch import nn

from limner.training.optim import adamw, learning_rate_factor


def test_learning_rate_rises_stays_and_falls_to_nearly_zero():
    factors = [learning_rate_factor(s, 100, warmup=0.1, decay=0.25) for s in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[9:75] == [1.0] * 66
    assert factors[99] == pytest.approx(0.04)
    assert all(a >= b for a, b in pairwise(factors[75:]))


def test_only_matrices_decay():
    module = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))
    with torch.no_grad():
        for p in module.parameters():
            p.fill_(1.0)
    optimiser = adamw(list(module.parameters()), learning_rate=0.1, weight_decay=0.5)
    for p in module.parameters():
        p.grad = torch.zeros_like(p)
    optimiser.step()
    assert torch.allclose(module[0].weight, torch.full((2, 3), 0.95))
    assert all(
        torch.equal(p, torch.ones_like(p)) for p in (module[0].bias, *module[1].parameters())
    )
