"""The plain reference: diffusers' U-Net, trained as its published text-to-image example does.

python bench/baseline.py runs/clip/model -o runs/baseline --concepts 100 --steps 600

Same pictures, autoencoder, sizes, batch and number of pictures seen as the recipe `bakeoff-unet`;
all else is that of diffusers' examples/text_to_image/train_text_to_image.py at its defaults: DDPM's
chain of Stable Diffusion, epsilon, uniform times, frozen text encoder, plain captions that are
never dropped, AdamW (0.9, 0.999) with weight decay 0.01, gradient norm at most 1, a constant
learning rate of 1e-4, EMAModel. The folder that it writes opens in `limner evaluate` and in
bench/sampling.py.
"""

from __future__ import annotations

import argparse
import shutil
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import DDPMScheduler, UNet2DConditionModel
from diffusers.training_utils import EMAModel

from limner.checkpoints import ModelFolder
from limner.checkpoints.configs import unet_to_json
from limner.cli.train import read
from limner.data.captions import canonical
from limner.data.records import PictureSet
from limner.diffusion.process import DiscreteDiffusion
from limner.text.encode import TextEncoder
from limner.training.loop import fastest_attention
from limner.training.recipes.autoencoder import normalised_latents
from limner.training.recipes.bakeoff import EPSILON_SAMPLING
from limner.training.recipes.base import everyday_subset
from limner.training.recipes.conditions import PAD, ByText
from limner.training.recipes.sizes import UNET_EMOJI


@torch.no_grad()
def encoded(model: ModelFolder, data: PictureSet) -> tuple[torch.Tensor, torch.Tensor]:
    """The captions' tokens, (N, L, D), and which of them are no padding, (N, L)."""
    tower = model.load("text_encoder")
    encoder = TextEncoder(model.load_tokenizer(tower=tower.config), tower, pad_mask=PAD)
    text = encoder([canonical(record) for record in data.records])
    return text.context, text.mask


def train(
    model: ModelFolder, data: PictureSet, *, steps: int, batch: int, learning_rate: float
) -> UNet2DConditionModel:
    """The example's loop; the average of the weights is returned."""
    latents, (context, mask) = normalised_latents(data, model), encoded(model, data)
    unet = UNet2DConditionModel.from_config(unet_to_json(UNET_EMOJI)).train()
    noise_scheduler = DDPMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000
    )
    optimizer = torch.optim.AdamW(unet.parameters(), lr=learning_rate, weight_decay=1e-2, eps=1e-8)
    ema = EMAModel(unet.parameters(), model_cls=UNet2DConditionModel, model_config=unet.config)
    order, began = torch.randperm(len(latents)).tolist(), time.perf_counter()
    for step in range(steps):
        if len(order) < batch:
            order += torch.randperm(len(latents)).tolist()
        rows, order = order[:batch], order[batch:]
        x0 = latents[rows]
        noise, t = torch.randn_like(x0), torch.randint(0, 1000, (batch,))
        x = noise_scheduler.add_noise(x0, noise, t)
        with fastest_attention("cpu"), torch.autocast("cpu", torch.bfloat16):
            output = unet(x, t, context[rows], encoder_attention_mask=mask[rows]).sample
            loss = F.mse_loss(output.float(), noise)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        ema.step(unet.parameters())
        if step % 50 == 49:
            rate = (step + 1) * batch / (time.perf_counter() - began)
            print(f"step {step + 1}: loss {loss.item():.4f}, {rate:.0f} pictures/s", flush=True)
    ema.copy_to(unet.parameters())
    return unet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base", type=Path, help="the folder that emoji-clip was trained into")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--concepts", type=int, default=100)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch", type=int, default=48)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    given = parser.parse_args()
    shutil.copytree(given.base, given.output / "model")
    model = ModelFolder(given.output / "model")
    data = everyday_subset(read(None), given.concepts).seen
    torch.manual_seed(0)
    unet = train(
        model, data, steps=given.steps, batch=given.batch, learning_rate=given.learning_rate
    )
    unet.save_pretrained(model.path / "unet")
    words = ByText().words(data)
    model.save_settings(DiscreteDiffusion(), "epsilon", EPSILON_SAMPLING, words)
    print(model.path)


if __name__ == "__main__":
    main()
