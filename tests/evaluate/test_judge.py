from __future__ import annotations

import pytest
import torch

from limner.errors import CheckpointError, TrainingError, UsageError
from limner.evaluate.judge import Judge, JudgeConfig, augment, train_judge

COLOURS = {"red": (1.0, 0.1, 0.1), "green": (0.1, 0.9, 0.1), "blue": (0.1, 0.2, 1.0)}
STYLES = ("disc", "left", "right")
TINY = (8, 12, 16)


def shapes(size: int = 32) -> tuple[torch.Tensor, list[str], list[str]]:
    """A disc, a left half and a right half in each colour, as premultiplied bytes."""
    line = torch.linspace(-1, 1, size)
    y, x = torch.meshgrid(line, line, indexing="ij")
    inside = (x.square() + y.square() < 0.5).float()
    masks = {"disc": inside, "left": inside * (x < 0), "right": inside * (x > 0)}
    pictures, concepts, styles = [], [], []
    for colour, values in COLOURS.items():
        for style in STYLES:
            rgb = torch.tensor(values)[:, None, None] * masks[style]
            pictures.append(torch.cat([rgb, masks[style][None]]))
            concepts.append(colour)
            styles.append(style)
    return (torch.stack(pictures) * 255).round().byte(), concepts, styles


def trained(steps: int, seed: int = 3, bf16: bool = False) -> tuple[Judge, list[float]]:
    run = train_judge(
        *shapes(), steps=steps, seed=seed, batch=18, channels=TINY, bf16=bf16, report_every=5
    )
    losses = []
    while True:
        try:
            losses.append(next(run).loss)
        except StopIteration as stop:
            return stop.value, losses


@pytest.fixture(scope="module")
def judge() -> Judge:
    return trained(60)[0]


def test_it_learns_colours_and_sides_apart(judge):
    pictures, concepts, styles = shapes()
    verdict = judge.see(pictures)
    expected = judge.labels(concepts, styles)
    assert verdict.concepts.argmax(1).tolist() == expected[0].tolist()
    assert verdict.styles.argmax(1).tolist() == expected[1].tolist()


def test_training_is_told_and_repeats_to_the_bit():
    first, losses = trained(10)
    second, again = trained(10)
    other, _ = trained(10, seed=4)
    assert len(losses) == 2
    assert losses == again
    weights = [model.concept_head.weight for model in (first, second, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.allclose(weights[0], weights[2])


def test_bf16_starts_as_fp32_does_and_learns():
    losses, first = trained(20, bf16=True)[1], {}
    for bf16 in (True, False):
        run = train_judge(
            *shapes(), steps=20, seed=3, batch=18, channels=TINY, bf16=bf16, report_every=1
        )
        first[bf16] = next(run).loss
    assert first[True] == pytest.approx(first[False], rel=0.01)
    assert first[True] != first[False]
    assert losses[-1] < 0.7 * losses[0]


def test_training_leaves_the_global_random_state_alone():
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    trained(1)
    assert torch.equal(torch.rand(3), expected)


def test_a_verdict_does_not_depend_on_the_batch(judge):
    pictures = shapes()[0]
    whole, parts = judge.see(pictures), judge.see(pictures, batch=2)
    for one, other in zip(whole, parts, strict=True):
        assert torch.allclose(one, other, atol=1e-4)
    assert whole.features.shape == (9, 256)
    assert not judge.training


def test_other_sizes_are_resized(judge):
    small, large = shapes(32)[0], shapes(64)[0]
    near = torch.cosine_similarity(judge.see(small).features, judge.see(large).features)
    assert near.min() > 0.8


def test_saved_and_loaded_it_says_the_same(judge, tmp_path):
    judge.save(tmp_path / "judge")
    loaded = Judge.load(tmp_path / "judge")
    assert loaded.config == judge.config
    pictures = shapes()[0]
    for one, other in zip(judge.see(pictures), loaded.see(pictures), strict=True):
        assert torch.equal(one, other)


def test_what_is_no_judge_is_told(judge, tmp_path):
    with pytest.raises(CheckpointError, match="no readable judge"):
        Judge.load(tmp_path)
    judge.save(tmp_path)
    (tmp_path / "judge.safetensors").write_bytes(b"broken")
    with pytest.raises(CheckpointError, match="no readable judge"):
        Judge.load(tmp_path)


def test_unknown_words_and_wrong_counts_are_refused(judge):
    with pytest.raises(UsageError, match="'purple'"):
        judge.labels(["purple"], ["disc"])
    with pytest.raises(TrainingError, match="9 pictures, 8 concepts"):
        next(train_judge(shapes()[0], ["a"] * 8, ["b"] * 9, steps=1, seed=0))
    with pytest.raises(UsageError, match="distinct"):
        JudgeConfig(concepts=("a", "a"), styles=("b",))
    with pytest.raises(UsageError, match="multiple of 16"):
        JudgeConfig(concepts=("a",), styles=("b",), size=40)


def test_default_size_is_compact():
    config = JudgeConfig(concepts=tuple(map(str, range(1600))), styles=tuple("abcdef"))
    with torch.device("meta"):
        assert 1e6 < sum(parameter.numel() for parameter in Judge(config).parameters()) < 3e6


def test_augmentation_changes_each_picture_in_its_own_way():
    pixels = (shapes()[0][:1].float() / 255).expand(4, -1, -1, -1)
    changed = augment(pixels, torch.Generator().manual_seed(0))
    again = augment(pixels, torch.Generator().manual_seed(0))
    assert torch.equal(changed, again)
    for first in range(4):
        assert not torch.allclose(changed[first], pixels[first], atol=0.05)
        for second in range(first):
            assert not torch.allclose(changed[first], changed[second], atol=0.05)


def test_augmentation_keeps_side_and_colour():
    pixels = (shapes()[0].float() / 255).repeat(20, 1, 1, 1)
    changed = augment(pixels, torch.Generator().manual_seed(1))
    weight = torch.linspace(-1, 1, 32)
    centre = (changed[:, 3] * weight).sum((1, 2)) / changed[:, 3].sum((1, 2))
    side = torch.tensor([0.0, -1.0, 1.0]).repeat(60)
    assert (centre[side < 0] < 0).all()
    assert (centre[side > 0] > 0).all()
    strongest = changed[:, :3].sum((2, 3)).argmax(1)
    assert strongest.tolist() == torch.arange(3).repeat_interleave(3).repeat(20).tolist()
