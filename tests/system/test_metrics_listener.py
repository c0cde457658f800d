"""The metrics of an API in production, on their own port."""

import socket
from pathlib import Path

import httpx2

from tests.servers import Servers
from tests.support.api import Starter, run
from tests.support.running import free_port

PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "a key of brass, 32 bytes at least: 0123456789",
}


def test_metrics_are_served_only_on_their_port(
    start_api: Starter, servers: Servers, database_url: str
) -> None:
    port = free_port()
    given = {**PRODUCTION, "METRICS_PORT": str(port)}
    api = start_api(database_url, servers.redis_url, **given).ready()
    assert api.ask("/metrics").status_code == 404
    answer = httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=10)
    assert "http_requests_total" in answer.text
    assert any("metrics listener started" in line for line in api.lines)


def test_a_taken_metrics_port_is_refused_with_its_setting(
    tmp_path: Path, servers: Servers, database_url: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        urls = {"DATABASE_URL": database_url, "REDIS_URL": servers.redis_url}
        done = run(
            tmp_path, "api", PORT=str(free_port()), METRICS_PORT=str(port), **PRODUCTION, **urls
        )
    assert done.returncode == 78
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"jubilee: METRICS_PORT={port}: cannot listen there on 127.0.0.1")
    assert said.endswith("or METRICS_PORT=0 for /metrics beside the API")
