"""Enlarging: tiles are the whole, transparency stays, and what cannot be enlarged is refused."""

import shutil
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from PIL import Image

import limner
from limner.checkpoints import ModelFolder
from limner.errors import CheckpointError, RequestError
from limner.models.upscaler import UpscalerConfig, enlarge
from limner.pipeline import Upscaling
from limner.pipeline.upscaling import Box, boxes_of, held


@pytest.fixture(scope="module")
def enlarger(tiny_upscaler):
    return limner.load_upscaler(tiny_upscaler, device="cpu")


def noisy(mode="RGBA", size=(16, 16), seed=0):
    array = np.random.default_rng(seed).integers(0, 256, (*size[::-1], len(mode)), np.uint8)
    return Image.fromarray(array)


def pixels_of(enlarger, picture, how):
    """The whole result as one tensor, whatever the tiles."""
    size = picture.width * how.by, picture.height * how.by
    whole = torch.full((4, size[1], size[0]), torch.nan)
    for box in boxes_of(size, how.tile):
        whole[:, box.top : box.bottom, box.left : box.right] = enlarger.tile(picture, how, box)
    return whole


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("noise", [0.0, 0.2])
@pytest.mark.parametrize("by", [2, 4])
def test_tiles_are_the_whole_picture(enlarger, by, noise, steps):
    picture = noisy(size=(61, 83))
    how = Upscaling(by=by, steps=steps, noise=noise, seed=3, tile=64)
    tiled = pixels_of(enlarger, picture, how)
    whole = pixels_of(enlarger, picture, replace(how, tile=1024))
    torch.testing.assert_close(tiled, whole, atol=1e-5, rtol=0.0)


def test_a_smaller_halo_would_be_seen(enlarger):
    """So the tiles above do lean on each other."""
    picture, how = noisy(size=(64, 64)), Upscaling(tile=64, steps=3)
    config = enlarger.model.config
    try:
        enlarger.model.config = Narrow(**asdict(config))
        tiled = pixels_of(enlarger, picture, how)
    finally:
        enlarger.model.config = config
    whole = pixels_of(enlarger, picture, replace(how, tile=1024))
    assert (tiled - whole).abs().max() > 1e-3


class Narrow(UpscalerConfig):
    """A configuration that says too small a halo."""

    @property
    def halo(self):
        return self.patch


def test_it_is_the_solver_written_out(enlarger):
    """Two Euler steps of the flow from the noise, added to the bicubic enlargement."""
    picture = noisy()
    how = Upscaling(by=2, steps=2, seed=5)
    array = np.asarray(picture) / 255.0
    array[..., :3] *= array[..., 3:]
    low = torch.from_numpy(array * 2 - 1).float().permute(2, 0, 1)[None]
    given, level = enlarge(low, 2), torch.zeros(1)
    x = limner.pipeline.upscaling.noise_of(5, Box(left=0, top=0, right=32, bottom=32), 0)[None]
    with torch.no_grad():
        for t, following in ((1.0, 0.5), (0.5, 0.0)):
            v = enlarger.model(x, torch.tensor([1000 * t]), given, level)
            norm = np.hypot(1 - t, t)
            denoised = (1 - t) * x / norm**2 - t / norm * v
            x = denoised + following / t * (x - denoised)
    high = given + x * enlarger.model.config.residual_scale
    box = Box(left=0, top=0, right=32, bottom=32)
    wanted = held(high[0], low[0], 2, box, Box(left=0, top=0, right=16, bottom=16))
    torch.testing.assert_close(pixels_of(enlarger, picture, how), wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (7, 13), (40, 3)])
@pytest.mark.parametrize("by", [2, 4])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_any_size_and_the_mode_is_kept(enlarger, mode, by, size):
    result = enlarger.upscale(noisy(mode, size), by, tile=64)
    assert (result.mode, result.size) == (mode, (size[0] * by, size[1] * by))


@pytest.mark.parametrize("mode", ["L", "P", "1", "LA", "CMYK"])
def test_any_mode_of_eight_bits(enlarger, mode):
    picture = noisy("RGB").convert(mode)
    assert enlarger.upscale(picture).mode == ("RGBA" if mode == "LA" else "RGB")


