"""What is asked for as people type it, and how it is scored."""

from types import SimpleNamespace

import pytest
import torch

from limner.data.colours import Colour
from limner.data.everyday_words import read_nouns
from limner.data.withheld import Pair, Withheld
from limner.errors import DataError, UsageError
from limner.evaluate.everyday import Wanted, colours_wanted, judge_everyday, nouns_wanted
from limner.evaluate.judge import Judge, JudgeConfig

CONCEPTS = ("cat", "automobile", "red apple")


class ByOpacity(Judge):
    """Names a picture by how much of it is painted: a third, two thirds, all."""

    def __init__(self) -> None:
        super().__init__(JudgeConfig(concepts=CONCEPTS, styles=("3d",), channels=(8,), size=8))

    def see(self, pictures, batch=256):
        painted = (pictures[:, 3] > 0).float().mean((1, 2))
        place = (painted * 3).round().long().clamp(1, 3) - 1
        return SimpleNamespace(concepts=torch.eye(3)[place])


def picture(share: float, colour: tuple[int, int, int]) -> torch.Tensor:
    made = torch.zeros(4, 12, 12, dtype=torch.uint8)
    rows = round(12 * share)
    made[:3, :rows] = torch.tensor(colour, dtype=torch.uint8)[:, None, None]
    made[3, :rows] = 255
    return made


def test_prompts_are_what_somebody_types():
    assert Wanted(name="car", concept="automobile").prompt == "a car"
    orange = Wanted(name="elephant", concept="elephant", colour=Colour.ORANGE)
    assert orange.prompt == "an orange elephant"


def test_nouns_are_chosen_by_the_seed_without_repeats():
    nouns = [(str(n), str(n)) for n in range(20)]
    chosen = [wanted.name for wanted in nouns_wanted(nouns, 10, seed=1)]
    assert len(set(chosen)) == 10
    assert chosen == [wanted.name for wanted in nouns_wanted(nouns, 10, seed=1)]
    assert chosen != [wanted.name for wanted in nouns_wanted(nouns, 10, seed=2)]
    assert len(nouns_wanted(nouns, 50)) == 20


@pytest.mark.parametrize("held_out", [True, False])
def test_colours_are_of_pairs_that_are_drawn_or_of_those_withheld(held_out):
    kept = Withheld(share=0.3, seed=2)
    names = {"red apple": "apple", "cat": "cat", "dog": "dog"}
    wanted = colours_wanted(names, 100, withheld=kept, held_out=held_out)
    assert wanted
    for each in wanted:
        assert kept.has(Pair.COLOUR, each.concept, each.colour.value) == held_out
        assert each.name == names[each.concept]


def test_concept_colour_and_both_are_parts_of_the_pictures():
    wanted = [
        Wanted(name="cat", concept="cat", colour=Colour.RED),
        Wanted(name="cat", concept="cat", colour=Colour.BLUE),
        Wanted(name="apple", concept="red apple", colour=Colour.GREEN),
        Wanted(name="apple", concept="red apple", colour=Colour.GREEN),
    ]
    red, green = (214, 40, 30), (60, 170, 70)
    pictures = torch.stack(
        [picture(1 / 3, red), picture(1 / 3, red), picture(2 / 3, green), picture(1.0, green)]
    )
    scores = judge_everyday(pictures, wanted, ByOpacity())
    assert (scores.pictures, scores.concept, scores.colour, scores.both) == (4, 0.75, 0.75, 0.5)
    assert "both  50.0%" in scores.line("colours")
    plain = [Wanted(name="cat", concept="cat")] * 4
    assert judge_everyday(pictures, plain, ByOpacity()).concept == 0.5
    assert "colour" not in judge_everyday(pictures, plain, ByOpacity()).line("nouns")


def test_mixed_or_missing_pictures_are_refused():
    one, other = Wanted(name="a", concept="cat"), Wanted(name="a", concept="cat", colour=Colour.RED)
    pictures = torch.stack([picture(1.0, (0, 0, 0))] * 2)
    with pytest.raises(UsageError, match="all in a colour or none"):
        judge_everyday(pictures, [one, other], ByOpacity())
    with pytest.raises(UsageError, match="2 pictures of 1 wanted"):
        judge_everyday(pictures, [one], ByOpacity())
    unknown = [one, Wanted(name="a", concept="unicorn")]
    with pytest.raises(UsageError, match="not trained on 'unicorn'"):
        judge_everyday(pictures, unknown, ByOpacity())


def test_nouns_are_read_with_their_concepts(tmp_path):
    file = tmp_path / "nouns.txt"
    file.write_text("# of many\n7 car: automobile\n26 glass: glass of milk\n", "utf-8")
    assert read_nouns(file) == [("car", "automobile"), ("glass", "glass of milk")]
    file.write_text("car\n", "utf-8")
    with pytest.raises(DataError, match="no list of nouns"):
        read_nouns(file)
