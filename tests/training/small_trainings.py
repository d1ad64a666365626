"""Trainings of a few steps of tiny models, in this process or over several real ones."""

import os
import socket
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import torch
from torch import multiprocessing, nn

from limner.checkpoints import ModelFolder, Words
from limner.data.captions import caption
from limner.data.records import PictureSet, Record
from limner.diffusion.prediction import name_of, prediction_named
from limner.diffusion.process import RectifiedFlow
from limner.diffusion.times import LogitNormalTimes
from limner.models.clip import Clip, ClipConfig, TextTower, TextTowerConfig, VisionTowerConfig
from limner.models.presets import UNET_TINY
from limner.models.unet import UNet
from limner.training.launch import find_processes
from limner.training.loop import LoopConfig, Trainer
from limner.training.objectives.conditions import TextCondition
from limner.training.objectives.contrastive import ContrastiveObjective, SigmoidForm
from limner.training.objectives.denoising import DenoisingObjective
from limner.types import Conditioning

CONFIG = LoopConfig(
    steps=4, batch=8, learning_rate=1e-3, precision="fp32", save_every=100, seed=3, ema=(6.94,)
)
TEXT = TextTowerConfig(
    vocabulary_size=40, end=39, length=6, width=24, layers=1, heads=2, mlp_width=32,
    projection_width=16,
)  # fmt: skip
VISION = VisionTowerConfig(
    image_size=16, patch=8, channels=4, width=24, layers=1, heads=2, mlp_width=32,
    projection_width=16,
)  # fmt: skip


def tokenize(captions):
    """A letter a token."""
    rows = [[ord(letter) % 38 for letter in text[:5].ljust(5)] + [39] for text in captions]
    return torch.tensor(rows), None


def pictures():
    chance = torch.Generator().manual_seed(0)
    numbers = torch.randint(0, 256, (12, 4, 16, 16), generator=chance).to(torch.uint8)
    names = ["apple", "blue cat", "tree", "old house"]
    records = [
        Record(picture=i, concept=names[i % 4], style=("3d", "flat", "noto")[i // 4])
        for i in range(12)
    ]
    return PictureSet(pictures=numbers, records=tuple(records))


def without_key_biases(module):
    """Softmax ignores them: their gradient is rounding, which Adam would scale up to full steps."""
    for name, parameter in module.named_parameters():
        parameter.requires_grad_(not name.endswith("k_proj.bias"))
    return module


def contrastive(form, share_gradients=True):
    clip = without_key_biases(Clip.from_config(ClipConfig(text=TEXT, vision=VISION)))
    return ContrastiveObjective(
        clip, tokenize, pictures(), caption,
        form=None if form is None else form(), share_gradients=share_gradients,
    )  # fmt: skip


def denoising():
    """With a text tower trained along, whose projection gets no gradient."""
    tower = without_key_biases(TextTower(TEXT))
    latents = torch.randn(12, 4, 8, 8, generator=torch.Generator().manual_seed(1))

    def encode(captions):
        return Conditioning(context=tower(tokenize(captions)[0]).last)

    condition = TextCondition(
        caption=lambda index, chance: f"item {index}", encode=encode, dropout=0.3
    )
    return DenoisingObjective(
        UNet(UNET_TINY), latents, condition,
        process=RectifiedFlow(), prediction=prediction_named("flow", RectifiedFlow()),
        times=LogitNormalTimes(), trained={"text_encoder": tower},
    )  # fmt: skip


class Line:
    """Fit a line through noisy points."""

    def __init__(self):
        self.modules = nn.ModuleDict({"line": nn.Linear(1, 1)})
        self.count = 10

    def loss(self, indices, draws):
        x = indices.float()[:, None]
        return {"total": (self.modules["line"](x) - 2 * x - draws.normal(1)).pow(2).mean()}


OBJECTIVES = {
    "line": Line,
    "softmax": partial(contrastive, None),
    "sigmoid": partial(contrastive, SigmoidForm),
    "denoising": denoising,
}
SHARDED = ("line", "softmax")
APART = {"softmax apart": partial(contrastive, None, share_gradients=False)}


def trainer(name, folder, *, processes=None, **changes):
    torch.manual_seed(0)
    objective = {**OBJECTIVES, **APART}[name]()
    config = replace(CONFIG, **changes)
    return Trainer(objective, config, folder, processes)


def training(name, folder, *, processes=None, **changes):
    """The losses, (steps,), the final weights, and how far these went."""
    run = trainer(name, folder, processes=processes, **changes)
    before = weights(run)
    losses = torch.tensor([progress.losses["total"] for progress in run.run()])
    after = weights(run)
    return {"losses": losses, "weights": after, "moved": (after - before).norm()}


def weights(run):
    """All of them as one vector."""
    return torch.cat([p.detach().flatten() for p in run.parameters])


def over_processes(count, work, *arguments):
    """Call `work(*arguments)` in `count` processes that know of each other."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(_placed, (count, port, work, arguments), nprocs=count)


def _placed(rank, count, port, work, arguments):
    places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in places.items()})
    os.environ["MASTER_ADDR"] = "127.0.0.1"
    torch.set_num_threads(1)
    work(*arguments)


def train_all(folder):
    """Every objective, in one and in two parts, and with its weights shared among the processes."""
    processes = find_processes("cpu")
    with processes.together():
        found = found_by(processes, folder)
    torch.save(found, folder / f"found {processes.rank}.pt")


def found_by(processes, folder):
    found = {
        (name, accumulate): training(
            name, folder / f"{name} {accumulate}", processes=processes, accumulate=accumulate
        )
        for name in OBJECTIVES
        for accumulate in (1, 2)
    }
    name = "softmax apart"
    found[name, 1] = training(name, folder / name, processes=processes)
    sharing = find_processes("cpu", shard=True)
    for name in SHARDED:
        found[name, "sharded"] = {"losses": halfway_and_on(name, folder / name, sharing)}
    return found


def halfway_and_on(name, folder, processes):
    """The losses of a training that is saved halfway and taken up from there."""
    first = trainer(name, folder, processes=processes)
    losses = [progress.losses["total"] for progress in islice(first.run(), 2)]
    first.save()
    processes.any(False)  # wait until it is written
    only_the_first_holds_a_whole(first)
    second = trainer(name, folder, processes=processes)
    assert second.resume()
    return torch.tensor(losses + [progress.losses["total"] for progress in second.run()])


def only_the_first_holds_a_whole(run):
    """What is saved is brought together in the first process alone."""
    state = run.processes.state_of(run.objective.modules)
    wholes = [run.processes.whole(p.detach(), p) for p in run.parameters]
    assert all(w.device.type == "cpu" for w in wholes)
    if run.processes.rank:
        assert not state
        assert not any(w.numel() for w in wholes)
    else:
        assert state.keys() == run.objective.modules.state_dict().keys()
        assert all(torch.equal(state[n], w) for n, w in zip(run.names, wholes, strict=True))


def trained_over_processes(count, folder):
    """What they found, by the first of the processes."""
    over_processes(count, train_all, folder)
    return torch.load(folder / "found 0.pt")


def that_knows(tiny_model: Path, path: Path, known: Words) -> ModelFolder:
    """The tiny model's parts in a folder of their own, which says that it knows these words."""
    source, made = ModelFolder(tiny_model), ModelFolder(path)
    path.mkdir()
    for part in ("vae", "unet", "text_encoder"):
        made.save(source.load(part))
    made.save_tokenizer(source.load_tokenizer(tower=source.config("text_encoder")))
    process, prediction, sampling, _ = source.load_settings()
    made.save_settings(process, name_of(prediction), sampling, known)
    return made