def test_what_is_the_same_all_around_stays_so(enlarger):
    array = np.asarray(noisy(size=(40, 40))).copy()
    array[:12], array[12:24, :, 3], array[24:, :, 3] = (200, 90, 10, 255), 255, 0
    large = np.asarray(enlarger.upscale(Image.fromarray(array), 4))
    assert np.all(large[: 4 * 10] == (200, 90, 10, 255))
    assert np.all(large[: 4 * 22, :, 3] == 255)
    assert np.all(large[4 * 26 :, :, 3] == 0)
    assert len(np.unique(large[4 * 12 : 4 * 24, :, 0])) > 100


def test_the_result_may_go_beyond_what_is_near_by_as_much_as_that_is_apart():
    low = torch.zeros(4, 9, 9)
    low[:, 4, 4] = 0.4
    box, part = (Box(left=0, top=0, right=side, bottom=side) for side in (18, 9))
    highest, lowest = (held(torch.full((4, 18, 18), v), low, 2, box, part) for v in (2.0, -2.0))
    near = torch.zeros(18, 18, dtype=torch.bool)
    near[4:14, 4:14] = True
    assert torch.allclose(highest[:, near], torch.tensor(0.8))
    assert torch.allclose(lowest[:, near], torch.tensor(-0.4))
    assert torch.all(highest[:, ~near] == 0)


def test_a_seed_repeats_and_another_differs(enlarger):
    one, two, other = (enlarger.upscale(noisy(), seed=seed) for seed in (3, 3, 4))
    assert one.tobytes() == two.tobytes() != other.tobytes()


def test_an_untrained_upscaler_is_bicubic(tiny_upscaler, tmp_path):
    folder = ModelFolder(shutil.copytree(tiny_upscaler, tmp_path / "zero"))
    network = folder.load("upscaler")
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    folder.save(network)
    picture = noisy("RGB", (20, 10)).point(lambda value: 80 + value // 3)  # Pillow clips halfway
    found = limner.load_upscaler(folder.path, device="cpu").upscale(picture, 4, steps=1)
    wanted = picture.resize((80, 40), Image.Resampling.BICUBIC)
    assert np.abs(np.asarray(found).astype(int) - np.asarray(wanted)).max() <= 1


def test_progress_counts_the_tiles(enlarger):
    steps = enlarger.steps(noisy(size=(70, 40)), Upscaling(tile=64))
    assert [(tile.index, tile.total) for tile in steps] == [(n, 6) for n in range(1, 7)]


def test_a_picture_is_read_from_a_file(enlarger, tmp_path):
    noisy().save(tmp_path / "a.png")
    from_file = enlarger.upscale(tmp_path / "a.png")
    assert from_file.tobytes() == enlarger.upscale(noisy()).tobytes()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"by": 0}, "by is 0: 2 or 4 is right"),
        ({"by": 3}, "by is 3: 2 or 4 is right"),
        ({"steps": 0}, "steps is 0: a number from 1 to 100"),
        ({"seed": -1}, "seed is -1"),
        ({"noise": 1.5}, r"noise is 1\.5: a number from 0 to 1"),
        ({"noise": float("nan")}, "noise is nan"),
        ({"tile": 32}, "tile is 32: a multiple of 4 from 64 up"),
        ({"tile": 66}, "tile is 66"),
    ],
)
def test_a_wish_out_of_range_is_named(how, said):
    with pytest.raises(RequestError, match=said):
        Upscaling(**how)


def test_what_is_too_large_is_refused_before_any_work(enlarger):
    for size in ((50_000, 1), (5000, 2)):
        with pytest.raises(RequestError, match="is too large: at most 16384"):
            enlarger.upscale(Image.new("1", size), 4)


def test_a_folder_without_an_upscaler(tiny_model, tmp_path):
    for folder in (tiny_model, tmp_path / "nowhere"):
        with pytest.raises(
            CheckpointError, match=r"has no upscaler: .*limner train emoji-upscaler"
        ):
            limner.load_upscaler(folder)


def test_a_solver_that_draws_noise_is_refused(tiny_upscaler, tmp_path):
    folder = ModelFolder(shutil.copytree(tiny_upscaler, tmp_path / "sde"))
    process, _, sampling, _ = folder.load_settings()
    folder.save_settings(process, "v", replace(sampling, solver="dpmpp_sde"), None)
    with pytest.raises(CheckpointError, match="dpmpp_sde of an upscaler draws noise"):
        limner.load_upscaler(folder.path)
