"""What is on a model: named by what it is, and put on whole or not at all."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from limner.checkpoints.textual_inversion import TextualInversion
from limner.engine.adapted import NOTHING, Adapted, PlacedLora, Places, Wearing, Weighed
from limner.nn.adapter import Adapter, LowRank


def wearing(lora: PlacedLora) -> Adapted:
    return Adapted(loras=(Weighed(name="x", lora=lora, text=1.0, picture=1.0),))


def test_one_that_is_forgotten_lends_its_key_to_no_other() -> None:
    keys = [wearing(PlacedLora(Adapter({}), Adapter({}))).key for _ in range(50)]
    assert len(set(keys)) == 50
    words = [Adapted(words=(TextualInversion(word="w", vectors={}),)).key for _ in range(50)]
    assert len(set(words)) == 50


def test_what_cannot_be_put_on_leaves_nothing_on() -> None:
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    update = LowRank(down=torch.ones(1, 2), up=torch.ones(2, 1))
    text, picture = Adapter({first: update}), Adapter({second: update})

    def refuse() -> None:
        raise MemoryError

    picture.attach = refuse  # type: ignore[method-assign]
    worn = Wearing(Places(models={}, words={}))
    with pytest.raises(MemoryError):
        worn.put_on(wearing(PlacedLora(text, picture)))
    worn.put_on(NOTHING)
    assert not text.attached
