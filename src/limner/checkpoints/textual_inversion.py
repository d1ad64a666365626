"""Textual inversion files: a few vectors that a new word stands for, in the spellings in use.

{token: (n, D) or (D,)}                              diffusers
{"string_to_param": {"*": (n, D)}, "name": ...}      A1111; in safetensors "string_to_param.*"
{"emb_params": (n, D)}                               A1111
{"clip_l": (n, 768), "clip_g": (n, 1280)}            SDXL
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from limner.checkpoints.reader import read_tensors
from limner.errors import CheckpointError
from limner.files import whole_file

MAX_VECTORS = 75  # a prompt of CLIP holds no more
MAX_WORD = 100  # characters
PARAMETERS = "string_to_param"
# What stands for a word that has no name of its own: the file's is taken.
PLACEHOLDERS = frozenset({"", "*", "clip_l", "clip_g", "emb_params", PARAMETERS})
TOWERS = {"clip_l": "text_encoder", "clip_g": "text_encoder_2"}


@dataclass(frozen=True, kw_only=True, eq=False)
class TextualInversion:
    """A word and its vectors, (n, D) for each text tower, as {"text_encoder": ...}."""

    word: str
    vectors: Mapping[str, Tensor]


def read_textual_inversion(
    path: str | Path, widths: Mapping[str, int], word: str | None = None
) -> TextualInversion:
    """The word in a safetensors file for the text towers of these widths, {"text_encoder": 768}.

    word: what it is to be called; None: its name in the file, or else the file's own name.
    Raises CheckpointError where the file is broken, of another kind, or for another model.
    """
    path = Path(path)
    tensors, _ = read_tensors(path)
    try:
        return parse_textual_inversion(tensors, widths, word, unnamed=path.stem)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None


def save_textual_inversion(path: str | Path, learned: TextualInversion) -> None:
    """Write a word as diffusers has it, which A1111 and ComfyUI read too.

    SDXL's form has no place for the word: there it is the file's name.
    """
    vectors = {name: rows.detach().cpu().contiguous() for name, rows in learned.vectors.items()}
    if len(vectors) == 1:
        tensors = {learned.word: next(iter(vectors.values()))}
    else:
        tensors = {key: vectors[tower] for key, tower in TOWERS.items()}
    with whole_file(path) as partial:
        save_file(tensors, partial, metadata={"format": "pt"})


def parse_textual_inversion(
    content: Mapping[str, Any],
    widths: Mapping[str, int],
    word: str | None = None,
    *,
    unnamed: str = "*",
) -> TextualInversion:
    """As `read_textual_inversion`, of what a file holds; unnamed: the word if nothing names it."""
    name, vectors = _vectors(content)
    word = (word if word is not None else name or unnamed).strip()
    if not 0 < len(word) <= MAX_WORD:
        raise CheckpointError(f"the word {word[:20]!r} must have 1 to {MAX_WORD} characters")
    if vectors.keys() != widths.keys():
        raise CheckpointError(
            f"an embedding for another model: it is for {' and '.join(vectors)}, "
            f"this model has {' and '.join(widths)}"
        )
    checked = {tower: _checked(vectors[tower], width) for tower, width in widths.items()}
    if len({len(rows) for rows in checked.values()}) > 1:
        raise CheckpointError("it has not as many vectors for the one text encoder as the other")
    return TextualInversion(word=word, vectors=checked)


def _vectors(content: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The word's name where the file has one, and the vectors by tower."""
    nested = content.get(PARAMETERS)
    flat = {key: content[key] for key in content if key.startswith(f"{PARAMETERS}.")}
    parameters = nested if isinstance(nested, Mapping) else flat
    if len(parameters) == 1:
        name = content.get("name")
        return _own(name) if isinstance(name, str) else None, _single(parameters)
    if content.keys() >= TOWERS.keys():
        return None, {tower: content[key] for key, tower in TOWERS.items()}
    if "emb_params" in content:
        return None, {"text_encoder": content["emb_params"]}
    if len(content) == 1 and not parameters:
        return _own(next(iter(content))), _single(content)
    keys = ", ".join(str(key)[:60] for key in list(content)[:3]) or "there is none"
    raise CheckpointError(f"this is no textual inversion; its first keys: {keys}")


def _own(name: str) -> str | None:
    """A name, where it is one."""
    return None if name in PLACEHOLDERS else name


def _single(content: Mapping[str, Any]) -> dict[str, Any]:
    return {"text_encoder": next(iter(content.values()))}


def _checked(vectors: Any, width: int) -> Tensor:
    """The vectors as (n, D)."""
    if not isinstance(vectors, Tensor) or not vectors.is_floating_point():
        raise CheckpointError("its vectors are no tensor of floating point")
    rows = vectors.detach()[None] if vectors.ndim == 1 else vectors.detach()
    if rows.ndim != 2 or rows.shape[1] != width:
        raise CheckpointError(
            f"an embedding for another model: its vectors are {tuple(vectors.shape)}, "
            f"this text encoder's have width {width}"
        )
    if not 0 < len(rows) <= MAX_VECTORS:
        raise CheckpointError(f"it has {len(rows)} vectors: 1 to {MAX_VECTORS} are right")
    rows = rows.float() if rows.dtype.itemsize == 1 else rows  # nothing is computed in 8 bits
    if not torch.isfinite(rows).all():
        raise CheckpointError("its vectors are not all finite")
    return rows
