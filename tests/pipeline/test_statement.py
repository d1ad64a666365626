"""The statement of a request's fields: it says everything of each, and its checks hold."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from limner.diffusion.noise import NoiseMode
from limner.diffusion.schedules import Schedule
from limner.diffusion.solvers import SOLVERS
from limner.errors import RequestError
from limner.pipeline import Region, Request, infotext
from limner.pipeline.compound_kinds import Sides, Size, Texts, Weighted
from limner.pipeline.fields import Group
from limner.pipeline.kinds import (
    Among,
    Choice,
    Instance,
    Named,
    Number,
    Pictured,
    Text,
    Truth,
    Whole,
)
from limner.pipeline.regions import Regions
from limner.pipeline.statement import FIELDS, STORED, UNSTORED, Statement
from limner.text.dialect import Dialect, Weighting

ANNOTATIONS = {
    Text: "str",
    Choice: "str",
    Named: "str",
    Truth: "bool",
    Whole: "int",
    Among: "int",
    Number: "float",
    Size: "tuple[int, int]",
    Sides: "tuple[int, int, int, int]",
    Texts: "tuple[str, ...]",
    Weighted: "tuple[tuple[str, float], ...]",
    Pictured: "Image.Image | str",
    Regions: "tuple[Region, ...]",
}


@pytest.mark.parametrize("name", FIELDS)
def test_the_type_is_that_of_the_kind(name: str) -> None:
    field, said = FIELDS[name], Statement.__annotations__[name]
    optional = " | None" if field.optional else ""
    if not isinstance(field.about.kind, Instance):
        assert said == ANNOTATIONS[type(field.about.kind)] + optional
    else:
        assert said.endswith(" | None")


@pytest.mark.parametrize("name", FIELDS)
def test_everything_is_said_of_a_field(name: str) -> None:
    field = FIELDS[name]
    about = field.about
    assert about.help.endswith(".")
    assert isinstance(about.group, Group)
    assert not field.said_default.endswith(".")
    assert about.stored != isinstance(about.kind, Instance) or name == "attention"
    if field.default is not None and not field.required:
        assert field.check(field.default) == field.default


def test_names_are_those_of_what_they_name() -> None:
    """The statement imports nothing heavy, so the names stand beside what they name."""
    assert FIELDS["solver"].about.kind.names == tuple(SOLVERS)
    assert FIELDS["schedule"].about.kind.names == tuple(each.value for each in Schedule)
    assert FIELDS["dialect"].about.kind.names == tuple(Dialect)
    assert FIELDS["noise"].about.kind.names == tuple(NoiseMode)


def test_every_key_of_an_infotext_is_of_a_field_or_known_not_to_be() -> None:
    stated = {field.about.infotext for field in FIELDS.values()} - {""}
    assert set(infotext.READERS) - stated == {"Emphasis", "Hires steps"}
    assert set(infotext.WRITERS) <= set(FIELDS)
    assert stated <= set(infotext.READERS)
    assert UNSTORED == ("picture", "content", "start_noise", "maps", "attention")


PICTURE = Image.new("RGB", (2, 2))
REGION = Region(text="a", box=(0.0, 0.0, 9.0, 9.0))
WRONG = [
    ("prompt", 5, "prompt is 5: text is right"),
    ("prompt", None, "prompt is None: text is right"),
    ("negative", b"a", "negative is b'a': text is right"),
    ("steps", "3", "steps is '3': a whole number from 1 to 10000 is right"),
    ("steps", 3.0, "steps is 3.0: a whole number"),
    ("steps", True, "steps is True: a whole number"),
    ("count", None, "count is None: a whole number from 1 to 1024"),
    ("guidance", "7", "guidance is '7': a finite number is right"),
    ("guidance", 10**400, "a finite number is right"),
    ("guidance", True, "guidance is True: a finite number"),
    ("eta", [1], "eta is [1]: a number from 0 to 1 is right"),
    ("size", "64x64", "size is '64x64': (width, height), two whole numbers of pixels"),
    ("size", 64, "size is 64: (width, height)"),
    ("size", (64,), "size is (64,): (width, height)"),
    ("size", (64, 32.0), "size is (64, 32.0): (width, height)"),
    ("size", (64, 0), "size is (64, 0): two positive numbers are right"),
    ("extend", (1, 2, 3), "extend is (1, 2, 3): (left, top, right, bottom)"),
    ("lenient", 1, "lenient is 1: true or false is right"),
    ("lenient", None, "lenient is None: true or false is right"),
    ("dialect", 3, "dialect is 3: one of a1111, compel, comfy, plain is right"),
    ("solver", ("euler",), "solver is ('euler',): a solver's name is right"),
    ("schedule", "EulerDiscreteScheduler", "is the name of a solver: solver euler is right"),
    ("loras", "style", "loras is 'style': a list of pairs"),
    ("loras", [("style",)], "a list of pairs, a name and a weight each"),
    ("loras", [("style", "1")], "loras: the weight is '1': a finite number is right"),
    ("regions", "a cat", "regions is 'a cat': a list of regions, each a text with a box or a mask"),
    ("regions", ["a cat"], "region 1: 'a cat' is no region: a text with a box is one"),
    ("regions", [{"box": [0, 0, 1, 1]}], "region 1: its text is missing"),
    (
        "regions",
        [{"text": "a", "box": [0, 0, 1, 1], "weight": 2}],
        "'weight' is unknown: text, box",
    ),
    ("regions", [{"text": "a"}], "region 1: 'a' has neither a box nor a mask: one of the two"),
    ("regions", [{"text": " ", "box": [0, 0, 1, 1]}], "region 1: the text says nothing"),
    ("regions", [{"text": 5, "box": [0, 0, 1, 1]}], "region 1: text is 5: text is right"),
    ("regions", [{"text": "a", "box": [0, 0, 9]}], "region 1: box is [0, 0, 9]: (x, y, width, he"),
    ("regions", [{"text": "a", "box": [0, 0, 9, 0]}], "width and height above 0"),
    ("regions", [{"text": "a", "box": [-1, 0, 9, 9]}], "numbers of 0 or more"),
    ("regions", [{"text": "a", "box": ["0", 0, 9, 9]}], "box is '0': a finite number is right"),
    ("regions", [{"text": "a", "box": [0.5, 0, 0.6, 1]}], "parts of the picture, and leaves it"),
    ("regions", [{"text": "a", "mask": "m.png"}], "mask is 'm.png': a PIL picture is right"),
    ("regions", [{"text": "a", "box": [0, 0, 1, 1], "mask": "picture"}], "a box and a mask: one"),
    ("regions", [{"text": "a", "box": [0, 0, 1, 1]}] * 65, "65 regions are too many: at most 64"),
    ("embeddings", "word", "embeddings is 'word': a list of texts is right"),
    ("mask", 3, "mask is 3: a PIL picture, or text, is right"),
    ("picture", "cat.png", "picture is 'cat.png': a PIL picture is right"),
    ("start_noise", [1.0], "start_noise is [1.0]: a tensor (count, C, h, w) is right"),
    ("maps", [1], "maps is [1]: a mapping of texts is right"),
    ("attention", "all", "attention 'all' is unknown: one of mean, heads is right"),
    ("upscale", 3.0, "upscale is 3.0: 1 or 2 or 4 is right"),
]


@pytest.mark.parametrize(("name", "value", "said"), WRONG)
def test_a_value_of_another_type_is_named(name: str, value: Any, said: str) -> None:
    with pytest.raises(RequestError) as refusal:
        FIELDS[name].check(value)
    assert said in str(refusal.value)
    assert len(str(refusal.value)) < 250


def test_a_request_itself_says_so(tmp_path: Path) -> None:
    """In a process of its own: in this one jaxtyping's hook refuses the types before it can."""
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nfrom limner import Request\nfrom limner.errors import RequestError\n"
        f"for name, value, said in {WRONG!r}:\n"
        "    try:\n        Request(**{'prompt': 'a cat', name: value})\n"
        "    except RequestError as error:\n        assert said in str(error), (said, str(error))\n"
        "    else:\n        sys.exit(f'{name} took {value!r}')\n"
        "kept = Request(prompt='a', guidance=3, size=[64, 32], loras=[['style', 1]])\n"
        "print(repr(kept.guidance), kept.size, kept.loras)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "3.0 (64, 32) (('style', 1.0),)\n"


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("steps", np.int64(3), 3),
        ("guidance", np.float32(0.5), 0.5),
        ("guidance", 3, 3.0),
        ("size", [64, np.int32(32)], (64, 32)),
        ("extend", [0, 0, 1, 0], (0, 0, 1, 0)),
        ("dialect", Dialect.COMPEL, "compel"),
        ("weighting", Weighting.LERP, "lerp"),
        ("noise", NoiseMode.NV, "nv"),
        ("schedule", Schedule.KARRAS, "karras"),
        ("embeddings", ["a", "b"], ("a", "b")),
        ("regions", [{"text": "a", "box": [0, 0, np.int64(9), 9]}], (REGION,)),
        ("regions", [REGION], (REGION,)),
        ("seed", 2**64 - 1, 2**64 - 1),
        ("mask", "alpha", "alpha"),
        ("mask", PICTURE, PICTURE),
        ("eta", None, None),
    ],
)
def test_values_are_kept_as_plain_python_has_them(name: str, value: Any, kept: Any) -> None:
    found = FIELDS[name].check(value)
    assert (type(found), found) == (type(kept), kept)
    assert type(found).__module__.split(".")[0] != "numpy"


def test_what_no_text_can_hold_is_kept_as_it_is() -> None:
    noise, maps = torch.zeros(1, 4, 8, 8), {"red": lambda c: c}
    request = Request(prompt="a cat", start_noise=noise, maps=maps, picture=PICTURE)
    assert (request.start_noise is noise, request.maps is maps) == (True, True)
    assert request.picture is PICTURE
    assert math.isclose(Request.from_json(request.to_json()).variation_strength, 0)
    assert set(STORED).isdisjoint(UNSTORED)


def test_the_docstring_says_what_every_field_is() -> None:
    assert Request.__doc__ is not None
    assert "default" in Request.__doc__.splitlines()[0]
    for name, field in FIELDS.items():
        assert f"    {name}: {field.about.help}" in Request.__doc__
