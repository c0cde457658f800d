"""Signals that end a wait of the supervisor."""

import os
import signal
import subprocess
from time import monotonic

import pytest

from jubilee.entrypoints.local.signals import SignalWaiter, StopRequested

LONG_S = 120.0


def test_the_end_of_a_child_ends_a_wait() -> None:
    with SignalWaiter() as waiter:
        child = subprocess.Popen(("true",))
        began = monotonic()
        waiter.wait(LONG_S)
        assert monotonic() - began < LONG_S / 2
        assert (waiter.requests, waiter.restarts) == (0, 0)
        child.wait()


def test_a_request_to_restart_ends_a_wait_and_one_to_stop_is_raised() -> None:
    with SignalWaiter() as waiter:
        os.kill(os.getpid(), signal.SIGUSR1)
        waiter.pause(LONG_S)
        assert (waiter.requests, waiter.restarts) == (0, 1)
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(StopRequested):
            waiter.pause(LONG_S)


def test_the_handlers_from_before_are_back_afterwards() -> None:
    numbers = (signal.SIGCHLD, signal.SIGUSR1, signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    with SignalWaiter():
        assert [signal.getsignal(number) for number in numbers] != before
    assert [signal.getsignal(number) for number in numbers] == before
