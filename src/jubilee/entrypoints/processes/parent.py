"""The parent of several processes of one kind.

Starts them, restarts each that ends after growing delays, and ends all together on a signal. It
ends by itself where a restart would not help: a process refuses its settings or the schema, or
does not start MAX_STARTS times in a row. It serves no request and runs no job.
"""

import logging
import signal
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from jubilee.entrypoints.local.child_process import ChildProcess
from jubilee.entrypoints.local.signals import SignalWaiter, StopRequested
from jubilee.entrypoints.processes.heartbeat_file import TOUCH_INTERVAL_S, HeartbeatFile
from jubilee.entrypoints.processes.member import SIGNALLED, Member
from jubilee.entrypoints.processes.slot import ProcessSlot

GOOD_CODES = frozenset({0, SIGNALLED + signal.SIGTERM})
"""Exit codes after SIGTERM; a process that has not started yet ends by the signal itself."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessGroup:
    """The processes of one parent."""

    slots: Sequence[ProcessSlot]
    spawn: Callable[[ProcessSlot], ChildProcess]
    """Starts the process of a slot; raises OSError."""
    close_listeners: Callable[[], None]
    """Closes the parent's copies: the port is free once the processes have closed theirs."""
    drain_timeout_s: float
    heartbeat: HeartbeatFile | None = None
    """Touched while all processes are alive."""


def run_group(group: ProcessGroup) -> int:
    """Run the processes until a signal or a refusal; return the exit code.

    Raises OSError if a process cannot be started at first, or the heartbeat file not be written.
    """
    with SignalWaiter() as signals:
        return _Parent(group, signals).run()


class _Parent:
    def __init__(self, group: ProcessGroup, signals: SignalWaiter) -> None:
        self._group = group
        self._signals = signals
        self._members = [Member(slot, group.spawn) for slot in group.slots]
        self._has_heartbeat = False

    def run(self) -> int:
        code = drained_code = 0
        try:
            self._require_heartbeat()
            for member in self._members:
                member.restarts.start_now()
            logger.info("processes started", extra={"processes": len(self._members)})
            code = self._watch()
        except StopRequested:
            logger.info("stopping processes")
        finally:
            self._group.close_listeners()
            drained_code = self._drain()
            self._remove_heartbeat()
        return code or drained_code

    def _watch(self) -> int:
        """Restart what ends until a process is not to be started again; returns its exit code."""
        while not (refused := [member for member in self._members if member.refusal()]):
            for member in self._members:
                member.check()
            self._touch(self._members)
            waits = [member.restarts.wait() for member in self._members]
            due = [wait for wait in waits if wait is not None]
            self._signals.pause(min([*due, TOUCH_INTERVAL_S]))
        code = refused[0].refusal()
        extra = {"child": refused[0].slot.number, "exit_code": code}
        logger.critical("process cannot be started; stopping all", extra=extra)
        return code

    def _require_heartbeat(self) -> None:
        """Raise OSError where the heartbeat file cannot be created; leave none behind."""
        if self._group.heartbeat:
            self._group.heartbeat.create()
            self._group.heartbeat.remove()

    def _touch(self, members: Collection[Member]) -> None:
        """Touch the file if all of these processes have touched theirs."""
        heartbeat = self._group.heartbeat
        if heartbeat is None or any(member.slot.heartbeat.problem() for member in members):
            return
        if not self._has_heartbeat:
            heartbeat.create()
            self._has_heartbeat = True
        heartbeat.touch()

    def _remove_heartbeat(self) -> None:
        if self._has_heartbeat and self._group.heartbeat:
            self._group.heartbeat.remove()

    def _drain(self) -> int:
        """End the processes; return the exit code of one that did not end in good order, or 0.

        A second signal is passed on to them. What has not ended in time is killed.
        """
        drained = running = self._running()
        deadline, passed_on = time.monotonic() + self._group.drain_timeout_s, -1
        while running and (left := deadline - time.monotonic()) > 0:
            if passed_on != self._signals.requests:
                passed_on = self._signals.requests
                for member in running:
                    member.terminate()
            self._touch(running)
            self._signals.wait(min(left, TOUCH_INTERVAL_S))
            running = self._running()
        self._kill(running)
        codes = [member.exit_code() or 0 for member in drained]
        return next((code for code in codes if code not in GOOD_CODES), 0)

    def _kill(self, members: Collection[Member]) -> None:
        if members:
            extra = {"processes": len(members)}
            logger.warning("shutdown timed out; killing processes", extra=extra)
        for member in members:
            member.kill()

    def _running(self) -> Sequence[Member]:
        return [member for member in self._members if member.is_running]
