import math
from itertools import pairwise

import numpy as np
import pytest
import torch

import limner
from limner.diffusion.noise import Noise, Variation
from limner.diffusion.prediction import Flow
from limner.diffusion.schedules import levels
from limner.errors import CheckpointError, NumericsError, RequestError, UsageError
from limner.pipeline import Request


@pytest.fixture(scope="module")
def painter(tiny_model):
    return limner.load(tiny_model, device="cpu")


def pixels(image):
    return np.asarray(image).astype(int)


def test_the_same_words_seed_and_model_give_the_same_bits(painter):
    one, two = (painter.generate("a red apple", seed=7) for _ in range(2))
    assert torch.equal(one.latents, two.latents)
    assert one.images[0].tobytes() == two.images[0].tobytes()
    assert one.images[0].mode == "RGBA"
    assert one.images[0].size == (16, 16)


def test_the_words_and_the_seed_matter(painter):
    base = painter.generate("a red apple", seed=7).latents
    assert not torch.allclose(base, painter.generate("a blue cat", seed=7).latents)
    assert not torch.allclose(base, painter.generate("a red apple", seed=8).latents)
    assert not torch.allclose(base, painter.generate("a red apple", seed=7, negative="cat").latents)


def test_picture_i_of_a_batch_is_that_of_its_own_seed(painter):
    batch = painter.generate("a red apple", seed=5, count=3, solver="euler_ancestral")
    assert batch.seeds == (5, 6, 7)
    for i in range(3):
        alone = painter.generate("a red apple", seed=5 + i, solver="euler_ancestral")
        assert abs(pixels(alone.images[0]) - pixels(batch.images[i])).max() <= 1


def test_a_batch_of_prompts_is_what_each_gives_alone(painter):
    together = painter.paint_batch(["a red apple", "a blue cat"], [3, 9])
    alone = painter.generate("a blue cat", seed=9)
    torch.testing.assert_close(
        together[1:], painter.engine.decoder(alone.latents).pixels, atol=1e-4, rtol=0
    )


def test_a_batch_of_nothing_is_refused(painter):
    with pytest.raises(UsageError, match="there is nothing to paint"):
        painter.paint_batch([], [])


def test_it_is_guided_euler_on_the_flow_written_out(painter):
    request = Request(
        prompt="a red apple", negative="a cat", seed=1, steps=3, guidance=2.5, solver="euler"
    )
    parts = painter.parts
    result = painter.paint(request)

    with torch.no_grad():
        text = painter.encode(["a cat", "a red apple"])
        x = Noise([1], (4, 8, 8)).start()
        ts = [level.sigma for level in levels(parts.process, 3, "shifted", shift=2.0)]
        for t, following in pairwise(ts):
            velocity = parts.denoiser(
                x.expand(2, -1, -1, -1), torch.full((2,), 1000 * t), text.context, text.mask
            )
            guided = velocity[:1] + 2.5 * (velocity[1:] - velocity[:1])
            x = x + (following - t) * guided
    assert isinstance(parts.prediction, Flow)
    torch.testing.assert_close(result.latents, x, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("solver", "evaluations"),
    # dpm2: one evaluation in its first step too, as nothing is half way from alpha = 0.
    [("euler", 4), ("heun", 7), ("dpmpp_2m", 4), ("plms", 5), ("dpm2", 6), ("Euler a", 4)],
)
def test_every_evaluation_is_told(painter, solver, evaluations):
    steps = list(painter.steps(Request(prompt="a cat", seed=0, solver=solver)))
    assert [s.index for s in steps] == list(range(1, evaluations + 1))
    assert {s.total for s in steps} == {evaluations}
    assert steps[-1].preview()[0].size == (16, 16)


def test_start_noise_replaces_the_seeds_noise(painter):
    noise = Noise([7], (4, 8, 8)).start()
    given = painter.generate("a cat", seed=1, start_noise=noise)
    assert torch.equal(given.latents, painter.generate("a cat", seed=7).latents)
    with pytest.raises(RequestError, match=r"start_noise has shape \(1, 4, 8, 8\): \(2, 4, 8, 8\)"):
        painter.generate("a cat", count=2, start_noise=noise)


