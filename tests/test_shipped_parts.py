"""The models that ship beside the first: restyling, pairs, enlarging."""

import numpy as np
import pytest
from PIL import Image

import limner
from limner.checkpoints import load_folder, save_folder
from limner.emoji.shipped import shipped_model

ASSETS = shipped_model().parent
FOLDERS = ("emoji", "emoji-pairs", "emoji-restyle", "emoji-upscaler")


@pytest.fixture(scope="module")
def apple():
    return limner.load(device="cpu").generate("a red apple, 3d", seed=7, upscale=1).images[0]


def redness(picture):
    red, green, blue, alpha = np.asarray(picture).astype(int).transpose(2, 0, 1)
    return (red - np.maximum(green, blue))[alpha > 200].mean()


def test_all_folders_together_stay_under_80_megabytes():
    assert sorted(path.name for path in ASSETS.iterdir() if path.is_dir()) == list(FOLDERS)
    files = [path for name in FOLDERS for path in (ASSETS / name).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 80_000_000
    assert not [path.name for path in files if path.suffix in (".bin", ".pt", ".ckpt", ".pkl")]


def test_of_two_things_each_is_in_its_own_half():
    painter = limner.load("emoji-pairs", device="cpu")
    prompt = "a red heart, 3d AND a green apple, 3d"
    picture = painter.generate(prompt, layout="beside", seed=3, upscale=1).images[0]
    side = painter.parts.sampling.size[0]
    assert picture.size == (2 * side, side)
    left, right = (picture.crop((x, 0, x + side, side)) for x in (0, side))
    assert redness(left) > 60 > 0 > redness(right)


def test_of_two_things_each_is_looked_at_where_it_is():
    """The mean of a name's map inside the thing's half of the picture's alpha, over the rest."""
    painter = limner.load("emoji-pairs", device="cpu")
    prompt = "a red heart, 3d AND a green apple, 3d"
    result = painter.generate(prompt, layout="beside", seed=3, attention="mean", upscale=1)
    alpha = result.images[0].getchannel("A").resize((32, 16), Image.Resampling.BOX)
    opaque, left = np.asarray(alpha) > 127, np.arange(32) < 16
    for words, half in (("red heart", left), ("green apple", ~left)):
        looked, thing = result.heatmap(words).numpy(), opaque & half
        assert looked[thing].mean() > 2 * looked[~thing].mean()
        assert looked[thing].mean() > 1.5 * looked[~opaque & half].mean()


def test_a_style_picture_is_told_by_its_word(apple):
    painter = limner.load("emoji-restyle", device="cpu")
    star = limner.load(device="cpu").generate("a star, twemoji", seed=5).images[0]
    result = painter.restyle(apple, star, seed=1)
    assert result.request.prompt == "a red apple, twemoji"
    told = "the style's picture is taken for 'twemoji': a style word says otherwise"
    assert told in result.warnings
    assert result.images == painter.restyle(apple, "twemoji", seed=1).images


def test_what_names_pictures_is_saved_with_the_whole(apple, tmp_path):
    save_folder(load_folder(ASSETS / "emoji-restyle"), tmp_path / "whole")
    again = limner.load(tmp_path / "whole", device="cpu").restyle(apple, apple, seed=1)
    assert again.request.prompt == "a red apple, 3d"


def test_a_restyled_apple_is_named_and_stays_an_apple(apple):
    painter = limner.load("emoji-restyle", device="cpu")
    result = painter.restyle(apple, "noto", seed=1)
    assert result.request.prompt == "a red apple, noto"
    assert any("taken for 'a red apple, noto'" in warning for warning in result.warnings)
    assert redness(result.images[0]) > 60
    own = painter.restyle(apple, "noto", "a tomato", seed=1)
    assert own.request.prompt == "a tomato"
    assert not any("taken for" in warning for warning in own.warnings)


@pytest.mark.parametrize("by", [2, 4])
def test_an_enlarged_apple_is_nearer_to_itself_than_a_bicubic_one(apple, by):
    """Reduced and enlarged again, it is compared with what it was."""
    apple = apple.convert("RGBa").resize((64, 64), Image.Resampling.BOX).convert("RGBA")
    small = apple.convert("RGBa").resize((64 // by, 64 // by), Image.Resampling.BOX).convert("RGBA")
    ours = limner.load_upscaler(device="cpu").upscale(small, by)
    bicubic = small.convert("RGBa").resize(apple.size, Image.Resampling.BICUBIC).convert("RGBA")

    def error(picture):
        both = [np.asarray(one.convert("RGBa")).astype(float) for one in (picture, apple)]
        return ((both[0] - both[1]) ** 2).mean()

    assert ours.size == apple.size
    assert error(ours) < error(bicubic)
