"""Which shipped model paints a request."""

from pathlib import Path

import pytest
from PIL import Image

from limner import Request
from limner.cli.choosing import fitting
from limner.cli.options import ModelOptions

PICTURE = Image.new("RGBA", (64, 64))


def model_of(**fields):
    request, chosen = fitting(Request(**{"prompt": "a cat, 3d", **fields}), ModelOptions())
    return request, None if chosen.model is None else str(chosen.model)


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
        ({"prompt": "a cat AND a dog", "layout": "stacked"}, "emoji-pairs"),
        ({"prompt": "a cat AND a dog"}, None),
    ],
)
def test_each_kind_of_request_has_its_model(fields, model):
    assert model_of(**fields)[1] == model


def test_two_things_are_read_as_texts_in_parts_and_it_is_said(capsys):
    request, model = model_of(prompt="a cat right of a poodle, 3d")
    assert (request.prompt, request.layout) == ("a poodle, 3d AND a cat, 3d", "beside")
    assert model == "emoji-pairs"
    said = "limner: warning: painted as 'a poodle, 3d AND a cat, 3d', layout beside\n"
    assert capsys.readouterr().err == said


def test_a_model_that_is_named_paints_everything():
    named = ModelOptions(model=Path("own"))
    request = Request(prompt="a cat left of a dog", picture=PICTURE, mask="box:0,0,9,9")
    assert fitting(request, named) == (request, named)


def test_an_edit_of_two_things_is_an_edit():
    request, model = model_of(prompt="a cat and a dog", picture=PICTURE, mask="box:0,0,9,9")
    assert request.layout is None
    assert model is None
