"""`jubilee up`: servers, migrations and the service's own processes under one roof.

Starts the servers, migrates, starts the children; restarts whatever dies, ever more slowly; on a
signal drains the children first and stops the servers last. Nothing it started outlives it.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TextIO

from jubilee.entrypoints.exit_codes import BAD_CONFIGURATION
from jubilee.entrypoints.local.addresses import answers, require_free
from jubilee.entrypoints.local.restarts import Kept
from jubilee.entrypoints.local.signals import Interrupts, Stopped

DRAIN_MARGIN = 3.0  # seconds on top of what the children themselves may take


class Process(Protocol):
    """A started child, as subprocess.Popen is one."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    def wait(self) -> int: ...


class Server(Protocol):
    """An embedded server: `start` returns when it answers, `stop` when it is gone."""

    @property
    def name(self) -> str: ...
    @property
    def where(self) -> str: ...
    @property
    def pid(self) -> int | None: ...
    def exit_code(self) -> int | None: ...
    def start(self, pause: Callable[[float], None]) -> None: ...
    def stop(self) -> None: ...


class Claim(Protocol):
    """The data folder while it is ours, with a file that says which processes run."""

    def write(self, pids: Mapping[str, int]) -> None: ...
    def release(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Child:
    """A process of the service itself."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """All that one `jubilee up` is; `claim` raises OSError where the data are taken.

    `greeting` is printed once `live`, a path, answers; `patience` is what the children may take to
    end, in seconds.
    """

    host: str
    port: int
    claim: Callable[[], Claim]
    spawn: Callable[[Child], Process]
    servers: tuple[Server, ...]
    migrate: Child
    children: tuple[Child, ...]
    live: str
    greeting: tuple[str, ...]
    patience: float


def supervise(plan: Plan) -> int:
    """Run the plan until a signal ends it; returns the exit code."""
    with Interrupts() as interrupts, contextlib.ExitStack() as taken:
        try:
            claim = plan.claim()
            taken.callback(claim.release)
            require_free(plan.host, plan.port)
            return _Household(plan, claim, interrupts).run()
        except Stopped:
            return 0
        except OSError as error:
            say(f"jubilee: {error}", sys.stderr)
            return 1


def say(line: str, to: TextIO | None = None) -> None:
    """Write the line; a reader that went away does not matter."""
    with contextlib.suppress(OSError, ValueError):
        stream = to or sys.stdout
        stream.write(f"{line}\n")
        stream.flush()


class _Household:
    """What runs now, and how to end it."""

    def __init__(self, plan: Plan, claim: Claim, interrupts: Interrupts) -> None:
        self._plan = plan
        self._claim = claim
        self._interrupts = interrupts
        self._processes: dict[str, Process] = {}
        self._servers: list[Server] = []
        self._kept: list[Kept] = []
        self._greeted = False

    def run(self) -> int:
        """Start all, watch until the end, end all; raises Stopped or OSError."""
        try:
            for server in self._plan.servers:
                self._add_server(server)
            if code := self._migrate():
                return code
            for child in self._plan.children:
                self._keep(child.name, partial(self._spawn, child), partial(self._code, child))
            return self._watch()
        finally:
            self._drain()
            for server in reversed(self._servers):
                server.stop()

    def _add_server(self, server: Server) -> None:
        self._servers.append(server)
        start = partial(server.start, self._interrupts.pause)
        self._keep(server.name, start, server.exit_code)
        say(f"{server.name}: {server.where}")

    def _keep(
        self, name: str, start: Callable[[], None], exit_code: Callable[[], int | None]
    ) -> None:
        kept = Kept(name, start, exit_code)
        kept.begin()
        self._kept.append(kept)
        self._record()

    def _spawn(self, child: Child) -> None:
        self._processes[child.name] = self._plan.spawn(child)

    def _code(self, child: Child) -> int | None:
        return self._processes[child.name].poll()

    def _migrate(self) -> int:
        """Bring the schema to the head; returns the command's exit code."""
        self._spawn(self._plan.migrate)
        while (code := self._code(self._plan.migrate)) is None:
            self._interrupts.pause(1)
        del self._processes[self._plan.migrate.name]
        if code:
            say(f"jubilee: {self._plan.migrate.name} failed", sys.stderr)
        return code

    def _watch(self) -> int:
        while not self._is_refused():
            restarted = [kept.tend(say) for kept in self._kept]
            if any(restarted):
                self._record()
            self._greet()
            self._interrupts.pause(self._rest())
        say("jubilee: the settings or the schema do not fit this version", sys.stderr)
        return BAD_CONFIGURATION

    def _is_refused(self) -> bool:
        return any(self._code(child) == BAD_CONFIGURATION for child in self._plan.children)

    def _greet(self) -> None:
        if not self._greeted and answers(self._plan.host, self._plan.port, self._plan.live):
            self._greeted = True
            for line in self._plan.greeting:
                say(line)

    def _rest(self) -> float:
        """Seconds until there is something to do; the end of a child wakes us by itself."""
        waits = [wait for kept in self._kept if (wait := kept.wait()) is not None]
        return min([*waits, 5.0 if self._greeted else 0.1])

    def _record(self) -> None:
        pids = {name: process.pid for name, process in self._processes.items()}
        for server in self._servers:
            if server.pid is not None:
                pids[server.name] = server.pid
        self._claim.write(pids)

    def _drain(self) -> None:
        """End the children: asked at first, killed when time is up or a second signal came."""
        asked = self._interrupts.asked
        deadline = time.monotonic() + self._plan.patience + DRAIN_MARGIN
        if self._alive():
            say("stopping")
        for process in self._alive():
            process.terminate()
        while self._alive() and self._interrupts.asked == asked and time.monotonic() < deadline:
            self._interrupts.wait(0.2)
        for process in self._alive():
            process.kill()
            process.wait()

    def _alive(self) -> list[Process]:
        return [process for process in self._processes.values() if process.poll() is None]
