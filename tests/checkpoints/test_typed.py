"""What a folder's settings say is held against their types."""

from __future__ import annotations

import json
from typing import Any

import pytest

from limner.checkpoints.settings import Sampling, Words, sampling_from_json, words_from_json
from limner.checkpoints.typed import fits
from limner.errors import CheckpointError


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"steps": None}, "sets steps to None: a whole number is right"),
        ({"steps": True}, "sets steps to True: a whole number"),
        ({"steps": 0}, "fewer than 1 step"),
        ({"guidance": "7"}, "sets guidance to '7': a number"),
        ({"guidance": float("inf")}, "sets guidance to inf"),
        ({"size": [16]}, "sets size to .16.: a list is right"),
        ({"size": [16, -1]}, "a size below 1 pixel"),
        ({"interval": [None, 1]}, "sets interval"),
        ({"options": None}, "sets options"),
        ({"options": {"rho": "a"}}, "sets options"),
        ({"hold": 3}, "sets hold"),
        ({"hold": {"a": 1}}, "does not say how to sample|unexpected"),
        ({"last_orders": {"few": 1}}, "sets few"),
        ({"dialect": None}, "sets dialect to None: text is right"),
        ({"colour": 1}, "a newer Limner knows"),
    ],
)
def test_a_setting_of_another_type_is_told(change: dict[str, Any], said: str) -> None:
    right = {"steps": 4, "guidance": 3.0, "size": [16, 16]}
    assert sampling_from_json(right).guidance == 3
    with pytest.raises(CheckpointError, match=said):
        sampling_from_json(right | change)
    with pytest.raises(CheckpointError, match="an object is right"):
        sampling_from_json(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change", [{"concepts": None}, {"styles": [1]}, {"lexicon": [["a", "b"]]}, {"language": 0},
               {"accuracy": {"a": "b"}}],
)  # fmt: skip
def test_words_of_another_type_are_told(change: dict[str, Any]) -> None:
    right = {"concepts": ["cat"], "styles": []}
    assert words_from_json(right) == Words(concepts=("cat",), styles=())
    with pytest.raises(CheckpointError, match=r"limner\.json, of words, sets"):
        words_from_json(right | change)


def test_types_of_json() -> None:
    assert fits(1, float)
    assert not fits(1.0, int)
    assert not fits(10**400, float)
    assert fits([1, 2], tuple[int, ...])
    assert fits({"a": [None]}, dict[str, tuple[int | None, ...]])
    assert json.loads(json.dumps(Sampling().steps)) == 20
