"""Scenes are cut between their things, and each part is named."""

import pytest
import torch

from limner.data.pixels import to_bytes
from limner.errors import UsageError
from limner.evaluate.composition import Pair, cut, enlarged, judge_pairs
from limner.evaluate.judge import Judge, JudgeConfig, Verdict

SIZE = 32
COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


class ByColour(Judge):
    """Names a picture by its strongest colour; an empty one is green."""

    def __init__(self):
        words = {"concepts": tuple(COLOURS), "styles": ("plain",)}
        super().__init__(JudgeConfig(**words, channels=(8,), feature_width=8, size=SIZE))

    def see(self, pictures):
        light = pictures[:, :3].float().sum((2, 3)) + torch.tensor([0.0, 1.0, 0.0])
        return Verdict(features=light, concepts=light, styles=light)


def scene(*things):
    """(colour, left, top, right, bottom) on an empty picture."""
    picture = torch.zeros(4, SIZE, SIZE, dtype=torch.uint8)
    for colour, left, top, right, bottom in things:
        value = torch.tensor([*COLOURS[colour], 255], dtype=torch.uint8)
        picture[:, top:bottom, left:right] = value[:, None, None]
    return picture


BESIDE = scene(("red", 1, 10, 12, 20), ("blue", 18, 4, 31, 26))
ABOVE = scene(("red", 10, 1, 20, 12), ("blue", 4, 18, 26, 31))


@pytest.mark.parametrize(("picture", "upright"), [(BESIDE, False), (ABOVE, True)])
def test_a_scene_is_cut_between_its_things(picture, upright):
    first, second = cut(picture, upright)
    assert first.shape == second.shape == (4, SIZE, SIZE)
    assert [channel.any().item() for channel in first[:3]] == [True, False, False]
    assert [channel.any().item() for channel in second[:3]] == [False, False, True]


def test_a_thing_is_made_large_and_keeps_its_shape():
    thing = enlarged(scene(("red", 3, 5, 13, 10)), SIZE)
    rows, columns = ((thing[3] > 127).any(axis).nonzero().flatten() for axis in (1, 0))
    assert int(columns[-1] - columns[0]) == SIZE - 5
    assert int(rows[-1] - rows[0]) == pytest.approx((SIZE - 4) / 2, abs=1)
    assert not enlarged(scene(), SIZE).any()


def test_what_is_there_and_where():
    def asked(first, second):
        return Pair(first=first, second=second, upright=False)

    pictures = torch.stack([BESIDE] * 4)
    pairs = [
        asked("red", "blue"),
        asked("blue", "red"),
        asked("red", "green"),
        asked("green", "red"),
    ]
    scores = judge_pairs(pictures, pairs, ByColour())
    assert scores.pictures == 4
    assert scores.things == 3 / 8
    assert scores.both == 1 / 4
    assert scores.exchanged == 1 / 4
    assert "both in place" in scores.line("seen")


def test_nothing_painted_is_nothing_named():
    scores = judge_pairs(
        scene()[None], [Pair(first="red", second="blue", upright=True)], ByColour()
    )
    assert (scores.things, scores.both, scores.exchanged) == (0, 0, 0)
    with pytest.raises(UsageError, match="one each"):
        judge_pairs(scene()[None], [], ByColour())


def test_a_thing_that_the_judge_does_not_know_is_told():
    with pytest.raises(UsageError, match="not trained on 'purple'"):
        judge_pairs(BESIDE[None], [Pair(first="red", second="purple", upright=False)], ByColour())


def test_bytes_of_model_pixels_are_taken():
    assert cut(to_bytes(torch.zeros(1, 4, SIZE, SIZE))[0], False).shape == (2, 4, SIZE, SIZE)
