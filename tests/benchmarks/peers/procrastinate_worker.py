"""Procrastinate over PostgreSQL with jobs that do nothing: runs 20 at a time, woken by NOTIFY."""

import asyncio
import sys

from procrastinate import App, PsycopgConnector

from tests.benchmarks.peers.stamps import stamp

CONCURRENCY = 20


async def nothing() -> None:
    """Do nothing."""


async def stamped(sent: float) -> None:
    """Write how long ago the job was sent."""
    stamp(sent)


def make_app(url: str) -> App:
    """Make the application of the worker and of its client."""
    app = App(connector=PsycopgConnector(conninfo=url, min_size=CONCURRENCY, max_size=CONCURRENCY))
    app.task(name="nothing")(nothing)
    app.task(name="stamped")(stamped)
    return app


async def main(url: str) -> None:
    """Run jobs until a signal."""
    async with make_app(url).open_async() as app:
        await app.run_worker_async(concurrency=CONCURRENCY)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
