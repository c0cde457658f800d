"""PgBouncer in transaction mode between the tests and PostgreSQL; needs a container engine."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import docker

from tests import images

IMAGE = "localhost/jubilee-test-pgbouncer"
FOLDER = Path(__file__).parents[1] / "deploy/compose/pgbouncer"
"""The image is that of compose, the configuration is not."""

START = 'echo "$CONFIG" > /tmp/pgbouncer.ini; exec pgbouncer /tmp/pgbouncer.ini'
# Round robin: a client's next transaction hardly ever runs on the same connection to the server.
CONFIG = """
[databases]
* = host={host} port={port} user={user} password={password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
auth_type = any
pool_mode = transaction
max_prepared_statements = 200
default_pool_size = {size}
max_client_conn = 1000
server_round_robin = 1
server_idle_timeout = 5
"""
START_TIMEOUT_S = 300


@contextmanager
def pooler(database_url: str, *, size: int = 20) -> Iterator[str]:
    """Yield the URL of the pooler, without a database; `size` connections to each database."""
    engine = docker.from_env(timeout=START_TIMEOUT_S)
    images.build(engine, IMAGE, path=str(FOLDER), dockerfile="Containerfile")
    server, port = urlsplit(database_url), _free_port()
    config = CONFIG.format(
        host=server.hostname,
        port=server.port,
        user=server.username,
        password=server.password,
        own_port=port,
        size=size,
    )
    container = engine.containers.run(
        IMAGE,
        entrypoint=["sh", "-c", START],
        environment={"CONFIG": config},
        network_mode="host",
        detach=True,
    )
    try:
        _wait(port)
        yield f"postgresql://{server.username}@127.0.0.1:{port}"
    finally:
        container.remove(force=True, v=True)
        engine.close()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