def test_clip_skip_is_a_field_of_the_request(painter):
    """The tiny tower has one layer, so that 2 is the embeddings of the words."""
    own = painter.generate("a cat", seed=1)
    assert own.request.clip_skip == 1
    assert torch.equal(painter.generate("a cat", seed=1, clip_skip=1).latents, own.latents)
    earlier = painter.generate("a cat", seed=1, clip_skip=2).latents
    assert not torch.allclose(earlier, own.latents)
    with pytest.raises(UsageError, match="clip_skip must be at most 2 for this text tower, not 3"):
        painter.generate("a cat", clip_skip=3)


def test_other_sizes_are_painted(painter):
    assert painter.generate("a cat", seed=0, size=(32, 16)).images[0].size == (32, 16)


def test_a_size_that_does_not_fit_says_what_would(painter):
    with pytest.raises(
        RequestError,
        match="size 33x16 does not fit this model: multiples of 4 are right, such as 32x16",
    ):
        painter.generate("a cat", size=(33, 16))


def test_a_schedule_that_does_not_fit_the_model(painter):
    with pytest.raises(RequestError, match="karras"):
        painter.generate("a cat", schedule="karras")


def test_seed_zero_and_guidance_zero_are_values(painter):
    result = painter.generate("a cat", seed=0, guidance=0.0)
    assert (result.request.seed, result.request.guidance) == (0, 0.0)
    empty = painter.generate("", seed=0, guidance=1.0)
    torch.testing.assert_close(result.latents, empty.latents, atol=1e-4, rtol=1e-4)


def test_nan_in_a_stage_names_the_stage(tiny_model):
    spoiled = limner.load(tiny_model, device="cpu")
    with torch.no_grad():
        spoiled.parts.denoiser.conv_out.bias.fill_(math.nan)
    with pytest.raises(NumericsError, match="denoiser at step 1"):
        spoiled.generate("a cat", seed=0)


def test_noise_modes_are_different_noise_of_the_same_seed(painter):
    latents = [
        painter.generate("a cat", seed=7, noise=mode, solver="euler_ancestral").latents
        for mode in ("cpu", "nv")
    ]
    assert not torch.allclose(*latents)


def test_a_variation_turns_the_start(painter):
    varied = painter.generate("a cat", seed=7, variation_seed=3, variation_strength=0.4, count=2)
    variation = Variation(seeds=[3, 4], strength=0.4)
    start = Noise([7, 8], (4, 8, 8), variation=variation).start()
    same = painter.generate("a cat", seed=7, start_noise=start, count=2)
    assert torch.equal(varied.latents, same.latents)


def test_a_variation_without_a_seed_is_given_one_that_the_result_tells(painter):
    result = painter.generate("a cat", seed=7, variation_strength=0.4)
    assert result.request.variation_seed is not None
    assert torch.equal(painter.paint(result.request).latents, result.latents)


@pytest.mark.parametrize(
    ("prompt", "count"),
    [("a red thing", 0), ("fruit", 0), ("qwerty zxcv", 1), ("", 1), ("zz, 3d", 1)],
)
def test_a_prompt_of_unknown_words_or_none_is_warned_of(painter, prompt, count):
    assert len(painter.generate(prompt, seed=0).warnings) == count


def test_an_unknown_folder(tmp_path):
    with pytest.raises(CheckpointError, match="is missing"):
        limner.load(tmp_path / "nowhere")


def test_requests_of_other_step_counts_side_by_side_equal_solo_runs(painter):
    requests = [
        Request(prompt="a cat", seed=1, steps=3),
        Request(prompt="a dog", seed=2, steps=7, solver="heun", count=2),
        Request(prompt="a cat", seed=1, steps=5, solver="euler_ancestral", guidance=1.0),
    ]
    running = dict(enumerate(map(painter.steps, requests)))
    latents = {}
    while running:
        for index, steps in list(running.items()):
            try:
                next(steps)
            except StopIteration as finished:
                latents[index] = finished.value.latents
                del running[index]
    for index, request in enumerate(requests):
        assert torch.equal(latents[index], painter.paint(request).latents)


