"""Commands in containers with all that they print.

On a busy engine the stream of a short command is attached after it has ended, and is empty: what is
printed is read when the command has ended, from the log or from a file in the container.
"""

import secrets
from typing import Any, NamedTuple

import docker

from tests.deploy.conftest import START_S, eventually

EXECUTE = '"$@" >"$0" 2>&1; echo "$?" >"$0.code"'
READ = 'test -s "$0.code" && echo "$0" && cat "$0" && echo "$0" && cat "$0.code" && echo "$0"'


class Ended(NamedTuple):
    """The exit code of a command, and its output."""

    code: int
    output: str


def run_command(engine: docker.DockerClient, image: str, **options: Any) -> Ended:
    """Run the command of a container of its own; its standard output alone."""
    container = engine.containers.run(image, detach=True, **options)
    try:
        code = container.wait(timeout=START_S)["StatusCode"]
        return Ended(code, container.logs(stderr=False).decode())
    finally:
        container.remove(force=True, v=True)


def execute(container: Any, *command: str, **options: Any) -> Ended:
    """Run a command in a container that runs and whose /tmp its user may write to."""
    path, parts = f"/tmp/{secrets.token_hex(8)}", list[str]()

    def has_ended() -> bool:
        said = container.exec_run(["sh", "-c", READ, path], **options).output.decode()
        parts[:] = said.split(f"{path}\n")
        return len(parts) == 4  # nothing, the output, the code, nothing

    container.exec_run(["sh", "-c", EXECUTE, path, *command], **options)
    assert eventually(has_ended), f"{command} has not ended"
    return Ended(int(parts[2]), parts[1])
