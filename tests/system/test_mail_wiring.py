"""The mail sender and the mail kinds of a worker, by the settings."""

from pathlib import Path

import pytest
from opentelemetry.sdk.resources import Resource
from pydantic import SecretStr

from jubilee.adapters.telemetry.tracing import Tracing
from jubilee.bootstrap.adapters import open_adapters
from jubilee.bootstrap.job_kinds import every_kind, runnable_kinds
from jubilee.bootstrap.local_stack import local_stack
from jubilee.bootstrap.mail import mail_service, make_mail_dir
from jubilee.domain.errors import Unavailable
from jubilee.domain.mail import MailMessage
from jubilee.settings import Settings


def settings_for(folder: Path, **given: object) -> Settings:
    """Return settings with servers that are not used."""
    servers = {
        "database_url": "postgresql://nobody.invalid/x",
        "redis_url": "redis://nobody.invalid",
    }
    return Settings.model_validate({**servers, "data_dir": folder, **given})


async def kinds_of(settings: Settings) -> tuple[set[str], set[str]]:
    """Return the kinds known to the API and those run by a worker."""
    async with open_adapters(settings) as adapters:
        known, taken = every_kind(settings, adapters), runnable_kinds(settings, adapters)
    return {kind.name for kind in known}, {kind.name for kind in taken}


async def test_mail_kinds_wait_without_a_mailer(tmp_path: Path) -> None:
    known, taken = await kinds_of(settings_for(tmp_path))
    assert known - taken == {name for name in known if name.startswith("email.")}
    assert known - taken >= {"email.send", "email.welcome"}


@pytest.mark.parametrize("given", [{"smtp_url": "smtp://mail.test"}, {"mail_dir": "mail"}])
async def test_a_worker_with_a_mailer_runs_all_kinds(tmp_path: Path, given: dict[str, str]) -> None:
    known, taken = await kinds_of(settings_for(tmp_path, **given))
    assert known == taken


MESSAGE = MailMessage(
    to="zoe@example.com", subject="Hi", text="Hello", message_id="<1@jubilee.test>"
)


async def test_a_mail_server_takes_precedence_over_a_folder(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "mail"
    settings = settings_for(tmp_path, smtp_url="smtp://127.0.0.1:1", mail_dir=folder)
    with pytest.raises(Unavailable):
        await mail_service(settings, Tracing(Resource({}))).sender.send(MESSAGE)
    assert not folder.exists()


async def test_mail_is_written_to_the_configured_folder_with_the_configured_sender(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "mail"
    settings = settings_for(tmp_path, mail_dir=folder, mail_from="Zoe <zoe@sender.test>")
    service = mail_service(settings, Tracing(Resource({})))
    await service.sender.send(MESSAGE)
    (file,) = folder.rglob("*.eml")
    assert "From: Zoe <zoe@sender.test>" in file.read_text()


def test_the_local_stack_writes_mail_to_a_folder_without_a_server(tmp_path: Path) -> None:
    environments = [
        {child.name: child.env.get("MAIL_DIR") for child in local_stack(settings).children}
        for settings in (
            settings_for(tmp_path),
            settings_for(tmp_path, smtp_url=SecretStr("smtp://mail.test")),
        )
    ]
    folder = str(tmp_path / "mail")
    assert environments == [
        {"api": folder, "worker": folder},
        {"api": None, "worker": None},
    ]


def test_the_folder_of_mail_is_made_for_its_owner_alone_and_may_exist(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "mail"
    for _ in range(2):
        make_mail_dir(settings_for(tmp_path, mail_dir=folder))
    assert folder.stat().st_mode & 0o777 == 0o700
    with pytest.raises(FileExistsError):
        make_mail_dir(settings_for(tmp_path, mail_dir=Path(__file__)))


def test_no_folder_is_made_where_mail_is_sent_by_a_server(tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    make_mail_dir(settings_for(tmp_path, smtp_url="smtp://mail.test", mail_dir=folder))
    make_mail_dir(settings_for(tmp_path))
    assert not folder.exists()
