from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from limner.errors import UsageError
from limner.evaluate.sheet import (
    CAPTION_HEIGHT,
    INK,
    MARGIN,
    PAPER,
    contact_sheet,
    evenly,
    table_sheet,
)

RED, CLEAR = (255, 0, 0, 255), (0, 0, 0, 0)


def plain(colour: tuple[int, int, int, int], side: int = 20) -> Image.Image:
    return Image.new("RGBA", (side, side), colour)


@pytest.mark.parametrize(("there", "most"), [(0, 4), (3, 4), (4, 4), (5, 4), (95, 96), (200, 96)])
def test_what_is_shown_is_taken_from_all_and_each_once(there, most):
    shown = evenly(range(there), most)
    assert len(shown) == min(there, most)
    assert shown == sorted(set(shown))
    steps = {after - before for before, after in pairwise([*shown, there])}
    assert not steps or max(steps) - min(steps) <= 1


def test_pictures_stand_row_by_row():
    colours = [RED, (0, 255, 0, 255), (0, 0, 255, 255)]
    sheet = contact_sheet([plain(colour) for colour in colours], columns=2)
    assert sheet.mode == "RGB"
    assert sheet.size == (2 * (20 + MARGIN) + MARGIN, 2 * (20 + MARGIN) + MARGIN)
    step = 20 + MARGIN
    for index, colour in enumerate(colours):
        corner = (MARGIN + index % 2 * step, MARGIN + index // 2 * step)
        assert sheet.getpixel(corner) == colour[:3]
        assert sheet.getpixel((corner[0] + 19, corner[1] + 19)) == colour[:3]
    assert sheet.getpixel((MARGIN - 1, MARGIN - 1)) == PAPER
    assert sheet.getpixel((MARGIN + step, MARGIN + step)) == PAPER


def test_scale_enlarges_pixels_to_squares():
    picture = plain(CLEAR, 2)
    picture.putpixel((1, 0), RED)
    sheet = contact_sheet([picture], columns=1, scale=3, checkerboard=False)
    pixels = np.asarray(sheet)[MARGIN : MARGIN + 6, MARGIN : MARGIN + 6]
    assert (pixels[:3, 3:] == RED[:3]).all()
    assert (pixels[:3, :3] == 255).all()
    assert (pixels[3:] == 255).all()


def test_transparent_pixels_show_the_ground_and_half_transparent_ones_a_mixture():
    on_white = contact_sheet([plain((255, 0, 0, 128))], columns=1, checkerboard=False)
    assert on_white.getpixel((MARGIN, MARGIN)) == (255, 127, 127)
    on_board = contact_sheet([plain(CLEAR)], columns=1)
    assert on_board.getpixel((MARGIN, MARGIN)) != on_board.getpixel((MARGIN + 8, MARGIN))
    assert on_board.getpixel((MARGIN, MARGIN)) == on_board.getpixel((MARGIN + 8, MARGIN + 8))


def test_captions_are_written_below_and_stay_within_their_picture():
    long = "a caption far too long for so small a picture"
    sheet = contact_sheet([plain(RED, 40), plain(RED, 40)], [long, ""], columns=2)
    assert sheet.height == 40 + CAPTION_HEIGHT + 2 * MARGIN
    below = np.asarray(sheet)[MARGIN + 40 :]
    written = (below < 128).all(axis=2)
    assert written[:, MARGIN : MARGIN + 40].any()
    assert not written[:, MARGIN + 41 :].any()
    assert max(INK) < 128


def test_a_caption_that_fits_is_left_whole():
    one = contact_sheet([plain(RED, 80)], ["cat"], columns=1)
    cut = contact_sheet([plain(RED, 80)], ["cat\nsecond line"], columns=1)
    assert (np.asarray(one) != np.asarray(cut)).any()


def test_what_does_not_fit_is_refused():
    for pictures, labels, columns in (
        ([], None, 1),
        ([plain(RED)], ["a", "b"], 1),
        ([plain(RED)], None, 0),
    ):
        with pytest.raises(UsageError):
            contact_sheet(pictures, labels, columns=columns)


def test_a_table_has_its_texts_beside_its_pictures():
    colours = [[RED, (0, 255, 0, 255)], [(0, 0, 255, 255), (0, 0, 0, 255)], [RED, RED]]
    rows = [[plain(colour, 40) for colour in row] for row in colours]
    bare = np.asarray(table_sheet(rows, heads=["", ""]))
    sheet = np.asarray(
        table_sheet(rows, heads=["one", "two words"], labels=["a", "b", "cc"], title="title")
    )
    assert bare.shape == (3 * 46 + MARGIN, 2 * 46 + MARGIN, 3)
    left, top = sheet.shape[1] - 2 * 46, sheet.shape[0] - 3 * 46
    for y, row in enumerate(colours):
        for x, colour in enumerate(row):
            corner = sheet[top + 46 * y :, left + 46 * x :]
            assert (corner[:40, :40] == colour[:3]).all()
    ink = (sheet < 128).all(axis=2)
    assert ink[:top].any()
    assert ink[top:, : left - MARGIN].any()
    assert top == MARGIN + CAPTION_HEIGHT + MARGIN + 2 * CAPTION_HEIGHT  # title, broken head


def test_long_texts_of_a_table_stay_within_three_lines():
    long = "word " * 99
    sheet = table_sheet([[plain(RED, 60)]], heads=[long], labels=[long], title=long)
    assert sheet.height == 2 * MARGIN + 6 * CAPTION_HEIGHT + 60 + MARGIN
    assert sheet.width < 60 + 3 * MARGIN + 120


def test_a_table_that_does_not_fit_is_refused():
    for rows, heads, labels in (
        ([[plain(RED)]], ["a", "b"], None),
        ([[plain(RED)], []], ["a"], None),
        ([[plain(RED)]], ["a"], ["a", "b"]),
        ([], [], None),
    ):
        with pytest.raises(UsageError):
            table_sheet(rows, heads=heads, labels=labels)


def test_labels_that_are_to_be_whole_are_given_their_room() -> None:
    """A seed of twenty digits under a picture of 16 pixels."""
    from limner.evaluate import sheet

    pictures = [Image.new("RGB", (16, 16))] * 2
    labels = ["seed 18446744073709551614", "seed 18446744073709551615"]
    font = sheet.ImageFont.load_default(sheet.CAPTION_SIZE)
    cut = sheet.contact_sheet(pictures, labels, columns=2)
    whole = sheet.contact_sheet(pictures, labels, columns=2, whole=True)
    assert cut.width < whole.width
    assert whole.width > 2 * font.getlength(labels[0])
    beside = np.asarray(whole)[:, whole.width // 2 :]
    assert not np.array_equal(np.asarray(whole)[:, : beside.shape[1]], beside)  # the last digit
    beside = [sheet.table_sheet([[picture]], heads=["a"], labels=[label])
              for picture, label in zip(pictures, labels, strict=True)]  # fmt: skip
    assert not np.array_equal(*map(np.asarray, beside))
