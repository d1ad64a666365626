"""Painting over pictures: what stays, what combines with it, and what cannot be asked."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from asking import latent_of
from PIL import Image
from tiny_pipelines import saved

import limner
from limner.data.pixels import to_picture
from limner.diffusion.noise import Noise
from limner.diffusion.schedules import levels
from limner.engine.looking import encoded
from limner.errors import RequestError
from limner.pipeline import Request, plan
from limner.pipeline.metadata import texts

EDIT = {"seed": 1, "steps": 4, "solver": "euler"}


@pytest.fixture(scope="module")
def painter(tiny_model):
    return limner.load(tiny_model, device="cpu")


@pytest.fixture(scope="module")
def inpainter(tmp_path_factory):
    return limner.load(saved("sd1-inpainting", tmp_path_factory.mktemp("sd")), device="cpu")


def noisy(mode="RGBA", size=(16, 16), seed=0):
    array = np.random.default_rng(seed).integers(0, 256, (*size[::-1], len(mode)), np.uint8)
    return Image.fromarray(array, mode)


def test_it_is_the_flow_from_the_pictures_latent_written_out(painter):
    """Three of four steps, guided, each from the picture with its level's noise outside."""
    parts, picture = painter.parts, noisy()
    result = painter.edit(
        picture, "a red apple", mask="box:0,0,8,16", strength=0.75, guidance=2.5, **EDIT
    )
    pixels = np.asarray(picture) / 255.0
    pixels[..., :3] *= pixels[..., 3:]
    with torch.no_grad():
        shown = torch.from_numpy(pixels * 2 - 1).float().permute(2, 0, 1)[None]
        latent = parts.autoencoder.space.normalise(parts.autoencoder.encode(shown).mode())
        text, noise = painter.encode(["", "a red apple"]), Noise([1], (4, 8, 8)).start()
        ts = [level.sigma for level in levels(parts.process, 4, "shifted", shift=2.0)][1:]
        x = (1 - ts[0]) * latent + ts[0] * noise
        for t, following in pairwise(ts):
            velocity = parts.denoiser(
                x.expand(2, -1, -1, -1), torch.full((2,), 1000 * t), text.context, text.mask
            )
            x = x + (following - t) * (velocity[:1] + 2.5 * (velocity[1:] - velocity[:1]))
            x[..., 4:] = ((1 - following) * latent + following * noise)[..., 4:]
    torch.testing.assert_close(result.latents, x, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_outside_fifty_random_masks_no_byte_changes(painter, inpainter, mode):
    random = np.random.default_rng(7)
    for index in range(50):
        size = (16, 16) if index % 2 else tuple(map(int, random.integers(3, 40, 2)))
        picture = noisy(mode, size, index)
        mask = random.random(size[::-1]) < random.uniform(0.02, 0.9)
        mask.flat[random.integers(mask.size)] = True
        model = inpainter if index % 5 == 0 else painter
        result = model.edit(
            picture, "a cat", mask=Image.fromarray(mask), seed=index, steps=1, solver="euler",
            feather=int(random.integers(3)),
        )  # fmt: skip
        found = np.asarray(result.images[0])
        assert result.images[0].mode == mode
        assert np.array_equal(found[~mask], np.asarray(picture)[~mask])
        assert not np.array_equal(found, np.asarray(picture))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_extended_picture_keeps_every_byte(painter, inpainter, mode):
    random = np.random.default_rng(8)
    for index in range(50):
        picture = noisy(mode, tuple(map(int, random.integers(3, 20, 2))), index)
        sides = random.integers(0, 12, 4) * (random.random(4) < 0.6)
        left, top, right, bottom = map(int, sides if sides.any() else sides + 1)
        model = inpainter if index % 5 == 0 else painter
        result = model.edit(
            picture, "a cat", extend=(left, top, right, bottom), seed=index, steps=1,
            solver="euler", feather=int(random.integers(3)),
        )  # fmt: skip
        width, height = picture.size
        found = result.images[0]
        assert (found.mode, found.size) == (mode, (left + width + right, top + height + bottom))
        assert found.crop((left, top, left + width, top + height)).tobytes() == picture.tobytes()


def test_what_is_masked_is_painted(painter):
    picture = noisy()
    one, two = (
        np.asarray(painter.edit(picture, text, mask="box:0,0,16,8", **EDIT).images[0])
        for text in ("a red apple", "a blue cat")
    )
    assert not np.array_equal(one[:8], two[:8])
    assert not np.array_equal(one[:8], np.asarray(picture)[:8])


def test_strength_zero_is_the_picture_through_the_autoencoder(painter):
    picture = noisy()
    result = painter.edit(picture, "a cat", strength=0.0, **EDIT)
    latent = latent_of(painter, result.request)
    assert torch.equal(result.latents, latent)
    assert (
        result.images[0].tobytes() == to_picture(painter.engine.decoder(latent).pixels[0]).tobytes()
    )
    assert result.warnings == ()
    none = painter.edit(picture, "a cat", strength=0.1, **EDIT)
    assert none.warnings == ("strength 0.1 of 4 steps takes none: the picture is as it was",)
    assert torch.equal(none.latents, latent)


def test_steps_are_those_that_are_taken(painter):
    request = Request(prompt="a cat", picture=noisy(), strength=0.5, **EDIT)
    steps = list(painter.steps(request))
    assert [(step.index, step.total) for step in steps] == [(1, 2), (2, 2)]
    masked = Request(prompt="a cat", picture=noisy("RGB", (40, 30)), mask="box:1,1,5,5", **EDIT)
    preview = next(painter.steps(masked)).preview()[0]
    assert (preview.mode, preview.size) == ("RGB", (40, 30))


def test_a_strength_is_taken_where_none_is_asked_for(painter):
    picture = noisy()
    assert painter.edit(picture, "a cat", **EDIT).request.strength == 0.8
    assert painter.edit(picture, "a cat", mask="box:0,0,4,4", **EDIT).request.strength == 1
    assert painter.edit(picture, "a cat", extend=(4, 0, 0, 0), **EDIT).request.strength == 1


@pytest.mark.parametrize("solver", ["dpmpp_2m", "euler_ancestral", "dpmpp_sde", "heun", "unipc"])
def test_any_solver_keeps_the_latent_outside(painter, solver):
    picture = noisy()
    result = painter.edit(
        picture, "a cat", mask="box:0,0,16,8", seed=1, steps=4, solver=solver, strength=0.75
    )
    latent = latent_of(painter, result.request)
    assert torch.equal(result.latents[:, :, 4:], latent[:, :, 4:])
    assert not torch.allclose(result.latents[:, :, :4], latent[:, :, :4])


def test_picture_i_of_many_is_that_of_its_own_seed(painter):
    picture, asked = noisy(), EDIT | {"mask": "box:0,0,9,9", "strength": 0.75}
    many = painter.edit(picture, "a cat", count=2, **asked).images[1]
    alone = painter.edit(picture, "a cat", **asked | {"seed": 2}).images[0]
    assert abs(np.asarray(many).astype(int) - np.asarray(alone)).max() <= 1


def test_it_goes_with_schedules_and_and_recording(painter):
    result = painter.edit(
        noisy(), "a [red:blue:0.5] apple AND a (cat:1.2)", negative="3d", mask="box:0,0,8,8",
        attention="mean", guidance=3.0, weighting="lerp", noise="nv",
        variation_strength=0.3, **EDIT,
    )  # fmt: skip
    assert result.heatmap("apple", side="prompt 1").shape == (8, 8)


def test_a_swap_keeps_its_maps(painter):
    asked = EDIT | {"dialect": "compel", "strength": 0.75}
    plain = painter.edit(noisy(), "a blue apple", **asked).latents
    swapped = painter.edit(noisy(), "a red.swap(blue) apple", **asked).latents
    assert not torch.allclose(plain, swapped)


def test_an_edit_is_written_and_made_again(painter):
    picture = noisy("RGB", (40, 30))
    first = painter.edit(
        picture, "a cat", mask="box:3,4,9,5", feather=2, strength=0.75, context=1.5,
        extend=(3, 0, 0, 1), **EDIT,
    )  # fmt: skip
    written = texts(first, 0)
    request = Request.from_json(written["limner"])
    assert (request.picture, request.mask, request.extend) == (None, "box:3,4,9,5", (3, 0, 0, 1))
    assert "Denoising strength: 0.75" in written["parameters"]
    fields = {n: v for n, v in vars(request).items() if n not in ("prompt", "picture")}
    again = painter.edit(picture, request.prompt, **fields)
    assert again.images[0].tobytes() == first.images[0].tobytes()
    with pytest.raises(RequestError, match="there is no picture"):
        painter.paint(request)


def test_a_mask_in_memory_is_not_written(painter):
    result = painter.edit(noisy(), "a cat", mask=Image.new("L", (16, 16), 255), **EDIT)
    assert Request.from_json(texts(result, 0)["limner"]).mask is None


def test_files_are_read(painter, tmp_path):
    noisy().save(tmp_path / "a.png")
    Image.new("L", (16, 16), 255).save(tmp_path / "m.png")
    one = painter.edit(str(tmp_path / "a.png"), "a cat", mask=tmp_path / "m.png", **EDIT)
    two = painter.edit(noisy(), "a cat", mask="box:0,0,16,16", **EDIT)
    assert one.images[0].tobytes() == two.images[0].tobytes()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"strength": -0.1}, "strength is -0.1: a number from 0 to 1 is right"),
        ({"strength": 1.01}, "strength is 1.01"),
        ({"strength": float("nan")}, "strength is nan"),
        ({"extend": (-1, 2, 0, 0)}, "none of them negative and not all of them 0"),
        ({"extend": (0, 0, 0, 0)}, "not all of them 0"),
        ({"feather": -1}, "feather is -1"),
        ({"context": 0.5}, "context is 0.5: a number of at least 1"),
        ({"mask": "box:0,0,17,1"}, "leaves the picture, which is 16x16"),
        ({"mask": "nowhere.png"}, "nowhere.png is no picture that can be edited"),
        ({"size": (15, 16)}, "multiples of 4 are right"),
    ],
)
def test_what_cannot_be_asked_is_one_line_before_any_work(painter, fields, said):
    read = []
    tower = painter.parts.text_encoder
    watched = tower.register_forward_pre_hook(lambda *given: read.append(given))
    with pytest.raises(RequestError, match=said) as refusal:
        painter.edit(noisy(), "a cat", **fields)
    watched.remove()
    assert "\n" not in str(refusal.value)
    assert read == []


def test_pixels_are_their_own_latents_without_an_autoencoder():
    pixels = torch.rand(1, 4, 8, 8)
    assert encoded(None, pixels) is pixels


@pytest.mark.parametrize(("strength", "taken"), [(0.0, 0), (0.29, 2), (0.3, 3), (1.0, 10)])
def test_steps_are_counted_as_diffusers_does(painter, strength, taken):
    visited = levels(painter.parts.process, 10, "uniform")
    assert plan.taken(visited, strength) == visited[10 - taken :]
