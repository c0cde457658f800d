"""`jubilee user`, on a real database and beside a running API."""

import os
import pty
import re
import signal
import subprocess
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.api import COMMAND, NO_REDIS, NOWHERE, PASSWORD, Api, bearer, run, sign_up
from tests.support.running import eventually

User = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def user(tmp_path: Path, database_url: str) -> User:
    """Run `jubilee user`."""
    env = {"DATABASE_URL": database_url, "REDIS_URL": NO_REDIS}

    def command(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return run(tmp_path, "user", *words, stdin=stdin, **env)

    return command


def test_disabling_ends_the_sessions_and_enabling_allows_sign_in(api: Api, user: User) -> None:
    api.add_admin("ada")
    with api.client() as client:
        zoe = sign_up(client, "zoe")
        login = {"username": "zoe", "password": PASSWORD}
        assert user("disable", "zoe").stdout.endswith("disabled\n")
        assert client.get("/users/me", headers=bearer(zoe)).status_code == 401
        assert client.post("/auth/token", data=login).status_code == 400
        assert user("enable", "zoe").returncode == 0
        assert client.get("/users/me", headers=bearer(zoe)).status_code == 401
        assert client.post("/auth/token", data=login).status_code == 200


def test_a_new_password_ends_the_sessions_and_is_validated(api: Api, user: User) -> None:
    with api.client() as client:
        zoe = sign_up(client, "zoe")
        weak = user("password", "zoe", "--password-stdin", stdin="short\n")
        assert (weak.returncode, "8 characters" in weak.stderr) == (1, True)
        assert client.get("/users/me", headers=bearer(zoe)).status_code == 200
        new = "a mill of many wheels"
        assert user("password", "zoe", "--password-stdin", stdin=f"{new}\n").returncode == 0
        assert client.get("/users/me", headers=bearer(zoe)).status_code == 401
        old = client.post("/auth/token", data={"username": "zoe", "password": PASSWORD})
        assert old.status_code == 400
        fresh = client.post("/auth/token", data={"username": "zoe", "password": new})
        assert fresh.status_code == 200


def echoes(terminal: int) -> bool:
    """Return whether the terminal echoes input."""
    return bool(termios.tcgetattr(terminal)[3] & termios.ECHO)


def test_ctrl_c_at_the_prompt_restores_the_terminal(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        (*COMMAND, "user", "password", "zoe"),
        cwd=tmp_path,
        env={"DATABASE_URL": NOWHERE, "REDIS_URL": NO_REDIS},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    try:
        assert eventually(lambda: not echoes(ours))
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == -signal.SIGINT
        assert echoes(theirs)
        assert re.sub(rb"[\r\n]", b"", os.read(ours, 10_000)) == b"Password: "
    finally:
        process.kill()
        os.close(ours)
        os.close(theirs)
