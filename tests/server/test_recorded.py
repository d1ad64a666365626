"""What Open WebUI and SillyTavern send, in their order and with their keys, and what they read.

Both are programs, not packages: their requests are written down here as they make them.
"""

from __future__ import annotations

import base64
import io
import threading
import time
from typing import Any

import httpx2
import pytest
from PIL import Image
from running import ANN, Running

API = "/sdapi/v1"
SAID = {"prompt": "a red apple", "batch_size": 1, "width": 64, "height": 32}


def basic(key: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{key}".encode()).decode()


def picture(answer: httpx2.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(base64.b64decode(answer.json()["images"][0])))


class TestOpenWebUI:
    """An engine called `automatic1111`: its settings are looked at, a model set, pictures asked."""

    @pytest.mark.parametrize("headers", [{}, {"authorization": ""}])
    def test_without_a_key(self, server: Running, headers: dict[str, str]) -> None:
        """It sends an empty Authorization where none is set."""
        with httpx2.Client(base_url=server.url, headers=headers, timeout=30) as client:
            self.used(client, "two")
            self.used(client, "tiny")

    def test_with_a_key(self, keyed: Running) -> None:
        with httpx2.Client(base_url=keyed.url, timeout=30) as client:
            client.headers["authorization"] = basic(ANN)
            self.used(client, "two")
            client.headers["authorization"] = basic("x" * 20)
            refused = client.get(f"{API}/options")
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("Basic")

    def used(self, client: httpx2.Client, model: str) -> None:
        """All that it does: look, list, set a model if it is another one, paint."""
        assert client.get(f"{API}/options").status_code == 200
        listed = [
            (each["title"], each["model_name"]) for each in client.get(f"{API}/sd-models").json()
        ]
        assert (model, model) in listed
        options = client.get(f"{API}/options").json()
        if options["sd_model_checkpoint"] != model:
            options["sd_model_checkpoint"] = model  # and the whole of it is sent back
            assert client.post(f"{API}/options", json=options).status_code == 200
        assert client.get(f"{API}/options").json()["sd_model_checkpoint"] == model
        more = {"steps": 2, "negative_prompt": "blue", "cfg_scale": 4.0, "sampler_name": "Euler"}
        made = client.post(f"{API}/txt2img", json={**SAID, **more, "scheduler": "Automatic"})
        assert picture(made).size == (64, 32)
        assert made.json()["info"]
        assert f'"sd_model_name": "{model}"' in made.json()["info"]


class TestSillyTavern:
    """Its extension sets a model, waits until nothing is under way, and paints."""

    def test_all_that_it_asks(self, client: httpx2.Client) -> None:
        assert client.get(f"{API}/options").status_code == 200
        for name in ("sd-models", "samplers", "schedulers", "upscalers", "sd-vae"):
            assert isinstance(client.get(f"{API}/{name}").json(), list)
        assert client.get(f"{API}/latent-upscale-modes").json() == []
        assert "forge_preset" not in client.get(f"{API}/options").json()
        assert (
            client.post(f"{API}/options", json={"sd_model_checkpoint": "tiny"}).status_code == 200
        )
        until = time.monotonic() + 20
        while time.monotonic() < until:
            said = client.get(f"{API}/progress").json()
            if said["progress"] == 0.0 and said["state"]["job_count"] == 0:
                break
            time.sleep(0.05)
        assert said["state"]["job_count"] == 0
        assert picture(client.post(f"{API}/txt2img", json=self.wish())).size == (64, 32)

    def test_who_leaves_interrupts(self, server: Running, client: httpx2.Client) -> None:
        found: list[httpx2.Response] = []
        wish = self.wish(steps=1000)
        thread = threading.Thread(
            target=lambda: found.append(client.post(f"{API}/txt2img", json=wish))
        )
        thread.start()
        with server.client() as other:
            until = time.monotonic() + 20
            while not other.get(f"{API}/progress").json()["progress"] and time.monotonic() < until:
                time.sleep(0.05)
            assert other.post(f"{API}/interrupt").json() == {}
        thread.join(20)
        assert picture(found[0]).size == (64, 32)

    def wish(self, steps: int = 2) -> dict[str, Any]:
        return {
            **SAID, "negative_prompt": "blue", "sampler_name": "Euler", "scheduler": "Automatic",
            "steps": steps, "cfg_scale": 5, "seed": -1, "clip_skip": 1, "n_iter": 1,
            "restore_faces": False, "enable_hr": False, "hr_upscaler": "Latent", "hr_scale": 2,
            "denoising_strength": 0.7, "hr_second_pass_steps": 0, "save_images": True,
            "send_images": True, "do_not_save_grid": False, "do_not_save_samples": False,
            "override_settings": {"CLIP_stop_at_last_layers": 1, "sd_vae": "Automatic"},
            "override_settings_restore_afterwards": True, "alwayson_scripts": {},
        }  # fmt: skip
