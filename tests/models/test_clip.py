from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from limner.errors import UsageError
from limner.models import clip_presets as presets
from limner.models.clip import (
    BagOfWords,
    BagOfWordsConfig,
    Clip,
    ClipConfig,
    TextTower,
    TextTowerConfig,
    VisionTower,
    VisionTowerConfig,
)
from limner.text.masks import PadMask, pad_mask
from limner.training.recipes.sizes import TEXT_EMOJI, VISION_EMOJI

START, END = 98, 99
TEXT = TextTowerConfig(
    vocabulary_size=100, length=12, width=32, layers=3, heads=4, mlp_width=64, end=END
)
VISION = VisionTowerConfig(
    image_size=24, patch=6, width=32, layers=2, heads=4, mlp_width=64, projection_width=16
)
# [content, padding]: a short one, an empty one, a full one
IDS = torch.tensor(
    [
        [START, 5, 17, 17, 3, END, *[END] * 6],
        [START, END, *[END] * 10],
        [START, *range(20, 30), END],
    ]
)


def _text_config(config: TextTowerConfig) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=config.vocabulary_size,
        hidden_size=config.width,
        intermediate_size=config.mlp_width,
        projection_dim=512 if config.projection_width is None else config.projection_width,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        max_position_embeddings=config.length,
        hidden_act=config.activation,
        eos_token_id=config.end,
        bos_token_id=config.end - 1,
        pad_token_id=config.end,
    )


def _vision_config(config: VisionTowerConfig) -> CLIPVisionConfig:
    return CLIPVisionConfig(
        hidden_size=config.width,
        intermediate_size=config.mlp_width,
        projection_dim=config.projection_width,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_channels=config.channels,
        image_size=config.image_size,
        patch_size=config.patch,
        hidden_act=config.activation,
    )


def _with_random_weights(module: torch.nn.Module) -> torch.nn.Module:
    """Biases and LayerNorms moved off their starting values, so that parity can see them."""
    torch.manual_seed(0)
    for name, parameter in module.named_parameters():
        if name.endswith("bias") or "norm" in name:
            torch.nn.init.normal_(parameter, mean=float(name.endswith("weight")), std=0.3)
    return module.eval()


def _text_reference(tower: TextTower) -> CLIPTextModel:
    reference = CLIPTextModel(_text_config(tower.config)).eval()
    state = tower.state_dict()
    reference.load_state_dict({k.removeprefix("text_model."): v for k, v in state.items()})
    return reference


def _close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("activation", ["quick_gelu", "gelu"])
@pytest.mark.parametrize("policy", list(PadMask))
def test_text_tower_agrees_with_transformers(policy, activation):
    tower = _with_random_weights(TextTower(replace(TEXT, activation=activation)))
    mask = pad_mask(IDS, policy, end=END, pad=END)
    ours = tower(IDS, mask)
    theirs = _text_reference(tower)(
        IDS, attention_mask=None if mask is None else mask.long(), output_hidden_states=True
    )
    assert len(ours.hidden) == len(theirs.hidden_states) == TEXT.layers + 1
    for mine, other in zip(ours.hidden, theirs.hidden_states, strict=True):
        _close(mine, other)
    _close(ours.last, theirs.last_hidden_state)
    _close(ours.pooled, theirs.pooler_output)
    assert ours.projected is None


@torch.no_grad()
@pytest.mark.parametrize(("activation", "pad"), [("quick_gelu", END), ("gelu", 0)])
def test_text_projection_agrees_with_transformers(activation, pad):
    """OpenCLIP pads with 0: the pooled state is that of EOS, wherever it stands."""
    tower = _with_random_weights(
        TextTower(replace(TEXT, projection_width=16, activation=activation))
    )
    reference = CLIPTextModelWithProjection(_text_config(tower.config)).eval()
    reference.load_state_dict(tower.state_dict())
    after = (IDS == END).cumsum(dim=1) - (IDS == END).int() > 0
    ids = IDS.masked_fill(after, pad)
    assert ids[0].tolist() == [START, 5, 17, 17, 3, END, *[pad] * 6]
    _close(tower(ids).projected, reference(ids).text_embeds)
    _close(tower(ids).pooled[0], tower(ids[:1, :6]).last[0, -1])


@torch.no_grad()
@pytest.mark.parametrize("channels", [3, 4])
def test_vision_tower_agrees_with_transformers(channels):
    tower = _with_random_weights(VisionTower(replace(VISION, channels=channels)))
    reference = CLIPVisionModelWithProjection(_vision_config(tower.config)).eval()
    reference.load_state_dict(tower.state_dict())
    images = torch.randn(2, channels, 24, 24)
    ours, theirs = tower(images), reference(images, output_hidden_states=True)
    for mine, other in zip(ours.hidden, theirs.hidden_states, strict=True):
        _close(mine, other)
    _close(ours.last, theirs.last_hidden_state)
    _close(ours.projected, theirs.image_embeds)
    _close(ours.pooled, reference.vision_model(images).pooler_output)


