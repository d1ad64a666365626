"""Which pictures show the same thing drawn otherwise, and others drawn alike."""

from limner.data.cells import Cells
from limner.data.records import Record

ROWS = [("dog", "3d"), ("cat", "3d"), ("dog", "flat"), ("cat", ""), ("dog", "noto")]
RECORDS = [
    Record(picture=i, concept=concept, style=style) for i, (concept, style) in enumerate(ROWS)
]


def test_the_same_in_other_styles_and_others_in_the_same():
    cells = Cells(RECORDS)
    assert cells.others(RECORDS[0]) == (2, 4)
    assert cells.mates(RECORDS[0]) == (1,)
    assert cells.mates(RECORDS[2]) == ()


def test_of_a_record_that_is_not_among_them():
    cells = Cells(RECORDS[1:3])
    assert cells.others(RECORDS[0]) == (1,)
    assert cells.mates(RECORDS[0]) == (0,)
    assert cells.others(Record(picture=0, concept="fox", style="3d")) == ()


def test_a_record_without_a_style_is_in_no_cell():
    assert Cells(RECORDS).others(RECORDS[1]) == ()
