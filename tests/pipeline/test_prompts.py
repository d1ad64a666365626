"""Prompts in a painter: dialects, weights, and what changes over the steps."""

import asking
import pytest
import torch

import limner
from limner.checkpoints.settings import sampling_from_json
from limner.diffusion.schedules import levels
from limner.errors import CheckpointError, PromptError, RequestError
from limner.pipeline.scene import at_level
from limner.text.weighting import Weighting

FIXED = {"seed": 1, "steps": 4, "guidance": 3.0}


def latents(painter, prompt, **fields):
    return painter.generate(prompt, **{**FIXED, **fields}).latents


@pytest.mark.parametrize("dialect", ["a1111", "compel", "comfy"])
@pytest.mark.parametrize("weighting", [each.value for each in Weighting])
def test_text_without_weights_is_plain_text_to_the_bit(painter, dialect, weighting):
    plain = latents(painter, "a red apple", dialect="plain")
    assert torch.equal(latents(painter, "a red apple", dialect=dialect, weighting=weighting), plain)


def test_a_weight_means_the_same_in_every_dialect(painter):
    ways = {
        "a1111": "a (red:1.5) apple",
        "compel": "a (red)1.5 apple",
        "comfy": "a (red:1.5) apple",
    }
    painted = [latents(painter, text, dialect=d, weighting="lerp") for d, text in ways.items()]
    assert not torch.equal(painted[0], latents(painter, "a red apple"))
    for other in painted[1:]:
        assert torch.equal(other, painted[0])


def test_the_request_says_how_it_was_read(painter):
    own = painter.generate("a cat", **FIXED).request
    assert (own.dialect, own.weighting) == ("a1111", "scale")
    assert painter.generate("a cat", **FIXED, dialect="comfy").request.weighting == "lerp"


def test_a_schedule_is_its_first_text_and_then_its_second(painter, encoded):
    painted = latents(painter, "a [cat:dog:2]")
    assert len(encoded) == 3  # both texts and the empty negative
    assert not torch.equal(painted, latents(painter, "a cat"))
    assert not torch.equal(painted, latents(painter, "a dog"))
    assert torch.equal(latents(painter, "a [cat:dog:4]"), latents(painter, "a cat"))
    assert torch.equal(latents(painter, "a [cat:dog:0]"), latents(painter, "a dog"))


def test_the_steps_of_a_schedule_are_those_of_two_paintings(painter):
    seen = {}
    for prompt in ("a cat", "a dog", "a [cat:dog:2]"):
        request = limner.Request(prompt=prompt, **FIXED, solver="euler")
        seen[prompt] = [step.denoised for step in painter.steps(request)]
    switched = seen["a [cat:dog:2]"]
    assert all(torch.equal(a, b) for a, b in zip(switched[:2], seen["a cat"][:2], strict=True))
    assert not torch.equal(switched[2], seen["a cat"][2])


def test_alternation_reads_each_text_once(painter, encoded):
    painted = latents(painter, "a [cat|dog]")
    assert len(encoded) == 3
    assert not torch.equal(painted, latents(painter, "a [dog|cat]"))


def test_steps_that_say_the_same_share_a_scene(painter):
    told = asking.told(painter, limner.Request(prompt="[a|b]", **FIXED))
    assert list(told) == [1, 2, 3, 4]
    assert told[1] is told[3] is not told[2] is told[4]


def test_a_negative_prompt_changes_over_time_too(painter):
    changed = latents(painter, "a cat", negative="[dog:apple:2]")
    assert not torch.equal(changed, latents(painter, "a cat", negative="dog"))
    assert torch.equal(
        latents(painter, "a cat", negative="[dog:apple:4]"),
        latents(painter, "a cat", negative="dog"),
    )


def test_and_is_the_sum_of_the_members_directions(painter):
    """D = D_u + w sum_i w_i (D_i - D_u), at the first evaluation, where x is the same."""

    def first(prompt, **fields):
        request = limner.Request(prompt=prompt, **{**FIXED, **fields}, solver="euler")
        return next(iter(painter.steps(request))).denoised

    cat, dog = first("a cat", guidance=1.0), first("a dog", guidance=1.0)
    without = first("", guidance=1.0)
    expected = without + 3 * (0.5 * (cat - without) + 2 * (dog - without))
    torch.testing.assert_close(first("a cat :0.5 AND a dog :2"), expected, atol=1e-4, rtol=1e-4)
    alone = without + 0.5 * (cat - without) + 2 * (dog - without)
    torch.testing.assert_close(
        first("a cat :0.5 AND a dog :2", guidance=1.0), alone, atol=1e-4, rtol=1e-4
    )


