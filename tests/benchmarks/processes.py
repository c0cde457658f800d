"""Memory and CPU of processes over time, and whether they stay flat."""

import asyncio
import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import monotonic

SAMPLE_INTERVAL_S = 2.0
MAX_MEMORY_GROWTH = 0.02  # from the second quarter to the last one; less is noise
MAX_CPU_GROWTH = 0.15
MIB = 2**20
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Sample:
    """A process at a moment, with its children."""

    at: float
    cpu_s: float
    rss_mib: float


@dataclass(frozen=True, slots=True)
class Growth:
    """From the second quarter of a phase to its last one, as medians."""

    before: float
    after: float

    @property
    def ratio(self) -> float:
        """By how much of the earlier value it has grown."""
        return self.after / self.before - 1 if self.before else 0.0


@dataclass(frozen=True, slots=True)
class Phase:
    """The samples of one process in a phase of the measurement, which are four at least."""

    samples: Sequence[Sample]

    @property
    def cpu_s(self) -> float:
        """CPU that the process used, in seconds."""
        return self.samples[-1].cpu_s - self.samples[0].cpu_s

    @property
    def cores(self) -> float:
        """CPU that it used, in cores."""
        return self.cpu_s / (self.samples[-1].at - self.samples[0].at)

    @property
    def rss_mib(self) -> float:
        """The most memory that it had."""
        return max(sample.rss_mib for sample in self.samples)

    @property
    def memory_growth(self) -> Growth:
        """In MiB."""
        return _growth([sample.rss_mib for sample in self.samples])

    @property
    def cpu_growth(self) -> Growth:
        """In cores."""
        return _growth([(b.cpu_s - a.cpu_s) / (b.at - a.at) for a, b in pairwise(self.samples)])

    @property
    def is_flat(self) -> bool:
        """Whether neither memory nor CPU grow."""
        memory, cpu = self.memory_growth.ratio, self.cpu_growth.ratio
        return memory <= MAX_MEMORY_GROWTH and cpu <= MAX_CPU_GROWTH


async def sample(pids: Mapping[str, int], seconds: float) -> Mapping[str, Phase]:
    """Look at the processes at intervals, for so long; children count as part of their parent."""
    taken: dict[str, list[Sample]] = {name: [] for name in pids}
    interval, until = min(SAMPLE_INTERVAL_S, seconds / 8), monotonic() + seconds
    while monotonic() < until:
        for name, pid in pids.items():
            taken[name].append(look(pid))
        await asyncio.sleep(interval)
    return {name: Phase(samples) for name, samples in taken.items()}


def machine_cpu_s() -> float:
    """CPU that all processes of the machine have used since it started."""
    user, nice, system, _, _, interrupts, soft = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:8]
    )
    return (user + nice + system + interrupts + soft) / TICKS_PER_S


def look(pid: int) -> Sample:
    """Look at the process and its children; at this one alone, as all others descend from it."""
    members = [pid] if pid == os.getpid() else [pid, *_children(pid)]
    rss_mib = sum(map(_rss_bytes, members)) / MIB
    return Sample(monotonic(), sum(map(_cpu_s, members)), rss_mib)


def _children(pid: int) -> list[int]:
    """Those of its first thread, by a file that costs microseconds: PostgreSQL's have no others."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _cpu_s(pid: int) -> float:
    """Its own, and that of children that have ended."""
    fields = _read(pid, "stat").rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS_PER_S


def _rss_bytes(pid: int) -> int:
    fields = _read(pid, "statm").split()
    return int(fields[1]) * PAGE_BYTES if fields else 0


def _read(pid: int, name: str) -> str:
    """Read a file of the process; empty if it has just ended."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _growth(values: Sequence[float]) -> Growth:
    quarter = max(1, len(values) // 4)
    return Growth(
        statistics.median(values[quarter : 2 * quarter]), statistics.median(values[-quarter:])
    )
