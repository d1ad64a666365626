"""What requests of A1111's clients come to as fields of ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import ImageOps
from PIL.Image import Image

from limner.diffusion.elsewhere import a1111, a1111_schedule
from limner.diffusion.names import solver_and_schedule
from limner.diffusion.solvers import SOLVERS
from limner.errors import RequestError
from limner.pipeline.masks import black_and_white
from limner.pipeline.pictures import eight_bit, resized
from limner.pipeline.sizes import Size
from limner.pipeline.statement import FACTORS, FIELDS, STORED
from limner.server.fields import PICTURES, asked
from limner.server.problems import ProblemError
from limner.server.uploads import file_of, picture_of

MOST_BLUR = 256
READ = frozenset(
    {
        "prompt", "negative_prompt", "batch_size", "n_iter", "steps", "cfg_scale", "seed",
        "subseed", "subseed_strength", "sampler_name", "sampler_index", "scheduler", "width",
        "height", "enable_hr", "hr_scale", "denoising_strength", "init_images", "mask",
        "mask_blur", "inpainting_mask_invert", "resize_mode", "override_settings",
        "override_settings_restore_afterwards", "script_name", "script_args", "alwayson_scripts",
        "send_images", "save_images", "include_init_images", "force_task_id",
        "do_not_save_samples", "do_not_save_grid", "firstphase_width", "firstphase_height",
        "eta", "inpaint_full_res_padding", "refiner_switch_at", "image_cfg_scale", "limner",
    }
)  # fmt: skip
"""Fields that are read, refused by name, or say nothing of the picture."""
SETTINGS = ("sd_model_checkpoint", "CLIP_stop_at_last_layers")
NEUTRAL: tuple[Any, ...] = (None, "", [], {}, False, 0, -1)
OF_MASKS = ("inpainting_fill", "inpaint_full_res")
AS_HERE = {
    "inpainting_fill": 1, "inpaint_full_res": False, "s_noise": 1, "initial_noise_multiplier": 1,
}  # fmt: skip
"""What is done here: a mask is worked on from what lies under it, on the whole picture."""


def fields_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a request that pictures from words and from pictures share."""
    count = whole(said, "batch_size", 1) * whole(said, "n_iter", 1)
    fields: dict[str, Any] = {
        "prompt": text(said, "prompt"),
        "negative": text(said, "negative_prompt"),
        "count": FIELDS["count"].check(count),
        "steps": whole(said, "steps", 20),
        "guidance": number(said, "cfg_scale", 7.0),
        **sampled(said),
    }
    if (seed := whole(said, "seed", -1)) >= 0:
        fields["seed"] = seed
    if (strength := number(said, "subseed_strength", 0.0)) > 0:
        fields["variation_strength"] = strength
        subseed = whole(said, "subseed", -1)
        fields |= {"variation_seed": subseed} if subseed >= 0 else {}
    eta = number(said, "eta", -1.0)
    if eta >= 0 and "solver" in fields and SOLVERS[fields["solver"]].takes_eta:
        fields["eta"] = eta
    settings = said.get("override_settings")
    skip = settings.get("CLIP_stop_at_last_layers") if isinstance(settings, Mapping) else None
    if skip not in (None, 1):
        fields["clip_skip"] = skip
    return fields


def sampled(said: Mapping[str, Any]) -> dict[str, Any]:
    """Solver and schedule as A1111 means them; an unknown one is refused, not replaced.

    Where no schedule is asked for, the model's own is right.
    """
    name = text(said, "sampler_name") or text(said, "sampler_index")
    schedule = text(said, "scheduler")
    name, schedule = ("" if each.lower() == "automatic" else each for each in (name, schedule))
    try:
        if not name:
            return {"schedule": a1111_schedule(schedule)} if schedule else {}
        solver, behind = solver_and_schedule(name)
        if not schedule and behind is None:
            return {"solver": solver}
        found = a1111(name, schedule or None)
    except RequestError as error:
        raise ProblemError(400, "sampler", str(error)) from None
    discards = {"discard_penultimate": True} if found.discard_penultimate else {}
    return {"solver": found.solver, "schedule": found.schedule, **discards}


