"""`.env.example`: every setting and nothing else, with valid values."""

import re
from pathlib import Path

import pytest

from jubilee.adapters.telemetry.otlp import signals
from jubilee.settings import Settings
from jubilee.settings.secret_files import secret_variables

EXAMPLE = Path(__file__).parents[2] / ".env.example"
LINES = re.findall(r"^#?([A-Z][A-Z_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE)


def test_the_example_lists_every_setting_once_and_no_other() -> None:
    ours = [name for name, _ in LINES if not name.startswith("OTEL_")]
    assert sorted(ours) == sorted(name.upper() for name in Settings.model_fields)


def test_the_example_values_are_accepted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in LINES:
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.log_format == "json"
    assert settings.slow_query_ms == 500


def test_the_example_names_the_file_of_every_secret_setting() -> None:
    assert set(re.findall(r"\b[A-Z_]+_FILE\b(?!=)", EXAMPLE.read_text())) == {
        next(iter(files.values())) for files in secret_variables(Settings.model_fields)
    }


def test_the_example_shows_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in LINES:
        monkeypatch.setenv(name, value)
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    expected = {name: value for name, value in defaults.items() if value not in {None, ()}}
    del expected["mail_from"]  # set in the test
    assert {name: getattr(Settings(), name) for name in expected} == expected


def test_the_examples_opentelemetry_variables_are_valid() -> None:
    assert {signal.value for signal in signals(dict(LINES))} == {"traces"}
