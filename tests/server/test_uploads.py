"""What an uploaded picture says of itself, in every format that is taken."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from limner.pipeline.embedded import LIMNER, PARAMETERS, save_options
from limner.server.uploads import texts_of


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_the_infotext_has_one_name_in_every_format(kind: str) -> None:
    texts = {LIMNER: "{}", PARAMETERS: "a cat\nSteps: 3, Seed: 1, CFG scale: 2"}
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, kind, **save_options(kind, texts))
    assert texts_of(file.getvalue(), "picture") == texts
