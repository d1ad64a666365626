"""The server under load: arrivals of a Poisson process on the loopback, whatever it is busy with.

    python bench/serving.py                          # everything but the soak, the shipped model
    python bench/serving.py --tiny                   # on a tiny model in the shape of SD 1.5,
                                                     # beside diffusers behind a plain queue
    python bench/serving.py --only load --jobs 40 --clients 1 4 8 16
    python bench/serving.py --only soak --minutes 10
    python bench/serving.py --only ready             # cold to ready, three times

The same jobs are painted one after another by `painter.paint`, and by the server, asked at random
times at a rate that keeps so many under way. One comes after the other, so that only their ratio
says anything on a machine with other work, and that little. Processor seconds are those of the
server's own process.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

import limner
from limner.text.tokenizer import Tokenizer

PARTS = ("ready", "load", "overhead", "cancel", "streams", "soak")
HEAD = "a red apple, 3d"
SETTLED = 0.3  # of a soak, from where its growth is counted
Ask = Callable[[int], float]
"""Has the job of a seed done; its seconds."""


@dataclass
class Served:
    """A server that runs. seconds: until it was ready; spent: processor seconds of that."""

    client: httpx2.Client
    process: subprocess.Popen[bytes]
    seconds: float
    spent: float

    @property
    def memory(self) -> float:
        """Megabytes that its process holds."""
        text = Path(f"/proc/{self.process.pid}/status").read_text("utf-8")
        return int(text.split("VmRSS:")[1].split()[0]) / 1000


@contextlib.contextmanager
def running(command: list[str], ready: str) -> Iterator[Served]:
    """A process with a port of its own as its last word, once `ready` is answered."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.perf_counter()
    process = subprocess.Popen([*command, str(port)], stdout=subprocess.DEVNULL)
    limits = httpx2.Limits(max_connections=512)
    client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=600, limits=limits)
    try:
        while True:
            with contextlib.suppress(httpx2.TransportError):
                if client.get(ready).status_code != 503:
                    break
            time.sleep(0.02)
        seconds = time.perf_counter() - began
        yield Served(client, process, seconds, spent(process.pid))
    finally:
        client.close()
        process.terminate()
        process.wait(60)


@contextlib.contextmanager
def serving(model: str) -> Iterator[Served]:
    command = [sys.executable, "-m", "limner", "serve", "--device", "cpu", "--model", f"it={model}"]
    with (
        tempfile.TemporaryDirectory() as state,
        running([*command, "--state", state, "--port"], "/health/ready") as served,
    ):
        yield served


def spent(process: int) -> float:
    """Processor seconds of a process."""
    words = Path(f"/proc/{process}/stat").read_text("utf-8").rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def one_by_one(model: str, jobs: int, steps: int) -> float:
    """Jobs a second of one request after another."""
    painter = limner.load(model, device="cpu")
    painter.generate(HEAD, seed=0, steps=1)
    began = time.perf_counter()
    for seed in range(jobs):
        painter.generate(HEAD, seed=seed, steps=steps)
    return jobs / (time.perf_counter() - began)


def asked(client: httpx2.Client, seed: int, steps: int) -> float:
    """Seconds from asking to the end of one job."""
    began = time.perf_counter()
    made = client.post("/api/v1/jobs", json=fields(seed, steps)).json()
    while True:
        job = client.get(made["links"]["self"], params={"wait": 60}).json()
        if job["status"] == "completed":
            return time.perf_counter() - began
        assert job["status"] in ("queued", "running"), job


def fields(seed: int, steps: int) -> dict[str, object]:
    return {"prompt": HEAD, "seed": seed, "steps": steps}


def load(ask: Ask, jobs: int, rate: float) -> tuple[float, list[float]]:
    """(jobs a second, seconds of each) where jobs come at a rate, not when others are done."""
    chance, found = random.Random(0), list[float]()
    threads = []
    began = time.perf_counter()
    for seed in range(jobs):
        thread = threading.Thread(target=lambda s=seed: found.append(ask(s)))
        thread.start()
        threads.append(thread)
        time.sleep(chance.expovariate(rate))
    for thread in threads:
        thread.join()
    return jobs / (time.perf_counter() - began), found


def loads(name: str, ask: Ask, serial: float, options: argparse.Namespace) -> None:
    ask(0)
    for clients in options.clients:
        speed, seconds = load(ask, options.jobs, clients * serial)
        print(
            f"{name}, {clients} clients: {speed:.2f} jobs/s "
            f"({speed / serial:.2f} of one after another), {shown(seconds)}"
        )


