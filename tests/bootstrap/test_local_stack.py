"""The processes of `jubilee up` and what they are given."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from jubilee.adapters.embedded.postgres import EmbeddedPostgres
from jubilee.adapters.embedded.valkey import EmbeddedValkey
from jubilee.bootstrap.local_stack import local_stack
from jubilee.entrypoints.local.supervisor import LocalStack
from jubilee.settings import Settings
from tests.support.api import NO_REDIS, NOWHERE

GIVEN = ("DATABASE_URL", "REDIS_URL", "MAIL_DIR")


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove what the processes would inherit."""
    for name in GIVEN:
        monkeypatch.delenv(name, raising=False)


def stack(tmp_path: Path, **values: object) -> LocalStack:
    return local_stack(Settings.model_validate({"data_dir": tmp_path, **values}))


def urls(stack: LocalStack) -> list[str]:
    """Return the URLs of the servers that would be started."""
    kinds = EmbeddedPostgres | EmbeddedValkey
    return [server.url for server in stack.servers if isinstance(server, kinds)]


def given(stack: LocalStack) -> Mapping[str, str | None]:
    """Return the variables of the processes, which are the same for each."""
    env = stack.migrate.env
    assert [child.env for child in stack.children] == [env, env]
    return {name: env.get(name) for name in GIVEN}


def test_without_urls_the_processes_use_embedded_servers_and_a_folder_of_mail(
    tmp_path: Path,
) -> None:
    local = stack(tmp_path)
    expected = (*urls(local), str(tmp_path / "mail"))
    assert given(local) == dict(zip(GIVEN, expected, strict=True))
    assert [url.partition(":")[0] for url in urls(local)] == ["postgresql", "unix"]


@pytest.mark.parametrize(
    ("name", "url", "left"),
    [("database_url", NOWHERE, "unix"), ("redis_url", NO_REDIS, "postgresql")],
)
def test_a_server_with_a_url_is_not_started(tmp_path: Path, name: str, url: str, left: str) -> None:
    local = stack(tmp_path, **{name: url})
    assert [url.partition(":")[0] for url in urls(local)] == [left]
    assert given(local)[name.upper()] is None


def test_a_folder_of_mail_may_be_chosen(tmp_path: Path) -> None:
    assert given(stack(tmp_path, mail_dir=tmp_path / "out"))["MAIL_DIR"] == str(tmp_path / "out")


def test_with_a_mail_server_there_is_no_folder_of_mail(tmp_path: Path) -> None:
    assert given(stack(tmp_path, smtp_url="smtp://127.0.0.1:1025"))["MAIL_DIR"] is None


@pytest.mark.parametrize(
    ("host", "address"), [("127.0.0.1", "http://127.0.0.1:8123"), ("::1", "http://[::1]:8123")]
)
def test_the_addresses_of_api_and_documentation_are_named(
    tmp_path: Path, host: str, address: str
) -> None:
    local = stack(tmp_path, host=host, port=8123)
    assert local.ready_lines == (f"API: {address}", f"Docs: {address}/docs")


def test_a_data_folder_that_cannot_be_made_is_named_with_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=f"DATA_DIR={tmp_path}/file: "):
        stack(tmp_path / "file").lock()
