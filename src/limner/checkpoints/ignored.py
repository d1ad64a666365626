"""Which tensors of a single file no part takes, and painting does without.

What can change the meaning of a file's output is never here: `file_noise` reads it.
"""

from __future__ import annotations

import re

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
IGNORED_PATTERN = re.compile("|".join(f"(?:{pattern})" for pattern in IGNORED))


def ignored(name: str) -> bool:
    """Whether a tensor may lie in a file unused."""
    return IGNORED_PATTERN.match(name) is not None
