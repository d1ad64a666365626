"""LoRA files of the first trainer, cloneofsimo's `lora`: modules by their numbers in the model.

`unet:0:up`, `text_encoder:0:down`: the projections of every attention and the first layer of every
feed-forward, as diffusers' and transformers' classes hold them one after another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from torch import Tensor

from limner.checkpoints.lora_names import Models, adaptable
from limner.errors import CheckpointError
from limner.nn.adapter import Adaptable

NUMBERED = re.compile(r"(unet|text_encoder):(\d+):(up|down)$")
UNET = re.compile(
    r"(?P<side>down|up|mid)_blocks?(?:\.(?P<level>\d+))?\.attentions\.(?P<place>\d+)"
    r"\.transformer_blocks\.(?P<block>\d+)"
    r"\.(?P<inner>attn1|attn2|ff)\.(?P<layer>to_q|to_k|to_v|to_out\.0|net\.0\.proj)$"
)
TEXT = re.compile(r".*\.layers\.(?P<level>\d+)\.self_attn\.(?P<layer>[kvq]_proj|out_proj)$")
SIDES = ("down", "up", "mid")  # the middle is made last
LAYERS = (
    "to_q",
    "to_k",
    "to_v",
    "to_out.0",
    "net.0.proj",
    "k_proj",
    "v_proj",
    "q_proj",
    "out_proj",
)
# A transformer block had its feed-forward in the middle before diffusers 0.17.
INNER = (("attn1", "ff", "attn2"), ("attn1", "attn2", "ff"))

Pair = dict[str, Tensor]


def named(tensors: Mapping[str, Tensor], models: Models) -> dict[str, Tensor]:
    """The tensors of a file with numbered modules under names; other keys as they are.

    Raises CheckpointError where the numbers are not those of the model's modules.
    """
    numbered: dict[str, dict[int, Pair]] = {}
    others = dict[str, Tensor]()
    for key, tensor in tensors.items():
        if (found := NUMBERED.match(key)) is None:
            others[key] = tensor
            continue
        part, number, piece = found[1], int(found[2]), found[3]
        numbered.setdefault(part, {}).setdefault(number, {})[piece] = tensor
    for part, pairs in numbered.items():
        for name, number in zip(_names(part, pairs, models), sorted(pairs), strict=True):
            for piece, tensor in pairs[number].items():
                others[f"{part}.{name}.lora_{piece}.weight"] = tensor
    return others


def _names(part: str, pairs: Mapping[int, Pair], models: Models) -> Sequence[str]:
    """The modules of a part in the order of the file: the one in which all shapes fit."""
    modules = {} if part not in models else adaptable({part: models[part]})
    for inner in INNER:
        names = list(_ordered([name.split(".", 1)[1] for name in modules], inner))
        if sorted(pairs) == list(range(len(names))) and all(
            _fits(modules[f"{part}.{name}"], pairs[number]) for number, name in enumerate(names)
        ):
            return names
    raise CheckpointError(
        f"a LoRA for another model: its {len(pairs)} numbered modules of {part} do not fit here"
    )


def _ordered(names: Sequence[str], inner: Sequence[str]) -> Iterator[str]:
    """Those of the names that have a number, in its order."""
    found = [each for name in names if (each := UNET.match(name) or TEXT.match(name))]

    def rank(each: re.Match[str]) -> tuple[int, ...]:
        said = each.groupdict()
        side = SIDES.index(said["side"]) if "side" in said else 0
        numbers = (int(said.get(field) or 0) for field in ("level", "place", "block"))
        place = inner.index(said["inner"]) if "inner" in said else 0
        return side, *numbers, place, LAYERS.index(said["layer"])

    yield from (each[0] for each in sorted(found, key=rank))


def _fits(module: Adaptable, pair: Pair) -> bool:
    out, into = module.weight.shape[:2]
    wanted = {"up": (0, out), "down": (1, into)}
    return pair.keys() == wanted.keys() and all(
        pair[piece].ndim >= 2 and pair[piece].shape[axis] == size
        for piece, (axis, size) in wanted.items()
    )
