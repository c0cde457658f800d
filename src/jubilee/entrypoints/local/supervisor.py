"""`jubilee up`: supervises the servers, the migrations and the service's processes.

Starts the servers, migrates, starts the children; restarts each process that ends,
after growing delays; on SIGUSR1 migrates and starts the children anew, beside the same servers;
on any other signal drains the children first and stops the servers last.
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
from jubilee.entrypoints.local.child_process import ChildProcess
from jubilee.entrypoints.local.restarts import RestartPolicy
from jubilee.entrypoints.local.signals import SignalWaiter, StopRequested


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


class RunLock(Protocol):
    """The exclusive lock of the data folder, and its file that lists the running processes."""

    def write(self, pids: Mapping[str, int]) -> None: ...
    def release(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ChildCommand:
    """Command line and environment of a process of the service."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LocalStack:
    """What one `jubilee up` runs; `lock` raises OSError where the data folder is in use.

    `ready_lines` are printed once `live_path` answers; the children have `drain_timeout` seconds
    to end.
    """

    host: str
    port: int
    lock: Callable[[], RunLock]
    spawn: Callable[[ChildCommand], ChildProcess]
    servers: tuple[Server, ...]
    migrate: ChildCommand
    children: tuple[ChildCommand, ...]
    live_path: str
    ready_lines: tuple[str, ...]
    drain_timeout: float


def supervise(plan: LocalStack) -> int:
    """Run the plan until a signal ends it; returns the exit code."""
    with SignalWaiter() as interrupts, contextlib.ExitStack() as taken:
        try:
            claim = plan.lock()
            taken.callback(claim.release)
            require_free(plan.host, plan.port)
            return _Supervisor(plan, claim, interrupts).run()
        except StopRequested:
            return 0
        except OSError as error:
            say(f"jubilee: {error}", sys.stderr)
            return 1


def say(line: str, to: TextIO | None = None) -> None:
    """Write the line; ignore an output that was closed."""
    with contextlib.suppress(OSError, ValueError):
        stream = to or sys.stdout
        stream.write(f"{line}\n")
        stream.flush()


def _say_postponed(name: str, reason: str, delay_s: float) -> None:
    say(f"{reason}; starting {name} again in {delay_s:g} s")


class _Supervisor:
    """The running servers and processes of a local stack."""

    def __init__(self, plan: LocalStack, lock: RunLock, signals: SignalWaiter) -> None:
        self._plan = plan
        self._lock = lock
        self._signals = signals
        self._processes: dict[str, ChildProcess] = {}
        self._servers: list[Server] = []
        self._restarts: dict[str, RestartPolicy] = {}
        self._restarts_done = 0
        self._announced = False

    def run(self) -> int:
        """Start all, watch until the end, end all; raises StopRequested or OSError."""
        try:
            for server in self._plan.servers:
                self._add_server(server)
            return self._start_children() or self._watch()
        finally:
            self._drain()
            for server in reversed(self._servers):
                server.stop()

    def _add_server(self, server: Server) -> None:
        self._servers.append(server)
        start = partial(server.start, self._signals.pause)
        self._start_restarting(server.name, start, server.exit_code)
        say(f"{server.name}: {server.where}")

    def _start_restarting(
        self, name: str, start: Callable[[], None], exit_code: Callable[[], int | None]
    ) -> None:
        policy = RestartPolicy(name, start, exit_code)
        policy.start_now()
        self._restarts[name] = policy
        self._record()

    def _start_children(self) -> int:
        """Migrate, then start the API and the worker; returns the migration's exit code."""
        if code := self._migrate():
            return code
        for child in self._plan.children:
            start = partial(self._spawn, child)
            self._start_restarting(child.name, start, partial(self._code, child))
        return 0

    def _spawn(self, child: ChildCommand) -> None:
        self._processes[child.name] = self._plan.spawn(child)

    def _code(self, child: ChildCommand) -> int | None:
        return self._processes[child.name].poll()

    def _migrate(self) -> int:
        """Bring the schema to the head; returns the command's exit code."""
        self._spawn(self._plan.migrate)
        while (code := self._code(self._plan.migrate)) is None:
            self._signals.pause(1)
        del self._processes[self._plan.migrate.name]
        if code:
            say(f"jubilee: {self._plan.migrate.name} failed", sys.stderr)
        return code

    def _watch(self) -> int:
        while not self._is_refused():
            if code := self._restart_on_request():
                return code
            restarted = [
                policy.check(partial(_say_postponed, policy.name))
                for policy in self._restarts.values()
            ]
            if any(restarted):
                self._record()
            self._announce_ready()
            self._signals.pause(self._next_check())
        say("jubilee: the settings or the schema do not fit this version", sys.stderr)
        return BAD_CONFIGURATION

    def _restart_on_request(self) -> int:
        """Start the children anew if a signal asked for it; returns the migration's exit code."""
        if self._restarts_done == self._signals.restarts:
            return 0
        self._restarts_done, self._announced = self._signals.restarts, False
        self._drain()
        return self._start_children()

    def _is_refused(self) -> bool:
        return any(self._code(child) == BAD_CONFIGURATION for child in self._plan.children)

    def _announce_ready(self) -> None:
        if not self._announced and answers(self._plan.host, self._plan.port, self._plan.live_path):
            self._announced = True
            for line in self._plan.ready_lines:
                say(line)

    def _next_check(self) -> float:
        """Seconds until there is something to do; the end of a child ends the wait anyway."""
        waits = [wait for policy in self._restarts.values() if (wait := policy.wait()) is not None]
        return min([*waits, 5.0 if self._announced else 0.1])

    def _record(self) -> None:
        pids = {name: process.pid for name, process in self._processes.items()}
        for server in self._servers:
            if server.pid is not None:
                pids[server.name] = server.pid
        self._lock.write(pids)

    def _drain(self) -> None:
        """End the children: asked at first, killed when time is up or a second signal came."""
        asked = self._signals.requests
        deadline = time.monotonic() + self._plan.drain_timeout
        if self._alive():
            say("stopping")
        for process in self._alive():
            process.terminate()
        while self._alive() and self._signals.requests == asked and time.monotonic() < deadline:
            self._signals.wait(0.2)
        for process in self._alive():
            process.kill()
            process.wait()

    def _alive(self) -> list[ChildProcess]:
        return [process for process in self._processes.values() if process.poll() is None]
