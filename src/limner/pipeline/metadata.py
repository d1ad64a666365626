"""A picture's own record of how it was painted: PNG text chunks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from limner.errors import RequestError
from limner.pipeline.painter import Result
from limner.pipeline.request import Request

KEY = "limner"


def png_info(result: Result, index: int) -> PngInfo:
    """The text chunk of picture `index`: the request that paints this picture alone."""
    request = replace(result.request, seed=result.seeds[index], count=1, start_noise=None)
    info = PngInfo()
    info.add_itxt(KEY, request.to_json())
    return info


def read_request(path: Path) -> Request:
    """The request in a PNG that Limner painted; RequestError where there is none."""
    try:
        with Image.open(path) as picture:
            text = getattr(picture, "text", {}).get(KEY)
    except (OSError, ValueError) as error:
        raise RequestError(f"{path} is no readable picture: {error}") from None
    if text is None:
        raise RequestError(f"{path} holds no record of Limner's: give a PNG that it painted")
    return Request.from_json(text)
