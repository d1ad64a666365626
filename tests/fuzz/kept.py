"""Cases that went wrong once, or would where bounds are lost, by target: always tried again."""

from __future__ import annotations

import json
from typing import Any

LONG = 9_999  # characters: as many as a prompt may have
DEEP = (
    "(" * LONG, "[a|" * (LONG // 3), "[a:" * 1600 + "a:.5]" * 1000, "a AND " * (LONG // 6),
    "a" + "+" * (LONG - 1), "a.swap(b)" * (LONG // 9), "<lora:a:1>" * (LONG // 10), "猫" * LONG,
    "a" * 100_000,
)  # fmt: skip
KEPT: dict[str, list[Any]] = {
    "prompt": [(text, 20) for text in DEEP],
    "request": [
        {"prompt": "a cat", "guidance": 1e30, "steps": 2},
        {"prompt": "a" * 100_000},
        {"prompt": "a", "size": [8192, 8192], "steps": 1},
        {"prompt": "a", "count": 1024, "steps": 1, "size": [512, 512]},
        {"prompt": None, "steps": None, "seed": 2**64, "lenient": None},
    ],
    "config": [
        *((which, [(1, None)]) for which in range(8)),
        (17, [(0, None)]),  # limner.json: no sampling
        (14, [(142, [{"": None}, -1]), (3, None)]),  # a PAD that is none
        (3, [(78, []), (328, [[]])]),  # a latent space without a scale
    ],
    "record": [
        json.dumps({"prompt": "a", "loras": [["\udc80", 1e30]]}),
        "Steps: 1e30, Size: 99999999999x1, Seed: -1, CFG scale: nan",
    ],
    "picture": [("deep", [("cut", 0.5, b"a")]), (".jpg", [("replace", 0.1, b"\xff" * 12)])],
    "command": [["a cat", "--guidance=1e30"], ["\udce9"], ["a cat", "--lora-folder=" + "x" * 300]],
}
