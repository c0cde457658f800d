"""The settings: names, precedence, validation, and masked secrets."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from jubilee.settings import Environment, Settings
from tests.settings.given import STRONG, given, refusal

SECRET = "Zq7-secret-9Xw"


@pytest.mark.usefixtures("env")
def test_no_setting_is_required() -> None:
    settings = Settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.environment is Environment.DEVELOPMENT
    assert (settings.postgres, settings.redis) == (None, None)
    assert (settings.access_token_expire_minutes, settings.password_min_length) == (30, 8)
    assert settings.password_hash_memory_kib >= 19_456
    assert settings.password_hash_time_cost >= 2


def test_the_database_url_is_composed_of_its_parts(env: pytest.MonkeyPatch) -> None:
    parts = {"SERVER": "db", "PORT": "6432", "USER": "u@x", "PASSWORD": "p/w#?", "DB": "a b"}
    settings = given(env, **{f"POSTGRES_{name}": value for name, value in parts.items()})
    assert settings.postgres == "postgresql://u%40x:p%2Fw%23%3F@db:6432/a%20b"


def test_the_parts_have_older_names(env: pytest.MonkeyPatch) -> None:
    parts = {"HOST": "old", "PORT": "6432", "USER": "u", "PASSWORD": "p", "DB": "d"}
    settings = given(env, **{f"PG_{name}": value for name, value in parts.items()})
    assert settings.postgres == "postgresql://u:p@old:6432/d"
    assert given(env, POSTGRES_SERVER="new").postgres == "postgresql://u:p@new:6432/d"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_a_url_overrides_its_parts_in_every_spelling(env: pytest.MonkeyPatch, scheme: str) -> None:
    url = f"{scheme}://u:p@host/d?sslmode=require"
    settings = given(env, DATABASE_URL=url, POSTGRES_SERVER="other", REDIS_HOST="other")
    assert settings.postgres == "postgresql://u:p@host/d?sslmode=require"
    assert given(env, REDIS_URL="rediss://r/1").redis == "rediss://r/1"


def test_the_redis_url_is_composed_of_its_parts(env: pytest.MonkeyPatch) -> None:
    settings = given(env, REDIS_HOST="r", REDIS_PORT="6380", REDIS_PASSWORD="p@/w")
    assert settings.redis == "redis://:p%40%2Fw@r:6380/0"


def test_the_environment_wins_over_the_file(env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=9001\nHOST=file.example\nUNKNOWN=1\n")
    settings = given(env, PORT="9002", LOG_LEVEL="debug")
    assert (settings.port, settings.host, settings.log_level) == (9002, "file.example", "DEBUG")


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "Zq7short",
        STRONG[:31],
        "ab" * 40,
        "changeme" + STRONG,
        "CHANGE-THIS" + STRONG,
        "your-secret-key-keep-it-secret-1234567890",
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        "   " + STRONG[:20] + " " * 20,
    ],
)
@pytest.mark.parametrize("environment", ["production", "staging", "prod", "PRODUCTION"])
def test_outside_development_a_weak_secret_is_refused(
    env: pytest.MonkeyPatch, environment: str, secret: str
) -> None:
    env.setenv("ENVIRONMENT", environment)
    assert "SECRET_KEY" in refusal(env, SECRET_KEY=secret or " ")


def test_check_13_a_secret_is_required_outside_development(env: pytest.MonkeyPatch) -> None:
    env.setenv("ENVIRONMENT", "production")
    assert "SECRET_KEY" in refusal(env)


def test_a_strong_secret_is_accepted_in_every_environment(env: pytest.MonkeyPatch) -> None:
    for environment in ("production", "staging", "development"):
        settings = given(env, ENVIRONMENT=environment, SECRET_KEY=STRONG)
        assert settings.secret_key
        assert settings.secret_key.get_secret_value() == STRONG
    assert given(env, ENVIRONMENT="local", SECRET_KEY="short").secret_key


BAD = {
    "PORT": "65536-x",
    "REDIS_PORT": "70000",
    "POSTGRES_PORT": "70000",
    "PG_PORT": "0x1538",
    "ENVIRONMENT": "prodction-x",
    "LOG_LEVEL": "LOUD-x",
    "DATABASE_URL": f"mysql://u:{SECRET}@h/d",
    "REDIS_URL": f"http://:{SECRET}@h",
    "BIRTHDAY_TIMEZONE": "Mars/Olympus",
    "LEAP_DAY_RULE": "never-x",
    "HELLO_ANONYMOUS": "perhaps-x",
    "HELLO_MAX_ANONYMOUS": "-41",
    "PASSWORD_MIN_LENGTH": "7.5",
    "PASSWORD_HASH_MEMORY_KIB": "1024.5",
    "MAX_BODY_BYTES": "-17",
}


@pytest.mark.parametrize("name", BAD)
def test_an_invalid_setting_is_named_without_its_value(env: pytest.MonkeyPatch, name: str) -> None:
    assert refusal(env, **{name: BAD[name]})


@pytest.mark.parametrize(
    "variables",
    [
        {"DATABASE_URL": f"postgres://u:{SECRET}@h/d"},
        {"DATABASE_URL": f"postgres://u:{SECRET}@a:5432,b/d"},
        {"DATABASE_MIGRATION_URL": f"postgres://u:{SECRET}@h/d"},
        {"DATABASE_REPLICA_URL": f"postgres://u:{SECRET}@h/d"},
        {"POSTGRES_SERVER": "h", "POSTGRES_PASSWORD": SECRET},
        {"REDIS_URL": f"redis://:{SECRET}@h/0"},
        {"REDIS_URL": f"redis://h/0?password={SECRET}"},
        {"REDIS_HOST": "h", "REDIS_PASSWORD": SECRET},
        {"SECRET_KEY": SECRET},
        {"SMTP_URL": f"smtp://u:{SECRET}@h:25"},
    ],
)
def test_shown_settings_contain_no_secret(
    env: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    settings = given(env, **variables)
    shown = settings.masked()
    assert SECRET not in f"{shown} {settings!r}"
    assert "***" in f"{shown}"


BROKEN = [
    f"://u:a@{SECRET}@h/d",
    f"://u:a/{SECRET}#?{SECRET}@h/d",
    f"://u:[{SECRET}@h/d",
    f"://u:{SECRET}\u2100@h/d",
    f"://h/d?user=u&password={SECRET}",
    f"://h/d?sslpassword={SECRET}",
    f"://u:p@h:{SECRET}/d",
    f"://u:a,{SECRET}/b@h/d",
    f"://u:p@h,{SECRET}:x/d",
    f":{SECRET}",
]


@pytest.mark.parametrize("url", BROKEN)
@pytest.mark.parametrize(
    ("name", "scheme"), [("DATABASE_URL", "postgres"), ("REDIS_URL", "redis"), ("SMTP_URL", "smtp")]
)
def test_an_invalid_url_is_not_repeated(
    env: pytest.MonkeyPatch, name: str, scheme: str, url: str
) -> None:
    try:
        notes = str(given(env, **{name: scheme + url}).masked())
    except ValidationError as error:
        notes = f"{error} {error.errors(include_input=False)}"
    assert SECRET not in notes


def test_settings_without_secrets_are_shown(env: pytest.MonkeyPatch) -> None:
    shown = given(env, DATABASE_URL="postgres://u:p@h:5/d?sslmode=require", PORT="9000").masked()
    assert shown["DATABASE_URL"] == "postgresql://u:***@h:5/d?sslmode=require"
    assert (shown["PORT"], shown["ENVIRONMENT"]) == ("9000", "development")
    assert given(env, DATABASE_URL="postgres://u@h/d").masked()["DATABASE_URL"].endswith("u@h/d")


@pytest.mark.parametrize(
    "url", ["http://h", "smtp://:25", "smtp://h/x", "smtp://h?starttls=perhaps", "smtp://h?tls=1"]
)
def test_a_mail_server_is_checked_at_the_start(env: pytest.MonkeyPatch, url: str) -> None:
    assert "smtp_url" in refusal(env, SMTP_URL=url)


@pytest.mark.parametrize("sender", ["jubilee", "@", "a@b\nBcc: c@d", "=?utf-8?q?J?= <a@b.test>"])
def test_the_sender_of_mail_is_an_address(env: pytest.MonkeyPatch, sender: str) -> None:
    assert "mail_from" in refusal(env, MAIL_FROM=sender)


def test_outbound_hosts_are_a_list(env: pytest.MonkeyPatch) -> None:
    hosts, networks = "hooks.test, *.partner.test:8443,[::1]:80", "10.1.0.0/16,fd12::/32"
    settings = given(env, OUTBOUND_ALLOWED_HOSTS=hosts, OUTBOUND_ALLOWED_NETWORKS=networks)
    assert settings.outbound_allowed_hosts == ("hooks.test", "*.partner.test:8443", "[::1]:80")
    assert settings.masked()["OUTBOUND_ALLOWED_NETWORKS"] == networks
    assert "outbound_allowed_hosts" in refusal(env, OUTBOUND_ALLOWED_HOSTS="https://hooks.test")


@pytest.mark.parametrize("name", ["OUTBOUND_ALLOWED_NETWORKS", "TRUSTED_PROXIES"])
def test_a_network_has_no_bits_beyond_its_mask(env: pytest.MonkeyPatch, name: str) -> None:
    assert name.lower() in refusal(env, **{name: "10.1.2.3/16"})


def test_leaked_passwords_come_from_an_api_or_from_a_file(
    env: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "pwned"
    assert "pwned_passwords_file" in refusal(env, PWNED_PASSWORDS_FILE=str(file))
    file.touch()
    assert given(env, PWNED_PASSWORDS_FILE=str(file)).pwned_passwords_file == file
    assert "exclude each other" in refusal(env, PWNED_PASSWORDS_URL="https://pwned.example/range")


def test_a_database_of_places_must_exist(env: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "places.mmdb"
    assert "geoip_database" in refusal(env, GEOIP_DATABASE=str(file))
    file.touch()
    assert given(env, GEOIP_DATABASE=str(file)).geoip_database == file


def test_accounts_are_hidden_only_where_addresses_are_verified(env: pytest.MonkeyPatch) -> None:
    given(env, REGISTRATION_CONFLICT="hide", EMAIL_VERIFICATION="required")
    for weaker in ("off", "optional"):
        with pytest.raises(ValidationError, match="needs EMAIL_VERIFICATION=required"):
            given(env, REGISTRATION_CONFLICT="hide", EMAIL_VERIFICATION=weaker)