@torch.no_grad()
def test_clip_agrees_with_transformers():
    config = ClipConfig(text=replace(TEXT, projection_width=16), vision=VISION)
    clip = _with_random_weights(Clip.from_config(config))
    reference = CLIPModel(
        CLIPConfig(
            text_config=_text_config(config.text).to_dict(),
            vision_config=_vision_config(VISION).to_dict(),
            projection_dim=16,
        )
    ).eval()
    state = {
        k.removeprefix("text.").removeprefix("vision."): v for k, v in clip.state_dict().items()
    }
    reference.load_state_dict(state)
    images = torch.randn(4, 3, 24, 24)
    theirs = reference(input_ids=IDS, pixel_values=images)
    text, image = clip(IDS, images)
    _close(text, theirs.text_embeds)
    _close(image, theirs.image_embeds)
    similarity = clip.similarity(text, image)
    assert similarity.shape == (3, 4)
    _close(similarity, theirs.logits_per_text)
    _close(similarity.T, theirs.logits_per_image)


def test_temperature():
    clip = Clip.from_config(ClipConfig(text=replace(TEXT, projection_width=16), vision=VISION))
    assert clip.scale().item() == pytest.approx(1 / 0.07, rel=1e-6)
    text = torch.nn.functional.normalize(torch.randn(3, 16), dim=-1)
    assert clip.similarity(text, text).diagonal().tolist() == pytest.approx(
        [1 / 0.07] * 3, rel=1e-5
    )
    torch.nn.init.constant_(clip.logit_scale, 5.0)
    assert clip.scale().item() == pytest.approx(100, rel=1e-5)


@torch.no_grad()
@settings(max_examples=20, deadline=None)
@given(place=st.integers(1, 11), other=st.integers(0, 97))
def test_text_tower_is_causal(place, other):
    tower = _causal_tower()
    changed = IDS.clone()
    changed[:, place] = other
    before, after = tower(IDS).last, tower(changed).last
    torch.testing.assert_close(before[:, :place], after[:, :place], atol=1e-6, rtol=0)
    assert (before[2, place] - after[2, place]).abs().max() > 1e-3 or IDS[2, place] == other


def _causal_tower() -> TextTower:
    torch.manual_seed(3)
    return TextTower(TEXT).eval()


@torch.no_grad()
def test_padding_cannot_be_seen_from_content_under_any_policy():
    """The causal mask alone hides PAD from it: the policies part after the first EOS."""
    tower = _with_random_weights(TextTower(TEXT))
    none, kept = (
        tower(IDS, pad_mask(IDS, p, end=END, pad=END)).last for p in (PadMask.NONE, PadMask.PAD)
    )
    torch.testing.assert_close(none[0, :6], kept[0, :6], atol=1e-6, rtol=0)
    assert (none[0, 6:] - kept[0, 6:]).abs().max() > 1e-3


@torch.no_grad()
def test_shorter_rows_are_taken():
    tower = _with_random_weights(TextTower(TEXT))
    _close(tower(IDS[:1, :7]).last, tower(IDS[:1]).last[:, :7])


@torch.no_grad()
def test_bag_of_words_is_the_mean_of_the_content():
    config = BagOfWordsConfig(
        vocabulary_size=100, width=8, projection_width=4, start=START, end=END
    )
    tower = BagOfWords(config)
    states = tower(IDS)
    words = tower.token_embedding.weight[[5, 17, 17, 3]].mean(dim=0)
    expected = torch.nn.functional.layer_norm(words, (8,))
    _close(states.pooled[0], expected)
    _close(states.projected[0], tower.text_projection.weight @ expected)
    assert states.pooled[1].abs().max() == 0  # the empty prompt
    assert states.last.shape == (3, 12, 8)
    _close(states.hidden[0], tower.token_embedding(IDS))
    _close(tower(IDS[:, torch.tensor([0, 4, 3, 2, 1, *range(5, 12)])]).pooled[0], expected)


def test_bag_of_words_in_clip():
    text = BagOfWordsConfig(vocabulary_size=100, width=8, projection_width=16, start=START, end=END)
    clip = Clip.from_config(ClipConfig(text=text, vision=VISION))
    assert clip.text_features(IDS).norm(dim=-1).tolist() == pytest.approx([1, 0, 1], abs=1e-5)


