"""Distilled models and LoRAs are told by their names, and painted as their publishers say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tiny_pipelines import saved

import limner
from limner.checkpoints.few_steps import few_steps_of, published_name
from limner.checkpoints.folder import ModelFolder
from limner.checkpoints.settings import Sampling
from limner.pipeline.resolve import resolve


@pytest.mark.parametrize(
    ("name", "kind", "steps"),
    [
        ("lcm-lora-sdv1-5", "LCM", 4),
        ("LCM_Dreamshaper_v7", "LCM", 4),
        ("dreamshaperLCM", "LCM", 4),
        ("sd_xl_turbo_1.0_fp16", "Turbo", 4),
        ("models--stabilityai--sd-turbo", "Turbo", 4),
        ("DreamShaperXL_Turbo_v2", "Turbo", 4),
        ("dreamshaperXLTurbo", "Turbo", 4),
        ("sdxl_lightning_8step_lora", "Lightning", 8),
        ("juggernautXL_v9Rdphoto2Lightning", "Lightning", 4),
        ("Hyper-SDXL-1step-lora", "Hyper-SD", 1),
        ("Hyper-SD15-8steps-CFG-lora", "Hyper-SD", 8),
        ("dmd2_sdxl_4step_lora", "DMD2", 4),
        ("v1-5-pruned-emaonly", None, 0),
        ("turbocharged", None, 0),
        ("hyperrealism", None, 0),
        ("lightnings in a 3steps dance", None, 0),
        ("", None, 0),
    ],
)
def test_a_name_tells_the_kind_and_the_steps(name: str, kind: str | None, steps: int) -> None:
    few = few_steps_of(name)
    assert (few and few.name, few.steps if few else 0) == (kind, steps)


def test_guidance_is_1_but_for_what_kept_it() -> None:
    own = Sampling(guidance=7.5)
    for name, guidance in (("lcm", 1.0), ("Hyper-SD15-8steps-CFG-lora", 7.5)):
        few = few_steps_of(name)
        assert few is not None
        assert few.of(own).guidance == guidance


def test_a_folder_of_the_hubs_cache_has_the_name_of_what_it_is_of(tmp_path: Path) -> None:
    folder = tmp_path / "models--stabilityai--sd-turbo" / "snapshots" / "1681ed09e0cff58e"
    folder.mkdir(parents=True)
    assert published_name(folder) == "models--stabilityai--sd-turbo"
    file = folder / "sd_8step.safetensors"
    assert published_name(file) == "models--stabilityai--sd-turbo sd_8step"
    own = tmp_path / "lcm.safetensors"
    own.touch()
    assert published_name(own) == "lcm"


def test_a_folder_by_name_keeps_what_its_scheduler_says(tmp_path: Path) -> None:
    folder = saved("sd1", tmp_path / "sd-turbo")
    _, _, sampling, _ = ModelFolder(folder).load_settings()
    plain = shutil.move(folder, tmp_path / "plain")
    _, _, without, _ = ModelFolder(Path(plain)).load_settings()
    assert (sampling.steps, sampling.guidance) == (4, 1.0)
    assert (without.steps, without.guidance) == (20, 7.5)
    assert (sampling.solver, sampling.schedule) == (without.solver, without.schedule)
    (scheduler,) = Path(plain).glob("scheduler/*.json")
    config = json.loads(scheduler.read_text())
    scheduler.write_text(json.dumps(config | {"timestep_spacing": "trailing"}))
    turbo = ModelFolder(Path(shutil.move(plain, tmp_path / "sd-turbo")))
    assert turbo.load_settings()[2].schedule == "trailing"
    assert "of Turbo: where nothing else is asked for, 4 steps of euler, trailing" in str(
        turbo.notes()
    )


def test_a_lora_by_name_changes_what_is_not_asked_for(
    painter: limner.Painter, model_with_lora: Path
) -> None:
    model, plain = painter.model, limner.Request(prompt="a red apple", seed=1)
    own = resolve(plain, model).request
    painter.add_lora(model_with_lora / "own.safetensors", name="lcm-lora")
    request, notes = resolve(plain, model)
    assert (request.solver, request.schedule) == ("lcm", "lcm")
    assert (request.steps, request.guidance) == (4, 1.0)
    assert "of LCM" in notes[-1]
    assert resolve(request, model).request.to_json() == request.to_json()
    asked = limner.Request(prompt="a red apple", seed=1, steps=7, guidance=2.0, solver="euler")
    request = resolve(asked, model).request
    assert (request.steps, request.guidance, request.solver) == (7, 2.0, "euler")
    model.adapters.remove_lora("lcm-lora")
    assert resolve(plain, model).request.to_json() == own.to_json()


def test_a_lora_that_a_prompt_names_counts_too(painter: limner.Painter) -> None:
    prompt = "a red apple <lora:sdxl_lightning_2step_lora:1>"
    request = resolve(limner.Request(prompt=prompt, seed=1), painter.model).request
    assert (request.solver, request.steps, request.guidance) == ("euler", 2, 1.0)
