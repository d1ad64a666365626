import math

import pytest
import torch
from torch import nn

from limner.data.captions import canonical
from limner.data.records import PictureSet, Record
from limner.models.clip import Clip, ClipConfig, TextTowerConfig, VisionTowerConfig
from limner.training.draws import Draws
from limner.training.objectives.contrastive import (
    ContrastiveObjective,
    SigmoidForm,
    SoftmaxForm,
    described,
)

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
