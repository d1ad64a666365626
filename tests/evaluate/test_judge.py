from __future__ import annotations

import pytest
import torch
from judged_shapes import shapes, trained

from limner.errors import CheckpointError, UsageError
from limner.evaluate.judge import Judge, JudgeConfig


@pytest.fixture(scope="module")
def judge() -> Judge:
    return trained(60)[0]


def test_it_learns_colours_and_sides_apart(judge):
    pictures, concepts, styles = shapes()
    verdict = judge.see(pictures)
    expected = judge.labels(concepts, styles)
    assert verdict.concepts.argmax(1).tolist() == expected[0].tolist()
    assert verdict.styles.argmax(1).tolist() == expected[1].tolist()


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


def test_unknown_words_and_wrong_sizes_are_refused(judge):
    with pytest.raises(UsageError, match="'purple'"):
        judge.labels(["purple"], ["disc"])
    with pytest.raises(UsageError, match="distinct"):
        JudgeConfig(concepts=("a", "a"), styles=("b",))
    with pytest.raises(UsageError, match="multiple of 16"):
        JudgeConfig(concepts=("a",), styles=("b",), size=40)


def test_default_size_is_compact():
    config = JudgeConfig(concepts=tuple(map(str, range(1600))), styles=tuple("abcdef"))
    with torch.device("meta"):
        assert 1e6 < sum(parameter.numel() for parameter in Judge(config).parameters()) < 3e6
