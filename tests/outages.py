"""Servers that a test may kill, freeze and start again."""

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from jubilee.adapters.embedded.postgres import EmbeddedPostgres
from jubilee.adapters.embedded.servers import EmbeddedServers
from jubilee.adapters.embedded.valkey import EmbeddedValkey


class Breakable:
    """One embedded server with the ways in which servers go away."""

    def __init__(self, server: EmbeddedPostgres | EmbeddedValkey) -> None:
        """Nothing is started yet."""
        self._server = server

    def start(self) -> None:
        """Run, and answer when this returns."""
        self._server.start()

    def kill(self) -> None:
        """End all of its processes at once, as a crash does."""
        self._signal(signal.SIGKILL)
        self._server.stop()

    def freeze(self) -> None:
        """It keeps its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on where it was frozen."""
        self._signal(signal.SIGCONT)

    def restore(self) -> None:
        """It runs, whatever was done to it before."""
        self.thaw()
        if self._server.pid is None or self._server.exit_code() is not None:
            self._server.start()

    def end(self) -> None:
        """Stop it in good order, frozen or killed before or not."""
        self.thaw()
        self._server.stop()

    def _signal(self, number: signal.Signals) -> None:
        if self._server.pid is not None and self._server.exit_code() is None:
            send(number, family(self._server.pid))


class OwnServers:
    """A private pair of servers."""

    def __init__(self, servers: EmbeddedServers) -> None:
        """The pair is not started yet."""
        if servers.postgres is None or servers.redis is None:
            raise ValueError("a pair has both")
        self.postgres = Breakable(servers.postgres)
        self.redis = Breakable(servers.redis)
        self.database_url = servers.postgres.url
        self.redis_url = servers.redis.url


def send(number: signal.Signals, pids: Iterable[int]) -> None:
    """Send each the signal; one that died with its parent in the meantime needs none."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def family(pid: int) -> list[int]:
    """The process and all that descend from it, zombies left out."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name in brackets may hold anything; state and parent come after it.
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents.setdefault(int(parent), []).append(int(stat.parent.name))
    found = [pid]
    for member in found:
        found += parents.get(member, [])
    return found
