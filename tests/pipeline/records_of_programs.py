"""Records as other programs write them into pictures."""

from __future__ import annotations

from typing import Any


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


TEXTS = {"positive": ["6", 0], "negative": ["7", 0], "model": ["10", 0]}
GRAPH = {
    "3": node(
        "KSampler", seed=2**40 + 1, steps=20, cfg=8.0, sampler_name="dpmpp_2m", scheduler="karras",
        denoise=1.0, latent_image=["5", 0], **TEXTS,
    ),
    "4": node("CheckpointLoaderSimple", ckpt_name="sd.safetensors"),
    "5": node("EmptyLatentImage", width=512, height=["20", 0], batch_size=1),
    "6": node("CLIPTextEncode", text=["21", 0], clip=["11", 0]),
    "7": node("CLIPTextEncode", text="bad", clip=["11", 0]),
    "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
    "9": node("SaveImage", filename_prefix="x", images=["8", 0]),
    "10": node("LoraLoader", lora_name="x.safetensors", strength_model=0.8, model=["4", 0]),
    "11": node("CLIPSetLastLayer", stop_at_clip_layer=-2, clip=["10", 1]),
    "20": node("PrimitiveInt", value=768),
    "21": node("PrimitiveString", value="a (cat:1.2), (x"),
}  # fmt: skip
INVOKE = {
    "positive_prompt": "a cat++", "negative_prompt": "bad", "width": 512, "height": 768, "seed": 5,
    "rand_device": "cuda", "cfg_scale": 7.5, "steps": 30, "scheduler": "dpmpp_2m_k", "clip_skip": 1,
    "model": {"model_name": "sd15"}, "loras": [{"weight": 0.75}], "app_version": "3.6.0",
}  # fmt: skip


OLD_INVOKE = {
    "model_weights": "sd-1.5",
    "image": {
        "prompt": [{"prompt": "a cat [ugly] left", "weight": 1.0}], "steps": 50, "cfg_scale": 7.5,
        "height": 512, "width": 768, "seed": 3, "sampler": "k_lms", "perlin": 0.1,
    },
}  # fmt: skip
SWARM = {
    "sui_image_params": {
        "prompt": "a cat", "negativeprompt": "bad", "model": "xl", "seed": "5", "steps": 20,
        "cfgscale": 7.0, "width": 512, "height": 768, "sampler": "euler", "scheduler": "karras",
        "clipstopatlayer": -2, "swarm_version": "0.9.2", "loras": ["x"], "images": 1,
    },
    "sui_extra_data": {"date": "today"},
}  # fmt: skip
FOOOCUS = {
    "prompt": "p (x:1.2)", "negative_prompt": "n", "performance": "Speed", "steps": 30,
    "resolution": "(1152, 896)", "guidance_scale": 4, "sampler": "dpmpp_2m_sde_gpu",
    "scheduler": "karras", "seed": "8120921", "clip_skip": 2, "base_model": "jug",
    "styles": "['Fooocus V2']", "metadata_scheme": "fooocus", "full_prompt": ["p, masterpiece"],
}  # fmt: skip
