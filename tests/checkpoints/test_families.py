"""The families: one description each, and which model is of which."""

from __future__ import annotations

from dataclasses import replace

import pytest
from models_of_every_family import UNETS, tiny_parts

from limner.checkpoints.conditions import encoder_of, multiple_of
from limner.checkpoints.families import FAMILIES, LIMNER, SD1, SD2, SDXL, family_of_config
from limner.checkpoints.kinds import FileKind
from limner.checkpoints.lora_names import kohya_prefixes
from limner.diffusion.process import EDM, DiscreteDiffusion, RectifiedFlow
from limner.diffusion.schedules import levels
from limner.models.dit import DiT, DiTConfig


def test_the_table_holds_each_family_under_its_name() -> None:
    assert {name: family.name for name, family in FAMILIES.items()} == {
        name: name for name in ("sd1", "sd2", "sdxl", "limner")
    }
    assert set(FAMILIES) < {kind.value for kind in FileKind}


@pytest.mark.parametrize(
    ("kind", "family"),
    [("sd1", SD1), ("sd1-inpainting", SD1), ("sd2", SD2), ("sd2-v", SD2), ("sdxl", SDXL)],
)
def test_a_unets_sizes_tell_the_family(kind: str, family: object) -> None:
    assert family_of_config(UNETS[kind]) is family
    assert tiny_parts(kind).family is family


def test_a_flow_or_a_transformer_is_limners_own_and_edm_is_not() -> None:
    parts = tiny_parts("sdxl")
    assert replace(parts, process=RectifiedFlow()).family is LIMNER
    assert replace(parts, process=EDM()).family is SDXL
    dit = replace(parts, denoiser=DiT(DiTConfig(width=32, depth=1, heads=1, patch=4)))
    assert dit.family is LIMNER
    assert (dit.denoiser_name, parts.denoiser_name) == ("transformer", "unet")
    assert multiple_of(dit) == 4 * 2  # the patch, and the stride of an autoencoder of two levels


def test_the_towers_of_a_family_are_what_encodes_its_texts() -> None:
    sd1, sdxl = tiny_parts("sd1"), tiny_parts("sdxl")
    assert encoder_of(sd1).tower is sd1.text_encoder
    both = encoder_of(sdxl)
    assert (both.first.tower, both.second.tower) == (sdxl.text_encoder, sdxl.text_encoder_2)
    assert sd1.adaptable.keys() == {"unet", "text_encoder"}
    assert sdxl.adaptable.keys() == {"unet", "text_encoder", "text_encoder_2"}


def test_align_your_steps_are_the_familys() -> None:
    process = DiscreteDiffusion()
    for family, aligned in ((SD1, "ays_sd1"), (SD2, "ays_sd1"), (SDXL, "ays_sdxl")):
        found = family.sampling.path(process, 10, "ays")
        assert found.levels == levels(process, 10, aligned)


def test_names_of_kohyas_trainer_are_read_from_every_family() -> None:
    assert kohya_prefixes("unet") == ("lora_unet_",)
    assert kohya_prefixes("text_encoder") == ("lora_te_", "lora_te1_")
    assert kohya_prefixes("text_encoder_2") == ("lora_te2_",)
    assert kohya_prefixes("transformer") == ("lora_unet_", "lora_transformer_")
