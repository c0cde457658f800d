"""The embedded servers of one data folder."""

import time
from pathlib import Path

from jubilee.adapters.embedded.postgres import EmbeddedPostgres
from jubilee.adapters.embedded.process import Pause
from jubilee.adapters.embedded.sockets import socket_folder
from jubilee.adapters.embedded.valkey import EmbeddedValkey


class EmbeddedServers:
    """PostgreSQL, Valkey or both on one data folder.

    Their URLs are known before `start`, which is the first to write to the disk.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        want_postgres: bool = True,
        want_redis: bool = True,
        durable: bool = True,
    ) -> None:
        """`durable=False` turns PostgreSQL's fsync off, for tests."""
        data, sockets = data_dir.absolute(), socket_folder(data_dir)
        self.postgres = EmbeddedPostgres(data, sockets, durable=durable) if want_postgres else None
        self.redis = EmbeddedValkey(data, sockets) if want_redis else None

    @property
    def database_url(self) -> str | None:
        """`postgresql://jubilee@/jubilee?host=...`; None without an embedded PostgreSQL."""
        return self.postgres.url if self.postgres else None

    @property
    def redis_url(self) -> str | None:
        """`unix://...`; None without an embedded Valkey."""
        return self.redis.url if self.redis else None

    @property
    def each(self) -> tuple[EmbeddedPostgres | EmbeddedValkey, ...]:
        """The servers in the order of their start."""
        return tuple(server for server in (self.postgres, self.redis) if server is not None)

    def start(self, pause: Pause = time.sleep) -> None:
        """Start all servers; if one fails, stop the others and raise ServerFailed."""
        try:
            for server in self.each:
                server.start(pause)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the servers in reverse order."""
        for server in reversed(self.each):
            server.stop()
