"""The watchdog, in a process per test."""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from jubilee.entrypoints.processes.heartbeat_file import HeartbeatFile
from jubilee.entrypoints.processes.watchdog import EXIT_STUCK, Watchdog
from tests.adapters.redis.arq.queue_workers import eventually

LIMIT_S = 1.0
PROGRAM = """
import asyncio, sys, time
from jubilee.entrypoints.processes.watchdog import Watchdog

async def main() -> None:
    watchdog = asyncio.create_task(Watchdog(float(sys.argv[1])).run())
    await asyncio.sleep(0.05)
    print("ready", flush=True)
    {body}
    print("finished", flush=True)

asyncio.run(main())
"""


async def started(body: str, limit_s: float = LIMIT_S) -> Process:
    program = PROGRAM.format(body=body)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(limit_s), stdout=PIPE, stderr=PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


def test_a_file_that_cannot_be_created_is_an_error_before_the_first_job(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="nowhere"):
        Watchdog(1.0, HeartbeatFile(tmp_path / "nowhere" / "worker")).create_heartbeat()
    Watchdog(1.0).create_heartbeat()  # without a file


@pytest.mark.parametrize(
    ("body", "limit_s", "code", "out"),
    [
        ("time.sleep(30)", LIMIT_S, EXIT_STUCK, b""),
        ("time.sleep(0.4)", 30, 0, b"finished\n"),
        ("await asyncio.sleep(2.5)", LIMIT_S, 0, b"finished\n"),
        ("watchdog.cancel(); await asyncio.sleep(0); time.sleep(2.5)", LIMIT_S, 0, b"finished\n"),
    ],
    ids=["blocked", "slow", "idle", "over"],
)
async def test_a_blocked_event_loop_ends_the_process(
    body: str, limit_s: float, code: int, out: bytes
) -> None:
    process = await started(body, limit_s)
    async with asyncio.timeout(25):
        assert (await process.communicate())[0] == out
    assert process.returncode == code


async def test_a_frozen_process_continues() -> None:
    process = await started("await asyncio.sleep(1)")
    process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(3 * LIMIT_S)
    process.send_signal(signal.SIGCONT)
    async with asyncio.timeout(60):
        assert (await process.communicate())[0] == b"finished\n"
    assert process.returncode == 0


async def test_the_heartbeat_stops_with_the_loop(tmp_path: Path) -> None:
    heartbeat = HeartbeatFile(tmp_path / "worker")
    ours = Watchdog(1.0, heartbeat)
    ours.create_heartbeat()
    assert heartbeat.path.exists()
    watchdog = asyncio.create_task(ours.run())
    for _ in range(2):  # it is touched more than once
        os.utime(heartbeat.path, (0, 0))
        await eventually(lambda: heartbeat.problem() is None)
    os.utime(heartbeat.path, (0, 0))
    time.sleep(0.3)  # noqa: ASYNC251  # the loop is blocked
    assert heartbeat.problem()
    watchdog.cancel()
    await asyncio.wait([watchdog])
    assert not heartbeat.path.exists()
