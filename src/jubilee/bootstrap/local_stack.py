"""The local stack of `jubilee up`: servers without a configured URL, migrations, API, worker."""

import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from jubilee.adapters.embedded.errors import AlreadyRunning
from jubilee.adapters.embedded.process import Program, spawn
from jubilee.adapters.embedded.run_file import DataDirLock, RunFile
from jubilee.adapters.embedded.servers import EmbeddedServers
from jubilee.entrypoints.local.child_process import ChildProcess
from jubilee.entrypoints.local.supervisor import ChildCommand, LocalStack
from jubilee.entrypoints.shutdown import ShutdownBudget
from jubilee.settings import Settings


def local_stack(settings: Settings) -> LocalStack:
    """Describe the stack; nothing is started yet."""
    servers = EmbeddedServers(
        settings.data_dir,
        want_postgres=settings.postgres is None,
        want_redis=settings.redis is None,
    )
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{host}:{settings.port}"
    run = RunFile(os.getpid(), address, servers.database_url, servers.redis_url)
    env = _environment(settings, servers)
    return LocalStack(
        host=settings.host,
        port=settings.port,
        lock=partial(_lock, settings.data_dir, run),
        spawn=_spawn,
        servers=servers.each,
        migrate=_child("migrate", env),
        children=(_child("api", env), _child("worker", env)),
        live_path="/health/live",
        ready_lines=(f"API: {address}", f"Docs: {address}/docs"),
        drain_timeout=ShutdownBudget(drain_s=settings.shutdown_timeout).kill_after_s,
    )


def _lock(data_dir: Path, run: RunFile) -> DataDirLock:
    """Lock the data folder; an OSError names the setting that chose it."""
    try:
        return DataDirLock(data_dir, run)
    except AlreadyRunning:
        raise
    except OSError as error:
        raise OSError(f"DATA_DIR={data_dir}: {error.strerror}") from error


def _child(name: str, env: Mapping[str, str]) -> ChildCommand:
    return ChildCommand(name, (sys.executable, "-m", "jubilee", name), env)


def _spawn(child: ChildCommand) -> ChildProcess:
    return spawn(Program(child.argv, child.env))


def _environment(settings: Settings, servers: EmbeddedServers) -> Mapping[str, str]:
    """Environment of the children: this one, with the URLs of embedded servers and MAIL_DIR."""
    mail = settings.mail_dir or settings.data_dir / "mail"
    added = {
        "DATABASE_URL": servers.database_url,
        "REDIS_URL": servers.redis_url,
        "MAIL_DIR": str(mail) if settings.smtp_url is None else None,
    }
    return {**os.environ, **{name: value for name, value in added.items() if value is not None}}
