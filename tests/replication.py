"""A PostgreSQL and a streaming standby of it, both on sockets, for tests that break them."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from jubilee.adapters.embedded.postgres import EmbeddedPostgres
from jubilee.adapters.embedded.process import Pause, complete
from jubilee.adapters.embedded.wheels import postgres_program
from tests.outages import Breakable

SLOW_REPLAY = "ALTER SYSTEM SET recovery_min_apply_delay = '{}'"


class Standby(EmbeddedPostgres):
    """Its data are a copy of the primary's, which it follows from then on."""

    def __init__(self, data_dir: Path, folder: Path, primary: Path) -> None:
        """`primary` is the folder of the primary's socket."""
        super().__init__(data_dir, folder, durable=False)
        self._primary = primary

    def _make_data(self, pause: Pause) -> None:
        if self._data.exists():
            return
        self._data.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=self._data.parent))
        program = str(postgres_program("pg_basebackup"))
        login = ("-h", str(self._primary), "-U", "jubilee")
        options = ("-R", "-X", "stream", "--checkpoint=fast", "--no-sync", "-D", str(aside))
        complete(self._program(program, *login, *options, owning=aside), pause, within=120)
        aside.rename(self._data)


@dataclass(frozen=True, slots=True)
class Pair:
    """A primary and its standby."""

    primary: Breakable
    standby: Breakable
    primary_url: str
    standby_url: str

    @property
    def url(self) -> str:
        """Both hosts, of which the one that takes writes is used."""
        hosts = (url.rpartition("host=")[2] for url in (self.primary_url, self.standby_url))
        return (
            f"postgresql://jubilee@/jubilee?host={','.join(hosts)}&target_session_attrs=read-write"
        )

    async def on_primary(self, *statements: str) -> None:
        """Run statements of an administrator."""
        await run(self.primary_url, *statements)

    async def on_standby(self, *statements: str) -> None:
        """Run statements of an administrator."""
        await run(self.standby_url, *statements)


async def run(url: str, *statements: str) -> None:
    """Run each by itself: some cannot be in a transaction."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@contextmanager
def pair() -> Iterator[Pair]:
    """Start both; paths of sockets must be short, so they are in a folder of their own."""
    root = Path(tempfile.mkdtemp(prefix="jubilee-pair-"))
    first = EmbeddedPostgres(root / "p", root / "1", durable=False)
    second = Standby(root / "s", root / "2", root / "1")
    try:
        first.start()
        second.start(time.sleep)
        yield Pair(Breakable(first), Breakable(second), first.url, second.url)
    finally:
        for server in (Breakable(second), Breakable(first)):
            server.end()
        shutil.rmtree(root, ignore_errors=True)
