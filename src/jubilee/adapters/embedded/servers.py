"""The embedded servers of one data folder."""

import time
from pathlib import Path

from jubilee.adapters.embedded.postgres import EmbeddedPostgres
from jubilee.adapters.embedded.process import Pause
from jubilee.adapters.embedded.sockets import socket_folder
from jubilee.adapters.embedded.valkey import EmbeddedValkey


class EmbeddedServers:
    """PostgreSQL and Valkey over one data folder, whichever of them are wanted.

    The addresses are known before the start; nothing is made on disk until then.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        want_postgres: bool = True,
        want_redis: bool = True,
        durable: bool = True,
    ) -> None:
        """`durable=False` lets PostgreSQL skip fsync: for tests alone."""
        place, folder = data_dir.absolute(), socket_folder(data_dir)
        self.postgres = EmbeddedPostgres(place, folder, durable=durable) if want_postgres else None
        self.redis = EmbeddedValkey(place, folder) if want_redis else None

    @property
    def database_url(self) -> str | None:
        """`postgresql://jubilee@/jubilee?host=...`, None when PostgreSQL is not wanted."""
        return self.postgres.url if self.postgres else None

    @property
    def redis_url(self) -> str | None:
        """`unix://...`, None when Valkey is not wanted."""
        return self.redis.url if self.redis else None

    @property
    def each(self) -> tuple[EmbeddedPostgres | EmbeddedValkey, ...]:
        """The wanted servers in the order of their start."""
        return tuple(server for server in (self.postgres, self.redis) if server is not None)

    def start(self, pause: Pause = time.sleep) -> None:
        """Start them all or none; raises ServerFailed."""
        try:
            for server in self.each:
                server.start(pause)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End them, the last first."""
        for server in reversed(self.each):
            server.stop()
