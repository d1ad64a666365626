"""What a judge is shown: the pictures, and what may have any colour in others."""

import torch

from limner.data.records import PictureSet, Record
from limner.evaluate.judged import COLOURS, in_colours_too


def test_what_may_have_any_colour_is_shown_in_others_under_the_same_words():
    orange = torch.tensor([230, 120, 20, 255], dtype=torch.uint8)[:, None, None]
    rows = (
        Record(picture=1, concept="car", style="3d", group="travel-places"),
        Record(picture=0, concept="red apple", style="flat", group="food-drink"),
        Record(picture=0, concept="king", style="flat", group="people-body"),
    )
    real = PictureSet(pictures=orange.repeat(2, 1, 16, 16), records=rows)
    shown = in_colours_too(real, 1)
    assert shown.records[:3] == rows
    added = shown.records[3:]
    assert [(r.concept, r.style) for r in added] == [("car", "3d")] * COLOURS
    assert len(shown.pictures) == 2 + COLOURS
    turned = shown.pictures[[record.picture for record in added]]
    assert torch.equal(turned[:, 3], real.pictures[:, 3])
    assert len({tuple(picture[:3, 8, 8].tolist()) for picture in turned}) == COLOURS
    again = in_colours_too(real, 1)
    assert torch.equal(shown.pictures, again.pictures)
    assert not torch.equal(shown.pictures, in_colours_too(real, 2).pictures)
