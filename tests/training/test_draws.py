import torch

from limner.training.draws import Draws


def test_parts_of_a_batch_draw_what_the_whole_draws():
    whole, parts = Draws(3, range(6)), [Draws(3, range(4)), Draws(3, range(4, 6))]
    assert torch.equal(whole.normal(2, 3), torch.cat([part.normal(2, 3) for part in parts]))
    assert torch.equal(whole.uniform(), torch.cat([part.uniform() for part in parts]))


def test_an_item_that_draws_more_leaves_the_others_as_they_are():
    one, other = Draws(3, range(2)), Draws(3, range(2))
    torch.rand(5, generator=one.chances()[0])
    numbers = one.uniform(), other.uniform()
    assert numbers[0][0] != numbers[1][0]
    assert numbers[0][1] == numbers[1][1]


def test_items_steps_and_repeated_draws_are_independent():
    draws = Draws(0, range(2000))
    one, two, other = draws.normal(), draws.normal(), Draws(1, range(2000)).normal()
    correlation = torch.corrcoef(torch.stack([one, two, other, one.roll(1)]))
    assert (correlation - torch.eye(4)).abs().max() < 0.1
    assert abs(one.mean()) < 0.1
    assert abs(one.std() - 1) < 0.1
