"""What a denoiser is trained on: targets, weights of noise levels, and what it is told."""

import pytest
import torch
from torch import nn

from limner.diffusion.prediction import Epsilon, Flow, Sample, V, prediction_named
from limner.diffusion.process import DiscreteDiffusion, RectifiedFlow
from limner.diffusion.times import LogitNormalTimes, UniformTimes
from limner.errors import TrainingError
from limner.models.dit import DiT, DiTConfig
from limner.training.draws import Draws
from limner.training.objectives.conditions import (
    ClassCondition,
    Remembered,
    TextCondition,
    unconditional,
)
from limner.training.objectives.denoising import DenoisingObjective
from limner.training.objectives.weights import MeasuredAs, MinSNR, even
from limner.types import Conditioning

SEED = 5
ITEMS = torch.tensor([3, 1, 0, 2])
PROCESSES = {"flow": RectifiedFlow(), "DDPM": DiscreteDiffusion()}


class Oracle(nn.Module):
    """Answers with a fixed tensor, and remembers what it was asked."""

    def __init__(self, answer):
        super().__init__()
        self.answer = nn.Parameter(answer)

    def forward(self, x, t, **told):
        self.asked = (x, t, told)
        return self.answer


def draws():
    return Draws(SEED, range(4))


def latents():
    return torch.randn(4, 2, 4, 4, generator=torch.Generator().manual_seed(1))


def objective_of(oracle, process, prediction, condition=unconditional, times=None, weight=even):
    return DenoisingObjective(
        oracle, latents(), condition, process=process, prediction=prediction,
        times=UniformTimes() if times is None else times, weight=weight,
    )  # fmt: skip


def drawn(process, times=None):
    """(x_0, noise, alpha, sigma) as the unconditional objective draws them."""
    mine = draws()
    noise = mine.normal(2, 4, 4)
    t = (UniformTimes() if times is None else times).times_of(process, mine.uniform())
    alpha, sigma = process.alpha_sigma(t)
    return latents()[ITEMS], noise, alpha, sigma