def ours(said: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that `limner` holds, of a request of our own: what A1111 has no names for."""
    more = said.get("limner")
    if more is None:
        return {}
    if not isinstance(more, Mapping) or not set(more) <= {*STORED, *PICTURES}:
        raise ProblemError(422, "request", "limner: an object with fields of a request is right")
    request = asked({"prompt": "", **more}).request
    return {name: getattr(request, name) for name in more}


def left_out(said: Mapping[str, Any]) -> list[str]:
    """What a client asks for that nothing here does, by its names."""
    settings = said.get("override_settings")
    own = settings if isinstance(settings, Mapping) else {}
    asked = [key for key, value in said.items() if key not in READ and _matters(key, value, said)]
    return asked + [key for key, value in own.items() if key not in SETTINGS and value is not None]


def _matters(key: str, value: Any, said: Mapping[str, Any]) -> bool:
    """Whether a field that is not read would change the picture."""
    if key in OF_MASKS and not said.get("mask"):
        return False
    if key.startswith("hr_") and not said.get("enable_hr"):
        return False
    return bool(value != AS_HERE[key] if key in AS_HERE else value not in NEUTRAL)


def enlarged(said: Mapping[str, Any]) -> dict[str, Any]:
    """What a highres fix comes to."""
    if not said.get("enable_hr"):
        return {}
    scale = number(said, "hr_scale", 2.0)
    if scale not in FACTORS:
        raise ProblemError(
            422, "request", f"hr_scale: {' or '.join(map(str, FACTORS))} is right here"
        )
    return {"upscale": int(scale), "refine": number(said, "denoising_strength", 0.75)}


def edited(said: Mapping[str, Any], picture: Image, size: Size) -> dict[str, Any]:
    """The picture that is painted over, brought to the asked size, and its mask."""
    shape = whole(said, "resize_mode", 0)
    fields: dict[str, Any] = {
        "picture": placed(eight_bit(picture), size, shape),
        "strength": number(said, "denoising_strength", 0.75),
    }
    if not said.get("mask"):
        return fields
    grey = _grey(eight_bit(picture_of(file_of(said["mask"], "mask"), "mask")))
    if said.get("inpainting_mask_invert"):
        grey = ImageOps.invert(grey)
    grey = placed(grey, size, shape)
    fields["mask"] = black_and_white(grey, size)
    fields["feather"] = min(MOST_BLUR, whole(said, "mask_blur", 4))
    return fields


def _grey(mask: Image) -> Image:
    """What counts of an RGB or RGBA mask: its opacity, or where that says nothing its grey.

    A canvas of a browser sends black and white as RGBA that is opaque all over.
    """
    if mask.mode == "RGBA":
        opacity = mask.getchannel("A")
        if opacity.getextrema() != (255, 255):
            return opacity
    return mask.convert("L")


def placed(picture: Image, size: Size, mode: int) -> Image:
    """A picture at a size: 0 and 3 stretched, 1 cropped, 2 with room at its sides."""
    if mode == 1:
        return ImageOps.fit(picture, size)
    if mode == 2:
        return ImageOps.pad(picture, size)
    if mode in (0, 3):
        return resized(picture, size)
    raise ProblemError(422, "request", "resize_mode: 0, 1, 2 or 3 is right")


def refuse_scripts(said: Mapping[str, Any]) -> None:
    """No script is run: one that is asked for in earnest is refused, an empty one is none."""
    if said.get("script_name"):
        raise ProblemError(422, "script", "script_name: there are no scripts here")
    scripts = said.get("alwayson_scripts") or {}
    if not isinstance(scripts, Mapping):
        raise ProblemError(422, "request", "alwayson_scripts: an object is right")
    for name, script in scripts.items():
        args = script.get("args") if isinstance(script, Mapping) else script
        if args not in (None, [], {}, [False]):
            raise ProblemError(422, "script", f"alwayson_scripts: there is no {name[:40]!r} here")


def whole(said: Mapping[str, Any], name: str, default: int) -> int:
    value = said.get(name)
    if value is None:
        return default
    broken = isinstance(value, float) and not value.is_integer()
    if isinstance(value, bool) or not isinstance(value, (int, float)) or broken:
        raise ProblemError(422, "request", f"{name}: a whole number is right")
    return int(value)


def number(said: Mapping[str, Any], name: str, default: float) -> float:
    value = said.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ProblemError(422, "request", f"{name}: a number is right")
    try:
        return float(value)
    except OverflowError:  # JSON bounds no whole number
        raise ProblemError(422, "request", f"{name}: a smaller number is right") from None


def text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ProblemError(422, "request", f"{name}: text is right")
    return value
