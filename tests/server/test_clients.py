"""Other people's clients, unchanged, as they come from the registry."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from typing import Any

import httpx2
import numpy as np
import openai
import pytest
import webuiapi
from PIL import Image
from running import Running

from limner.data.pixels import flatten
from limner.pipeline.infotext import parse
from limner.server.a1111_fields import edited, fields_of, left_out, sampled
from limner.server.doors import encoded


@pytest.fixture(scope="module")
def sdk(server: Running) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=60)


@pytest.fixture(scope="module")
def webui(server: Running) -> webuiapi.WebUIApi:
    host, port = server.url.removeprefix("http://").split(":")
    return webuiapi.WebUIApi(host=host, port=int(port))


def opened(encoded: str | None) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(encoded or "")))


def as_file(image: Image.Image) -> tuple[str, bytes, str]:
    file = io.BytesIO()
    image.save(file, "PNG")
    return "picture.png", file.getvalue(), "image/png"


def on_white(image: Image.Image) -> np.ndarray:
    return np.asarray(flatten(image))


def in_mode(mask: Image.Image, mode: str) -> Image.Image:
    """A picture in another mode, with its transparency where that mode has any."""
    if mode == "I;16":
        return Image.fromarray(np.asarray(mask.convert("L")).astype(np.uint16) * 257)
    if mode == "P" and mask.mode == "RGBA":
        indexed = mask.getchannel("A").point(lambda opacity: opacity // 255).convert("P")
        indexed.putpalette([0, 0, 0, 0, 0, 0])
        indexed.info["transparency"] = bytes([0, 255])
        return indexed
    return mask.convert(mode)


def half_transparent(size: int) -> Image.Image:
    mask = Image.new("RGBA", (size, size), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, size // 2, size))
    return mask


class TestOpenAI:
    def test_models(self, sdk: openai.OpenAI) -> None:
        assert [model.id for model in sdk.models.list()] == ["tiny", "two"]
        assert sdk.models.retrieve("tiny").owned_by == "limner"

    def test_pictures_of_the_size_that_was_asked_for(self, sdk: openai.OpenAI) -> None:
        answer = sdk.images.generate(
            prompt="a red apple", n=2, size="64x32", extra_body={"seed": 3}
        )
        assert answer.data is not None
        assert [opened(each.b64_json).size for each in answer.data] == [(64, 32)] * 2
        again = sdk.images.generate(prompt="a red apple", n=2, size="64x32", extra_body={"seed": 3})
        assert answer.data[0].b64_json == again.data[0].b64_json  # type: ignore[index]

    @pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
    def test_kinds_of_files(self, sdk: openai.OpenAI, kind: str) -> None:
        answer = sdk.images.generate(prompt="a cat", model="tiny", output_format=kind)  # type: ignore[call-overload]
        assert opened(answer.data[0].b64_json).format == kind.upper()

    def test_an_edit_paints_where_the_mask_is_transparent(self, sdk: openai.OpenAI) -> None:
        old = Image.new("RGBA", (16, 16), (200, 10, 10, 255))
        answer = sdk.images.edit(
            image=as_file(old), mask=as_file(half_transparent(16)), prompt="a blue cat"
        )
        assert answer.data is not None
        new = np.asarray(opened(answer.data[0].b64_json).convert("RGBA"))
        assert np.array_equal(new[:, 8:], np.asarray(old)[:, 8:])
        assert not np.array_equal(new[:, :8], np.asarray(old)[:, :8])

    def test_a_stream_of_partial_pictures(self, sdk: openai.OpenAI) -> None:
        stream = sdk.images.generate(
            prompt="a cat", stream=True, partial_images=2, extra_body={"num_inference_steps": 6}
        )
        found = list(stream)
        kinds = [event.type for event in found]
        assert kinds == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
        assert [event.partial_image_index for event in found[:2]] == [0, 1]  # type: ignore[union-attr]
        assert all(opened(event.b64_json).size == (16, 16) for event in found)

    def test_partial_pictures_are_as_many_where_fewer_steps_are_painted(
        self, sdk: openai.OpenAI
    ) -> None:
        """An edit takes int(steps * strength) of its steps."""
        stream = sdk.images.edit(
            image=as_file(Image.new("RGBA", (16, 16), "red")), prompt="a cat", stream=True,
            partial_images=1, extra_body={"num_inference_steps": 10, "strength": 0.3},
        )  # fmt: skip
        kinds = [event.type for event in stream]
        assert kinds == ["image_edit.partial_image", "image_edit.completed"]

    def test_partial_pictures_are_even_where_a_step_asks_twice(
        self, sdk: openai.OpenAI, server: Running
    ) -> None:
        more = {"num_inference_steps": 6, "limner": {"solver": "heun"}}
        stream = sdk.images.generate(prompt="a cat", stream=True, partial_images=2, extra_body=more)
        assert [event.type for event in stream].count("image_generation.partial_image") == 2
        job = list(server.service._jobs.values())[-1]
        assert job.total == 11
        assert set(job.previews) == {4, 7}

    @pytest.mark.parametrize("size", ["16x16", "64x32", "auto"])
    @pytest.mark.parametrize("kind", ["png", "webp", "jpeg"])
    def test_what_is_to_be_opaque_lies_on_white(
        self, sdk: openai.OpenAI, kind: str, size: str
    ) -> None:
        wish: dict[str, Any] = {"prompt": "a cat", "size": size, "extra_body": {"seed": 3}}
        clear = sdk.images.generate(**wish)
        made = sdk.images.generate(**wish, output_format=kind, background="opaque")
        assert clear.data is not None
        assert made.data is not None
        whole, picture = opened(clear.data[0].b64_json), opened(made.data[0].b64_json)
        assert (clear.background, made.background) == ("transparent", "opaque")
        assert (whole.mode, picture.mode) == ("RGBA", "RGB")
        assert np.asarray(whole)[..., 3].min() < 255
        off = np.abs(on_white(picture).astype(int) - on_white(whole)).mean()
        assert off == 0 if kind == "png" else off < 16

    def test_an_answer_says_what_its_pictures_are(
        self, sdk: openai.OpenAI, client: httpx2.Client
    ) -> None:
        """Those of a link are as they were painted."""
        made = sdk.images.generate(prompt="a cat", size="64x32", output_format="webp")
        assert (made.size, made.output_format) == ("64x32", "webp")
        linked = sdk.images.generate(
            prompt="a cat", size="200x100", output_format="webp", response_format="url"
        )  # type: ignore[call-overload]
        file = Image.open(io.BytesIO(client.get(linked.data[0].url).content))
        assert linked.size == f"{file.width}x{file.height}" != "200x100"
        assert linked.output_format == "png"
        assert linked.background == "transparent"

    def test_mistakes_are_its_own_errors(self, sdk: openai.OpenAI) -> None:
        with pytest.raises(openai.BadRequestError, match="WIDTHxHEIGHT"):
            sdk.images.generate(prompt="a cat", size="big")  # type: ignore[call-overload]
        with pytest.raises(openai.BadRequestError, match="output_format") as raised:
            sdk.images.generate(prompt="a cat", output_format="gif")  # type: ignore[call-overload]
        assert raised.value.param == "output_format"
        with pytest.raises(openai.NotFoundError, match="no such model"):
            sdk.images.generate(prompt="a cat", model="nope")
        with pytest.raises(openai.BadRequestError, match="unknown"):
            sdk.images.generate(prompt="a cat", extra_body={"shoe_size": 44})
        with pytest.raises(openai.BadRequestError, match="missing"):
            sdk.images.edit(image=[], prompt="a cat")

    def test_a_key_is_asked_for(self, keyed: Running) -> None:
        wrong = openai.OpenAI(base_url=f"{keyed.url}/v1", api_key="x" * 20, max_retries=0)
        with pytest.raises(openai.AuthenticationError, match="key"):
            wrong.models.list()

    def test_who_goes_away_cancels(self, server: Running) -> None:
        sdk = openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=1.0)
        before = server.service.counts["openai", "cancelled"]
        with pytest.raises(openai.APITimeoutError):
            sdk.images.generate(
                prompt="a cat",
                extra_body={"num_inference_steps": 1000, "limner": {"solver": "euler"}},
            )
        until = time.monotonic() + 10
        while server.service.counts["openai", "cancelled"] == before and time.monotonic() < until:
            time.sleep(0.05)
        assert server.service.counts["openai", "cancelled"] == before + 1


class TestWebUI:
    def test_a_picture_with_its_infotext(self, webui: webuiapi.WebUIApi) -> None:
        made = webui.txt2img(
            prompt="a red apple", negative_prompt="blue", seed=5, steps=3, cfg_scale=4,
            sampler_name="Euler a", width=64, height=32, batch_size=2,
        )  # fmt: skip
        assert [image.size for image in made.images] == [(64, 32)] * 2
        assert made.info["all_seeds"] == [5, 6]
        assert made.info["sampler_name"] == "Euler a"
        assert made.parameters["prompt"] == "a red apple"
        said = parse(made.images[1].text["parameters"])
        assert said.fields["seed"] == 6
        found = webui.png_info(made.images[0])
        assert found.info == made.images[0].text["parameters"]
        assert found.parameters["Steps"] == str(made.info["steps"])
        assert found.parameters["Prompt"] == made.info["prompt"]

    def test_what_a_model_cannot_paint_is_painted_smaller_and_said(
        self, webui: webuiapi.WebUIApi
    ) -> None:
        made = webui.txt2img(prompt="a cat", steps=1, sampler_name="DPM++ 2M")
        assert made.image.size == (512, 512)
        assert made.info["extra_generation_params"]["Painted at"] == "16x16"

    def test_a_mask_is_white_where_it_is_painted(self, webui: webuiapi.WebUIApi) -> None:
        old = Image.new("RGB", (16, 16), (200, 10, 10))
        mask = Image.new("L", (16, 16))
        mask.paste(255, (0, 0, 8, 16))
        sent = {"images": [old], "prompt": "a cat", "steps": 2, "mask_blur": 0}
        sent |= {"width": 16, "height": 16, "sampler_name": "Euler", "seed": 1}
        made = webui.img2img(**sent, mask_image=mask, inpainting_fill=1)
        new = np.asarray(made.image.convert("RGB"))
        assert np.array_equal(new[:, 8:], np.asarray(old)[:, 8:])
        assert not np.array_equal(new[:, :8], np.asarray(old)[:, :8])
        turned = webui.img2img(**sent, mask_image=mask, inpainting_mask_invert=1)
        new = np.asarray(turned.image.convert("RGB"))
        assert np.array_equal(new[:, :8], np.asarray(old)[:, :8])

    @pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
    def test_a_mask_that_is_transparent_is_white_where_it_is_opaque(self, mode: str) -> None:
        """Black on nothing, in every mode that says so."""
        mask = Image.new("RGBA", (16, 16))
        mask.paste((0, 0, 0, 255), (0, 0, 8, 16))
        assert np.array_equal(self.read(in_mode(mask, mode)), self.left_half())

    @pytest.mark.parametrize("mode", ["RGBA", "RGB", "LA", "L", "P", "1", "I;16"])
    def test_a_mask_that_is_opaque_all_over_is_white_where_it_is_so(self, mode: str) -> None:
        """As that program has it: a canvas of a browser sends its black and white as RGBA."""
        mask = Image.new("RGB", (16, 16))
        mask.paste((255, 255, 255), (0, 0, 8, 16))
        assert np.array_equal(self.read(in_mode(mask, mode)), self.left_half())

    def read(self, mask: Image.Image) -> np.ndarray:
        """The mask that is come to, of a picture's size."""
        said = {"mask": encoded(as_file(mask)[1])}
        found: Image.Image = edited(said, Image.new("RGB", (16, 16)), (16, 16))["mask"]
        return np.asarray(found)

    def left_half(self) -> np.ndarray:
        return np.repeat([[255] * 8 + [0] * 8], 16, axis=0)

    def test_names_of_samplers_are_those_of_the_program(self) -> None:
        """Its Beta is even in sigma, and its DPM2 leaves a level out."""
        assert sampled({"sampler_name": "Euler", "scheduler": "Beta"}) == {
            "solver": "euler",
            "schedule": "beta_sigmas",
        }
        assert sampled({"sampler_name": "DPM2", "scheduler": "Karras"})["discard_penultimate"]
        assert sampled({"sampler_name": "DPM2", "scheduler": "Automatic"}) == {"solver": "dpm2"}
        assert fields_of({"sampler_name": "DDIM", "eta": 0.5})["eta"] == 0.5
        assert "eta" not in fields_of({"sampler_name": "Euler", "eta": 0.5})

    def test_what_is_not_done_is_told(self, webui: webuiapi.WebUIApi) -> None:
        made = webui.txt2img(prompt="a cat", steps=1, sampler_name="Euler", width=16, height=16)
        assert "Not used" not in made.info["extra_generation_params"]
        made = webui.txt2img(
            prompt="a cat", steps=1, sampler_name="Euler", width=16, height=16, tiling=True,
            override_settings={"eta_noise_seed_delta": 31337},
        )  # fmt: skip
        told = made.info["extra_generation_params"]["Not used"]
        assert told == "tiling, eta_noise_seed_delta"
        assert left_out({"inpainting_fill": 0, "inpaint_full_res": True}) == []
        masked = {"mask": "x", "inpainting_fill": 0, "inpaint_full_res": True}
        assert left_out(masked) == ["inpainting_fill", "inpaint_full_res"]

    def test_progress_and_interrupt(self, webui: webuiapi.WebUIApi) -> None:
        made: list[webuiapi.WebUIApiResult] = []
        thread = threading.Thread(
            target=lambda: made.append(
                webui.txt2img(prompt="a cat", steps=1000, sampler_name="Euler", width=16, height=16)
            )
        )
        thread.start()
        seen, until = [], time.monotonic() + 20
        while time.monotonic() < until:
            seen.append(webui.get_progress())
            if seen[-1]["current_image"] and seen[-1]["state"]["sampling_step"] > 1:
                break
            time.sleep(0.05)
        assert 0 < seen[-1]["progress"] < 1
        assert opened(seen[-1]["current_image"]).size == (16, 16)
        assert webui.interrupt() == {}
        thread.join(20)
        assert made[0].image.size == (16, 16)
        assert "interrupted" in made[0].info["extra_generation_params"]["Warnings"]
        idle = webui.get_progress()
        assert (idle["progress"], idle["state"]["job_count"]) == (0, 0)

    def test_what_there_is(self, webui: webuiapi.WebUIApi) -> None:
        assert webui.util_get_model_names() == ["tiny", "two"]
        assert "DPM++ 2M" in webui.util_get_sampler_names()
        assert "Karras" in [each["label"] for each in webui.get_schedulers()]
        assert webui.get_scripts() == {"txt2img": [], "img2img": []}
        for stub in (webui.get_sd_vae, webui.get_prompt_styles, webui.get_loras):
            assert stub() == []

    def test_a_model_is_chosen_and_stays(self, webui: webuiapi.WebUIApi) -> None:
        whole = webui.get_options()
        assert whole["sd_model_checkpoint"] == "tiny"
        webui.set_options({**whole, "sd_model_checkpoint": "two"})  # as Open WebUI does
        try:
            assert webui.util_get_current_model() == "two"
            made = webui.txt2img(prompt="a cat", steps=1, width=16, height=16)
            assert made.info["sd_model_name"] == "two"
        finally:
            webui.set_options({"sd_model_checkpoint": "tiny"})

    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            ({"sampler_name": "Nope"}, 400),
            ({"sampler_name": "DPM++ 2M Karras"}, 422),  # which this model cannot
            ({"script_name": "x/y/z plot"}, 422),
            ({"alwayson_scripts": {"ControlNet": {"args": [{"image": "x"}]}}}, 422),
            ({"override_settings": {"sd_model_checkpoint": "nope"}}, 404),
            ({"steps": 0}, 422),
            ({"seed": 10**400}, 422),
            ({"steps": -(10**400)}, 422),
            ({"width": 10**400}, 422),
            ({"cfg_scale": 10**400}, 422),
            ({"subseed_strength": 10**400}, 422),
            ({"enable_hr": True, "hr_scale": 10**400}, 422),
            ({"steps": 1e308}, 422),
            ({"steps": 1.5}, 422),
        ],
    )
    def test_what_cannot_be_done_is_refused(
        self, client: httpx2.Client, sent: dict[str, object], status: int
    ) -> None:
        answer = client.post("/sdapi/v1/txt2img", json={"prompt": "a cat", **sent})
        assert answer.status_code == status, answer.text
        assert set(answer.json()) == {"error", "detail", "body", "errors"}

    def test_a_picture_that_is_missing_is_told_as_there(self, client: httpx2.Client) -> None:
        answer = client.post("/sdapi/v1/img2img", json={"prompt": "a cat"})
        assert answer.status_code == 404

    def test_pictures_are_left_out_as_asked(self, client: httpx2.Client) -> None:
        sent = {"prompt": "a cat", "steps": 1, "width": 16, "height": 16, "send_images": False}
        answer = client.post("/sdapi/v1/txt2img", json=sent).json()
        assert answer["images"] == []
        assert json.loads(answer["info"])["steps"] == 1
