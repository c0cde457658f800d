"""Servers measured in turns: CPU of the process for each request, which other load hardly moves."""

import os
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.closed_loop import ClosedLoop, Shot

CONNECTIONS = 64
WARM_UP = 1_500  # requests
OK = frozenset({200, 201, 202, 204})


def cpu_s(pid: int) -> float:
    """Return the CPU that the threads of a process have used, in seconds, to the nanosecond."""
    used = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):  # the thread has ended
            used += int((task / "schedstat").read_text().split()[0])
    return used / 1e9


@dataclass(frozen=True, slots=True)
class Contender:
    """A server, and the requests that it gets."""

    name: str
    pid: int
    port: int
    requests: Iterator[bytes]


@dataclass(slots=True)
class Score:
    """Each round of a contender: CPU in microseconds a request, and latencies."""

    cpu_us: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    share: list[float] = field(default_factory=list)
    """Of a core, which the server got; little of it means that the machine was busy."""

    def add(self, shot: Shot, cpu: float) -> None:
        """Add a round."""
        count = len(shot.latencies_s)
        self.cpu_us.append(cpu / count * 1e6)
        self.rate.append(count / shot.seconds)
        self.p50_ms.append(shot.percentile_ms(50))
        self.p99_ms.append(shot.percentile_ms(99))
        self.share.append(cpu / shot.seconds)

    @property
    def summary(self) -> dict[str, float]:
        """Medians, and the extremes of the CPU."""
        return {
            "cpu_us": statistics.median(self.cpu_us),
            "cpu_us_min": min(self.cpu_us),
            "cpu_us_max": max(self.cpu_us),
            "rate": statistics.median(self.rate),
            "p50_ms": statistics.median(self.p50_ms),
            "p99_ms": statistics.median(self.p99_ms),
            "share": statistics.median(self.share),
        }


async def compete(
    contenders: Sequence[Contender], *, rounds: int, requests: int, connections: int = CONNECTIONS
) -> Mapping[str, Score]:
    """Send so many requests to each in turn, in an order that is reversed each round."""
    scores = {each.name: Score() for each in contenders}
    for each in contenders:
        await _shoot(each, Score(), min(WARM_UP, 2 * requests), connections)
    for number in range(rounds):
        for each in contenders if number % 2 else reversed(contenders):
            await _shoot(each, scores[each.name], requests, connections)
    return scores


async def _shoot(contender: Contender, score: Score, requests: int, connections: int) -> None:
    """Measure a round; on new connections, as a server closes those that wait for long."""
    loop = ClosedLoop()
    await loop.connect(contender.port, connections)
    await loop.shoot(contender.requests, connections)
    before = cpu_s(contender.pid)
    shot = await loop.shoot(contender.requests, requests)
    score.add(shot, cpu_s(contender.pid) - before)
    loop.close()
    assert OK.issuperset(shot.statuses), (contender.name, shot.statuses)


def pin(pid: int, core: int) -> None:
    """Keep all threads of a process on one core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), {core})
