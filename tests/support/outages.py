"""Servers that tests kill, freeze and restart."""

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from jubilee.adapters.embedded.postgres import EmbeddedPostgres
from jubilee.adapters.embedded.servers import EmbeddedServers
from jubilee.adapters.embedded.valkey import EmbeddedValkey


class Breakable:
    """An embedded server that can be killed and frozen."""

    def __init__(self, server: EmbeddedPostgres | EmbeddedValkey) -> None:
        """Wrap a server without starting it."""
        self._server = server

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._server.start()

    def kill(self) -> None:
        """Kill all of its processes at once, as a crash does."""
        self._signal(signal.SIGKILL)
        self._server.stop()

    def freeze(self) -> None:
        """Stop its processes: connections stay open without answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Continue its processes."""
        self._signal(signal.SIGCONT)

    def restore(self) -> None:
        """Make it run again, whether frozen or killed."""
        self.thaw()
        if self._server.pid is None or self._server.exit_code() is not None:
            self._server.start()

    def end(self) -> None:
        """Stop it in order, whether frozen or killed."""
        self.thaw()
        self._server.stop()

    def _signal(self, number: signal.Signals) -> None:
        if self._server.pid is not None and self._server.exit_code() is None:
            send(number, family(self._server.pid))


class OwnServers:
    """A private PostgreSQL and Redis."""

    def __init__(self, servers: EmbeddedServers) -> None:
        """Wrap a pair of servers without starting it."""
        if servers.postgres is None or servers.redis is None:
            raise ValueError("a pair has both")
        self.postgres = Breakable(servers.postgres)
        self.redis = Breakable(servers.redis)
        self.database_url = servers.postgres.url
        self.redis_url = servers.redis.url


def send(number: signal.Signals, pids: Iterable[int]) -> None:
    """Send the signal to each process that still exists."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def family(pid: int) -> list[int]:
    """Return the process and all its descendants, without zombies."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in brackets may contain anything; state and parent follow it.
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents.setdefault(int(parent), []).append(int(stat.parent.name))
    found = [pid]
    for member in found:
        found += parents.get(member, [])
    return found
