"""The API of A1111's web UI, `/sdapi/v1`, for the clients that speak it.

Made from what its clients send and expect. What is asked for and cannot be done is refused; sizes
that a model cannot paint are painted smaller and brought to what was asked for, and `info` says so.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from PIL.Image import Image
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from limner.diffusion.elsewhere import A1111_SAMPLERS, A1111_SCHEDULES
from limner.diffusion.names import SCHEDULE_NAMES, SOLVER_NAMES
from limner.pipeline.embedded import PARAMETERS
from limner.pipeline.infotext import halves, split
from limner.pipeline.request import Request
from limner.pipeline.sizes import Size
from limner.server import a1111_extras
from limner.server.a1111_fields import (
    edited,
    enlarged,
    fields_of,
    left_out,
    ours,
    refuse_scripts,
    text,
    whole,
)
from limner.server.answers import Json, object_of
from limner.server.doors import check_asked, encoded, ended, files, fitted, taken
from limner.server.jobs import Job
from limner.server.problems import ProblemError
from limner.server.security import owner_of
from limner.server.service import Service
from limner.server.uploads import file_of, picture_of, texts_of
from limner.version import __version__

ROOT, DOOR = "/sdapi/v1", "a1111"
SIDE = 512  # pixels, where a client says no size
EMPTY = (
    "sd-vae", "prompt-styles", "latent-upscale-modes", "hypernetworks", "face-restorers",
    "realesrgan-models", "extensions", "sd-modules",
)  # fmt: skip
PICTURES = ("init_images", "mask", "include_init_images")


class A1111:
    """The handlers, on a service. Each owner has a model that is painted with until it changes."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.chosen: dict[str, str] = {}

    @property
    def routes(self) -> list[Route]:
        posts: dict[str, Callable[..., Any]] = {
            "txt2img": self.txt2img, "img2img": self.img2img, "interrupt": self.interrupt,
            "skip": self.skip, "options": self.set_options, "png-info": self.png_info,
            "refresh-checkpoints": self.nothing, "refresh-loras": self.nothing,
            "refresh-vae": self.nothing,
            "extra-single-image": partial(a1111_extras.single, self.service),
            "extra-batch-images": partial(a1111_extras.batch, self.service),
        }  # fmt: skip
        gets = {
            "progress": self.progress, "options": self.options, "sd-models": self.models,
            "samplers": self.samplers, "schedulers": self.schedulers, "scripts": self.scripts,
            "upscalers": self.upscalers, "loras": self.loras, "embeddings": self.embeddings,
            "cmd-flags": self.flags, **dict.fromkeys(EMPTY, self.empty),
        }  # fmt: skip
        return [
            *(Route(f"{ROOT}/{name}", what, methods=["POST"]) for name, what in posts.items()),
            *(Route(f"{ROOT}/{name}", what, methods=["GET"]) for name, what in gets.items()),
            Route("/internal/progress", self.internal_progress, methods=["POST"]),
        ]

    async def txt2img(self, request: HttpRequest) -> Response:
        return await self._painted(request, await object_of(request), None)

    async def img2img(self, request: HttpRequest) -> Response:
        said = await object_of(request)
        given = said.get("init_images")
        if not isinstance(given, list) or not given:
            raise ProblemError(404, "not_found", "Init image not found")
        if len(given) > 1:
            raise ProblemError(422, "request", "init_images: one picture is right")
        picture = await run_in_threadpool(
            lambda: picture_of(file_of(given[0], "init_images"), "init_images")
        )
        return await self._painted(request, said, picture)

    async def _painted(
        self, request: HttpRequest, said: dict[str, Any], picture: Image | None
    ) -> Response:
        owner = owner_of(request.scope)
        refuse_scripts(said)
        own = await run_in_threadpool(ours, said)
        model = self._model(said.get("override_settings"), owner)
        if model == self.service.default:
            model = self.service.model_for(Request(**{"prompt": "", **own}))
        painter = await self.service.painter(model)
        size = check_asked((whole(said, "width", SIDE), whole(said, "height", SIDE)))
        fields = fields_of(said)
        if picture is not None:
            fields |= await run_in_threadpool(edited, said, picture, size)
        elif "content" not in own:  # which says the shape
            fields |= fitted(size, painter, enlarged(said))
        job = Job(
            owner=owner, model=model, request=Request(**{**fields, **own}), door=DOOR,
            task=text(said, "force_task_id") or None,
        )  # fmt: skip
        await taken(self.service, job)
        await ended(self.service, job, request)
        larger = 1 if picture is not None else enlarged(said).get("upscale", 1)
        wanted = (size[0] * larger, size[1] * larger)
        made = await files(self.service, job, wanted)
        kept = PICTURES[:2] if not said.get("include_init_images") else ()
        return Json(
            {
                "images": [encoded(file) for file in made] if said.get("send_images", True) else [],
                "parameters": {k: v for k, v in said.items() if k not in kept},
                "info": json.dumps(
                    self._info(job, wanted, made, left_out(said)), ensure_ascii=False
                ),
            }
        )

    def _info(self, job: Job, size: Size, made: list[bytes], unused: list[str]) -> dict[str, Any]:
        """What A1111 says of a job's pictures, with the values that were painted with."""
        own, count = job.request, job.images
        seeds, strength = list(job.seeds), own.variation_strength
        subseeds = [(own.variation_seed or 0) + number for number in range(count)]
        width, height = own.size or size
        extra: dict[str, Any] = {"Painted at": f"{width}x{height}"} if own.size != size else {}
        extra |= {"Warnings": " ".join(job.warnings)} if job.warnings else {}
        extra |= {"Not used": ", ".join(unused)} if unused else {}
        return {
            "prompt": own.prompt, "all_prompts": [own.prompt] * count,
            "negative_prompt": own.negative, "all_negative_prompts": [own.negative] * count,
            "seed": seeds[0] if seeds else -1, "all_seeds": seeds,
            "subseed": subseeds[0] if subseeds else -1, "all_subseeds": subseeds,
            "subseed_strength": strength, "width": size[0], "height": size[1],
            "sampler_name": A1111_SAMPLERS.get(own.solver or "", own.solver),
            "cfg_scale": own.guidance,
            "steps": own.steps, "batch_size": count, "restore_faces": False,
            "face_restoration_model": None, "sd_model_name": job.model, "sd_model_hash": "",
            "sd_vae_name": None, "sd_vae_hash": None, "seed_resize_from_w": -1,
            "seed_resize_from_h": -1, "denoising_strength": own.strength,
            "extra_generation_params": extra, "index_of_first_image": 0,
            "infotexts": [texts_of(file, "picture").get(PARAMETERS, "") for file in made],
            "styles": [], "job_timestamp": _stamp(job), "clip_skip": own.clip_skip,
            "is_using_inpainting_conditioning": False, "version": f"Limner {__version__}",
        }  # fmt: skip

    async def progress(self, request: HttpRequest) -> Response:
        """How the caller's job goes."""
        job = self._job(owner_of(request.scope))
        shown = request.query_params.get("skip_current_image", "false").lower() != "true"
        picture = None
        if job is not None and shown:
            job.polled = time.monotonic()
            if job.previews:
                picture = encoded(job.previews[max(job.previews)].pictures[0])
        return Json(
            {
                "progress": part(job), "eta_relative": left(job), "current_image": picture,
                "textinfo": None,
                "state": {
                    "skipped": False, "interrupted": False, "stopping_generation": False,
                    "job": "" if job is None else (job.task or job.id),
                    "job_count": 0 if job is None else 1,
                    "job_timestamp": "0" if job is None else _stamp(job), "job_no": 0,
                    "sampling_step": 0 if job is None else job.step,
                    "sampling_steps": 0 if job is None else job.total,
                },
            }
        )  # fmt: skip

    async def internal_progress(self, request: HttpRequest) -> Response:
        """The same by the name that the client gave with `force_task_id`."""
        said = await object_of(request)
        task = text(said, "id_task")
        jobs = self.service.live(owner_of(request.scope))
        job = next((job for job in jobs if job.task == task and task), None)
        active = job is not None and job.started is not None
        return Json(
            {
                "active": active, "queued": job is not None and not active,
                "completed": job is None, "progress": part(job), "eta": left(job),
                "live_preview": None, "id_live_preview": -1,
                "textinfo": None if job is None else job.status.value,
            }
        )  # fmt: skip

    async def interrupt(self, request: HttpRequest) -> Response:
        """End the caller's jobs with their pictures as they are."""
        self._interrupt(owner_of(request.scope))
        return Json({})

    async def skip(self, request: HttpRequest) -> Response:
        self._interrupt(owner_of(request.scope))
        return Json(None)

    def _interrupt(self, owner: str) -> None:
        for job in self.service.live(owner):
            if job.door == DOOR:
                self.service.cancel(job, keep=True)

    async def options(self, request: HttpRequest) -> Response:
        return Json(
            {
                "samples_format": "png", "CLIP_stop_at_last_layers": 1, "sd_vae": "Automatic",
                "sd_model_checkpoint": self._model(None, owner_of(request.scope)),
                "sd_checkpoint_hash": "", "live_previews_enable": True,
            }
        )  # fmt: skip

    async def set_options(self, request: HttpRequest) -> Response:
        """Choose the caller's model; other options are those of the requests themselves."""
        said, owner = await object_of(request), owner_of(request.scope)
        if "sd_model_checkpoint" in said:
            self.chosen[owner] = self._model(said, owner)
        return Json(None)

    async def models(self, request: HttpRequest) -> Response:
        return Json(
            [
                {
                    "title": name, "model_name": name, "hash": None, "sha256": None,
                    "filename": name, "config": None,
                }
                for name in self.service.models.names
            ]
        )  # fmt: skip

    async def samplers(self, request: HttpRequest) -> Response:
        return Json(
            [
                {"name": A1111_SAMPLERS.get(name, name), "aliases": [name, *others], "options": {}}
                for name, others in SOLVER_NAMES.items()
            ]
        )

    async def schedulers(self, request: HttpRequest) -> Response:
        automatic: dict[str, Any] = {"name": "automatic", "label": "Automatic", "aliases": None}
        own: list[dict[str, Any]] = [
            {"name": name, "label": A1111_SCHEDULES.get(name, name), "aliases": list(others)}
            for name, others in SCHEDULE_NAMES.items()
        ]
        more = {"default_rho": -1.0, "need_inner_model": False}
        return Json([each | more for each in (automatic, *own)])

    async def upscalers(self, request: HttpRequest) -> Response:
        return Json(
            [
                {
                    "name": name, "model_name": None, "model_path": None, "model_url": None,
                    "scale": 4,
                }
                for name in a1111_extras.UPSCALERS
            ]
        )  # fmt: skip

    async def loras(self, request: HttpRequest) -> Response:
        """Those that are on the caller's model, and those of its folder, by name."""
        painter = await self.service.painter(self._model(None, owner_of(request.scope)))
        names = painter.adapters.lora_names
        return Json([{"name": n, "alias": n, "path": n, "metadata": {}} for n in names])

    async def embeddings(self, request: HttpRequest) -> Response:
        return Json({"loaded": {}, "skipped": {}})

    async def scripts(self, request: HttpRequest) -> Response:
        return Json({"txt2img": [], "img2img": []})

    async def flags(self, request: HttpRequest) -> Response:
        return Json({})

    async def empty(self, request: HttpRequest) -> Response:
        return Json([])

    async def nothing(self, request: HttpRequest) -> Response:
        return Json(None)

    async def png_info(self, request: HttpRequest) -> Response:
        """What a picture's file says of how it was painted."""
        said = await object_of(request)
        file = file_of(said.get("image"), "image")
        info = (await run_in_threadpool(texts_of, file, "image")).get(PARAMETERS, "")
        body, said = split(info)
        prompt, negative = halves(body)
        both = {"Prompt": prompt, "Negative prompt": negative}
        return Json({"info": info, "items": {PARAMETERS: info}, "parameters": both | said})

    def _job(self, owner: str) -> Job | None:
        jobs = [job for job in self.service.live(owner) if job.door == DOOR]
        return next((job for job in jobs if job.started is not None), jobs[0] if jobs else None)

    def _model(self, options: Any, owner: str) -> str:
        """The model that options name, or the caller's."""
        name = options.get("sd_model_checkpoint") if isinstance(options, Mapping) else None
        if name in (None, ""):
            return self.chosen.get(owner, self.service.default)
        if not isinstance(name, str) or name not in self.service.models.names:
            raise ProblemError(404, "not_found", "there is no such model: sd-models lists them")
        return name


def part(job: Job | None) -> float:
    """How much of a job is done, 0 to 1."""
    return 0.0 if job is None or not job.total else min(1.0, job.step / job.total)


def left(job: Job | None) -> float:
    """About how many seconds it will go on."""
    if job is None or job.started is None or not job.step:
        return 0.0
    return (time.time() - job.started) / job.step * max(0, job.total - job.step)


def _stamp(job: Job) -> str:
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(job.created))
