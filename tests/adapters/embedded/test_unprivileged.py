"""How a program is run by another user than root."""

import os
from pathlib import Path

import pytest

from jubilee.adapters.embedded import unprivileged as module
from jubilee.adapters.embedded.errors import ServerFailed
from jubilee.adapters.embedded.unprivileged import unprivileged

MISSING = ("no-such-program", "--")


def test_a_user_other_than_root_needs_no_prefix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert unprivileged(tmp_path) == ()


def test_a_machine_without_the_programs_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(module, "OTHER_USER", MISSING)
    monkeypatch.setattr(module, "_as_user", lambda _: MISSING)
    with pytest.raises(ServerFailed, match="use another user or set DATABASE_URL"):
        unprivileged(tmp_path)


def test_a_prefix_names_its_program_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(module, "OTHER_USER", ("env", "-u", "NAME"))
    monkeypatch.setattr(module, "_as_user", lambda _: ("env", "-u", "NAME"))
    program, *options = unprivileged(tmp_path)
    assert Path(program).is_absolute()
    assert options == ["-u", "NAME"]
