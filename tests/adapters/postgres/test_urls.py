"""DATABASE_URL as people paste it: what is taken, left out, or refused at the start."""

import asyncio
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from jubilee.adapters.postgres import schema
from jubilee.adapters.postgres.engine import driver_arguments, driver_url, open_engine
from jubilee.urls.database import checked_database_url
from tests.certificates import make_certificate

HOST = "postgresql://u:p@h/d"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """None of the machine's own certificates for PostgreSQL."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PGSSLROOTCERT", raising=False)


def checked(url: str) -> str:
    return checked_database_url(SecretStr(url)).get_secret_value()


def refusal(url: str) -> str:
    with pytest.raises(ValueError, match=r".") as refused:
        checked(url)
    return str(refused.value)


@pytest.mark.parametrize(
    "query",
    [
        "sslmode=require&channel_binding=require",
        "channel_binding=prefer&gssencmode=disable&connect_timeout=10&keepalives=1",
        "application_name=shop&options=-c%20geqo%3Doff&target_session_attrs=read-write",
        "sslmode=verify-full&sslrootcert=system",
        "host=/run/postgresql",
        "host=a,b&port=5432,5433&target_session_attrs=primary",
        "port=6432",
        "host=a,b&port=6432",
        "host=a,b,c&port=5432,5433,5434",
        "user=u&password=p&dbname=d&passfile=/p",
        "sslmode=",
    ],
)
def test_what_people_paste_is_taken_as_it_is(query: str) -> None:
    assert checked(f"{HOST}?{query}") == f"{HOST}?{query}"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("service=shop", "the parameters it may have are application_name, channel_binding"),
        (
            "sslmode=on",
            "its sslmode must be disable, allow, prefer, require, verify-ca or verify-full",
        ),
        ("channel_binding=on", "its channel_binding must be disable, prefer or require"),
        ("gssencmode=require", "its gssencmode must be disable or prefer"),
        ("target_session_attrs=master", "its target_session_attrs must be any, primary, standby"),
        (
            "sslmode=require&sslrootcert=system",
            "with sslrootcert=system, its sslmode must be verify",
        ),
        ("sslmode=disable&channel_binding=require", "channel_binding=require needs TLS"),
        ("sslrootcert=/nowhere", "No such file or directory; sslrootcert=system means"),
        ("sslmode=verify-full", "No such file or directory; sslrootcert=system means"),
        ("sslcert=/nowhere", "sslcert and sslkey must be given together"),
        ("sslcert=/nowhere&sslkey=/nowhere", "its certificates cannot be read"),
        ("port=x", "its port must be a number from 1 to 65535"),
        ("host=a,b&port=0", "its port must be a number from 1 to 65535"),
        ("host=a,b&port=1,2,3", "it needs one port, or one for each host"),
        ("host=a,b,c&port=1,2", "it needs one port, or one for each host"),
    ],
)
def test_what_cannot_be_had_is_refused_in_a_line(query: str, reason: str) -> None:
    said = refusal(f"{HOST}?{query}")
    assert reason in said
    assert "\n" not in said


@pytest.mark.parametrize("hosts", ["a,b", "a:5432,b:5433", "[::1]:1,b"])
def test_several_hosts_are_parameters(hosts: str) -> None:
    assert "?host=a,b" in refusal(f"postgresql://u:p,w@{hosts}/d")
    assert checked("postgresql://u:p,w@a/d?options=-c%20a=b,c")


def test_certificates_are_read_at_the_start(tmp_path: Path) -> None:
    make_certificate(tmp_path, "DNS:h")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    assert checked(f"{HOST}?sslmode=verify-full&sslrootcert={cert}&sslcert={cert}&sslkey={key}")
    assert "cannot be read" in refusal(f"{HOST}?sslrootcert={key}")
    assert "cannot be read" in refusal(f"{HOST}?sslcert={key}&sslkey={cert}")


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("", ("h", None, {})),
        ("host=/run/postgresql", ("h", None, {"host": "/run/postgresql"})),
        ("port=6432", ("h", None, {"port": "6432"})),
        ("host=a,b", ("h", None, {"host": "a,b", "port": "5432,5432"})),
        ("host=a,b&port=6432", ("h", None, {"host": "a,b", "port": "6432,6432"})),
        ("host=a,b&port=1,2", ("h", None, {"host": "a,b", "port": "1,2"})),
        ("sslmode=disable&sslmode=require&connect_timeout=5", ("h", None, {})),
    ],
)
def test_where_it_is_goes_by_sqlalchemy(
    query: str, place: tuple[str, int | None, dict[str, str]]
) -> None:
    url = driver_url(f"{HOST}?{query}")
    assert (url.host, url.port, dict(url.query)) == place
    assert (url.username, url.password, url.database) == ("u", "p", "d")


def test_parameters_win_over_what_stands_before_them() -> None:
    url = driver_url(f"{HOST}?user=other&password=%40&dbname=more")
    assert (url.username, url.password, url.database) == ("other", "@", "more")


@pytest.mark.parametrize(
    ("query", "passed_on"),
    [
        ("host=/run&port=1&user=u&password=p&dbname=d", ""),
        ("connect_timeout=5&keepalives_idle=1&gssencmode=prefer&channel_binding=prefer", ""),
        ("sslmode=disable&sslmode=require", "sslmode=require"),
        ("options=-c%20geqo%3Doff", "options=-c%20geqo%3Doff"),
        (
            "sslmode=require&channel_binding=require&sslrootcert=/a%20b",
            "sslrootcert=%2Fa%20b&sslmode=verify-full",
        ),
    ],
)
def test_the_rest_is_left_to_the_driver(query: str, passed_on: str) -> None:
    assert driver_arguments(f"{HOST}?{query}") == {"dsn": f"postgresql://?{passed_on}"}


async def test_postgresql_hears_of_what_is_meant_for_it(database_url: str) -> None:
    mark = "&" if "?" in database_url else "?"
    more = "application_name=shop%20%2B1&options=-c%20geqo%3Doff&target_session_attrs=primary"
    url = f"{database_url}{mark}{more}&connect_timeout=5&channel_binding=prefer&sslmode=disable"
    engine = open_engine(checked(url), timeout=5)
    async with engine.connect() as connection:
        found = [
            await connection.scalar(text(f"SHOW {name}")) for name in ("application_name", "geqo")
        ]
    await engine.dispose()
    assert found == ["shop +1", "off"]
    await asyncio.to_thread(schema.check, url)
