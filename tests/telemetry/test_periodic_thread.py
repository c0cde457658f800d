"""A thread that repeats its work."""

import threading

from jubilee.adapters.telemetry.periodic_thread import PeriodicThread

TIMEOUT_S = 30.0


def test_work_is_repeated_until_the_thread_is_closed() -> None:
    done, turns = threading.Semaphore(0), []

    def work() -> None:
        turns.append(threading.current_thread())
        done.release()

    thread = PeriodicThread("repeated", work, interval_s=0.001)
    thread.start()
    assert all(done.acquire(timeout=TIMEOUT_S) for _ in range(3))
    thread.close()
    assert {turn.name for turn in turns[:-1]} == {"repeated"}
    assert turns[-1] is threading.current_thread()


def test_work_is_done_once_where_the_thread_is_closed_before_its_first_turn() -> None:
    turns: list[int] = []
    thread = PeriodicThread("closed", lambda: turns.append(1), interval_s=TIMEOUT_S)
    thread.start()
    thread.close()
    assert turns == [1]
