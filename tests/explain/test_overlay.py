"""Heat maps over pictures."""

import numpy as np
import torch
from PIL import Image

from limner.explain.overlay import COLOURS, coloured, overlay


def test_the_ends_of_the_scale():
    found = coloured(np.array([[0.0, 1.0], [0.5, 0.25]]))
    assert found[0].tolist() == COLOURS[[0, -1]].tolist()
    assert found[1].tolist() == COLOURS[[2, 1]].tolist()


def test_an_overlay_has_the_pictures_size_and_is_brightest_where_the_map_is():
    picture = Image.new("RGBA", (8, 6), (255, 0, 0, 128))
    heat = torch.zeros(3, 4)
    heat[0, 0] = 0.2
    shown = overlay(picture, heat)
    assert (shown.size, shown.mode) == ((8, 6), "RGB")
    light = np.asarray(shown).sum(-1)
    assert light[0, 0] == light.max() > light[-1, -1]
    dim = np.asarray(overlay(picture, heat, most=0.4)).sum(-1)
    assert dim[0, 0] < light[0, 0]


def test_a_map_of_nothing_is_dark():
    shown = overlay(Image.new("RGB", (4, 4)), torch.zeros(2, 2))
    assert len(set(shown.get_flattened_data())) == 1