def test_initialisation():
    torch.manual_seed(0)
    tower = TextTower(replace(TEXT_EMOJI, layers=8))
    layer = tower.text_model.encoder.layers[5]
    width, deep = 256**-0.5, (2 * 8) ** -0.5
    expected = {
        tower.text_model.embeddings.token_embedding: 0.02,
        tower.text_model.embeddings.position_embedding: 0.01,
        layer.self_attn.q_proj: width,
        layer.self_attn.k_proj: width,
        layer.self_attn.v_proj: width,
        layer.self_attn.out_proj: width * deep,
        layer.mlp.fc1: 512**-0.5,
        layer.mlp.fc2: width * deep,
        tower.text_projection: width,
    }
    for module, std in expected.items():
        assert module.weight.std().item() == pytest.approx(std, rel=0.03)
    biases = [p for n, p in tower.named_parameters() if n.endswith("bias")]
    assert all(bias.abs().max() == 0 for bias in biases)
    # The residual stream grows as the square root of a constant, not with the depth.
    stream = tower(torch.randint(0, 4094, (4, 32))).hidden[-1]
    assert 0.1 < stream.std() < 3


# Parameter counts of the published models.
@pytest.mark.parametrize(
    ("text", "vision", "count"),
    [
        (presets.TEXT_VIT_B32, presets.VISION_VIT_B32, 151_277_313),
        (replace(presets.TEXT_VIT_L14, projection_width=768), presets.VISION_VIT_L14, 427_616_513),
    ],
)
def test_presets_have_the_published_sizes(text, vision, count):
    with torch.device("meta"):
        clip = Clip.from_config(ClipConfig(text=text, vision=vision))
    assert sum(p.numel() for p in clip.parameters()) == count


@pytest.mark.parametrize(
    ("text", "millions"),
    [
        (presets.TEXT_VIT_L14, 123.06),
        (presets.TEXT_OPENCLIP_H14, 354.03),
        (presets.TEXT_SD2, 340.39),
        (presets.TEXT_OPENCLIP_BIGG, 694.66),
    ],
)
def test_text_presets_have_the_published_sizes(text, millions):
    with torch.device("meta"):
        tower = TextTower(text)
    assert round(sum(p.numel() for p in tower.parameters()) / 1e6, 2) == millions


def test_emoji_presets_fit_together():
    clip = Clip.from_config(ClipConfig(text=TEXT_EMOJI, vision=VISION_EMOJI))
    ids = torch.tensor([[4094, 7, *[4095] * 30]])
    similarity = clip.similarity(
        clip.text_features(ids), clip.image_features(torch.rand(2, 4, 64, 64))
    )
    assert similarity.shape == (1, 2)
    assert similarity.abs().max() <= 1 / 0.07 * (1 + 1e-5)


def test_errors():
    with pytest.raises(UsageError, match="multiple of heads"):
        replace(TEXT, heads=5)
    with pytest.raises(UsageError, match="layers must be"):
        replace(TEXT, layers=0)
    with pytest.raises(UsageError, match="end must be an id below"):
        replace(TEXT, end=100)
    with pytest.raises(UsageError, match="start must be an id below"):
        BagOfWordsConfig(vocabulary_size=100, start=100, end=END)
    with pytest.raises(UsageError, match="multiple of patch"):
        replace(VISION, patch=7)
    with pytest.raises(UsageError, match="one projection_width"):
        ClipConfig(text=TEXT, vision=VISION)
    with pytest.raises(UsageError, match="at most 12 tokens"):
        TextTower(TEXT)(torch.zeros(1, 13, dtype=torch.long))
    with pytest.raises(UsageError, match="24 x 24"):
        VisionTower(VISION)(torch.zeros(1, 3, 12, 48))


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize("policy", list(PadMask))
def test_vit_l14_agrees_with_transformers(policy):
    torch.manual_seed(0)
    tower = TextTower(presets.TEXT_VIT_L14).eval()
    reference = _text_reference(tower)
    end = tower.config.end
    ids = torch.full((2, 77), end)
    ids[:, 0] = end - 1
    ids[0, 1:9] = torch.randint(0, end - 1, (8,))
    ids[1, 1:76] = torch.randint(0, end - 1, (75,))
    mask = pad_mask(ids, policy, end=end, pad=end)
    ours = tower(ids, mask)
    theirs = reference(ids, attention_mask=None if mask is None else mask.long())
    assert math.isfinite(ours.last.sum())
    _close(ours.last, theirs.last_hidden_state)
    _close(ours.pooled, theirs.pooler_output)


@pytest.mark.slow
@torch.no_grad()
@pytest.mark.parametrize(
    "config", [presets.TEXT_OPENCLIP_H14, presets.TEXT_OPENCLIP_BIGG], ids=["H/14", "bigG/14"]
)
def test_open_clips_agree_with_transformers(config):
    torch.manual_seed(0)
    reference = CLIPTextModelWithProjection(_text_config(config)).eval()
    with torch.device("meta"):
        tower = TextTower(config)
    tower.load_state_dict(reference.state_dict(), assign=True)
    ids = torch.zeros(1, 77, dtype=torch.long)
    ids[0, :10] = torch.tensor([config.end - 1, *range(320, 328), config.end])
    ours, theirs = tower.eval()(ids), reference(ids, output_hidden_states=True)
    _close(ours.hidden[-2], theirs.hidden_states[-2])
    _close(ours.projected, theirs.text_embeds)
