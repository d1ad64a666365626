"""Every network exported and compiled, with what a call is handed: a script that tests run.

In a process of its own, since the checks of shapes that the tests put on are Python between the
operations. Prints what came of each as JSON.
"""

import json

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_map_only

from limner.models.autoencoder import Autoencoder, AutoencoderConfig
from limner.models.clip import (
    BagOfWords,
    BagOfWordsConfig,
    TextTower,
    TextTowerConfig,
    VisionTower,
    VisionTowerConfig,
)
from limner.models.dit import DiT, DiTConfig
from limner.models.unet import UNet, UNetConfig
from limner.nn.prepared import NOTHING, Beside
from limner.nn.regions import visible_of
from limner.types import Conditioning

UNET = UNetConfig(
    channels=(4, 4), layers_per_block=1, attention_depth=(0, 1), mid_attention_depth=0, heads=2,
    context_width=6, norm_groups=2, pooled_width=5,
)  # fmt: skip
DIT = DiTConfig(width=8, depth=1, heads=2, context_width=6, classes=3, qk_norm=True, size=(4, 4))
TEXT = TextTowerConfig(
    vocabulary_size=20, length=6, width=8, layers=2, heads=2, mlp_width=8, end=19
)
OPEN_TEXT = TextTowerConfig(
    vocabulary_size=20, length=6, width=8, layers=2, heads=2, mlp_width=8, end=19,
    activation="gelu", projection_width=4,
)  # fmt: skip
AUTOENCODER = AutoencoderConfig(channels=(4, 4), layers_per_block=1, norm_groups=2)
WORDS = BagOfWordsConfig(vocabulary_size=20, width=8, start=1, end=19, projection_width=4)
VISION = VisionTowerConfig(
    image_size=8, patch=4, width=8, layers=1, heads=2, mlp_width=8, projection_width=4
)


class Encode(nn.Module):
    """The mode of what an autoencoder's encoder says, which is what an engine asks for."""

    def __init__(self, autoencoder: Autoencoder) -> None:
        super().__init__()
        self.autoencoder = autoencoder

    def forward(self, pixels: Tensor) -> Tensor:
        return self.autoencoder.encode(pixels).mode()


class Decode(Encode):
    def forward(self, raw: Tensor) -> Tensor:
        return self.autoencoder.decode(raw)


def made(module: nn.Module) -> nn.Module:
    """With random weights everywhere, so that nothing is zero."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.2)
    return module.eval().requires_grad_(False)


def text(pooled: Tensor, rows: int = 2) -> Conditioning:
    mask = torch.ones(rows, 6, dtype=torch.bool)
    mask[0, 4:] = False
    return Conditioning(context=torch.randn(rows, 6, 6), mask=mask, pooled=pooled)


def handed(how: str, model: UNet | DiT) -> tuple:
    """The arguments of a call."""
    x, t = torch.randn(2, 4, 4, 8), torch.tensor([3.0, 700.0])
    is_unet = isinstance(model, UNet)
    said = text(torch.randn(2, 5) if is_unet else torch.tensor([[1.0], [3.0]]))
    if how == "text":
        return (x, t, said.context, said.mask, said.pooled, NOTHING)
    visible = visible_of(6, 2, upright=True, size=(4, 8)).expand(2, -1, -1, -1).contiguous()
    beside = {
        "prepared": NOTHING,
        "visible": Beside(visible=visible),
        "visible and added": Beside(
            visible=visible, added=(torch.randn(2, 4, 4, 8), torch.randn(2, 4, 2, 4))
        ),
    }[how]
    return (x, t, model.prepare(said), None, None, beside)


def pictures(size: int = 8) -> Tensor:
    return torch.randn(2, 3, size, size)


def ids() -> tuple[Tensor, Tensor]:
    tokens = torch.tensor([[1, 5, 7, 19, 19, 19], [1, 5, 7, 9, 4, 19]])
    return tokens, torch.tensor([[True] * 4 + [False] * 2, [True] * 6])


CASES = {
    "u-net, text": (UNet, UNET, "text"),
    "u-net, prepared": (UNet, UNET, "prepared"),
    "u-net, visible and added": (UNet, UNET, "visible and added"),
    "transformer, text": (DiT, DIT, "text"),
    "transformer, prepared": (DiT, DIT, "prepared"),
    "transformer, visible": (DiT, DIT, "visible"),
    "encode": (lambda config: Encode(Autoencoder(config)), AUTOENCODER, pictures),
    "decode": (
        lambda config: Decode(Autoencoder(config)), AUTOENCODER, lambda: torch.randn(2, 4, 4, 4)
    ),
    "CLIP's text tower": (TextTower, TEXT, ids),
    "OpenCLIP's text tower": (TextTower, OPEN_TEXT, ids),
    "bag of words": (BagOfWords, WORDS, ids),
    "image tower": (VisionTower, VISION, pictures),
}  # fmt: skip

EXPORTED = tuple(CASES)
# Each takes seconds: with a text made ready, and all at once that can be handed in.
COMPILED = (
    "u-net, visible and added", "transformer, visible", "encode", "decode",
    "CLIP's text tower", "OpenCLIP's text tower",
)  # fmt: skip


def case(name: str) -> tuple[nn.Module, tuple]:
    make, config, how = CASES[name]
    model = made(make(config))
    if isinstance(how, str):
        return model, handed(how, model)
    given = how()
    return model, given if isinstance(given, tuple) else (given,)


def rows_of(given: object, batch: object) -> object:
    """The first side of every tensor is the batch."""
    return tree_map_only(Tensor, lambda tensor: {0: batch}, given)


def same(found: object, wanted: object) -> bool:
    """Every tensor the same to the bit."""
    (one, shape), (other, expected) = tree_flatten(found), tree_flatten(wanted)
    return shape == expected and all(
        a is b is None or torch.equal(a, b) for a, b in zip(one, other, strict=True)
    )


def exported(model: nn.Module, given: tuple[object, ...]) -> bool:
    """Whether it is exported for any number of rows, and then gives the same."""
    batch = torch.export.Dim("batch", min=2, max=64)
    program = torch.export.export(model, given, dynamic_shapes=rows_of(given, batch)).module()
    three = tree_map_only(Tensor, lambda tensor: torch.cat([tensor, tensor[:1]]), given)
    return all(same(program(*rows), model(*rows)) for rows in (given, three))


def compiled(model: nn.Module, given: tuple[object, ...]) -> bool:
    """Whether it is compiled as one graph, and then gives the same."""
    torch._dynamo.reset()
    one_graph = torch.compile(model, fullgraph=True, backend="aot_eager")
    return same(one_graph(*given), model(*given))


def answers() -> dict[str, str]:
    """What came of each way with each network: "the same", or what it failed with."""
    found = {}
    for way, names in ((exported, EXPORTED), (compiled, COMPILED)):
        for name in names:
            torch.manual_seed(0)
            try:
                found[f"{way.__name__}: {name}"] = "the same" if way(*case(name)) else "another"
            except Exception as error:
                found[f"{way.__name__}: {name}"] = f"{type(error).__name__}: {error}"
    return found


if __name__ == "__main__":
    print(json.dumps(answers()))
