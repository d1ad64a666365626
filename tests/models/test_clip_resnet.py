"""CLIP's ResNet tower: sizes of the releases, parity with open_clip, training."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from open_clip_stubbed import HAS_OPEN_CLIP, REASON, open_clip_model
from torch import nn

from limner.errors import UsageError
from limner.models.clip import Clip
from limner.models.clip_presets import CLIPS
from limner.models.clip_resnet import ResNetTower, ResNetTowerConfig
from limner.nn.skeleton import skeleton

SMALL = ResNetTowerConfig(image_size=64, layers=(1, 2, 1, 1), width=16, projection_width=24)


def randomised(tower: nn.Module) -> nn.Module:
    """Every number random, running means too, so that none can be left out unseen."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, tensor in tower.state_dict().items():
            if tensor.is_floating_point():
                scale = name.endswith("weight") and tensor.ndim == 1
                tensor.normal_(float(scale), 0.2)
                if name.endswith("running_var"):
                    tensor.abs_().add_(0.5)
    return tower.eval()


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("RN50", 102_007_137), ("RN101", 119_688_033), ("RN50x4", 178_300_601),
        ("RN50x16", 290_979_217), ("RN50x64", 623_258_305), ("ViT-B-32", 151_277_313),
        ("ViT-B-16", 149_620_737), ("ViT-L-14", 427_616_513), ("ViT-L-14-336", 427_944_193),
        ("ViT-H-14", 986_109_441), ("ViT-bigG-14", 2_539_567_105),
    ],
)  # fmt: skip
def test_presets_have_the_sizes_of_the_releases(name: str, count: int) -> None:
    """As OpenAI's and OpenCLIP's tables have them."""
    clip = skeleton(lambda: Clip.from_config(CLIPS[name]))
    assert sum(parameter.numel() for parameter in clip.parameters()) == count


@pytest.mark.skipif(not HAS_OPEN_CLIP, reason=REASON)
@torch.no_grad()
def test_it_is_open_clips() -> None:
    theirs = open_clip_model().ModifiedResNet(
        layers=list(SMALL.layers), output_dim=24, heads=16 * 32 // 64, image_size=64, width=16
    )
    tower = ResNetTower(SMALL)
    randomised(theirs)
    state = theirs.state_dict()
    tower.load_state_dict({name: state[name] for name in tower.state_dict()})
    assert {*state} - {*tower.state_dict()} == {n for n in state if n.endswith("batches_tracked")}
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    for each in (tower, theirs):
        each.double()  # random blocks enlarge the rounding of fp32
    for mode in (tower.eval, tower.train):
        mode()
        theirs.train(tower.training)
        torch.testing.assert_close(tower(images).projected, theirs(images), atol=1e-5, rtol=1e-5)
    for name, tensor in tower.state_dict().items():  # what training left in the running means
        torch.testing.assert_close(tensor, theirs.state_dict()[name], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_its_states() -> None:
    states = randomised(ResNetTower(SMALL))(torch.randn(2, 3, 64, 64))
    places = [(256, 16), (256, 64), (64, 128), (16, 256), (4, 512)]
    assert [tuple(each.shape) for each in states.hidden] == [(2, *shape) for shape in places]
    assert states.last is states.hidden[-1]
    assert (states.pooled.shape, states.projected.shape) == ((2, 512), (2, 24))


def test_at_first_each_block_is_its_skip_connection() -> None:
    block = ResNetTower(SMALL).eval().get_submodule("layer2.1")
    x = torch.rand(1, 128, 8, 8)
    torch.testing.assert_close(block(x), x)


def test_what_no_tower_has() -> None:
    for wrong in (
        {"layers": (1, 1, 1)},
        {"layers": (1, 1, 0, 1)},
        {"image_size": 60},
        {"width": 3},
    ):
        with pytest.raises(UsageError):
            replace(SMALL, **wrong)
    with pytest.raises(UsageError, match="must be 64 x 64"):
        ResNetTower(SMALL)(torch.zeros(1, 3, 32, 32))
