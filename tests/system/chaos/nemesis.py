"""Does harm, one fault after the other, each chosen by chance and over before the next."""

import signal
from collections import Counter
from collections.abc import Callable
from random import Random
from time import monotonic

import redis

from tests.support.outages import Breakable
from tests.system.chaos.database import Database
from tests.system.chaos.fleet import LEASE_S, Fleet
from tests.system.chaos.member import Member
from tests.system.chaos.proxy import Mode

TERMINATE = """
    SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


class Nemesis:
    """Inject faults into a fleet and its servers; `faults` counts them."""

    def __init__(self, fleet: Fleet, database: Database, chance: Random) -> None:
        self._fleet, self._database, self._chance = fleet, database, chance
        self.faults: Counter[str] = Counter()
        self._all: tuple[Callable[[], None], ...] = (
            *(self.kill_a_worker,) * 4,
            *(self.pause_a_worker,) * 2,
            self.roll,
            self.kill_the_api,
            self.flush_redis,
            self.lose_redis,
            self.freeze_redis,
            self.fill_redis,
            *(self.crash_postgres,) * 2,
            self.freeze_postgres,
            self.end_sessions,
            *(self.turn_a_proxy,) * 4,
        )

    def inject_faults(self, seconds: float) -> None:
        """Inject all faults in random order, again and again until the time is up."""
        end = monotonic() + seconds
        while monotonic() < end:
            for fault in self._chance.sample(self._all, len(self._all)):
                if monotonic() < end:
                    self.faults[fault.__name__] += 1
                    fault()
                    self._fleet.rest(self._chance.uniform(0, 1))

    def kill_a_worker(self) -> None:
        """kill -9."""
        self._worker().send(signal.SIGKILL)

    def pause_a_worker(self) -> None:
        """Freeze a worker past its lease, then let it continue."""
        worker = self._worker()
        worker.send(signal.SIGSTOP)
        self._wait_out(LEASE_S * 1.5)
        worker.send(signal.SIGCONT)

    def roll(self) -> None:
        """Send SIGTERM to one worker after the other, as a deploy does."""
        for worker in self._fleet.workers:
            worker.send(signal.SIGTERM)
            self._fleet.rest(0.5)

    def kill_the_api(self) -> None:
        """kill -9."""
        self._fleet.api.send(signal.SIGKILL)
        assert self._fleet.wait(self._fleet.api.is_ready)

    def flush_redis(self) -> None:
        """Flush Redis."""
        command(self._fleet.servers.redis_url, "FLUSHALL")

    def lose_redis(self) -> None:
        """Kill Redis and restart it empty."""
        self.flush_redis()
        self._fleet.servers.redis.kill()
        self._wait_out(self._chance.uniform(0.5, 3))
        self._fleet.servers.redis.start()

    def freeze_redis(self) -> None:
        """Freeze Redis, which accepts connections and answers nothing."""
        self._freeze(self._fleet.servers.redis)

    def fill_redis(self) -> None:
        """Fill Redis, so that it refuses writes."""
        command(self._fleet.servers.redis_url, "CONFIG", "SET", "maxmemory", "1")
        self._wait_out(self._chance.uniform(1, 3))
        command(self._fleet.servers.redis_url, "CONFIG", "SET", "maxmemory", "0")

    def crash_postgres(self) -> None:
        """Kill all processes of PostgreSQL, which recovers from its log."""
        self._fleet.servers.postgres.kill()
        self._wait_out(self._chance.uniform(0, 2))
        self._fleet.servers.postgres.start()

    def freeze_postgres(self) -> None:
        """Freeze PostgreSQL past every lease."""
        self._freeze(self._fleet.servers.postgres)

    def end_sessions(self) -> None:
        """Terminate every session of PostgreSQL; wait a second at most for the end of each."""
        self._database.all(TERMINATE)

    def turn_a_proxy(self) -> None:
        """Hold, delay, reset or drop the traffic between one member and PostgreSQL."""
        member = self._chance.choice(self._fleet.members)
        mode = self._chance.choice([mode for mode in Mode if mode is not Mode.PASS])
        self.faults[mode.value] += 1
        member.proxy.turn(mode)
        self._wait_out(self._chance.uniform(1, LEASE_S * 1.5))
        member.proxy.turn(Mode.PASS)

    def _freeze(self, server: Breakable) -> None:
        server.freeze()
        self._wait_out(self._chance.uniform(1, LEASE_S * 1.5))
        server.thaw()

    def _wait_out(self, seconds: float) -> None:
        """Wait while a fault lasts; another fault may kill a worker meanwhile."""
        if self._chance.random() < 0.3:
            self.faults["kill_a_worker"] += 1
            self.kill_a_worker()
        self._fleet.rest(seconds)

    def _worker(self) -> Member:
        return self._chance.choice(self._fleet.workers)


def command(url: str, *words: str) -> object:
    """Run a command of Redis."""
    with redis.Redis.from_url(url, socket_timeout=10) as client:
        return client.execute_command(*words)