def test_eta_is_for_solvers_that_take_it(painter):
    def latents(**fields):
        return painter.generate("a cat", seed=1, **fields).latents

    plain = latents(solver="ddim")
    assert torch.equal(latents(solver="ddim", eta=0.0), plain)
    assert not torch.allclose(latents(solver="ddim", eta=1.0), plain)
    with pytest.raises(RequestError, match="solver 'euler' takes no eta"):
        latents(solver="euler", eta=1.0)


def test_guidance_rescale_changes_the_picture_where_there_is_guidance(painter):
    def latents(**fields):
        return painter.generate("a cat", seed=1, **fields).latents

    plain = latents(guidance=4.0)
    assert not torch.allclose(latents(guidance=4.0, guidance_rescale=0.7), plain)
    assert torch.equal(latents(guidance=1.0, guidance_rescale=0.7), latents(guidance=1.0))


def test_the_last_level_but_one_is_left_out_where_a_request_says_so(painter):
    plain, fewer = (
        list(painter.steps(Request(prompt="a cat", seed=0, steps=4, discard_penultimate=discard)))
        for discard in (False, True)
    )
    visited = [level.sigma for level in levels(painter.parts.process, 5, "shifted", shift=2.0)]
    assert len(plain) == len(fewer) == 4
    assert [step.level.sigma for step in fewer] == pytest.approx(visited[:-2])


def test_a_schedule_without_rho_says_which_have_one(painter):
    with pytest.raises(RequestError, match="'shifted' has no rho; karras and polyexponential have"):
        painter.generate("a cat", rho=3.0)


def test_cfg_plus_plus_asks_without_the_prompt_even_where_that_has_no_part(painter):
    """x' = D + sigma' (x - D_u) / sigma on the flow's own levels; at guidance 1 D is D_c."""
    for guidance in (1.0, 1.5):
        request = Request(
            prompt="a red apple", seed=1, steps=3, guidance=guidance, solver="euler_cfgpp"
        )
        result, parts = painter.paint(request), painter.parts
        with torch.no_grad():
            text = painter.encode(["", "a red apple"])
            x = Noise([1], (4, 8, 8)).start()
            ts = [level.sigma for level in levels(parts.process, 3, "shifted", shift=2.0)]
            for t, following in pairwise(ts):
                velocity = parts.denoiser(
                    x.expand(2, -1, -1, -1), torch.full((2,), 1000 * t), text.context, text.mask
                )
                without, told = (x - t * v for v in velocity[:, None])
                denoised = without + guidance * (told - without)
                noise = (x - (1 - t) * without) / t
                x = (1 - following) * denoised + following * noise
        torch.testing.assert_close(result.latents, x, atol=1e-4, rtol=1e-4)


def test_a_solver_that_chooses_its_steps_has_no_total_and_paints_one_picture(painter):
    steps = list(painter.steps(Request(prompt="a cat", seed=0, solver="DPM adaptive")))
    assert [s.index for s in steps] == list(range(1, len(steps) + 1))
    assert {s.total for s in steps} == {None}
    with pytest.raises(RequestError, match="chooses its steps for one picture, and count is 2"):
        painter.generate("a cat", solver="dpm_adaptive", count=2)


def test_churn_is_for_solvers_that_take_it(painter):
    plain, churned = (painter.generate("a cat", seed=3, solver="heun", churn=c) for c in (0.0, 2.0))
    assert not torch.allclose(plain.latents, churned.latents)
    assert torch.equal(plain.latents, painter.generate("a cat", seed=3, solver="heun").latents)
    with pytest.raises(RequestError, match="'lms' takes no churn"):
        painter.generate("a cat", solver="lms", churn=1.0)
