"""The things of a picture, told apart by what is transparent between them."""

import numpy as np
import torch
from scipy import ndimage

from limner.evaluate.parts import connected, parts_of


def picture(*boxes: tuple[int, int, int, int], alpha: int = 255, size: int = 40) -> torch.Tensor:
    """Opaque white boxes: left, top, right, bottom."""
    made = torch.zeros(4, size, size, dtype=torch.uint8)
    for left, top, right, bottom in boxes:
        made[:, top:bottom, left:right] = alpha
    return made


def test_things_with_something_transparent_between_them_are_apart_the_largest_first():
    small, large = (2, 2, 10, 10), (16, 16, 36, 38)
    parts = parts_of(picture(small, large))
    assert parts.shape == (2, 40, 40)
    assert parts[0, 20, 20]
    assert not parts[0, 5, 5]
    assert parts[1, 5, 5]
    assert not parts[1, 20, 20]


def test_pixels_hang_together_by_their_corners_and_along_any_way():
    assert len(parts_of(picture((2, 2, 10, 10), (10, 10, 18, 18)))) == 1
    spiral = [(0, 0, 40, 2), (38, 0, 40, 40), (0, 38, 40, 40), (0, 6, 2, 40), (0, 6, 34, 8)]
    spiral += [(32, 6, 34, 34), (6, 32, 34, 34), (6, 12, 8, 34), (6, 12, 28, 14)]
    assert len(parts_of(picture(*spiral))) == 1
    assert len(parts_of(picture(*spiral[:-3], (6, 20, 20, 26)))) == 2


def test_each_pixel_has_the_number_of_its_part():
    where = torch.zeros(6, 6, dtype=torch.bool)
    where[0, 0] = where[1, 1] = where[5, 5] = where[3, 5] = True
    numbers = connected(where)
    assert numbers[0, 0] == numbers[1, 1] != numbers[5, 5]
    assert len(numbers.unique()) == 4  # three parts, and nothing
    assert bool(((numbers > 0) == where).all())


def test_specks_and_what_is_hardly_there_are_no_things():
    speck, thing = (2, 2, 4, 4), (10, 10, 30, 30)
    assert len(parts_of(picture(speck, thing))) == 1
    assert len(parts_of(picture(thing, alpha=100))) == 0
    assert len(parts_of(torch.zeros(4, 8, 8, dtype=torch.uint8))) == 0


def test_a_part_has_its_soft_edge_and_nothing_of_another():
    made = picture((4, 4, 12, 12), (14, 4, 22, 12))
    made[:, 4:12, 12:14] = 60  # both fade into each other
    left, right = parts_of(made)
    assert left[6, 12]
    assert left[6, 13]
    assert not left[6, 14]
    assert right[6, 12]
    assert right[6, 13]
    assert not right[6, 11]


def test_parts_are_those_of_scipy():
    chance = np.random.default_rng(0)
    for share in (0.2, 0.35, 0.5):
        where = chance.random((33, 27)) < share
        theirs, count = ndimage.label(where, structure=np.ones((3, 3)))
        ours = connected(torch.from_numpy(where)).numpy()
        pairs = {(a, b) for a, b in zip(ours.flat, theirs.flat, strict=True)}
        assert len(pairs) == count + 1
        assert (0, 0) in pairs
