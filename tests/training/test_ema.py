import torch

from limner.training.ema import PowerEMA


def test_average_is_the_power_function_weighting_of_the_past():
    gamma, steps = 6.94, 200
    weight = torch.zeros(1)
    ema = PowerEMA([weight], (gamma,))
    values = torch.rand(steps, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for step, value in enumerate(values, start=1):
        weight.fill_(float(value))
        ema.update(step)
    # unrolled: value k keeps (1 - beta_k) of itself times the product of the later betas
    betas = torch.tensor([(1 - 1 / s) ** (gamma + 1) for s in range(1, steps + 1)])
    later = torch.flip(
        torch.cumprod(torch.flip(torch.cat([betas[1:], torch.ones(1)]), [0]), 0), [0]
    )
    expected = ((1 - betas) * later * values).sum()
    torch.testing.assert_close(
        ema.averages[gamma][0].double().squeeze(), expected, atol=1e-5, rtol=0
    )


def test_applied_gives_the_weights_back():
    weight = torch.ones(2)
    ema = PowerEMA([weight], (16.97,))
    weight.fill_(5.0)
    with ema.applied(16.97):
        assert weight.tolist() == [1.0, 1.0]
    assert weight.tolist() == [5.0, 5.0]
