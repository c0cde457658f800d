"""The processes under test: an API and workers, each with a proxy of its own to PostgreSQL."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.outages import OwnServers
from tests.support.running import eventually, free_port
from tests.system.chaos.background import Background
from tests.system.chaos.member import Member
from tests.system.chaos.proxy import Mode, Proxy

ROOT = Path(__file__).parents[3]
LEASE = 2.0  # seconds
MAX_CRASHES = 9  # the nemesis kills the workers of innocent jobs far more often than it happens
DRAIN = 2.0  # seconds
WORKER, API = "tests.system.chaos.worker", "tests.system.chaos.api"


class Fleet:
    """Keeps its members running, as a supervisor does."""

    def __init__(self, servers: OwnServers, background: Background, at: Path) -> None:
        """Nobody runs yet; logs and data lie in `at`."""
        self.servers, self.background, self.at = servers, background, at
        self.members: list[Member] = []
        self._made = 0

    @property
    def workers(self) -> list[Member]:
        """Those that do the work."""
        return [member for member in self.members if member.is_worker]

    @property
    def api(self) -> Member:
        """The first one."""
        return next(member for member in self.members if not member.is_worker)

    def add(self, *, worker: bool = True, skew: float = 0, **env: str) -> Member:
        """Start one more, its clock wrong by `skew` seconds; it may not be ready yet."""
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
        """So many more that are ready, for a while."""
        added = [self.add(**options) for _ in range(count)]
        try:
            assert self.wait(lambda: all(member.is_ready() for member in added)), added[0].text
            yield added
        finally:
            for member in added:
                member.end()
                self.members.remove(member)

    def tend(self) -> None:
        """Start again who has ended."""
        for member in self.members:
            member.tend()

    def wait(self, holds: Callable[[], object], within: float = 60.0) -> bool:
        """Whether it comes to hold in time, while who ends is started again."""

        def tended() -> bool:
            self.tend()
            return bool(holds())

        return eventually(tended, within)

    def rest(self, seconds: float) -> None:
        """Let time pass, while who ends is started again."""
        end = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() >= end, seconds + 1)

    def heal(self) -> None:
        """Whatever was done to them and their servers is over: each member is ready."""
        self.servers.postgres.restore()
        self.servers.redis.restore()
        for member in self.members:
            member.wanted = True
            member.proxy.turn(Mode.PASS)
            member.send(signal.SIGCONT)
        assert self.wait(lambda: all(member.is_ready() for member in self.members))

    def end(self) -> None:
        """All of them are gone."""
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
            "LEASE_SECONDS": str(LEASE),
            "JOB_MAX_CRASHES": str(MAX_CRASHES),
            "SHUTDOWN_TIMEOUT": str(DRAIN),
            "TASKS_LIVE_PER_USER": "1000000",
            "ACCESS_TOKEN_EXPIRE_MINUTES": "1000",
        }


def _socket(database_url: str) -> str:
    return parse_qs(urlsplit(database_url).query)["host"][0] + "/.s.PGSQL.5432"
