"""Secret settings in files, and errors of files that cannot be used."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from jubilee.settings import Settings
from jubilee.settings.secret_files import MAX_SECRET_BYTES, secret_variables
from jubilee.settings.sources import SECRET_FILES, sources, unknown_variables
from jubilee.settings.variables import Variables, read_variables

SECRET = "Zq7-secret-9Xw-3f0c6Jq9vX1mWb8Tz5Kd"
SCHEMES = {"DATABASE": "postgresql", "REDIS": "redis", "SMTP": "smtp", "SENTRY": "https"}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove the machine's variables and `.env`."""
    monkeypatch.chdir(tmp_path)
    for name, file in SECRET_FILES.items():
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(file, raising=False)
    monkeypatch.setenv("PUBLIC_URL", "https://api.example.com")
    monkeypatch.setenv("OIDC_REDIRECTS", "https://app.example/signed-in")


def value_of(name: str) -> str:
    """Return a valid value of the setting."""
    if name == "OIDC_PROVIDERS":
        provider = '"name": "x", "issuer": "https://h", "client_id": "c"'
        return f'[{{{provider}, "client_secret": "{SECRET}"}}]'
    scheme = SCHEMES.get(name.partition("_")[0])
    path = {"URL": "", "DSN": "/1"}.get(name.rpartition("_")[2])
    return SECRET if path is None else f"{scheme}://u:{SECRET}@h{path}"


def refusal() -> str:
    """Return the error message, which must not contain the secret."""
    with pytest.raises(ValidationError) as refused:
        Settings()
    (details,) = refused.value.errors(include_input=False)
    assert "Zq7" not in f"{refused.value} {details}"
    return details["msg"].removeprefix("Value error, ")


def test_every_secret_setting_is_covered() -> None:
    names = {name for files in secret_variables(Settings.model_fields) for name in files}
    assert {"SECRET_KEY", "SECRET_KEY_PREVIOUS", "DATABASE_URL", "REDIS_URL", "SMTP_URL"} <= names
    assert {"POSTGRES_PASSWORD", "PG_PASSWORD", "REDIS_PASSWORD"} <= names
    assert not names.intersection({"PORT", "MAIL_FROM", "REDIS_HOST"})


@pytest.mark.parametrize("name", SECRET_FILES)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_is_read_from_its_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, end: str
) -> None:
    (tmp_path / "secret").write_bytes(f"{value_of(name)}{end}".encode())
    monkeypatch.setenv(SECRET_FILES[name], str(tmp_path / "secret"))
    value = getattr(Settings(), name.lower().replace("pg_", "postgres_"))
    assert isinstance(value, SecretStr)
    assert value.get_secret_value() == value_of(name)


def test_an_env_file_may_name_the_secrets_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(SECRET)
    (tmp_path / ".env").write_text("SECRET_KEY_FILE=secret\n")
    key = Settings().secret_key
    assert key is not None
    assert key.get_secret_value() == SECRET
    assert sources(read_variables())["SECRET_KEY"] == "SECRET_KEY_FILE"


@pytest.mark.parametrize("name", ["POSTGRES_PASSWORD", "PG_PASSWORD", "PG_PASSWORD_FILE"])
def test_a_value_beside_the_file_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    (tmp_path / "secret").write_text(SECRET)
    monkeypatch.setenv("POSTGRES_PASSWORD_FILE", str(tmp_path / "secret"))
    monkeypatch.setenv(name, SECRET)
    notes = refusal()
    assert {name, "POSTGRES_PASSWORD_FILE"} == set(notes.split(" are both set")[0].split(" and "))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot read {path}: No such file or directory"),
        (b"", "{path} is empty"),
        (b" \n\n", "{path} is empty"),
        (b"Zq7\xff", "{path} is not text in UTF-8"),
        (b"Zq7" * MAX_SECRET_BYTES, "{path} has more than 65536 bytes"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("SECRET_KEY_FILE", str(path))
    assert refusal() == f"SECRET_KEY_FILE: {reason.format(path=path)}"


def test_a_folder_as_secret_file_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REDIS_URL_FILE", str(tmp_path))
    assert refusal() == f"REDIS_URL_FILE: {tmp_path} is not a file"


def test_a_value_in_a_file_is_validated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("mysql://u:Zq7@h")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "secret"))
    assert refusal() == "it must begin with postgresql://"


def test_file_variables_are_settings_and_their_misspellings_are_not() -> None:
    assert not list(unknown_variables(Variables({}, dict.fromkeys(SECRET_FILES.values(), "x"))))
    (notes,) = unknown_variables(Variables({"SECRET_KEY_FIEL": "x"}, {}))
    assert notes.endswith("did you mean SECRET_KEY_FILE?")


@pytest.mark.parametrize("weak", ["short", f"{SECRET} short", "changeme" + SECRET])
def test_a_weak_previous_key_is_refused_in_production(
    monkeypatch: pytest.MonkeyPatch, weak: str
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("SECRET_KEY", SECRET)
    monkeypatch.setenv("SECRET_KEY_PREVIOUS", f"{SECRET}2 {SECRET}3")
    assert len(Settings().previous_secret_keys) == 2
    monkeypatch.setenv("SECRET_KEY_PREVIOUS", weak)
    with pytest.raises(ValidationError, match="SECRET_KEY_PREVIOUS"):
        Settings()
