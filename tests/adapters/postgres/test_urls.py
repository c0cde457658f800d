"""DATABASE_URL: which parameters are accepted, ignored or refused at the start."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from pydantic import SecretStr

from jubilee.adapters.postgres import schema
from jubilee.adapters.postgres.connection import connection_arguments
from jubilee.urls.database import checked_database_url, checked_replica_url
from tests.support.certificates import make_certificate

HOST = "postgresql://u:p@h/d"


@pytest.fixture(autouse=True)
def no_default_certificates(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the machine's own certificates for PostgreSQL."""
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
def test_known_parameters_are_accepted(query: str) -> None:
    assert checked(f"{HOST}?{query}") == f"{HOST}?{query}"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("service=shop", "the parameters it may have are application_name, channel_binding"),
        (
            "sslmode=on",
            "its sslmode must be disable, allow, prefer, require, verify-ca or verify-full",
        ),
        ("channel_binding=on", "its channel_binding must be disable or prefer"),
        ("sslmode=require&channel_binding=require", "not supported by the driver (asyncpg)"),
        ("connect_timeout=soon", "its connect_timeout must be a whole number of seconds"),
        ("host=a,&port=1,2", "one of its hosts is empty"),
        ("gssencmode=require", "its gssencmode must be disable or prefer"),
        ("target_session_attrs=master", "its target_session_attrs must be any, primary, standby"),
        (
            "sslmode=require&sslrootcert=system",
            "with sslrootcert=system, its sslmode must be verify",
        ),
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
def test_an_invalid_parameter_is_refused_in_one_line(query: str, reason: str) -> None:
    message = refusal(f"{HOST}?{query}")
    assert reason in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("hosts", "found"),
    [
        ("a,b", "host=a,b&port=5432,5432"),
        ("a:6432,b", "host=a,b&port=6432,5432"),
        ("[::1]:1,b:2", "host=::1,b&port=1,2"),
    ],
)
def test_several_hosts_become_parameters(hosts: str, found: str) -> None:
    assert checked(f"postgresql://u:p,w@{hosts}/d") == f"postgresql://u:p,w@/d?{found}"
    parameters = "target_session_attrs=read-write"
    assert (
        checked(f"postgresql://{hosts}/d?{parameters}") == f"postgresql:///d?{found}&{parameters}"
    )


@pytest.mark.parametrize("hosts", ["a,", "a:x,b", "a:0,b", "a:1:2,b"])
def test_several_hosts_that_cannot_be_read_are_refused(hosts: str) -> None:
    assert "its " in refusal(f"postgresql://u:p@{hosts}/d")


def test_a_comma_elsewhere_names_no_host() -> None:
    url = "postgresql://u:p,w@a/d?options=-c%20a=b,c"
    assert checked(url) == url


@pytest.mark.parametrize("url", ["postgresql://a,b/d", "postgresql:///d?host=a,b"])
def test_a_replica_is_one_host(url: str) -> None:
    with pytest.raises(ValueError, match="it must name one host"):
        checked_replica_url(SecretStr(url))
    assert checked_replica_url(SecretStr(HOST)).get_secret_value() == HOST


def test_certificates_are_read_at_the_start(tmp_path: Path) -> None:
    make_certificate(tmp_path, "DNS:h")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    assert checked(f"{HOST}?sslmode=verify-full&sslrootcert={cert}&sslcert={cert}&sslkey={key}")
    assert "cannot be read" in refusal(f"{HOST}?sslrootcert={key}")
    assert "cannot be read" in refusal(f"{HOST}?sslcert={key}&sslkey={cert}")


@pytest.mark.parametrize(
    ("query", "host", "port"),
    [
        ("", "h", None),
        ("host=/run/postgresql", ["/run/postgresql"], None),
        ("port=6432", "h", [6432]),
        ("host=a,b", ["a", "b"], None),
        ("host=a,b&port=6432", ["a", "b"], [6432]),
        ("host=a,b&port=1,2", ["a", "b"], [1, 2]),
        ("sslmode=disable&sslmode=require&connect_timeout=5", "h", None),
    ],
)
def test_hosts_and_ports_are_passed_to_the_driver(query: str, host: object, port: object) -> None:
    found = connection_arguments(f"{HOST}?{query}")
    assert (found["host"], found.get("port")) == (host, port)
    assert (found["user"], found["password"], found["database"]) == ("u", "p", "d")


def test_parameters_override_the_authority() -> None:
    found = connection_arguments(f"{HOST}?user=other&password=%40&dbname=more")
    assert (found["user"], found["password"], found["database"]) == ("other", "@", "more")


def test_quoted_characters_of_the_login_and_the_database_are_unquoted() -> None:
    found = connection_arguments("postgresql://a%40b:c%2F@[::1]:6432/d%20e")
    assert (found["user"], found["password"], found["database"]) == ("a@b", "c/", "d e")
    assert (found["host"], found["port"]) == ("::1", 6432)


def test_missing_parts_of_a_url_are_left_to_the_driver() -> None:
    assert set(connection_arguments("postgresql://")) == {"dsn"}


@pytest.mark.parametrize(
    ("query", "passed_on"),
    [
        ("host=/run&port=1&user=u&password=p&dbname=d", ""),
        ("connect_timeout=5&keepalives_idle=1&gssencmode=prefer&channel_binding=prefer", ""),
        ("sslmode=disable&sslmode=require", "sslmode=require"),
        ("options=-c%20geqo%3Doff", "options=-c%20geqo%3Doff"),
        ("sslmode=require&sslrootcert=/a%20b", "sslmode=require&sslrootcert=%2Fa%20b"),
    ],
)
def test_other_parameters_are_passed_to_the_driver(query: str, passed_on: str) -> None:
    assert connection_arguments(f"{HOST}?{query}")["dsn"] == f"postgresql://?{passed_on}"


async def test_server_parameters_reach_postgresql(session_url: str) -> None:
    mark = "&" if "?" in session_url else "?"
    parameters = "application_name=shop%20%2B1&options=-c%20geqo%3Doff&target_session_attrs=primary"
    url = (
        f"{session_url}{mark}{parameters}&connect_timeout=5&channel_binding=prefer&sslmode=disable"
    )
    connection = await asyncpg.connect(**connection_arguments(checked(url)))
    found = [await connection.fetchval(f"SHOW {name}") for name in ("application_name", "geqo")]
    await connection.close()
    assert found == ["shop +1", "off"]
    await asyncio.to_thread(schema.check, url)
