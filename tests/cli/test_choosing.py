"""Which shipped model paints a request."""

from pathlib import Path

import pytest
from PIL import Image

from limner import Request
from limner.cli.choosing import fitting
from limner.cli.options import ModelOptions

PICTURE = Image.new("RGBA", (64, 64))


@pytest.mark.parametrize(
    ("fields", "model"),
    [
        ({}, None),
        ({"picture": PICTURE}, None),
        ({"picture": PICTURE, "mask": "box:0,0,9,9"}, None),
        ({"prompt": "a cat and a dog", "dialect": "compel"}, None),
        ({"content": PICTURE, "style": "noto"}, "emoji-restyle"),
        ({"style": PICTURE}, "emoji-restyle"),
        ({"style": "noto"}, None),
        ({"prompt": "a cat AND a dog", "layout": "stacked"}, None),
    ],
)
def test_each_kind_of_request_has_its_model(fields, model):
    chosen = fitting(Request(**{"prompt": "a cat, 3d", **fields}), ModelOptions())
    assert (None if chosen.model is None else str(chosen.model)) == model


def test_a_model_that_is_named_paints_everything():
    named = ModelOptions(model=Path("own"))
    request = Request(prompt="a cat", content=PICTURE, style=PICTURE)
    assert fitting(request, named) == named