def overhead(client: httpx2.Client, times: int = 200) -> list[float]:
    """Seconds of answers that paint nothing."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        client.get("/api/v1/jobs").raise_for_status()
        found.append(time.perf_counter() - began)
    return found


def cancelling(client: httpx2.Client, times: int) -> tuple[list[float], float]:
    """(seconds from asking for an end to its being told, seconds of an evaluation)."""
    found, steps = [], []
    for seed in range(times):
        made = client.post("/api/v1/jobs", json=fields(seed, 900)).json()
        while client.get(made["links"]["self"]).json()["step"] < 4:
            time.sleep(0.01)
        began = time.perf_counter()
        ended = client.post(made["links"]["cancel"]).json()
        while ended["finished"] is None:
            ended = client.get(made["links"]["self"], params={"wait": 60}).json()
        found.append(time.perf_counter() - began)
        steps.append((ended["finished"] - ended["started"]) / max(1, ended["step"]))
    return found, statistics.median(steps)


def streams(client: httpx2.Client, count: int) -> tuple[int, float]:
    """How many of so many streams of one job were told its end, and the seconds of all."""
    made = client.post("/api/v1/jobs", json=fields(1, 30)).json()
    began = time.perf_counter()

    def told(_: int) -> bool:
        return "event: completed" in client.get(made["links"]["events"]).text

    with ThreadPoolExecutor(count) as pool:
        return sum(pool.map(told, range(count))), time.perf_counter() - began


def soak(served: Served, minutes: float, steps: int) -> str:
    """Jobs of four clients for so long, and what the process has grown by meanwhile."""
    until, done = time.monotonic() + 60 * minutes, list[tuple[int, float]]()
    lock, counted = threading.Lock(), 0

    def client(first: int) -> None:
        nonlocal counted
        seed = first
        while time.monotonic() < until:
            asked(served.client, seed, steps)
            seed += 4
            with lock:
                counted += 1
                done.append((counted, served.memory))

    with ThreadPoolExecutor(4) as pool:
        for each in [pool.submit(client, first) for first in range(4)]:
            each.result()  # which raises where a job was lost
    return f"soak: {counted} jobs in {minutes:g} minutes, none lost; {growth(done)}"


def growth(done: list[tuple[int, float]]) -> str:
    """What a process has grown by, of (jobs, megabytes), once it had settled."""
    settled = [each for each in done if each[0] >= SETTLED * len(done)]
    if len(settled) < 2:
        return "too few to say what it grows by"
    (first, before), (last, after) = settled[0], settled[-1]
    return f"{(after - before) / (last - first) * 1000:.1f} MB a 1000 jobs"


def sd_shaped(folder: Path) -> Path:
    """A model in the shape of Stable Diffusion 1.5, tiny, with random weights."""
    import torch
    from diffusers import (
        AutoencoderKL,
        EulerDiscreteScheduler,
        StableDiffusionPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    torch.manual_seed(0)
    kinds: dict[str, Any] = {"layers_per_block": 1, "norm_num_groups": 8}
    unet = UNet2DConditionModel(
        sample_size=32, block_out_channels=(64, 128), cross_attention_dim=64, attention_head_dim=8,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), **kinds,
    )  # fmt: skip
    vae = AutoencoderKL(
        block_out_channels=(16, 32, 32, 32), latent_channels=4, sample_size=256,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        **kinds,
    )  # fmt: skip
    text = CLIPTextModel(
        CLIPTextConfig(
            hidden_size=64, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4,
            projection_dim=64, bos_token_id=49406, eos_token_id=49407,
        )
    )  # fmt: skip
    chain: dict[str, Any] = {"beta_start": 0.00085, "beta_end": 0.012, "steps_offset": 1}
    chain |= {"beta_schedule": "scaled_linear"}
    Tokenizer.clip().save(folder / "words")
    pipeline = StableDiffusionPipeline(
        unet=unet, vae=vae, text_encoder=text, scheduler=EulerDiscreteScheduler(**chain),
        tokenizer=CLIPTokenizer.from_pretrained(folder / "words"), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipeline.save_pretrained(folder / "model")
    return folder / "model"


def beside(folder: str, serial: float, options: argparse.Namespace) -> None:
    """The same load on diffusers behind a plain queue."""
    script = Path(__file__).with_name("plain_queue.py")
    with running([sys.executable, str(script), folder], "/") as served:

        def ask(seed: int) -> float:
            began = time.perf_counter()
            wish = {**fields(seed, options.steps), "size": [256, 256]}
            served.client.post("/paint", json=wish).raise_for_status()
            return time.perf_counter() - began

        loads("diffusers behind a queue", ask, serial, options)


def measured(served: Served, serial: float, options: argparse.Namespace) -> None:
    client, steps = served.client, options.steps
    asked(client, 0, 1)
    if "load" in options.only:
        loads("limner serve", lambda seed: asked(client, seed, steps), serial, options)
    if "overhead" in options.only:
        print(f"an answer that paints nothing: {shown(overhead(client))}")
    if "cancel" in options.only:
        seconds, step = cancelling(client, options.cancels)
        print(f"cancel: {shown(seconds)}, where an evaluation takes {1000 * step:.0f} ms")
    if "streams" in options.only:
        told, all_of = streams(client, options.streams)
        print(f"streams of events told the end: {told} of {options.streams} in {all_of:.1f} s")
    if "soak" in options.only:
        print(soak(served, options.minutes, steps))


def shown(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"p50 {1000 * statistics.median(ordered):.0f} ms, p95 {1000 * p95:.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS[:-1])
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--cancels", type=int, default=10)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=10.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = str(sd_shaped(Path(folder))) if options.tiny else "emoji"
        if "ready" in options.only:
            for _ in range(3):
                with serving(model) as served:
                    print(
                        f"cold to ready: {served.seconds:.1f} s, {served.spent:.1f} s of a "
                        "processor"
                    )
        if set(options.only) - {"ready"}:
            serial = one_by_one(model, options.jobs, options.steps)
            print(f"one after another: {serial:.2f} jobs/s")
            with serving(model) as served:
                measured(served, serial, options)
            if options.tiny and "load" in options.only:
                beside(model, serial, options)


if __name__ == "__main__":
    main()
