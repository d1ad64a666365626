"""A1111's extras: pictures that are given are made larger, and nothing is painted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import ImageOps
from PIL.Image import Image
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from limner.pipeline.pictures import eight_bit, resized
from limner.pipeline.sizes import Size
from limner.pipeline.statement import FACTORS
from limner.server.a1111_fields import number, text, whole
from limner.server.answers import Json, object_of
from limner.server.doors import check_asked, encoded
from limner.server.problems import ProblemError
from limner.server.security import owner_of
from limner.server.service import Service
from limner.server.shots import enlarged
from limner.server.uploads import file_of, picture_of
from limner.server.watching import png

PLAIN, OWN = UPSCALERS = ("None", "Limner")
MOST_TIMES = 8.0
MOST_PICTURES = 32
FACES = ("gfpgan_visibility", "codeformer_visibility", "extras_upscaler_2_visibility")
"""What mixes in what is not here: other networks' faces, and a second upscaler's picture."""


async def single(service: Service, request: HttpRequest) -> Response:
    """One picture made larger."""
    said = await object_of(request)
    made = await _larger(service, request, said, said.get("image"))
    return Json({"html_info": "", "image": made if said.get("show_extras_results", True) else ""})


async def batch(service: Service, request: HttpRequest) -> Response:
    """Several pictures made larger, one after another."""
    said = await object_of(request)
    listed = said.get("imageList")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_PICTURES:
        raise ProblemError(422, "request", f"imageList: 1 to {MOST_PICTURES} pictures are right")
    made = []
    for each in listed:
        data = each.get("data") if isinstance(each, Mapping) else None
        made.append(await _larger(service, request, said, data))
    return Json({"html_info": "", "images": made})


async def _larger(
    service: Service, request: HttpRequest, said: Mapping[str, Any], data: Any
) -> str:
    """A picture as base64, by the upscaler that is asked for, brought to the size asked for."""
    _refuse(said)
    name = text(said, "upscaler_1") or PLAIN
    if name not in UPSCALERS:
        raise ProblemError(400, "upscaler", f"upscaler_1: one of {', '.join(UPSCALERS)} is right")
    picture = await run_in_threadpool(_read, data)
    size = _wanted(said, picture.size)
    by = next((by for by in FACTORS if by >= _times(size, picture.size)), max(FACTORS))
    if name == OWN and _times(size, picture.size) > 1:
        owner = owner_of(request.scope)
        _check_pixels(service, (by * picture.width, by * picture.height))
        picture = await enlarged(service, owner, picture, by, request)
    return await run_in_threadpool(_file, picture, size, said)


def _read(data: Any) -> Image:
    return eight_bit(picture_of(file_of(data, "image"), "image"))


def _file(picture: Image, size: Size, said: Mapping[str, Any]) -> str:
    """The picture at a size: cropped to its shape, or within it where cropping is not wanted."""
    if whole(said, "resize_mode", 0) == 0:
        placed = resized(picture, size)
    elif said.get("upscaling_crop", True):
        placed = ImageOps.fit(picture, size)
    else:
        placed = ImageOps.contain(picture, size)
    return encoded(png(placed))


def _wanted(said: Mapping[str, Any], own: Size) -> Size:
    """The size that a picture is brought to."""
    match whole(said, "resize_mode", 0):
        case 0:
            times = number(said, "upscaling_resize", 2.0)
            if not 0 < times <= MOST_TIMES:
                raise ProblemError(422, "request", f"upscaling_resize: at most {MOST_TIMES:g}")
            return check_asked((max(1, round(own[0] * times)), max(1, round(own[1] * times))))
        case 1:
            size = whole(said, "upscaling_resize_w", 512), whole(said, "upscaling_resize_h", 512)
            return check_asked(size)
    raise ProblemError(422, "request", "resize_mode: 0 or 1 is right")


def _times(size: Size, own: Size) -> float:
    return max(size[0] / own[0], size[1] / own[1])


def _check_pixels(service: Service, size: Size) -> None:
    if size[0] * size[1] > service.limits.pixels:
        raise ProblemError(
            422, "too_large", f"{size[0]}x{size[1]}: at most {service.limits.pixels} pixels"
        )


def _refuse(said: Mapping[str, Any]) -> None:
    for name in FACES:
        if number(said, name, 0.0) != 0:
            raise ProblemError(422, "request", f"{name}: that is not done here, 0 is right")
