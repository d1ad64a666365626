"""The server under load: arrivals of a Poisson process on the loopback, whatever it is busy with.

    python bench/serving.py                      # the shipped model, 1 and 4 clients' worth of work
    python bench/serving.py --jobs 40 --clients 1 4 8 16

The same jobs are painted (a) one request after another by `painter.paint`, and (b) by the server,
asked at random times at a rate that keeps so many under way. Both are in one process of their own
after another, so that only their ratio says anything on a machine with other work.
"""

from __future__ import annotations

import argparse
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2

import limner

STEPS = 8
HEAD = "a red apple, 3d"


def fields(seed: int, steps: int) -> dict[str, object]:
    return {"prompt": HEAD, "seed": seed, "steps": steps}


def one_by_one(jobs: int, steps: int) -> float:
    """Jobs a second of one request after another."""
    painter = limner.load(device="cpu")
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


def load(client: httpx2.Client, jobs: int, steps: int, rate: float) -> tuple[float, list[float]]:
    """(jobs a second, seconds of each) where jobs come at a rate, not when others are done."""
    chance, found = random.Random(0), list[float]()
    threads = []
    began = time.perf_counter()
    for seed in range(jobs):
        thread = threading.Thread(target=lambda s=seed: found.append(asked(client, s, steps)))
        thread.start()
        threads.append(thread)
        time.sleep(chance.expovariate(rate))
    for thread in threads:
        thread.join()
    return jobs / (time.perf_counter() - began), found


def overhead(client: httpx2.Client, times: int) -> list[float]:
    """Seconds of answers that paint nothing."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        client.get("/api/v1/jobs").raise_for_status()
        found.append(time.perf_counter() - began)
    return found


def cancelling(client: httpx2.Client, times: int) -> list[float]:
    """Seconds from asking for an end to its being told, of jobs under way."""
    found = []
    for seed in range(times):
        made = client.post("/api/v1/jobs", json=fields(seed, 900)).json()
        while client.get(made["links"]["self"]).json()["step"] < 2:
            time.sleep(0.01)
        began = time.perf_counter()
        client.post(made["links"]["cancel"]).raise_for_status()
        found.append(time.perf_counter() - began)
    return found


def streams(client: httpx2.Client, count: int) -> tuple[int, float]:
    """How many of so many streams of one job were told its end, and the seconds of all."""
    made = client.post("/api/v1/jobs", json=fields(1, 30)).json()
    began = time.perf_counter()

    def told(_: int) -> bool:
        return "event: completed" in client.get(made["links"]["events"]).text

    with ThreadPoolExecutor(count) as pool:
        return sum(pool.map(told, range(count))), time.perf_counter() - began


def shown(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"p50 {1000 * statistics.median(ordered):.0f} ms, p95 {1000 * p95:.0f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=8)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--streams", type=int, default=200)
    options = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serial = one_by_one(options.jobs, options.steps)
    print(f"one after another: {serial:.2f} jobs/s")
    command = [sys.executable, "-m", "limner", "serve", "--port", str(port), "--device", "cpu"]
    with tempfile.TemporaryDirectory() as state:
        began = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--model", "emoji", "--state", state], stdout=subprocess.DEVNULL
        )
        limits = httpx2.Limits(max_connections=512)
        client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=120, limits=limits)
        try:
            while True:
                try:
                    if client.get("/health/ready").status_code == 200:
                        break
                except httpx2.TransportError:
                    pass
                time.sleep(0.02)
            print(f"cold to ready: {time.perf_counter() - began:.1f} s")
            asked(client, 0, 1)
            for clients in options.clients:
                rate = serial if clients == 1 else clients * serial
                speed, seconds = load(client, options.jobs, options.steps, rate)
                print(
                    f"arrivals at {rate:.2f} a second: {speed:.2f} jobs/s "
                    f"({speed / serial:.2f} of one after another), {shown(seconds)}"
                )
            print(f"an answer that paints nothing: {shown(overhead(client, 200))}")
            print(f"cancel: {shown(cancelling(client, 5))}")
            told, seconds_of_all = streams(client, options.streams)
            print(f"streams of events told the end: {told} in {seconds_of_all:.1f} s")
        finally:
            client.close()
            process.terminate()
            process.wait(60)


if __name__ == "__main__":
    main()
