"""Which tensors of a single file no part takes, and painting does without.

What can change the meaning of a file's output is never here: `file_noise` reads it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# What training left in files, and what painting has no use for.
IGNORED = (
    r"(global_step|epoch|steps|logvar|num_batches_tracked)$",
    r"(sqrt_|log_)?(one_minus_)?(recip_|recipm1_)?alphas.*",
    r"sqrt_recip.*_alphas.*",
    r"(lvlb_weights|posterior_.*)$",
    r".*\.position_ids$",
    r".*\.(attn_mask|logit_scale)$",
    r"model_ema\..*",
    r"(first_stage_model\.)?loss\..*",
    r"first_stage_model\.model_ema\..*",
    # the rest of CLIP, beside the text tower
    r"cond_stage_model\.transformer\.(logit_scale|text_projection|visual_projection|vision_model).*",
    r"conditioner\.embedders\.0\.transformer\.(logit_scale|text_projection).*",
)
# What a training or another network left there: painted without, and told.
BESIDE = (
    r"(optimizer_states|callbacks|lr_schedulers|loops|control_model|hyper_parameters)\..*",
    r"(cond_stage_model\.model|conditioner\.embedders\.\d\.model)\.visual\..*",
)
MOST_OF_A_MARKER = 16  # numbers; a small tensor of an unknown name may change what a file means
BESIDE_PATTERN = re.compile("|".join(f"(?:{pattern})" for pattern in BESIDE))
IGNORED_PATTERN = re.compile("|".join(f"(?:{pattern})" for pattern in IGNORED))


def ignored(name: str) -> bool:
    """Whether a tensor may lie in a file unused."""
    return IGNORED_PATTERN.match(name) is not None


def beside(name: str, count: int, prefixes: Sequence[str]) -> bool:
    """Whether a tensor that no part takes can be painted without: `count` numbers of it.

    prefixes: of the parts. One within a part belongs to another network, so it cannot.
    """
    if BESIDE_PATTERN.match(name) is not None:
        return True
    return count > MOST_OF_A_MARKER and not name.startswith(tuple(prefixes))
