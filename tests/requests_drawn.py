"""Requests drawn at random over every feature, for a painter of tiny models."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image

from limner.diffusion.solvers import SOLVERS
from limner.pipeline import Region, Request

LORA, WORD = "style", "moga"  # what lies in the painter's folders
SCHEDULES = ("shifted", "uniform")
PROMPTS = (
    "a red apple", "a (red:1.3) apple, 3d", f"a {WORD} cat", "", "a [cat:dog:2] apple",
    "[a|b] blue cat", "a cat AND a dog :0.5", f"a red apple <lora:{LORA}:0.5>",
    f"a {WORD} <lora:{LORA}:0.3:0.9>", "a cat <lora:style:1> AND 3d",
)  # fmt: skip


def picture(chance: random.Random, size: tuple[int, int] = (16, 16)) -> Image.Image:
    numbers = np.random.default_rng(chance.randrange(1000))
    return Image.fromarray(numbers.integers(0, 256, (*size[::-1], 4), np.uint8), "RGBA")


def edited(chance: random.Random) -> dict[str, Any]:
    masked: dict[str, Any] = {"mask": "box:0,0,8,12", "feather": chance.choice((0, 2))}
    wider: dict[str, Any] = {"extend": (4, 0, 0, 4), "context": 1.5}
    more = chance.choice(({}, masked, wider))
    return {"picture": picture(chance), "strength": chance.choice((None, 0.7, 1.0)), **more}


def restyled(chance: random.Random) -> dict[str, Any]:
    content: dict[str, Any] = {
        "content": picture(chance), "content_weight": chance.choice((None, 0.5)),
    }  # fmt: skip
    style: dict[str, Any] = {
        "style": chance.choice(("3d", picture(chance))), "style_weight": chance.choice((None, 0.7)),
    }  # fmt: skip
    return chance.choice((content, style, content | style))


def swapped(chance: random.Random) -> dict[str, Any]:
    where = chance.choice(("t_start=0", "t_start=0, s_end=1", "t_start=0.5"))
    return {"prompt": f"a red cat.swap(blue dog, {where})", "dialect": "compel"}


def laid_out(chance: random.Random) -> dict[str, Any]:
    return {"prompt": "a cat AND a dog", "layout": chance.choice(("beside", "stacked"))}


def in_regions(chance: random.Random) -> dict[str, Any]:
    mask = Image.new("L", (32, 16))
    mask.paste(255, (8, 0, 24, 16))
    cat = Region(text=f"a [cat:dog:2] <lora:{LORA}:0.5>", box=(0.0, 0.0, 0.5, 1.0))
    behind = Region(text="a red apple", mask=mask)
    return {
        "prompt": chance.choice(("", "a blue cat")),
        "regions": chance.choice(((cat,), (behind, cat))),
        "size": (32, 16),
    }


def collaged(chance: random.Random) -> dict[str, Any]:
    cat = Region(text=f"a [cat:dog:2] <lora:{LORA}:0.5>", box=(0.0, 0.0, 0.5, 1.0), colour="blue")
    apple = Region(text=f"a {WORD} apple", box=(0.25, 0.25, 0.75, 0.75))
    return {
        "prompt": "two", "layout": "collage", "regions": chance.choice(((cat,), (cat, apple, cat))),
        "ground": chance.choice((None, "beach", "red")), "size": (32, 16), "attention": None,
        "embeddings": None,
    }  # fmt: skip


def enlarged(chance: random.Random) -> dict[str, Any]:
    return {"upscale": 2, "refine": chance.choice((None, 0.7))}


def varied(chance: random.Random) -> dict[str, Any]:
    return {"variation_seed": chance.randrange(9), "variation_strength": 0.4}


def mapped(chance: random.Random) -> dict[str, Any]:
    return {"prompt": "a red apple", "maps": {"red": lambda vector: 1.5 * vector}}


def begun(chance: random.Random) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(chance.randrange(9))
    return {"start_noise": torch.randn(1, 4, 8, 8, generator=generator)}


WRITTEN: tuple[dict[str, Any], ...] = (
    {"prompt": "a (red)1.4 apple", "dialect": "compel"},
    {"prompt": "a red [apple", "dialect": "a1111", "lenient": True, "weighting": "lerp"},
    {"prompt": '("a cat", "a dog").blend(0.7, 0.3)', "dialect": "compel"},
    {"prompt": "a (moga:1.2)", "dialect": "comfy", "weighting": "lerp"},
)
WISHES: tuple[Callable[[random.Random], dict[str, Any]], ...] = (
    lambda chance: {}, edited, restyled, swapped, laid_out, in_regions, enlarged, varied, mapped,
    begun, collaged,
    *(partial(lambda chance, fields: fields, fields=fields) for fields in WRITTEN),
    lambda chance: {
        "content": picture(chance), "content_weight": 0.5, "style": "3d", "style_weight": 0.7,
    },
)  # fmt: skip


def pool(count: int, seed: int) -> list[dict[str, Any]]:
    """So many requests, by their fields: every wish in turn, all else by chance."""
    chance = random.Random(seed)
    return [drawn(chance, WISHES[index % len(WISHES)](chance)) for index in range(count)]


def drawn(chance: random.Random, wish: dict[str, Any]) -> dict[str, Any]:
    """The fields of a request that can be painted; those of None are left to the model."""
    solver = chance.choice(tuple(SOLVERS))
    common = {
        "prompt": chance.choice(PROMPTS),
        "negative": chance.choice(("", "", "a dog", "[dog:apple:2]")),
        "seed": chance.randrange(1000),
        "count": chance.choice((1, 1, 1, 2)),
        "steps": chance.choice((1, 2, 3)),
        "guidance": chance.choice((None, 1.0, 2.5, -1.0)),
        "guidance_rescale": chance.choice((0.0, 0.0, 0.6)),
        "solver": solver,
        "schedule": chance.choice((None, *SCHEDULES)),
        "eta": chance.choice((None, 0.5)) if SOLVERS[solver].takes_eta else None,
        "discard_penultimate": chance.choice((False, False, True)),
        "churn": chance.choice((None, 3.0)) if SOLVERS[solver].takes_churn else None,
        "clip_skip": chance.choice((None, None, 2)),
        "noise": chance.choice(("cpu", "cpu", "nv", "batch")),
        "size": chance.choice((None, None, (24, 16))),
        "attention": chance.choice((None, None, None, "mean", "heads")),
        "loras": chance.choice((None, ())),
        "embeddings": chance.choice((None, None, ())),
        "weighting": "scale_plain",  # A1111's own restores a mean, which that of these texts is 0
    }
    if SOLVERS[solver].adaptive:
        common["count"] = 1
    fixed = {"picture", "content", "layout", "upscale", "start_noise", "regions"} & wish.keys()
    if fixed:
        common |= {"size": None, "count": 1}
    if "swap" in wish.get("prompt", "") or "style" in wish or "layout" in wish:
        common["negative"] = "" if "layout" in wish else common["negative"]
    if "dialect" in wish:
        common |= {"negative": "", "weighting": None}
    asked = common | wish
    if WORD in asked["prompt"]:
        asked["embeddings"] = None
    return {name: value for name, value in asked.items() if value is not None}


def never_drawn(every: list[dict[str, Any]]) -> set[str]:
    """The fields of a request that no draw has set to something of its own."""
    own = {field.name: field.default for field in fields(Request)}
    told = {
        name
        for given in every
        for name, value in given.items()
        if type(value) is not type(own[name]) or value != own[name]
    }
    return own.keys() - told
