"""What stands beside the server in bench/serving.py: diffusers behind a plain queue.

    python bench/plain_queue.py FOLDER PORT

A folder of Stable Diffusion as diffusers has it, one picture after another in the order of asking.
"""

from __future__ import annotations

import base64
import io
import sys
import threading

import torch
import uvicorn
from diffusers import StableDiffusionPipeline
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


def main(folder: str, port: str) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    turn = threading.Lock()

    def painted(said: dict[str, object]) -> str:
        with turn, torch.inference_mode():
            chance = torch.Generator().manual_seed(said["seed"])
            picture = pipeline(
                said["prompt"], num_inference_steps=said["steps"], generator=chance,
                height=said["size"][1], width=said["size"][0], guidance_scale=7.5,
            ).images[0]  # fmt: skip
        file = io.BytesIO()
        picture.save(file, "PNG")
        return base64.b64encode(file.getvalue()).decode()

    async def paint(request: Request) -> JSONResponse:
        return JSONResponse({"image": await run_in_threadpool(painted, await request.json())})

    app = Starlette(routes=[Route("/paint", paint, methods=["POST"])])
    uvicorn.run(app, port=int(port), log_level="critical")


if __name__ == "__main__":
    main(*sys.argv[1:])