def test_and_of_one_text_is_that_text(painter):
    both = latents(painter, "a cat :0.5 AND a cat :0.5")
    torch.testing.assert_close(both, latents(painter, "a cat"), atol=1e-4, rtol=1e-4)


def test_a_blend_and_a_conjunction(painter):
    cat = latents(painter, "a cat")
    same = latents(painter, '("a cat", "a cat").blend(1, 3)', dialect="compel")
    torch.testing.assert_close(same, cat, atol=1e-4, rtol=1e-4)
    half = latents(painter, '("a cat", "a dog").blend(1, 1)', dialect="compel")
    assert not torch.allclose(half, cat)
    both = latents(painter, '("a cat", "a dog").and()', dialect="compel")
    assert not torch.allclose(both, cat)


def test_a_long_prompt_is_not_cut(painter):
    """But by the plain dialect."""
    long = ", ".join(["a red apple"] * 40)
    more = f"{long}, a blue cat"
    assert not torch.equal(latents(painter, long), latents(painter, more))
    plain = {"dialect": "plain"}
    assert torch.equal(latents(painter, long, **plain), latents(painter, more, **plain))


def test_an_unreadable_prompt_is_named_before_anything_is_painted(painter, encoded):
    with pytest.raises(PromptError):
        latents(painter, "a (cat:1.2.3)")
    assert not encoded
    assert latents(painter, "a (cat:1.2.3)", lenient=True, weighting="lerp").isfinite().all()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dialect": "a1112"}, "dialect 'a1112' is unknown: one of a1111, compel, comfy, plain"),
        ({"weighting": "x"}, "weighting 'x' is unknown: one of scale, "),
    ],
)
def test_unknown_names(fields, message):
    with pytest.raises(RequestError, match=message):
        limner.Request(prompt="a cat", **fields)


def test_an_evaluation_between_two_levels_is_of_the_step_that_began_above_it(painter):
    visited = levels(painter.parts.process, 4, "uniform")
    told = asking.told(painter, limner.Request(prompt="[a:b:2]", **FIXED))
    assert list(told) == [2, 4]
    between = painter.parts.process.level(visited[1].sigma * 0.9 + visited[2].sigma * 0.1)
    asked = [visited[0], visited[1], between, visited[2], visited[3]]
    assert [at_level(told, visited, level)[1] for level in asked] == [
        told[last] for last in (2, 2, 2, 4, 4)
    ]


def test_what_has_no_effect_is_said(painter):
    said = painter.generate("a cat <lora:moga:0.5> <hypernet:x:1>", **FIXED).warnings
    assert "LoRA 'moga' of the prompt is missing: --lora or --lora-folder" in said
    assert "the prompt's <hypernet> is a tag that Limner does not know" in said


def test_settings_of_a_newer_version_are_named():
    with pytest.raises(CheckpointError, match="sets 'unheard_of'"):
        sampling_from_json({"size": [64, 64], "unheard_of": 1})


def test_any_function_acts_on_the_tokens_of_a_text(painter):
    plain = latents(painter, "a red apple")
    same = latents(painter, "a red apple", maps={"red": lambda c: c})
    torch.testing.assert_close(same, plain, atol=1e-5, rtol=1e-5)
    twice = latents(painter, "a red apple", maps={"red": lambda c: 2 * c})
    scaled = latents(painter, "a (red:2) apple", weighting="scale_plain")
    torch.testing.assert_close(twice, scaled, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(twice, plain, atol=1e-3)
    gone = latents(painter, "a red apple", maps={"red": torch.zeros_like})
    assert not torch.allclose(gone, twice, atol=1e-3), "one function is not kept for another"
    with pytest.raises(RequestError, match="'green', which stands nowhere"):
        painter.generate("a red apple", **FIXED, maps={"green": torch.zeros_like})


def test_functions_are_not_in_the_metadata(painter):
    request = limner.Request(prompt="a", maps={"a": torch.zeros_like})
    assert "maps" not in request.to_json()
    assert limner.Request.from_json(request.to_json()).maps is None