@pytest.mark.parametrize("times", [UniformTimes(), LogitNormalTimes(shift=1.5)])
@pytest.mark.parametrize("name", ["epsilon", "v", "sample", "flow"])
@pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
def test_the_plain_loss_is_the_mean_square_of_the_error(process, name, times):
    oracle = Oracle(torch.full((4, 2, 4, 4), 0.3))
    loss = objective_of(oracle, process, prediction_named(name, process), times=times).loss(
        ITEMS, draws()
    )
    x0, noise, alpha, sigma = drawn(process, times)
    a, s = alpha[:, None, None, None], sigma[:, None, None, None]
    norm = torch.hypot(a, s)  # 1 of a chain; v of a flow is that of x brought to unit variance
    target = {
        "epsilon": noise,
        "v": (a * noise - s * x0) / norm,
        "sample": x0,
        "flow": noise - x0,
    }[name]
    torch.testing.assert_close(oracle.asked[0], a * x0 + s * noise, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(loss["total"], (target - 0.3).square().mean())


@pytest.mark.parametrize("prediction", [Epsilon(), V(), Sample(), Flow()])
@pytest.mark.parametrize("process", PROCESSES.values(), ids=PROCESSES)
def test_min_snr_weighs_the_error_of_x0_alike_for_every_prediction(process, prediction):
    answer = torch.full((4, 2, 4, 4), 0.3)
    objective = objective_of(Oracle(answer), process, prediction, weight=MinSNR(gamma=5.0))
    x0, noise, alpha, sigma = (value.double() for value in drawn(process))
    x = alpha[:, None, None, None] * x0 + sigma[:, None, None, None] * noise
    denoised = prediction.denoised(answer.double(), x, alpha, sigma)
    error = (denoised - x0).square().mean(dim=(1, 2, 3))
    expected = (torch.clamp((alpha / sigma) ** 2, max=5.0) * error).mean().float()
    torch.testing.assert_close(objective.loss(ITEMS, draws())["total"], expected)


@pytest.mark.parametrize("measured", [Flow(), V(), Epsilon()])
def test_an_x0_prediction_can_be_measured_as_another(measured):
    process, answer = RectifiedFlow(), torch.full((4, 2, 4, 4), 0.3)
    weight = MeasuredAs(prediction=measured, least_sigma=1e-6)
    loss = objective_of(Oracle(answer), process, Sample(), weight=weight).loss(ITEMS, draws())
    x0, noise, alpha, sigma = drawn(process)
    x = alpha[:, None, None, None] * x0 + sigma[:, None, None, None] * noise
    believed = (x - alpha[:, None, None, None] * answer) / sigma[:, None, None, None]
    said = measured.target(answer, believed, alpha, sigma)
    expected = (said - measured.target(x0, noise, alpha, sigma)).square().mean()
    torch.testing.assert_close(loss["total"], expected)


def test_the_weight_of_a_v_loss_is_held_at_little_noise():
    sigma = torch.tensor([0.001, 0.05, 0.5])
    weights = MeasuredAs(prediction=Flow(), least_sigma=0.05)(Sample(), 1 - sigma, sigma)
    assert weights[0] < 2 * weights[1]
    assert weights[2] == pytest.approx(4.0)


def test_a_class_is_dropped_now_and_then():
    labels = torch.arange(4).repeat(500)
    condition = ClassCondition(labels=labels, classes=4, dropout=0.25)
    said = condition(torch.arange(2000), Draws(SEED, range(2000)))["pooled"][:, 0].long()
    assert torch.equal(said[said < 4], labels[said < 4])
    assert (said == 4).float().mean() == pytest.approx(0.25, abs=0.03)


def test_captions_are_dropped_and_encoded():
    asked = []

    def encode(texts):
        asked.extend(texts)
        return Conditioning(context=torch.ones(len(texts), 3, 8))

    condition = TextCondition(caption=lambda i, _: f"item {i}", encode=encode, dropout=0.5)
    oracle = Oracle(torch.zeros(4, 2, 4, 4))
    objective_of(oracle, RectifiedFlow(), Flow(), condition).loss(ITEMS, draws())
    dropped = [bool(torch.rand((), generator=chance) < 0.5) for chance in draws().chances()]
    assert asked == [
        "" if drop else f"item {i}" for drop, i in zip(dropped, ITEMS.tolist(), strict=True)
    ]
    assert set(dropped) == {True, False}
    assert oracle.asked[2]["context"].shape == (4, 3, 8)


def test_an_unconditional_model_is_told_nothing():
    oracle = Oracle(torch.zeros(4, 2, 4, 4))
    objective_of(oracle, RectifiedFlow(), Flow()).loss(ITEMS, draws())
    assert oracle.asked[2] == {}


@pytest.mark.parametrize("masked", [True, False])
def test_a_frozen_encoder_reads_each_caption_once(masked):
    calls = []

    def encode(texts):
        calls.append(texts)
        rows = torch.tensor([[[float(len(text))]] * 3 for text in texts])
        mask = torch.ones(len(texts), 3, dtype=torch.bool) if masked else None
        return Conditioning(context=rows, mask=mask, pooled=torch.zeros(len(texts), 2))

    remembered = Remembered(encode, most=3)
    text = remembered(["bb", "a", "bb"])
    assert text.context[:, 0, 0].tolist() == [2.0, 1.0, 2.0]
    assert (None if text.mask is None else text.mask.shape) == ((3, 3) if masked else None)
    remembered(["a", "ccc"])
    assert calls == [["a", "bb"], ["ccc"]]
    remembered(["a"])  # it held as many as it may
    assert calls[-1] == ["a"]


def test_what_cannot_be_is_refused():
    with pytest.raises(TrainingError, match="below 3, the model's classes"):
        ClassCondition(labels=torch.tensor([0, 3]), classes=3)
    with pytest.raises(TrainingError, match=r"dropout .* is 1\.5"):
        TextCondition(caption=lambda i, _: "", encode=lambda c: None, dropout=1.5)
    with pytest.raises(TrainingError, match="gamma of min-SNR is 0"):
        MinSNR(gamma=0.0)
    with pytest.raises(TrainingError, match="least_sigma is 0"):
        MeasuredAs(prediction=Flow(), least_sigma=0.0)


def test_a_tiny_denoiser_learns_four_pictures_by_heart():
    torch.manual_seed(0)
    config = DiTConfig(
        in_channels=1, out_channels=1, patch=2, width=32, depth=2, heads=2, classes=4, size=(8, 8)
    )
    pictures = torch.randint(0, 2, (4, 1, 8, 8)).float() * 2 - 1
    objective = DenoisingObjective(
        DiT(config), pictures, ClassCondition(labels=torch.arange(4), classes=4, dropout=0.0),
        process=RectifiedFlow(), prediction=Flow(), times=LogitNormalTimes(),
    )  # fmt: skip
    optimiser = torch.optim.AdamW(objective.modules.parameters(), lr=3e-3)
    every = torch.arange(4).repeat(4)

    def loss(seed):
        return objective.loss(every, Draws(seed, range(len(every))))["total"]

    first = loss(0).item()
    for step in range(150):
        optimiser.zero_grad()
        loss(step + 1).backward()
        optimiser.step()
    assert loss(0).item() < first / 5
