"""What grows with the tables, and what does not: `python -m tests.benchmarks.growth`.

One embedded PostgreSQL gets so many accounts with birthdays, items and tasks, and then more. At
each size every operation runs through its adapter, one at a time, without HTTP. Prints the shortest
of some runs in milliseconds, which other work of the machine changes least: a row for each
operation, a column for each size.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import uvloop

from jubilee.adapters.embedded.servers import EmbeddedServers
from jubilee.adapters.ids import new_id
from jubilee.adapters.postgres.pool import ConnectionPool
from jubilee.adapters.postgres.schema import upgrade
from jubilee.adapters.postgres.transaction import transactions, views
from jubilee.adapters.postgres.write_context import WriteContext
from tests.benchmarks.growth_operations import OPERATIONS, Operation, Site
from tests.benchmarks.growth_rows import fill
from tests.benchmarks.stack import print_lines

SIZES = (10_000, 100_000, 1_000_000)
WARM_UP, ROUNDS = 3, 25  # of the smallest size, more would use up the due and the ended jobs
FILL_TIMEOUT_S = 3600


async def _ms(operation: Operation, site: Site) -> float:
    taken = []
    for _ in range(WARM_UP + ROUNDS):
        began = perf_counter()
        await operation(site)
        taken.append(1000 * (perf_counter() - began))
    return min(taken[WARM_UP:])


async def measure(url: str, sizes: Sequence[int]) -> Mapping[str, list[float]]:
    """Fill the tables to each size in turn, and run every operation."""
    found: dict[str, list[float]] = {name: [] for name in OPERATIONS}
    context = WriteContext(lambda: datetime.now(UTC), new_id, lambda: None)
    before = 0
    for size in sizes:
        pool = ConnectionPool(url, size=2, timeout=FILL_TIMEOUT_S)
        async with pool.connection() as driver:
            await fill(driver, before, size)
        site = Site(pool, views(pool, context), transactions(pool, context), size)
        for name, operation in OPERATIONS.items():
            found[name].append(await _ms(operation, site))
        await pool.close()
        before = size
        print_lines([f"{size:,} rows done".replace(",", " ")])
    return found


def table(found: Mapping[str, Sequence[float]], sizes: Sequence[int]) -> Iterator[str]:
    """Format a row for each operation."""
    yield "| ms | " + " | ".join(f"{size:,}".replace(",", " ") for size in sizes) + " |"
    yield "|---" * (1 + len(sizes)) + "|"
    for name, row in found.items():
        yield f"| {name} | " + " | ".join(f"{ms:.2f}" for ms in row) + " |"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="rows, ascending")
    chosen = parser.parse_args()
    with TemporaryDirectory() as folder:
        servers = EmbeddedServers(Path(folder), want_redis=False)
        servers.start()
        try:
            url = servers.database_url or ""
            upgrade(url)
            found = uvloop.run(measure(url, chosen.sizes))
        finally:
            servers.stop()
    print_lines(table(found, chosen.sizes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
