"""Images of a container engine that builds and removes others at the same time.

To inspect or remove one image, podman reads all of them; it fails if another has just come or gone.
"""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import docker
from docker.errors import APIError, BuildError

RETRIED_S = 60.0
PAUSE_S = 0.2

T = TypeVar("T")


def build(engine: docker.DockerClient, tag: str, **options: Any) -> None:
    """Build an image, without the inspection at the end of `images.build`; BuildError."""
    log = list(engine.api.build(tag=tag, rm=True, decode=True, **options))
    for line in log:
        if "error" in line:
            raise BuildError(line["error"], iter(log))


def inspect(engine: docker.DockerClient, tag: str) -> dict[str, Any]:
    """Return what `docker image inspect` prints of an image."""
    return _retried(lambda: engine.api.inspect_image(tag))


def history(engine: docker.DockerClient, tag: str) -> list[dict[str, Any]]:
    """Return the layers of an image, the newest first."""
    return _retried(lambda: engine.api.history(tag))


def remove(engine: docker.DockerClient, tag: str, *, force: bool = False) -> None:
    """Remove a tag, and the image if it has no other; by force with its containers."""
    _retried(lambda: engine.images.remove(tag, force=force))


def _retried(call: Callable[[], T]) -> T:
    """Return the result of a call; APIError if it fails for a minute."""
    deadline = time.monotonic() + RETRIED_S
    while True:
        try:
            return call()
        except APIError:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_S)
