"""Size and start of the image: `python -m tests.benchmarks.image_start [RUNS]`; needs an engine.

A start is timed from the call of the engine to the first 200 of `/health/ready`, beside a
PostgreSQL with the schema and a Redis.
"""

import os
import statistics
import sys
from time import monotonic

import docker
import httpx2

from tests import images
from tests.deploy.conftest import Stack, build_image, started_stack
from tests.support.running import eventually, free_port

RUNS = 5
MB = 10**6


def start_s(stack: Stack) -> float:
    """Start an API and remove it; seconds until it was ready."""
    port = free_port()
    began = monotonic()
    api = stack.command("api", ports={"8000/tcp": ("127.0.0.1", port)})
    try:
        assert eventually(lambda: _is_ready(port)), api.logs().decode()
        return monotonic() - began
    finally:
        api.remove(force=True)
        stack.containers.remove(api)


def _is_ready(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200
    except httpx2.HTTPError:
        return False


def main() -> None:
    """Print the sizes of image and layers, and the starts."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    engine = docker.from_env()
    image = build_image()
    layers = [layer["Size"] / MB for layer in images.history(engine, image)]
    size = images.inspect(engine, image)["Size"] / MB
    with started_stack(engine, image) as stack:
        seconds = sorted(start_s(stack) for _ in range(runs))
    sys.stdout.write(
        f"image {size:.0f} MB; layers, the newest first: "
        + ", ".join(f"{layer:.1f}" for layer in layers if layer >= 0.1)
        + f" MB\nready after {', '.join(f'{each:.2f}' for each in seconds)} s,"
        f" median {statistics.median(seconds):.2f} s; load {os.getloadavg()[0]:.1f}\n"
    )


if __name__ == "__main__":
    main()
