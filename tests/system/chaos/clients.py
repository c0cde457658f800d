"""Clients that create tasks, each repeated under one task_id until it is acknowledged."""

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from random import Random
from typing import TypeAlias
from uuid import UUID

import httpx2

from tests.system.chaos.history import History, TaskHistory

Wanted: TypeAlias = tuple[str, Mapping[str, object]]
"""A kind and its data."""

ACCEPTED = 202
TIMEOUT_S = 8.0  # seconds for one request
PAUSE_S = 0.2  # seconds before a request is repeated
LAST_TRIES_S = 30.0  # seconds after the end for the last acknowledgements


class Clients:
    """Parallel clients of one user, which run until `stop`."""

    def __init__(self, url: str, headers: Mapping[str, str], history: History, seed: int) -> None:
        self._url, self._headers, self._history, self._seed = url, headers, history, seed
        self._threads = ThreadPoolExecutor(16)
        self._asking: list[Future[None]] = []
        self._over = threading.Event()
        self._deadline = float("inf")

    def start(self, count: int, choices: Sequence[Wanted], pause: float) -> None:
        """Start clients that pause about `pause` seconds between two tasks."""
        for number in range(count):
            chance = Random(f"{self._seed} {number}")
            asking = self._threads.submit(self._ask, f"c{number}", choices, chance, pause)
            self._asking.append(asking)

    def has_acknowledged(self, count: int) -> bool:
        """Whether so many tasks were acknowledged by now."""
        return len(self._history.read().acknowledged) >= count

    def stop(self) -> TaskHistory:
        """Let each client finish; return the whole history, or raise a client's error."""
        self._deadline = time.monotonic() + LAST_TRIES_S
        self._over.set()
        self._threads.shutdown()
        for asking in self._asking:
            asking.result()
        return self._history.read()

    def _ask(self, name: str, choices: Sequence[Wanted], chance: Random, pause: float) -> None:
        with httpx2.Client(base_url=self._url, headers=self._headers, timeout=TIMEOUT_S) as client:
            number = 0
            while not self._over.wait(chance.uniform(0, 2 * pause)):
                number += 1
                kind, data = chance.choice(choices)
                wanted = {"task_id": f"{name}-{number}", "kind": kind, "data": data}
                self._insist(client, wanted)

    def _insist(self, client: httpx2.Client, wanted: Mapping[str, object]) -> None:
        task_id = str(wanted["task_id"])
        while time.monotonic() < self._deadline:
            self._history.invoke(task_id, str(wanted["kind"]))
            try:
                answer = client.post("/tasks", json=wanted)
            except httpx2.HTTPError as error:
                self._history.info(task_id, type(error).__name__)
            else:
                if answer.status_code == ACCEPTED:
                    self._history.ok(task_id, answer.json()["id"])
                    return
                assert answer.status_code >= 500, answer.text
                self._history.info(task_id, str(answer.status_code))
            time.sleep(PAUSE_S)


def ask(client: httpx2.Client, kind: str, task_id: str, **more: object) -> httpx2.Response:
    """Send one request for a task."""
    wanted = {"task_id": task_id, "kind": kind, "data": {}, **more}
    return client.post("/tasks", json=wanted)


def post(url: str, headers: Mapping[str, str], kind: str, task_id: str, **more: object) -> UUID:
    """Create a task, which must be acknowledged at once, and return its id."""
    with httpx2.Client(base_url=url, headers=headers, timeout=TIMEOUT_S) as client:
        answer = ask(client, kind, task_id, **more)
    assert answer.status_code == ACCEPTED, answer.text
    return UUID(answer.json()["id"])
