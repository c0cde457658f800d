"""Programs of Debian: those on the PATH, else fetched once, not installed."""

import shutil
import subprocess
import tempfile
from fcntl import LOCK_EX, flock
from pathlib import Path

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / ".tools" / "debian"
PATIENCE = 300.0
HAPROXY_LIBRARIES = ("liblua5.3-0", "libopentracing-c-wrapper0", "libopentracing1")
"""Of Debian 12; few machines have them, while most have its other libraries."""


def program(name: str) -> Path:
    """Where the program is; raises RuntimeError with one line where it cannot be had."""
    if on_path := shutil.which(name):
        return Path(on_path)
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise RuntimeError(f"there is no {name} on the PATH, and no apt-get to fetch it with")
    TOOLS.mkdir(parents=True, exist_ok=True)
    with (TOOLS / "lock").open("w") as lock:
        flock(lock, LOCK_EX)  # processes of a parallel run ask at the same time
        # Debian 13 has promtool in a package of its own, which bears its name.
        for package in ("prometheus", name):
            if not (TOOLS / "usr/bin" / name).exists():
                _fetch(package)
    return TOOLS / "usr/bin" / name


def haproxy() -> tuple[Path, dict[str, str]]:
    """Where HAProxy is, and the environment that leads it to its libraries."""
    if on_path := shutil.which("haproxy"):
        return Path(on_path), {}
    tree = TOOLS.parent / "debian-haproxy"
    tree.mkdir(parents=True, exist_ok=True)
    with (tree / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        if not (tree / "complete").exists():
            for package in ("haproxy", *HAPROXY_LIBRARIES):
                _unpack(package, tree)
            (tree / "complete").touch()
    (libraries,) = (tree / "usr/lib").glob("*-linux-gnu")
    return tree / "usr/sbin/haproxy", {"LD_LIBRARY_PATH": str(libraries)}


def _unpack(package: str, tree: Path) -> None:
    with tempfile.TemporaryDirectory(dir=TOOLS.parent) as folder:
        at = Path(folder)
        at.chmod(0o755)  # apt's own user writes here
        _download(package, at)
        (archive,) = at.glob("*.deb")
        _run(at, "dpkg", "-x", str(archive), str(tree))


def _fetch(package: str) -> None:
    """Unpack into a folder beside, then move: a fetch that is cut short leaves nothing."""
    with tempfile.TemporaryDirectory(dir=TOOLS.parent) as folder:
        at = Path(folder)
        at.chmod(0o755)  # apt's own user writes here
        _download(package, at)
        (archive,) = at.glob("*.deb")
        _run(at, "dpkg", "-x", str(archive), "files")
        (TOOLS / "usr/bin").mkdir(parents=True, exist_ok=True)
        for file in (at / "files" / "usr/bin").iterdir():
            file.replace(TOOLS / "usr/bin" / file.name)


def _download(package: str, at: Path) -> None:
    """With the machine's package lists, or where it has none, with lists of our own."""
    try:
        _run(at, "apt-get", "download", package)
    except RuntimeError:
        (at / "lists" / "partial").mkdir(parents=True)
        own = ("-o", f"Dir::State::Lists={at / 'lists'}", "-o", f"Dir::Cache={at / 'cache'}")
        _run(at, "apt-get", *own, "update")
        _run(at, "apt-get", *own, "download", package)


def _run(at: Path, *command: str) -> None:
    done = subprocess.run(
        command, cwd=at, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise RuntimeError(f"`{' '.join(command)}` failed: {last}")
