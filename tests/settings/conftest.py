"""An environment in which no setting is given."""

from pathlib import Path

import pytest

from jubilee.settings import Settings


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """The environment without the machine's variables and `.env`."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for part in ("HOST", "PORT", "USER", "PASSWORD", "DB"):
        monkeypatch.delenv(f"PG_{part}", raising=False)
    return monkeypatch
