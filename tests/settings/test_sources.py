"""Sources of values, and unknown names that resemble a setting."""

import os
from pathlib import Path

import pytest

from jubilee.settings.sources import (
    sources,
    telemetry_variables,
    unknown_variables,
)
from jubilee.settings.variables import Variables, read_variables

ORDINARY = (
    "PATH", "HOME", "PWD", "LANG", "LC_ALL", "USER", "SHELL", "TERM", "HOSTNAME", "SHLVL", "OLDPWD",
    "LOGNAME", "MAIL", "EDITOR", "TZ", "PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "PGDATA", "POST",
    "KUBERNETES_PORT", "REDIS_PORT_6379_TCP", "REDIS_SERVICE_PORT", "POSTGRES_PORT_5432_TCP",
    "LOG_DIR", "PORT0", "HOSTS", "DOCKER_HOST", "XDG_DATA_DIRS", "GPG_KEY", "SSH_AUTH_SOCK",
)  # fmt: skip


def notes(*, environment: tuple[str, ...] = (), file: tuple[str, ...] = ()) -> list[str]:
    given = Variables(dict.fromkeys(environment, "x"), dict.fromkeys(file, "x"))
    return list(unknown_variables(given))


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("PROT", "PORT"),
        ("LOG_LEVELL", "LOG_LEVEL"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("DATADIR", "DATA_DIR"),
        ("DATABASE_URI", "DATABASE_URL"),
        ("METRIC_PORT", "METRICS_PORT"),
        ("POSTGRES_PASWORD", "POSTGRES_PASSWORD"),
        ("PG_USR", "PG_USER"),
    ],
)
def test_a_misspelt_setting_is_reported_with_the_nearest_name(slip: str, meant: str) -> None:
    assert notes(environment=(slip,)) == [
        f"{slip} in the environment is not a setting: did you mean {meant}?"
    ]


def test_usual_environment_variables_are_not_reported() -> None:
    assert notes(environment=ORDINARY) == []
    assert not list(unknown_variables(Variables(dict(os.environ), {})))


def test_every_unknown_name_of_an_env_file_is_reported() -> None:
    found = notes(file=("LOG_LEVELL", "FROBNICATE", "OTEL_SERVICE_NAME", "PORT", "PG_HOST"))
    assert found == [
        "FROBNICATE in .env is not a setting",
        "LOG_LEVELL in .env is not a setting: did you mean LOG_LEVEL?",
    ]


def test_the_environment_wins_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("PORT=1\nlog_level=INFO\nGREETING_HOUR=\n")
    monkeypatch.setenv("PORT", "2")
    found = sources(read_variables())
    assert (found["PORT"], found["LOG_LEVEL"]) == ("environment", ".env")
    assert found["GREETING_HOUR"] == "default"


def test_a_url_composed_of_parts_names_its_source() -> None:
    found = sources(Variables({"PG_HOST": "db"}, {}))
    assert (found["DATABASE_URL"], found["POSTGRES_SERVER"]) == ("its parts", "environment")
    assert found["REDIS_URL"] == "default"


def test_variables_of_opentelemetry_are_shown_without_secrets() -> None:
    secret = {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=opensesame"}
    url = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://ada:opensesame@collector:4318"}
    found = telemetry_variables(Variables(secret, url))
    assert "opensesame" not in str(found)
    assert found["OTEL_EXPORTER_OTLP_HEADERS"] == ("***", "environment")
    assert found["OTEL_EXPORTER_OTLP_ENDPOINT"] == ("http://ada:***@collector:4318", ".env")
