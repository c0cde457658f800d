"""The processes under test: an API and workers, each behind its own proxy to PostgreSQL."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.outages import OwnServers
from tests.support.running import QUICK_HASH, eventually, free_port
from tests.system.chaos.background import Background
from tests.system.chaos.member import Member
from tests.system.chaos.proxy import Mode, Proxy

ROOT = Path(__file__).parents[3]
LEASE_S = 2.0  # seconds
MAX_CRASHES = 100  # what the nemesis, and leases that lapse on a busy machine, do not reach
KILLS = 3  # after which a poisoned job is dead, as by default
DRAIN_S = 2.0  # seconds
WORKER, API = "tests.system.chaos.worker", "tests.system.chaos.api"


class Fleet:
    """Keep the members running, as a supervisor does."""

    def __init__(self, servers: OwnServers, background: Background, at: Path) -> None:
        """Create the fleet without members; logs and data are in `at`."""
        self.servers, self.background, self.at = servers, background, at
        self.members: list[Member] = []
        self._made = 0

    @property
    def workers(self) -> list[Member]:
        """The workers."""
        return [member for member in self.members if member.is_worker]

    @property
    def api(self) -> Member:
        """The first API."""
        return next(member for member in self.members if not member.is_worker)

    def add(self, *, worker: bool = True, skew: float = 0, **env: str) -> Member:
        """Start a member with its clock wrong by `skew` seconds, without waiting for it."""
        self._made += 1
        proxy = Proxy(self.background, _socket(self.servers.database_url)).start()
        skewed = ("tests.system.chaos.skewed", str(skew)) if skew else ()
        member = Member(
            name=f"{'worker' if worker else 'api'}-{self._made}",
            argv=(sys.executable, "-m", *skewed, WORKER if worker else API),
            env={**self._env(proxy), **env},
            at=self.at,
            proxy=proxy,
            is_worker=worker,
        )
        self.members.append(member)
        member.start()
        return member

    @contextmanager
    def extra(self, count: int = 1, **options: Any) -> Iterator[list[Member]]:
        """Run this many more members, which are ready."""
        added = [self.add(**options) for _ in range(count)]
        try:
            assert self.wait(lambda: all(member.is_ready() for member in added)), added[0].text
            yield added
        finally:
            for member in added:
                member.end()
                self.members.remove(member)

    def restart_ended(self) -> None:
        """Restart members that have ended."""
        for member in self.members:
            member.restart_ended()

    def wait(self, holds: Callable[[], object], within: float = 60.0) -> bool:
        """Return whether the condition holds in time; restart ended members meanwhile."""

        def holds_once_all_run() -> bool:
            self.restart_ended()
            return bool(holds())

        return eventually(holds_once_all_run, within)

    def rest(self, seconds: float) -> None:
        """Sleep; restart ended members meanwhile."""
        end = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() >= end, seconds + 1)

    def heal(self) -> None:
        """End all faults and wait until each member is ready."""
        self.servers.postgres.restore()
        self.servers.redis.restore()
        for member in self.members:
            member.wanted = True
            member.proxy.turn(Mode.PASS)
            member.send(signal.SIGCONT)
        assert self.wait(lambda: all(member.is_ready() for member in self.members))

    def end(self) -> None:
        """End all members."""
        for member in self.members:
            member.end()

    def _env(self, proxy: Proxy) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
            "PORT": str(free_port()),
            "DATA_DIR": str(self.at / "data"),
            "DATABASE_URL": f"postgresql://jubilee@127.0.0.1:{proxy.port}/jubilee",
            "DATABASE_POOL_SIZE": "8",
            "REDIS_URL": self.servers.redis_url,
            "LEASE_SECONDS": str(LEASE_S),
            "JOB_MAX_CRASHES": str(MAX_CRASHES),
            "SHUTDOWN_TIMEOUT": str(DRAIN_S),
            **QUICK_HASH,
            "TASKS_LIVE_PER_USER": "1000000",
            "ACCESS_TOKEN_EXPIRE_MINUTES": "1000",
        }


def _socket(database_url: str) -> str:
    return parse_qs(urlsplit(database_url).query)["host"][0] + "/.s.PGSQL.5432"
