"""`jubilee health`: the check of one process, for container engines.

It runs every few seconds, so it reads no settings, only the variables it needs: loading all of them
takes longer than the check.
"""

import http.client
import json
import os
import sys
from argparse import Namespace
from pathlib import Path

from jubilee.entrypoints.local.addresses import WILDCARDS
from jubilee.entrypoints.processes.heartbeat_file import HeartbeatFile

READY_PATH = "/health/ready"
TIMEOUT_S = 4.0  # longer than the API's own limit for the check
MAX_BODY_BYTES = 64 * 1024
MAIN_PROCESS = Path("/proc/1/cmdline")


def health(chosen: Namespace) -> int:
    """Print one line about the process; return 0 if it is healthy, else 1."""
    checks = {"api": _api_problem, "worker": _worker_problem}
    name = chosen.process or next((word for word in _main_command() if word in checks), None)
    if name is None:
        sys.stdout.write("neither an API nor a worker runs here\n")
        return 0
    problem = checks[name]()
    sys.stdout.write(f"{name}: {problem or 'healthy'}\n")
    return 1 if problem else 0


def _main_command() -> list[str]:
    """Return the command line of the container's first process; empty if it cannot be read."""
    try:
        return MAIN_PROCESS.read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def _api_problem() -> str | None:
    given, port = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"
    host = WILDCARDS.get(given, given)
    try:
        status, body = _get(host, int(port))
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return f"no answer from {host} port {port}: {reason}"
    return None if status == http.client.OK else _not_ready(status, body)


def _get(host: str, port: int) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", READY_PATH)
        response = connection.getresponse()
        return response.status, response.read(MAX_BODY_BYTES)
    finally:
        connection.close()


def _not_ready(status: int, body: bytes) -> str:
    """Name what is missing, as the problem document does."""
    try:
        checks = json.loads(body)["checks"]
        return "not ready: " + ", ".join(f"{name} {state}" for name, state in checks.items())
    except (ValueError, LookupError, TypeError, AttributeError):
        return f"answered {status}"


def _worker_problem() -> str | None:
    path = os.environ.get("WORKER_HEARTBEAT_FILE")
    if not path:
        return "WORKER_HEARTBEAT_FILE is not set"
    return HeartbeatFile(Path(path)).problem()
