import pytest
import torch

from limner.errors import TrainingError
from limner.training.draws import Draws, check_version, mix


def test_parts_of_a_batch_draw_what_the_whole_draws():
    whole, parts = Draws(3, range(6)), [Draws(3, range(4)), Draws(3, range(4, 6))]
    assert torch.equal(whole.normal(2, 3), torch.cat([part.normal(2, 3) for part in parts]))
    assert torch.equal(whole.uniform(), torch.cat([part.uniform() for part in parts]))


def test_an_item_that_draws_more_leaves_the_others_as_they_are():
    one, other = (Draws(3, range(2), version=1) for _ in range(2))
    torch.rand(5, generator=one.chances()[0])
    numbers = one.uniform(), other.uniform()
    assert numbers[0][0] != numbers[1][0]
    assert numbers[0][1] == numbers[1][1]


def test_in_the_second_version_what_is_drawn_item_by_item_changes_no_other_numbers():
    one, other = Draws(3, range(2)), Draws(3, range(2))
    torch.rand(5, generator=one.chances()[0])
    assert torch.equal(one.uniform(), other.uniform())


def test_items_steps_and_repeated_draws_are_independent():
    draws = Draws(0, range(2000))
    one, two, other = draws.normal(), draws.normal(), Draws(1, range(2000)).normal()
    correlation = torch.corrcoef(torch.stack([one, two, other, one.roll(1)]))
    assert (correlation - torch.eye(4)).abs().max() < 0.1
    assert abs(one.mean()) < 0.1
    assert abs(one.std() - 1) < 0.1


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("shape", [(), (3,), (2, 7), (4, 8, 8), (4, 33, 31)])
def test_any_cut_draws_the_same_numbers(version, shape):
    cuts = [[range(cut), range(cut, 70)] for cut in (1, 33, 64)]
    whole = Draws(3, range(70), version=version)
    parts = [[Draws(3, rows, version=version) for rows in cut] for cut in cuts]
    for draw in (Draws.normal, Draws.uniform, Draws.normal):
        numbers = draw(whole, *shape)
        assert numbers.shape == (70, *shape)
        for cut in parts:
            assert torch.equal(numbers, torch.cat([draw(part, *shape) for part in cut]))


@pytest.mark.parametrize("version", [1, 2])
def test_the_numbers_have_their_distribution(version):
    draws = Draws(1, range(300), version=version)
    normal, uniform = draws.normal(900).double(), draws.uniform(900).double()
    assert abs(normal.mean()) < 0.01
    assert abs(normal.square().mean() - 1) < 0.01
    assert abs(normal.pow(4).mean() - 3) < 0.1
    assert 0 <= uniform.min() < 1e-4
    assert 1 - 1e-4 < uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.005
    assert abs(uniform.var() - 1 / 12) < 0.001


def test_the_first_version_draws_as_it_always_did():
    """Each item's own generator, in the order of the calls, captions' chances included."""
    draws = Draws(9, range(2, 5), version=1)
    numbers = draws.normal(3), torch.rand((), generator=draws.chances()[0]), draws.uniform()
    for place, row in enumerate(range(2, 5)):
        chance = torch.Generator().manual_seed(mix(9, row))
        assert torch.equal(numbers[0][place], torch.empty(3).normal_(generator=chance))
        if place == 0:
            assert torch.equal(numbers[1], torch.rand((), generator=chance))
        assert torch.equal(numbers[2][place], torch.empty(()).uniform_(generator=chance))


def test_captions_do_not_depend_on_the_version():
    words = [torch.rand(3, generator=Draws(4, range(2), version=v).chances()[1]) for v in (1, 2)]
    assert torch.equal(*words)


def test_a_version_of_a_newer_limner_is_refused():
    with pytest.raises(TrainingError, match="way 3, which a newer Limner made"):
        check_version(3)
