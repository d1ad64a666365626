"""The model that comes with the package, as a person meets it."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from as_seen import premultiplied
from diffusers import AutoencoderKL, UNet2DConditionModel

import limner
from limner.checkpoints import load_folder
from limner.checkpoints.conversion import convert
from limner.data.lexicon import listed_words
from limner.emoji.shipped import shipped_model


@pytest.fixture(scope="module")
def painter():
    return limner.load(device="cpu")


def array(image):
    return np.asarray(image).astype(int)


def test_it_fits_into_25_megabytes_of_safetensors():
    files = [path for path in shipped_model().rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 25_000_000
    assert not [path.name for path in files if path.suffix in (".bin", ".pt", ".ckpt", ".pkl")]


def test_a_red_apple_is_red_and_stands_on_nothing(painter):
    pixels = array(painter.generate("a red apple, 3d", seed=7).images[0])
    assert pixels.shape == (256, 256, 4)
    opacity = pixels[..., 3]
    assert opacity[[0, 0, -1, -1], [0, -1, 0, -1]].max() < 32
    assert opacity[96:160, 96:160].min() > 200
    red, green, blue, _ = pixels[opacity > 200].mean(axis=0)
    assert red > 1.5 * max(green, blue)


def test_words_change_the_colour(painter):
    def greenness(prompt):
        pixels = array(painter.generate(prompt, seed=3).images[0])
        red, green, *_ = pixels[pixels[..., 3] > 200].mean(axis=0)
        return green - red

    assert greenness("a green apple, flat") > 40 > greenness("a red apple, flat")


def test_the_same_request_gives_the_same_bits_in_a_new_painter(painter):
    again = limner.load(device="cpu").generate("a ghost, noto", seed=1).images[0]
    assert again.tobytes() == painter.generate("a ghost, noto", seed=1).images[0].tobytes()


def test_a_picture_of_a_batch_is_the_one_painted_alone_to_a_grey_level(painter):
    """As it is painted: enlarging makes more of a level's difference at its edges."""
    batch = painter.generate("a cat, twemoji", seed=10, count=4, upscale=1)
    for index, seed in enumerate(batch.seeds):
        alone = painter.generate("a cat, twemoji", seed=seed, upscale=1)
        difference = premultiplied(alone.images[0]) - premultiplied(batch.images[index])
        assert abs(difference).max() <= 1


def test_it_says_what_it_knows(painter):
    assert {"red apple", "cat", "ghost"} <= set(painter.words.concepts)
    assert set(painter.words.styles) == {"3d", "flat", "twemoji", "noto", "blob", "emojione"}
    assert painter.generate("qwertz", seed=0, steps=1).warnings
    assert not painter.generate("a cat", seed=0, steps=1).warnings


def test_its_parts_open_in_diffusers_when_they_are_converted(tmp_path):
    """The autoencoder is told that squares of pixels are channels: diffusers has no such part."""
    convert(shipped_model(), tmp_path / "whole", dtype=torch.float32)
    parts = load_folder(shipped_model())
    coder = parts.autoencoder
    latent, context = torch.randn(1, coder.space.channels, 16, 16), torch.randn(1, 32, 256)
    squares = {f"{way}_channels": coder.config.shuffled_channels for way in ("in", "out")}
    vae = AutoencoderKL.from_pretrained(tmp_path / "whole" / "vae", **squares)
    unet = UNet2DConditionModel.from_pretrained(tmp_path / "whole" / "unet")
    with torch.no_grad():
        ours, theirs = coder.decode(latent), vae.decode(latent).sample
        theirs = F.pixel_shuffle(theirs, coder.config.shuffle)
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
        t = torch.tensor([300.0])
        ours, theirs = parts.denoiser(latent, t, context), unet(latent, t, context).sample
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_diffusers_does_not_open_its_eight_bits_unawares():
    with pytest.raises(OSError, match=r"no file named diffusion_pytorch_model"):
        AutoencoderKL.from_pretrained(shipped_model() / "vae", local_files_only=True)


def test_words_that_it_has_not_read_lead_to_concepts_that_it_knows(painter):
    words = painter.words
    assert set(words.lexicon.values()) <= set(words.concepts)
    assert words.lexicon["terrier"] == "dog"
    assert not set(words.lexicon) & {*words.concepts, *words.styles, *words.others}


def test_words_that_mean_something_else_lead_nowhere(painter):
    wrong = listed_words(Path(__file__).parents[1] / "recipes/everyday-lexicon-wrong.txt")
    assert len(wrong) > 900
    assert not wrong & painter.words.lexicon.keys()
