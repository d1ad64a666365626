"""Masks as they are asked for, padding, and the seam."""

import numpy as np
import pytest
import torch
from deep_pictures import deep_ramp, ramp
from PIL import Image

from limner.errors import RequestError
from limner.pipeline.masks import covered, extended, mask_of, shares

PICTURE = Image.new("RGBA", (8, 6), (10, 20, 30, 255))


def repainted(mask):
    return np.asarray(mask) == 255


def test_a_box():
    expected = np.zeros((6, 8), bool)
    expected[2:5, 1:3] = True
    assert np.array_equal(repainted(mask_of("box:1,2,2,3", PICTURE)), expected)


def test_a_picture_is_white_where_to_repaint_and_transparent_is_black():
    asked = Image.new("RGBA", PICTURE.size, (255, 255, 255, 0))
    asked.putpixel((3, 1), (255, 255, 255, 255))
    asked.putpixel((4, 1), (128, 128, 128, 255))
    asked.putpixel((5, 1), (127, 127, 127, 255))
    assert np.argwhere(repainted(mask_of(asked, PICTURE))).tolist() == [[1, 3], [1, 4]]


def test_alpha_is_all_that_is_not_fully_opaque():
    picture = PICTURE.copy()
    picture.putpixel((0, 0), (0, 0, 0, 254))
    picture.putpixel((7, 5), (0, 0, 0, 0))
    assert np.argwhere(repainted(mask_of("alpha", picture))).tolist() == [[0, 0], [5, 7]]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (Image.new("L", (6, 8), 255), "the mask is 6x8 and the picture 8x6: one size is right"),
        (Image.new("L", (8, 6)), "the mask is empty"),
        ("alpha", "the mask is empty"),
        ("box:0,0,0,3", "the mask is empty"),
        ("box:7,0,2,1", "leaves the picture, which is 8x6"),
        ("box:0,0,99999999999999999999,1", "leaves the picture"),
        ("box:1,2,3", 'is unknown: a picture, "box:x,y,w,h" or "alpha"'),
        ("box:-1,0,2,2", "is unknown"),
        ("Alpha", "is unknown"),
    ],
)
def test_what_is_no_mask(asked, said):
    with pytest.raises(RequestError, match=said):
        mask_of(asked, PICTURE)


def test_a_picture_without_transparency_has_no_alpha_mask():
    with pytest.raises(RequestError, match="has no transparency"):
        mask_of("alpha", PICTURE.convert("RGB"))


def test_room_is_masked_and_goes_on_as_the_edge_ends():
    picture = Image.fromarray(np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3))
    old = Image.new("L", (3, 2))
    old.putpixel((1, 1), 255)
    wider, mask = extended(picture, old, (1, 0, 2, 3))
    assert wider.size == mask.size == (6, 5)
    assert np.array_equal(np.asarray(wider)[:2, 1:4], np.asarray(picture))
    assert wider.getpixel((0, 0)) == picture.getpixel((0, 0))
    assert wider.getpixel((5, 4)) == picture.getpixel((2, 1))
    kept = np.argwhere(~repainted(mask)).tolist()
    assert kept == [[0, 1], [0, 2], [0, 3], [1, 1], [1, 3]]
    with pytest.raises(RequestError, match="too large"):
        extended(picture, None, (10**6, 0, 0, 0))


def test_a_thin_line_is_covered_at_any_size():
    mask = Image.new("L", (64, 64))
    mask.paste(255, (37, 0, 38, 64))
    assert covered(mask, (16, 16)).sum(0).nonzero().flatten().tolist() == [9]
    assert covered(mask, (7, 5))[:, 37 * 7 // 64].eq(1).all()
    assert torch.equal(covered(mask, (128, 64)).sum(0).nonzero().flatten(), torch.tensor([74, 75]))


def test_the_seam_rises_inside_the_mask_alone():
    mask = Image.new("L", (12, 3))
    mask.paste(255, (4, 0, 12, 3))
    assert torch.equal(shares(mask, 0), torch.from_numpy(np.asarray(mask) / 255).float())
    row = shares(mask, 3)[1]
    assert row.tolist() == [0, 0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("kind", ["16 bits", "float"])
def test_a_deep_mask_is_the_one_of_eight_bits(kind):
    masks = [mask_of(deep_ramp(one), ramp().convert("RGB")) for one in (kind, "8 bits")]
    assert masks[0].tobytes() == masks[1].tobytes()
    assert 0 in masks[0].tobytes()


def test_a_mask_whose_range_nothing_tells_is_refused():
    with pytest.raises(RequestError, match="floats from 0 to 254"):
        mask_of(ramp().convert("F"), ramp().convert("RGB"))
