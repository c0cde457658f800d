"""The settings: names, precedence, validation, and masked secrets."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from jubilee.settings import Environment, Settings

STRONG = "3f0c6Jq9vX1mWb8Tz5Kd2Rs7Ly4Hn0Pa"
SECRET = "Zq7-secret-9Xw"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove the machine's variables and `.env`."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for part in ("HOST", "PORT", "USER", "PASSWORD", "DB"):
        monkeypatch.delenv(f"PG_{part}", raising=False)


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    return monkeypatch


def given(env: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        env.setenv(name, value)
    return Settings()


def refusal(env: pytest.MonkeyPatch, **variables: str) -> str:
    """Return the error message of invalid settings, which must not contain their values."""
    with pytest.raises(ValidationError) as refused:
        given(env, **variables)
    notes = "\n".join(
        f"{details['loc']} {details['msg']}"
        for details in refused.value.errors(include_url=False, include_input=False)
    )
    for value in variables.values():
        assert not value.strip() or value not in notes + str(refused.value)
    return notes


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
    "written",
    ['["https://a.example", "https://b.example/"]', "https://a.example,https://b.example"],
)
def test_origins_are_a_list_in_either_spelling(env: pytest.MonkeyPatch, written: str) -> None:
    settings = given(env, BACKEND_CORS_ORIGINS=written)
    assert settings.cors_origins == ("https://a.example", "https://b.example")


@pytest.mark.parametrize("written", ["[]", " ", ","])
def test_there_may_be_no_origins(env: pytest.MonkeyPatch, written: str) -> None:
    assert given(env, BACKEND_CORS_ORIGINS=written).cors_origins == ()


@pytest.mark.parametrize(
    ("environment", "origins"),
    [("development", ("http://localhost:*",)), ("staging", ()), ("production", ())],
)
def test_only_development_allows_origins_by_default(
    env: pytest.MonkeyPatch, environment: str, origins: tuple[str, ...]
) -> None:
    assert given(env, ENVIRONMENT=environment, SECRET_KEY=STRONG).cors_origins == origins


@pytest.mark.parametrize(
    "origin",
    ["app.example", "null", "https://app.example/path", "https://*.example", "https://a b"],
)
def test_an_origin_is_a_scheme_and_a_host(env: pytest.MonkeyPatch, origin: str) -> None:
    assert "backend_cors_origins" in refusal(env, BACKEND_CORS_ORIGINS=origin)


def test_all_origins_with_credentials_are_refused(env: pytest.MonkeyPatch) -> None:
    assert given(env, BACKEND_CORS_ORIGINS="*").cors_origins == ("*",)
    env.setenv("CORS_ALLOW_CREDENTIALS", "true")
    assert given(env, BACKEND_CORS_ORIGINS="https://a.example").cors_allow_credentials
    with pytest.raises(ValidationError, match="CORS_ALLOW_CREDENTIALS needs origins"):
        given(env, BACKEND_CORS_ORIGINS="https://a.example,*")


@pytest.mark.parametrize(
    ("environment", "variables", "hosts"),
    [
        ("development", {}, ()),
        ("development", {"PUBLIC_URL": "https://a.example"}, ()),
        ("production", {}, ()),
        ("production", {"PUBLIC_URL": "https://a.example:8443/x/"}, ("a.example",)),
        ("production", {"PUBLIC_URL": "https://[::1]"}, ("[::1]",)),
        ("production", {"PUBLIC_URL": "https://a.example", "TRUSTED_HOSTS": "*"}, ()),
        ("development", {"TRUSTED_HOSTS": "B.example, *.c.example"}, ("b.example", "*.c.example")),
    ],
)
def test_the_host_of_the_public_url_is_the_default_of_trusted_hosts(
    env: pytest.MonkeyPatch, environment: str, variables: dict[str, str], hosts: tuple[str, ...]
) -> None:
    settings = given(env, ENVIRONMENT=environment, SECRET_KEY=STRONG, **variables)
    assert settings.accepted_hosts == hosts


@pytest.mark.parametrize("host", ["https://a.example", "a.example/x", "a.*.example", "a:0"])
def test_a_trusted_host_is_a_name(env: pytest.MonkeyPatch, host: str) -> None:
    assert "trusted_hosts" in refusal(env, TRUSTED_HOSTS=host)


@pytest.mark.parametrize(
    "url",
    ["api.example", "ftp://a.example", "https:///x", "https://u@a.example", "https://a.example?x=1",
     "https://a.example#x", "https://a.example/\"onclick=", "https://a.example:0"],
)  # fmt: skip
def test_the_public_url_is_checked_at_the_start(env: pytest.MonkeyPatch, url: str) -> None:
    assert "public_url" in refusal(env, PUBLIC_URL=url)


@pytest.mark.parametrize("contact", ["security@example.com", "http://a.example", "mailto:a b@c.d"])
def test_a_security_contact_is_a_uri(env: pytest.MonkeyPatch, contact: str) -> None:
    assert "security_contact" in refusal(env, SECURITY_CONTACT=contact)
    accepted = "mailto:security@example.com, https://example.com/report?x=1,tel:+43-1-5"
    assert len(given(env, SECURITY_CONTACT=accepted).security_contact) == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CHANGE_PASSWORD_URL", "/account"),
        ("CHANGE_PASSWORD_URL", "https://a.example/\r\nX: 1"),
        ("SECURITY_TXT_EXPIRES", "2027-12-31T00:00:00"),
    ],
)
def test_published_addresses_are_checked_at_the_start(
    env: pytest.MonkeyPatch, name: str, value: str
) -> None:
    assert name.lower() in refusal(env, **{name: value})


def test_the_public_url_loses_its_final_slash(env: pytest.MonkeyPatch) -> None:
    assert given(env, PUBLIC_URL="https://a.example/x/").public_url == "https://a.example/x"


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


def test_trusted_proxies_are_networks_and_addresses(env: pytest.MonkeyPatch) -> None:
    assert given(env).trusted_proxies == ()
    settings = given(env, TRUSTED_PROXIES="10.1.0.0/16, 192.0.2.7,fd00::/8")
    assert settings.masked()["TRUSTED_PROXIES"] == "10.1.0.0/16,192.0.2.7/32,fd00::/8"


@pytest.mark.parametrize(
    ("environment", "chosen", "port"),
    [
        ("development", "", None),
        ("development", "9100", 9100),
        ("staging", "", 9102),
        ("production", "", 9102),
        ("production", "9100", 9100),
        ("production", "0", None),
    ],
)
def test_check_44_metrics_have_their_own_port_outside_development(
    env: pytest.MonkeyPatch, environment: str, chosen: str, port: int | None
) -> None:
    settings = given(env, ENVIRONMENT=environment, SECRET_KEY=STRONG, METRICS_PORT=chosen)
    assert settings.api_metrics_port == port


def test_leaked_passwords_come_from_an_api_or_from_a_file(
    env: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "pwned"
    assert "pwned_passwords_file" in refusal(env, PWNED_PASSWORDS_FILE=str(file))
    file.touch()
    assert given(env, PWNED_PASSWORDS_FILE=str(file)).pwned_passwords_file == file
    assert "exclude each other" in refusal(env, PWNED_PASSWORDS_URL="https://pwned.example/range")
