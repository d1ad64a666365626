"""The records of ComfyUI, InvokeAI, SwarmUI and Fooocus, and texts that are no record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from records_of_programs import FOOOCUS, GRAPH, INVOKE, OLD_INVOKE, SWARM, TEXTS, node

from limner.errors import RequestError
from limner.pipeline.metadata import read_record
from limner.pipeline.programs import read_json

RED = Image.new("RGB", (8, 8), "red")


SAID = {
    "prompt": "a (cat:1.2), (x", "negative": "bad", "dialect": "comfy", "lenient": True,
    "seed": 2**40 + 1, "steps": 20, "guidance": 8.0, "solver": "dpmpp_2m", "schedule": "karras",
    "size": (512, 768), "clip_skip": 2,
}  # fmt: skip
TOLD = {"Model": "sd.safetensors", "LoRA": "x.safetensors 0.8"}


def said(record: Any) -> tuple[dict[str, Any], dict[str, str]]:
    found = read_json(json.dumps(record))
    assert found is not None
    assert found.request.prompt == found.fields["prompt"]
    return found.fields, found.others


def test_a_graph_of_comfyui() -> None:
    assert said(GRAPH) == (SAID, TOLD)


def test_of_two_passes_the_first_is_read_and_the_other_told() -> None:
    second = node(
        "KSampler", seed=9, steps=9, cfg=1.0, sampler_name="euler", scheduler="normal",
        denoise=0.5, latent_image=["14", 0], **TEXTS,
    )  # fmt: skip
    upscaled = node("LatentUpscale", samples=["3", 0], width=1024, height=1536)
    hires = {**GRAPH, "8": node("VAEDecode", samples=["15", 0]), "14": upscaled, "15": second}
    told = {"KSampler 15": "a further pass", "Nodes": "LatentUpscale"}
    assert said(hires) == (SAID, TOLD | told)


def test_a_sampler_that_is_put_together() -> None:
    fields, others = said({
        "1": node("SamplerCustomAdvanced", noise=["2", 0], guider=["3", 0], sampler=["4", 0],
                  sigmas=["5", 0], latent_image=["6", 0]),
        "2": node("RandomNoise", noise_seed=7),
        "3": node("BasicGuider", model=["8", 0], conditioning=["9", 0]),
        "4": node("KSamplerSelect", sampler_name="euler"),
        "5": node("BasicScheduler", scheduler="simple", steps=20, denoise=1.0, model=["8", 0]),
        "6": node("EmptySD3LatentImage", width=1024, height=512, batch_size=2),
        "8": node("UNETLoader", unet_name="flux.sft"),
        "9": node("FluxGuidance", guidance=3.5, conditioning=["10", 0]),
        "10": node("CLIPTextEncode", text="a fox", clip=["11", 0]),
        "11": node("DualCLIPLoader"),
        "12": node("VAEDecode", samples=["1", 0]),
        "13": node("SaveImage", images=["12", 0]),
    })  # fmt: skip
    assert fields == {
        "prompt": "a fox", "negative": "", "dialect": "comfy", "lenient": True, "seed": 7,
        "guidance": 1.0, "solver": "euler", "steps": 20, "schedule": "simple", "size": (1024, 512),
    }  # fmt: skip
    assert others == {"Model": "flux.sft", "batch_size": "2", "Nodes": "FluxGuidance"}


def test_a_graph_that_paints_over_a_picture_says_no_size() -> None:
    over = {
        **GRAPH,
        "3": node("KSampler", **{**GRAPH["3"]["inputs"], "denoise": 0.4}),
        "5": node("VAEEncode", pixels=["22", 0], vae=["4", 2]),
        "22": node("LoadImage", image="a.png"),
    }
    fields, others = said(over)
    assert "size" not in fields
    assert others["denoise"] == "0.4"
    assert others["Nodes"] == "VAEEncode, PrimitiveInt, LoadImage"


@pytest.mark.parametrize(
    "graph",
    [
        {"1": node("KSampler", positive=["1", 0], latent_image=["1", 0], seed=["1", 0])},
        {"1": node("SaveImage", images=["1", 0]), "2": node("A", text=["3", 0])},
        {"1": node("KSampler", positive=[[], {}], latent_image=[1, 2, 3], steps=[1])},
        {"1": node("A", positive=["2", 0], latent_image=3), "2": node("B", conditioning=["1", 0])},
        {"1": node("KSampler", positive=["2", 0], latent_image=1, seed=1e400, cfg="nan"),
         "2": node("CLIPTextEncode", text=5)},
    ],
)  # fmt: skip
def test_graphs_that_go_in_circles_or_nowhere(graph: Any) -> None:
    fields, _ = said(graph)
    assert fields["prompt"] == ""


def test_invokeai() -> None:
    fields, others = said(INVOKE)
    assert fields == {
        "prompt": "a cat++", "negative": "bad", "dialect": "compel", "lenient": True, "seed": 5,
        "steps": 30, "guidance": 7.5, "solver": "dpmpp_2m", "schedule": "karras", "clip_skip": 2,
        "noise": "nv", "size": (512, 768),
    }  # fmt: skip
    assert others == {"Model": "sd15", "loras": '[{"weight": 0.75}]', "app_version": "3.6.0"}


def test_invokeai_before_its_third_version() -> None:
    fields, others = said(OLD_INVOKE)
    assert (fields["prompt"], fields["negative"]) == ("a cat left", "ugly")
    assert (fields["solver"], fields["size"], fields["seed"]) == ("lms", (768, 512), 3)
    assert others == {"Model": "sd-1.5", "perlin": "0.1"}


def test_a_sampler_that_leaves_a_level_out_there_does_so_here() -> None:
    fields, _ = said({"sui_image_params": {"prompt": "a", "sampler": "dpm_2", "steps": 9}})
    assert (fields["solver"], fields["discard_penultimate"]) == ("dpm2", True)
    fields, _ = said({**INVOKE, "scheduler": "kdpm_2"})
    assert "discard_penultimate" not in fields  # diffusers leaves none out


def test_swarmui() -> None:
    fields, others = said(SWARM)
    assert fields == {
        "prompt": "a cat", "negative": "bad", "dialect": "comfy", "lenient": True, "seed": 5,
        "steps": 20, "guidance": 7.0, "solver": "euler", "schedule": "karras", "clip_skip": 2,
        "size": (512, 768),
    }  # fmt: skip
    assert others == {"Model": "xl", "swarm_version": "0.9.2", "loras": '["x"]'}


LABELS = {"guidance_scale": "Guidance Scale", "negative_prompt": "Negative Prompt"}


@pytest.mark.parametrize("labelled", [False, True])
def test_fooocus(labelled: bool) -> None:
    record = {LABELS.get(k, k.title()) if labelled else k: v for k, v in FOOOCUS.items()}
    fields, others = said({k.replace("_M", " M"): v for k, v in record.items()})
    assert fields == {
        "prompt": "p (x:1.2)", "negative": "n", "dialect": "comfy", "lenient": True,
        "weighting": "scale", "seed": 8120921, "steps": 30, "guidance": 4.0,
        "solver": "dpmpp_2m_sde", "schedule": "karras", "clip_skip": 2, "size": (1152, 896),
    }  # fmt: skip
    assert others == {"Model": "jug", "performance": "Speed", "styles": "['Fooocus V2']"}


def test_a_value_that_no_request_takes_is_told() -> None:
    fields, others = said({**INVOKE, "seed": -1, "steps": 2.5, "scheduler": "tcd", "width": None})
    assert fields.keys().isdisjoint({"seed", "steps", "solver", "size"})
    assert [others[key] for key in ("seed", "steps", "scheduler")] == ["-1", "2.5", "tcd"]


@pytest.mark.parametrize("text", ["a cat", "", "{red|blue} cat", "[[a]] (b:1.2)", "{a"])
def test_prompts_are_no_json(text: str) -> None:
    assert read_json(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}', "a program that Limner does not know"),
        ("{}", "a program that Limner does not know"),
        ('{"prompt": "a cat"', "broken"),
        ('{"a":' * 100_000, "nested too deep"),
        ('{"a": ' + "9" * 5000 + "}", "broken"),
    ],
)
def test_json_of_others_is_no_prompt(text: str, message: str) -> None:
    with pytest.raises(RequestError, match=message) as refusal:
        read_json(text)
    assert len(str(refusal.value)) < 300


def saved(path: Path, texts: dict[str, str], **tags: Any) -> Path:
    """A picture with such chunks, or such entries in the first directory and in EXIF's own."""
    info, exif = PngInfo(), Image.Exif()
    for keyword, text in texts.items():
        info.add_itxt(keyword, text)
    for place, entries in tags.items():
        (exif if place == "first" else exif.get_ifd(0x8769)).update(entries)
    RED.save(path, pnginfo=info, exif=exif)
    return path


