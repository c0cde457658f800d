"""Mail as files."""

import os
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from jubilee.adapters.mail.composing import parse_sender
from jubilee.adapters.mail.eml import EmlMailSender
from jubilee.domain.errors import Unavailable
from jubilee.domain.mail import MailMessage

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def mailer(folder: Path) -> EmlMailSender:
    return EmlMailSender(folder, parse_sender("jubilee@localhost"), lambda: NOW)


def message(text: str = "Hello", message_id: str = "<1@jubilee.test>") -> MailMessage:
    return MailMessage(to="zoe@example.com", subject="Hi", text=text, message_id=message_id)


def files(folder: Path) -> list[Path]:
    return list(folder.rglob("*.*"))


async def test_a_message_is_written_to_a_private_file(tmp_path: Path) -> None:
    await mailer(tmp_path / "data" / "mail").send(message())
    (file,) = files(tmp_path / "data" / "mail")
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert (file.name, mail["To"], mail["Subject"]) == (
        "1@jubilee.test.eml",
        "zoe@example.com",
        "Hi",
    )
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


async def test_the_same_message_id_replaces_the_file(tmp_path: Path) -> None:
    for text in ("first", "second"):
        await mailer(tmp_path).send(message(text))
    (file,) = files(tmp_path)
    assert b"second" in file.read_bytes()


async def test_a_message_id_cannot_leave_the_folder(tmp_path: Path) -> None:
    await mailer(tmp_path / "mail").send(message(message_id="<../../x/y@jubilee.test>"))
    assert files(tmp_path) == [tmp_path / "mail" / ".._.._x_y@jubilee.test.eml"]


async def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("a file")
    with pytest.raises(Unavailable, match=os.strerror(17)):
        await mailer(tmp_path / "mail").send(message())
