"""Loading the signing keys: how often, and what happens without PostgreSQL."""

import asyncio
from dataclasses import dataclass

import pytest

from jubilee.domain.errors import Unavailable
from jubilee.domain.signing_keys.loading import (
    LOAD_INTERVAL_S,
    MIN_INTERVAL_S,
    RETRY_S,
    KeyLoader,
)
from tests.support.sleeping import replace_sleep


@dataclass(slots=True)
class Loads:
    """Counts loads; fails while there is an error."""

    count: int = 0
    error: Exception | None = None
    now: float = 100.0

    async def __call__(self) -> None:
        self.count += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error

    async def reach(self, count: int) -> None:
        while self.count < count:  # noqa: ASYNC110  # the loader has no event
            await asyncio.sleep(0)

    def elapsed(self) -> float:
        return self.now


@pytest.fixture
def loads() -> Loads:
    return Loads()


@pytest.fixture
def loader(loads: Loads) -> KeyLoader:
    return KeyLoader(loads, loads.elapsed)


async def test_check_23_unknown_keys_are_looked_up_at_a_bounded_rate(
    loader: KeyLoader, loads: Loads
) -> None:
    await asyncio.gather(*(loader.look_up() for _ in range(50)))
    assert loads.count == 1
    loads.now += MIN_INTERVAL_S
    await asyncio.gather(*(loader.look_up() for _ in range(50)))
    assert loads.count == 2


async def test_a_failed_look_up_is_not_repeated_at_once(loader: KeyLoader, loads: Loads) -> None:
    loads.error = Unavailable()
    with pytest.raises(Unavailable):
        await loader.look_up()
    await loader.look_up()
    assert loads.count == 1


async def test_a_service_starts_without_its_keys(loader: KeyLoader, loads: Loads) -> None:
    loads.error = Unavailable()
    await loader.first()
    assert loads.count == 1


async def test_keys_that_could_not_be_loaded_are_loaded_later(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jubilee.domain.signing_keys.loading.RETRY_S", 0.0)
    monkeypatch.setattr("jubilee.domain.signing_keys.loading.LOAD_INTERVAL_S", 0.0)
    failures: list[Exception] = []
    loader = KeyLoader(loads, loads.elapsed)
    running = asyncio.create_task(loader.run(failures.append))
    for error in (Unavailable(), RuntimeError("unexpected"), None):
        loads.error, before = error, loads.count
        async with asyncio.timeout(10):
            await loads.reach(before + 2)
    running.cancel()
    assert {str(each) for each in failures} == {"unexpected"}


async def test_keys_are_loaded_at_intervals_and_sooner_after_an_outage(
    loader: KeyLoader, loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses, sleep = list[float](), asyncio.sleep

    async def pause(seconds: float) -> None:
        if seconds:
            pauses.append(seconds)
            loads.error = Unavailable() if len(pauses) == 2 else None
        await sleep(0)

    replace_sleep(monkeypatch, pause)
    await loader.first()
    running = asyncio.create_task(loader.run(lambda _: None))
    await loads.reach(5)
    running.cancel()
    assert pauses[:4] == [LOAD_INTERVAL_S, LOAD_INTERVAL_S, RETRY_S, LOAD_INTERVAL_S]