@pytest.mark.parametrize(
    ("keyword", "record", "prompt"),
    [
        ("prompt", GRAPH, SAID["prompt"]),
        ("parameters", GRAPH, SAID["prompt"]),
        ("invokeai_metadata", INVOKE, "a cat++"),
        ("parameters", {"sui_image_params": {"prompt": "猫"}}, "猫"),
        ("parameters", FOOOCUS, "p (x:1.2)"),
    ],
)
def test_records_in_a_png(tmp_path: Path, keyword: str, record: Any, prompt: str) -> None:
    path = saved(tmp_path / "a.png", {keyword: json.dumps(record), "workflow": "{}"})
    assert read_record(path).request.prompt == prompt


def test_an_infotext_comes_before_the_graph_beside_it(tmp_path: Path) -> None:
    texts = {"prompt": json.dumps(GRAPH), "parameters": "a dog\nSteps: 3, Seed: 1, CFG scale: 2"}
    assert read_record(saved(tmp_path / "a.png", texts)).request.prompt == "a dog"


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
@pytest.mark.parametrize("place", ["first", "own"])
def test_records_in_exif(tmp_path: Path, suffix: str, place: str) -> None:
    path = tmp_path / f"a{suffix}"
    comment = b"UNICODE\0" + json.dumps({"sui_image_params": {"prompt": "猫"}}).encode("utf-16-be")
    saved(path, {}, **{place: {0x9286: comment}})
    assert read_record(path).request.prompt == "猫"
    saved(path, {}, **{place: {0x9286: json.dumps(FOOOCUS)}})
    assert read_record(path).request.seed == 8120921
    saved(path, {}, **{place: {0x9286: b"ASCII\0\0\0a cat\nNegative prompt: dogs"}})
    assert read_record(path).request.negative == "dogs"


