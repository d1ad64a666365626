import math

import pytest
import torch
from torch import nn

from limner.data.captions import canonical
from limner.data.records import PictureSet, Record
from limner.diffusion.prediction import prediction_named
from limner.diffusion.process import DiscreteDiffusion, RectifiedFlow
from limner.diffusion.times import UniformTimes
from limner.models.autoencoder import Autoencoder
from limner.models.clip import Clip, ClipConfig, TextTowerConfig, VisionTowerConfig
from limner.models.presets import AUTOENCODER_TINY
from limner.training.draws import Draws
from limner.training.objectives.autoencoder import AutoencoderObjective, gradient_difference
from limner.training.objectives.contrastive import (
    ContrastiveObjective,
    SigmoidForm,
    SoftmaxForm,
    described,
)
from limner.training.objectives.denoising import DenoisingObjective
from limner.types import Conditioning

CHANCE = 5


def chance():
    return torch.Generator().manual_seed(CHANCE)


def cells():
    return [
        Record(picture=0, concept="apple", style="3d", names=("apple",)),
        Record(picture=1, concept="apple", style="noto", names=("apple",)),
        Record(picture=2, concept="dog", style="3d", names=("dog",)),
    ]


def picture_set():
    pictures = torch.randint(0, 256, (3, 4, 16, 16), generator=chance()).to(torch.uint8)
    return PictureSet(pictures=pictures, records=tuple(cells()))


def test_the_identity_gives_clips_own_loss():
    logits = torch.randn(5, 5, generator=chance())
    labels = torch.arange(5)
    eye = torch.eye(5, dtype=torch.bool)
    ours = (SoftmaxForm()(logits, eye) + SoftmaxForm()(logits.T, eye)) / 2
    theirs = (
        nn.functional.cross_entropy(logits, labels) + nn.functional.cross_entropy(logits.T, labels)
    ) / 2
    torch.testing.assert_close(ours, theirs)


def test_a_caption_without_a_style_describes_every_style():
    captions = ["an apple, 3d", "an apple", "a dog, 3d"]
    expected = [[True, False, False], [True, True, False], [False, False, True]]
    assert described(captions, cells()).tolist() == expected


def test_without_concepts_only_a_pictures_own_captions_describe_it():
    records = [Record(picture=i, concept="", captions=("my cat",)) for i in range(2)]
    assert described(["my cat", "my cat"], records).tolist() == [[True, False], [False, True]]


def test_two_equal_positives_share_the_target():
    logits = torch.tensor([[2.0, 2.0], [2.0, 2.0]])
    loss = SoftmaxForm()(logits, torch.ones(2, 2, dtype=torch.bool))
    assert loss.item() == pytest.approx(math.log(2))


def test_the_sigmoid_form_is_siglips_equation_1():
    scores, positive = torch.randn(3, 3, generator=chance()), torch.eye(3).bool()
    positive[0, 2] = True
    form = SigmoidForm()
    expected = 0.0
    for i in range(3):
        for j in range(3):
            z = 1.0 if positive[i, j] else -1.0
            expected += math.log1p(math.exp(-z * (scores[i, j].item() - 10.0))) / 3
    assert form(scores, positive).item() == pytest.approx(expected, rel=1e-5)


def test_contrastive_loss_of_an_untrained_clip_is_that_of_guessing():
    text = TextTowerConfig(
        vocabulary_size=8,
        length=4,
        width=8,
        layers=1,
        heads=2,
        mlp_width=16,
        projection_width=8,
        end=7,
    )
    vision = VisionTowerConfig(
        image_size=16,
        patch=8,
        channels=4,
        width=8,
        layers=1,
        heads=2,
        mlp_width=16,
        projection_width=8,
    )
    torch.manual_seed(0)
    clip = Clip.from_config(ClipConfig(text=text, vision=vision))
    with torch.no_grad():
        clip.logit_scale.fill_(-20.0)  # no temperature: every pair looks alike

    def tokenize(captions):
        return torch.tensor([[1, 2, 3, 7]] * len(captions)), None

    objective = ContrastiveObjective(clip, tokenize, picture_set(), lambda r, _: canonical(r))
    losses = objective.loss(torch.arange(3), Draws(CHANCE, range(3)))
    assert losses["total"].item() == pytest.approx(math.log(3), abs=1e-4)


def test_gradient_difference_sees_edges_and_not_brightness():
    flat, edge = torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)
    edge[..., 2:] = 1.0
    assert gradient_difference(flat, flat + 0.7).item() == 0.0
    assert gradient_difference(flat, edge).item() == pytest.approx((4 / 12 + 0) / 2)


def test_autoencoder_objective_adds_up_and_is_repeatable():
    torch.manual_seed(0)
    objective = AutoencoderObjective(Autoencoder(AUTOENCODER_TINY), picture_set())
    one = objective.loss(torch.arange(3), Draws(CHANCE, range(3)))
    two = objective.loss(torch.arange(3), Draws(CHANCE, range(3)))
    assert {k: v.item() for k, v in one.items()} == {k: v.item() for k, v in two.items()}
    total = one["pixel"] + 0.5 * one["gradient"] + 1e-3 * one["kl"]
    torch.testing.assert_close(one["total"], total)


class Oracle(nn.Module):
    """Answers with a fixed tensor, and remembers what it was asked."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, x, t, context, mask=None):
        self.asked = (x, t)
        return self.answer


@pytest.mark.parametrize(
    ("process", "name"),
    [(RectifiedFlow(), "flow"), (DiscreteDiffusion(), "epsilon"), (DiscreteDiffusion(), "v")],
)
def test_denoising_loss_of_zero_output_is_the_targets_square(process, name):
    latents = torch.randn(4, 2, 4, 4, generator=chance())
    captions = []

    def encode(texts):
        captions.extend(texts)
        return Conditioning(context=torch.zeros(len(texts), 3, 8))

    oracle = Oracle(torch.zeros(4, 2, 4, 4))
    objective = DenoisingObjective(
        oracle, latents, lambda i, _: f"item {i}", encode,
        process=process, prediction=prediction_named(name, process), times=UniformTimes(),
        text_dropout=0.5,
    )  # fmt: skip
    loss = objective.loss(torch.tensor([3, 1, 0, 2]), Draws(CHANCE, range(4)))["total"]
    x, _ = oracle.asked

    draws = Draws(CHANCE, range(4))
    dropped = [bool(torch.rand((), generator=chance) < 0.5) for chance in draws.chances()]
    noise = draws.normal(2, 4, 4)
    t = UniformTimes().times_of(process, draws.uniform())
    alpha, sigma = (a[:, None, None, None] for a in process.alpha_sigma(t))
    x0 = latents[[3, 1, 0, 2]]
    target = {"flow": noise - x0, "epsilon": noise, "v": alpha * noise - sigma * x0}[name]
    torch.testing.assert_close(x, alpha * x0 + sigma * noise, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(loss, target.pow(2).mean())
    assert captions == [
        "" if d else f"item {i}" for d, i in zip(dropped, [3, 1, 0, 2], strict=True)
    ]
