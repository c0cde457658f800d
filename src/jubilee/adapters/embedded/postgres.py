"""An embedded PostgreSQL server on a Unix socket, with its data in a folder."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from jubilee.adapters.embedded import sockets
from jubilee.adapters.embedded.errors import ServerFailed
from jubilee.adapters.embedded.process import Pause, Program, complete, spawn
from jubilee.adapters.embedded.server import EmbeddedServer
from jubilee.adapters.embedded.unprivileged import unprivileged
from jubilee.adapters.embedded.wheels import POSTGRES_MAJOR, postgres_program

INITDB_TIMEOUT_S, CREATE_TIMEOUT_S = 120.0, 60.0
ORPHAN_POLL_INTERVAL_S = 0.05
INITDB = (
    "--username=jubilee",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--auth=trust",  # only this user can open the socket's folder
    "--data-checksums",
)
SETTINGS = (
    "listen_addresses=",
    "unix_socket_permissions=0700",
    "port=5432",
    "shared_buffers=64MB",
    "max_connections=100",
    "timezone=UTC",
    "log_timezone=UTC",
    "log_checkpoints=off",
    # Failed statements contain user data; the service logs their errors itself.
    "log_min_messages=log",
)
SINGLE_USER = "CREATE DATABASE jubilee"


class EmbeddedPostgres(EmbeddedServer):
    """A PostgreSQL server; `start` waits until it accepts connections, `stop` until it ended."""

    name = f"PostgreSQL {POSTGRES_MAJOR}"
    start_timeout_s, stop_timeout_s = 120.0, 30.0  # recovery after a crash may take long
    stop_signal = signal.SIGINT  # fast shutdown: sessions end, data are flushed

    def __init__(self, data_dir: Path, folder: Path, *, durable: bool = True) -> None:
        """Data are under `data_dir`, the socket is in `folder`; `durable=False` turns fsync off."""
        super().__init__(data_dir / f"postgres-{POSTGRES_MAJOR}", folder)
        self._log = data_dir / "log" / "postgres.log"
        self._fsync = "on" if durable else "off"
        self.url = f"postgresql://jubilee@/jubilee?host={quote(str(folder))}"

    def _launch(self, pause: Pause) -> subprocess.Popen[bytes]:
        postgres = str(postgres_program("postgres"))
        sockets.make_private(self._folder)
        self._create_data(pause)
        self._await_orphans(pause)
        self._remove_sockets()
        options = [f"--{setting}" for setting in (*SETTINGS, f"fsync={self._fsync}")]
        options.append(f"--unix_socket_directories={self._folder}")
        argv = (postgres, "-D", str(self._data), *options)
        return spawn(self._program(*argv, orphaned=self.stop_signal))

    def _create_data(self, pause: Pause) -> None:
        """Create the data in a temporary folder, renamed when it is complete."""
        self._data.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for incomplete in self._data.parent.glob(f"{self._data.name}.new-*"):
            shutil.rmtree(incomplete, ignore_errors=True)
        if self._data.exists():
            return
        name = tempfile.mkdtemp(prefix=f"{self._data.name}.new-", dir=self._data.parent)
        created = Path(name)
        fsync = () if self._fsync == "on" else ("--no-sync",)
        initdb = str(postgres_program("initdb"))
        program = self._program(initdb, *INITDB, *fsync, "-D", name, owning=created)
        complete(program, pause, within=INITDB_TIMEOUT_S)
        self._create_database(created, pause)
        created.rename(self._data)

    def _create_database(self, data: Path, pause: Pause) -> None:
        postgres = str(postgres_program("postgres"))
        single = ("--single", "-j", "-D", str(data), f"--fsync={self._fsync}", "postgres")
        script = data / "create.sql"
        script.write_text(f"{SINGLE_USER};\n\n")
        program = self._program(postgres, *single, owning=data, stdin=script)
        complete(program, pause, within=CREATE_TIMEOUT_S)
        script.unlink()

    def _program(
        self,
        *argv: str,
        owning: Path | None = None,
        stdin: Path | None = None,
        orphaned: signal.Signals = signal.SIGKILL,
    ) -> Program:
        # Nothing else of this environment: PGPORT and similar variables would change the server.
        env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        return Program(
            argv,
            env=env,
            stdin=stdin,
            output=self._log,
            wrap=unprivileged(owning or self._data),
            orphaned=orphaned,
        )

    def _is_ready(self) -> bool:
        """Read the eighth line of the lock file, as pg_ctl does; the file is empty for a moment."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return lines[:1] == [str(self.pid)] and "ready" in [line.strip() for line in lines[7:]]

    def _await_orphans(self, pause: Pause) -> None:
        """Wait until the server of a killed run has ended, and remove its lock file.

        The process id in that file may belong to another program by now.
        """
        deadline = time.monotonic() + self.stop_timeout_s
        while orphans := list(_inside(self._data)):
            if time.monotonic() > deadline:
                raise ServerFailed(f"process {orphans[0]} still uses {self._data}: end it")
            pause(ORPHAN_POLL_INTERVAL_S)
        if Path("/proc/self/cwd").exists():
            (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _remove_sockets(self) -> None:
        for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
            (self._folder / name).unlink(missing_ok=True)


def _inside(folder: Path) -> Iterator[int]:
    """Iterate over the PostgreSQL processes whose working directory is the folder."""
    real = str(folder.resolve())
    for process in Path("/proc").glob("[0-9]*"):
        try:
            at = str((process / "cwd").readlink())
            name = (process / "comm").read_text().strip()
        except OSError:
            continue
        if at == real and name == "postgres":
            yield int(process.name)
