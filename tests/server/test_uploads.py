"""What an uploaded picture says of itself, in every format that is taken."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from limner.pipeline.embedded import LIMNER, PARAMETERS, save_options
from limner.server.problems import ProblemError
from limner.server.uploads import picture_of, texts_of

BROKEN_EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\x05\xff\xff\xff\xff\xff\xff\xff"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_infotext_has_one_name_in_every_format(kind: str) -> None:
    texts = {LIMNER: "{}", PARAMETERS: "a cat\nSteps: 3, Seed: 1, CFG scale: 2"}
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, kind, **save_options(kind, texts))
    assert texts_of(file.getvalue(), "picture") == texts


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_broken_exif_block_breaks_no_picture(kind: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (16, 8), (200, 10, 10)).save(file, kind, exif=BROKEN_EXIF)
    assert picture_of(file.getvalue(), "picture").size == (16, 8)
    assert texts_of(file.getvalue(), "picture") == {}


def test_a_photograph_is_turned_upright() -> None:
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6  # lies on its side
    Image.new("RGB", (16, 8)).save(file, "JPEG", exif=exif)
    assert picture_of(file.getvalue(), "picture").size == (8, 16)


def test_a_picture_that_is_cut_off_is_refused() -> None:
    file = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(file, "JPEG", exif=BROKEN_EXIF)
    with pytest.raises(ProblemError, match="it is broken"):
        picture_of(file.getvalue()[:-900], "picture")
