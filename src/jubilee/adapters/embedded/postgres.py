"""PostgreSQL on a unix socket, its data in a folder."""

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
from jubilee.adapters.embedded.process import Pause, Program, complete, end, last_line, spawn
from jubilee.adapters.embedded.unprivileged import unprivileged
from jubilee.adapters.embedded.wheels import POSTGRES_MAJOR, postgres_program

START_TIMEOUT_S = 120.0  # recovery after a hard stop may replay a while
STOP_TIMEOUT_S = 30.0
INITDB = (
    "--username=jubilee",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--auth=trust",  # the socket lies in a folder that only this user may enter
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
    # Refused statements are the service's to tell, and hold what people typed.
    "log_min_messages=log",
)
SINGLE_USER = "CREATE DATABASE jubilee"


class EmbeddedPostgres:
    """One PostgreSQL server; `start` returns when it answers, `stop` when it is gone."""

    name = f"PostgreSQL {POSTGRES_MAJOR}"

    def __init__(self, data_dir: Path, folder: Path, *, durable: bool = True) -> None:
        """Keep data under `data_dir`, the socket in `folder`; durable=False is for tests."""
        self._data = data_dir / f"postgres-{POSTGRES_MAJOR}"
        self._folder = folder
        self._log = data_dir / "log" / "postgres.log"
        self._fsync = "on" if durable else "off"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"postgresql://jubilee@/jubilee?host={quote(str(folder))}"

    @property
    def where(self) -> str:
        """Where it listens and where its data are, for people."""
        return f"{self._folder} (data in {self._data})"

    @property
    def pid(self) -> int | None:
        """The process id of the postmaster, None when it was not started."""
        return self._process.pid if self._process else None

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll() if self._process else None

    def start(self, pause: Pause = time.sleep) -> None:
        """Make the data if there are none and run; raises ServerFailed."""
        try:
            self._start(pause)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it: sessions are cut off, the data are checkpointed, the socket goes."""
        if self._process is not None:
            end(self._process, signal.SIGINT, within=STOP_TIMEOUT_S)
            self._sweep()
        sockets.remove_empty(self._folder)

    def _start(self, pause: Pause) -> None:
        postgres = str(postgres_program("postgres"))
        sockets.make_private(self._folder)
        self._make_data(pause)
        self._await_orphans(pause)
        self._sweep()
        options = [f"--{setting}" for setting in (*SETTINGS, f"fsync={self._fsync}")]
        options.append(f"--unix_socket_directories={self._folder}")
        argv = (postgres, "-D", str(self._data), *options)
        self._process = spawn(self._program(*argv, orphaned=signal.SIGINT))
        self._await_ready(pause)

    def _make_data(self, pause: Pause) -> None:
        """In a folder aside first: one that has the real name is whole."""
        self._data.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for half_done in self._data.parent.glob(f"{self._data.name}.new-*"):
            shutil.rmtree(half_done, ignore_errors=True)
        if self._data.exists():
            return
        aside = tempfile.mkdtemp(prefix=f"{self._data.name}.new-", dir=self._data.parent)
        making = Path(aside)
        fsync = () if self._fsync == "on" else ("--no-sync",)
        initdb = str(postgres_program("initdb"))
        complete(
            self._program(initdb, *INITDB, *fsync, "-D", aside, owning=making), pause, within=120
        )
        self._create_database(making, pause)
        making.rename(self._data)

    def _create_database(self, data: Path, pause: Pause) -> None:
        postgres = str(postgres_program("postgres"))
        single = ("--single", "-j", "-D", str(data), f"--fsync={self._fsync}", "postgres")
        script = data / "create.sql"
        script.write_text(f"{SINGLE_USER};\n\n")
        words = self._program(postgres, *single, owning=data, stdin=script)
        complete(words, pause, within=60)
        script.unlink()

    def _program(
        self,
        *argv: str,
        owning: Path | None = None,
        stdin: Path | None = None,
        orphaned: signal.Signals = signal.SIGKILL,
    ) -> Program:
        # Nothing else of our environment: PGPORT and its kin would change what the server does.
        env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}
        return Program(
            argv,
            env=env,
            stdin=stdin,
            output=self._log,
            wrap=unprivileged(owning or self._data),
            orphaned=orphaned,
        )

    def _await_ready(self, pause: Pause) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._is_ready():
            if self.exit_code() is not None:
                raise ServerFailed(f"PostgreSQL did not start: {last_line(self._log)}")
            if time.monotonic() > deadline:
                raise ServerFailed(f"PostgreSQL is not ready after {START_TIMEOUT_S:.0f} s")
            pause(0.02)

    def _is_ready(self) -> bool:
        """As pg_ctl does: the eighth line of the lock file says so; it is empty for a moment."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return lines[:1] == [str(self.pid)] and "ready" in [line.strip() for line in lines[7:]]

    def _await_orphans(self, pause: Pause) -> None:
        """Let the server of a killed run end; its lock file may name a stranger by now."""
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while orphans := list(_inside(self._data)):
            if time.monotonic() > deadline:
                raise ServerFailed(f"process {orphans[0]} still uses {self._data}: end it")
            pause(0.05)
        if Path("/proc/self/cwd").exists():
            (self._data / "postmaster.pid").unlink(missing_ok=True)

    def _sweep(self) -> None:
        for name in (".s.PGSQL.5432", ".s.PGSQL.5432.lock"):
            (self._folder / name).unlink(missing_ok=True)


def _inside(folder: Path) -> Iterator[int]:
    """PostgreSQL's processes at work in the folder: all of them live in that of their data."""
    real = str(folder.resolve())
    for process in Path("/proc").glob("[0-9]*"):
        try:
            at = str((process / "cwd").readlink())
            name = (process / "comm").read_text().strip()
        except OSError:
            continue
        if at == real and name == "postgres":
            yield int(process.name)
