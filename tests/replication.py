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
from jubilee.adapters.embedded.process import complete
from jubilee.adapters.embedded.wheels import postgres_program
from tests.support.folders import data_parent
from tests.support.outages import Breakable

COPY_TIMEOUT_S = 120.0


class Standby(EmbeddedPostgres):
    """Its data are a copy of a primary's, which it follows from then on."""

    def copy(self, primary: Path) -> None:
        """Copy the data of the primary whose socket is in this folder."""
        self._data.parent.mkdir(mode=0o700, parents=True)
        aside = Path(tempfile.mkdtemp(dir=self._data.parent))
        program = str(postgres_program("pg_basebackup"))
        login = ("-h", str(primary), "-U", "jubilee")
        options = ("-R", "-X", "stream", "--checkpoint=fast", "--no-sync", "-D", str(aside))
        copying = self._program(program, *login, *options, owning=aside)
        complete(copying, time.sleep, within=COPY_TIMEOUT_S)
        aside.rename(self._data)

    def follow(self, primary: Path) -> None:
        """Copy the primary whose socket is in this folder, and start."""
        self.copy(primary)
        self.start()


@dataclass(frozen=True, slots=True)
class Pair:
    """A primary and its standby."""

    primary: Breakable
    standby: Breakable
    primary_url: str
    standby_url: str

    def url(self, kind: str = "read-write") -> str:
        """Both hosts, of which one of this kind is used."""
        hosts = (url.rpartition("host=")[2] for url in (self.primary_url, self.standby_url))
        return f"postgresql://jubilee@/jubilee?host={','.join(hosts)}&target_session_attrs={kind}"

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
def standby() -> Iterator[Standby]:
    """A standby that follows no primary yet."""
    root = Path(tempfile.mkdtemp(prefix="jubilee-standby-", dir=data_parent()))
    made = Standby(root / "s", root / "1", durable=False)
    try:
        yield made
    finally:
        made.stop()
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def pair() -> Iterator[Pair]:
    """Start both; paths of sockets must be short, so they are in a folder of their own."""
    root = Path(tempfile.mkdtemp(prefix="jubilee-pair-", dir=data_parent()))
    first = EmbeddedPostgres(root / "p", root / "1", durable=False)
    second = Standby(root / "s", root / "2", durable=False)
    try:
        first.start()
        second.follow(root / "1")
        yield Pair(Breakable(first), Breakable(second), first.url, second.url)
    finally:
        for server in (Breakable(second), Breakable(first)):
            server.end()
        shutil.rmtree(root, ignore_errors=True)
