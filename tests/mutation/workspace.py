"""A copy of the project in which mutations are tried; the project itself is never touched."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from jubilee.adapters.embedded.servers import EmbeddedServers

COPIED = (
    *("src", "tests", "migrations", "deploy"),
    *("pyproject.toml", "README.md", "Makefile", ".env.example"),
)
LEFT_OUT = shutil.ignore_patterns("__pycache__", "node_modules", ".*_cache")
HANGS_AFTER_S = 120  # a test alone; the slowest takes ten seconds on an idle machine
PYTEST = ("-m", "pytest", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider")
END_OF_HANGING = (
    *("-o", f"faulthandler_timeout={HANGS_AFTER_S}"),
    *("-o", "faulthandler_exit_on_timeout=true"),
)
"""Options that end a run at the first test that hangs."""

HANGS = "Timeout (0:"
"""What faulthandler prints of a test that does not end."""


class Verdict(Enum):
    """What the tests say of the tree."""

    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed out"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The copy, an environment of its own, and servers that all runs share."""

    root: Path
    environment: Mapping[str, str]
    seconds: Iterator[int] = field(default_factory=lambda: count(1))

    def run(
        self, tests: Sequence[str], *, timeout: float, options: Sequence[str] = (), **more: str
    ) -> tuple[Verdict, str]:
        """Run the tests; returns the verdict and what they print. A time-out ends all processes.

        A test that hangs is one, too.
        """
        listed = self.root / "tests.txt"
        listed.write_text("\n".join(tests))
        command = [str(self.root / ".venv/bin/python"), *PYTEST, *options, f"@{listed}"]
        with (self.root / "output.txt").open("w+b") as output:
            process = subprocess.Popen(
                command,
                cwd=self.root,
                env={**self.environment, **more},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            try:
                code = process.wait(timeout)
            except subprocess.TimeoutExpired:
                return Verdict.TIMED_OUT, ""
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                self._kill_left_over()
        text = (self.root / "output.txt").read_text(errors="replace")
        if code and HANGS in text:
            return Verdict.TIMED_OUT, ""
        return (Verdict.PASSED if code == 0 else Verdict.FAILED), text

    def _kill_left_over(self) -> None:
        """Kill what tests started in a session of its own and a mutation kept from ending."""
        for command in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if command.read_bytes().startswith(bytes(self.root / ".venv")):
                    os.kill(int(command.parent.name), signal.SIGKILL)

    @contextmanager
    def recorded(self, folder: Path) -> Iterator[None]:
        """For as long as this lasts, every process of tests records the lines it runs."""
        file = _site(self.root) / "record.pth"
        # Not by its name in the package, which imports pytest.
        own = str(self.root / "tests/mutation")
        file.write_text(
            f"import sys; sys.path.append({own!r}); import process_recorder; sys.path.pop(); "
            f"process_recorder.record_process(process_recorder.Path({str(folder)!r}))\n"
        )
        try:
            yield
        finally:
            file.unlink()

    @contextmanager
    def changed(self, path: str, text: bytes) -> Iterator[None]:
        """For as long as this lasts, the file of the copy is another one.

        Each change has a time of its own: bytecode is taken for that of a file by its seconds.
        """
        file = self.root / path
        before, times = file.read_bytes(), file.stat()
        file.write_bytes(text)
        second = next(self.seconds)
        os.utime(file, (second, second))
        try:
            yield
        finally:
            file.write_bytes(before)
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


@contextmanager
def workspace(project: Path) -> Iterator[Workspace]:
    """Copy the project and start the servers; both are gone afterwards."""
    with TemporaryDirectory(prefix="jubilee-mutants-") as folder:
        root = Path(folder).resolve() / "project"
        _copy(project, root)
        servers = EmbeddedServers(Path(folder) / "data", durable=False)
        servers.start()
        try:
            yield Workspace(root, _environment(servers, Path(folder) / "bytecode"))
        finally:
            servers.stop()


def _environment(servers: EmbeddedServers, bytecode: Path) -> Mapping[str, str]:
    """The bytecode of libraries, as pytest rewrites it, is compiled once for all runs."""
    own = {
        "PYTHONPYCACHEPREFIX": str(bytecode),
        "PYTHONHASHSEED": "0",
        "JUBILEE_TEST_SERVERS": "running",
        "JUBILEE_TEST_DATABASE_URL": servers.database_url or "",
        "JUBILEE_TEST_REDIS_URL": servers.redis_url or "",
    }
    return {n: v for n, v in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"} | own


def _copy(project: Path, root: Path) -> None:
    root.mkdir()
    for name in COPIED:
        if (project / name).is_dir():
            shutil.copytree(project / name, root / name, ignore=LEFT_OUT)
        else:
            shutil.copy2(project / name, root / name)
    venv.create(root / ".venv", symlinks=True)
    # What tests start as `python -m jubilee` is the copy, too: its path comes first. The editable
    # install is not followed, for `.pth` files count in site folders alone.
    paths = [root / "src", sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    (_site(root) / "copy.pth").write_text("".join(f"{path}\n" for path in paths))
    assert sys.prefix != sys.base_prefix, "run it by the Python of .venv"


def _site(root: Path) -> Path:
    return Path(sysconfig.get_path("purelib", vars={"base": str(root / ".venv")}))
