"""Which token of an edited prompt stands for which of the original."""

import torch

from limner.text.alignment import aligned, filled

BOS, A, CAT, DOG, BIG, ON, MAT, END = range(8)


def ids(*numbers):
    return torch.tensor(numbers)


def test_the_same_prompt_is_the_identity():
    prompt = ids(BOS, A, CAT, END, END)
    found = aligned(prompt, prompt)
    assert torch.equal(found.shares, torch.eye(5))
    assert not found.fresh.any()


def test_a_word_for_a_word():
    found = aligned(ids(BOS, A, CAT, ON, MAT, END), ids(BOS, A, DOG, ON, MAT, END))
    assert torch.equal(found.shares, torch.eye(6))
    assert not found.fresh.any()


def test_two_tokens_for_one_share_its_attention_evenly():
    found = aligned(ids(BOS, CAT, ON, END, END), ids(BOS, BIG, DOG, ON, END))
    assert found.shares[1].tolist() == [0, 0.5, 0.5, 0, 0]
    assert found.shares[2].tolist() == [0, 0, 0, 1, 0]
    assert found.shares[4].tolist() == [0, 0, 0, 0, 1], "the END too many goes to the last"


def test_one_token_for_two_has_the_attention_of_both():
    found = aligned(ids(BOS, BIG, DOG, ON, END), ids(BOS, CAT, ON, END, END))
    assert found.shares[:, 1].tolist() == [0, 1, 1, 0, 0]
    assert found.fresh.tolist() == [False, False, False, False, True]


def test_a_word_put_in_is_fresh():
    found = aligned(ids(BOS, A, CAT, END), ids(BOS, A, BIG, CAT, END))
    assert found.fresh.tolist() == [False, False, True, False, False]
    assert found.shares[:, 2].tolist() == [0, 0, 0, 0]


def test_attention_is_never_lost():
    chance = torch.Generator().manual_seed(0)
    for _ in range(50):
        a, b = torch.randint(0, 5, (2, 12), generator=chance)
        shares = aligned(a, b[: 3 + int(a[0])]).shares
        torch.testing.assert_close(shares.sum(1), torch.ones(12))


def test_what_a_prompt_was_drawn_out_with_stands_for_itself():
    one, two = filled(ids(BOS, CAT, END), 5), filled(ids(BOS, DOG, END), 5)
    assert torch.equal(aligned(one, two).shares, torch.eye(5))