def test_a_graph_in_exif(tmp_path: Path) -> None:
    tags = {0x0110: f"prompt:{json.dumps(GRAPH)}", 0x010F: "workflow:{}"}
    assert read_record(saved(tmp_path / "a.webp", {}, first=tags)).request.prompt == SAID["prompt"]


@pytest.mark.parametrize(
    "comment",
    [b"\0" * 200, b"ASCII\0\0\0" + b" " * 100, b"ASCII\0\0\0Screenshot", b"", b"\0\0\0\0\0\0\0\0ok",
     b"UNICODE\0" + "a walk, 2024: rain".encode("utf-16-le"), b"no prefix at all", "Screenshot"],
)  # fmt: skip
@pytest.mark.parametrize("place", ["first", "own"])
def test_what_a_camera_writes_is_no_infotext(tmp_path: Path, comment: Any, place: str) -> None:
    path = saved(tmp_path / "a.jpg", {}, **{place: {0x9286: comment}})
    with pytest.raises(RequestError, match="holds no record"):
        read_record(path)


@pytest.mark.parametrize("text", [" \n", "\0\0"])
def test_blanks_under_the_own_keyword_are_no_infotext(tmp_path: Path, text: str) -> None:
    with pytest.raises(RequestError, match="holds no record"):
        read_record(saved(tmp_path / "a.png", {"parameters": text}))


@pytest.mark.parametrize(
    ("sampler", "scheduler", "solver", "discards"),
    [
        ("dpm_2", "karras", "dpm2", True),
        ("uni_pc", "normal", "unipc", True),
        ("euler_cfg_pp", "beta", "euler_cfgpp", False),
        ("ipndm", "kl_optimal", "ipndm", False),
    ],
)
def test_samplers_of_comfyui_are_what_it_paints(
    sampler: str, scheduler: str, solver: str, discards: bool
) -> None:
    inputs = {**GRAPH["3"]["inputs"], "sampler_name": sampler, "scheduler": scheduler}
    found, _ = said({**GRAPH, "3": node("KSampler", **inputs)})
    assert (found["solver"], found["schedule"]) == (solver, scheduler)
    assert found.get("discard_penultimate", False) is discards
